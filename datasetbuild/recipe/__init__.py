"""What was asked for: from `dsbuild recipe=NAME key=value ...` to one checked, plain dict.

compose (Hydra: conf/ + recipes/ + overrides) -> check (schema, traps, meaning: every fault at once) -> fill (defaults).
"""

from __future__ import annotations

from pathlib import Path

from datasetbuild.errors import RecipeError
from datasetbuild.recipe.locate import COMMAND_LINE, Layer, Origin
from datasetbuild.recipe.recipe import Recipe, annotated

__all__ = ["COMMAND_LINE", "Layer", "Origin", "Recipe", "annotated", "buildable", "examine", "load"]


def load(overrides: list[str], *, project: Path, multirun: bool = False) -> list[Recipe]:
    """The checked recipes that a command line asks for: one, or with `multirun` one for each point of the sweep."""
    from datasetbuild.recipe.check import check
    from datasetbuild.recipe.compose import compose

    return [check(recipe) for recipe in compose(overrides, project=project, multirun=multirun)]


def buildable(project: Path) -> list[str]:
    """The project's recipes by name, as `recipe=` takes them. A file whose name begins with `_` is a part of others."""
    from datasetbuild.recipe.advice import recipes

    return [name for name in recipes(project) if not any(part.startswith("_") for part in name.split("/"))]


def examine(overrides: list[str], *, project: Path) -> tuple[Recipe, RecipeError | None]:
    """The recipe that a command line asks for, and what is wrong with it: a faulty one comes as it was composed."""
    from datasetbuild.recipe.check import check
    from datasetbuild.recipe.compose import compose

    (recipe,) = compose(overrides, project=project)
    try:
        return check(recipe), None
    except RecipeError as error:
        return recipe, error
