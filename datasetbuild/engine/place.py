"""Errors that a build finds in what a recipe says, told with the recipe's file and line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from datasetbuild.errors import BuildError, Fault, RecipeError
from datasetbuild.recipe import Recipe
from datasetbuild.recipe.locate import show


@contextmanager
def placed(recipe: Recipe) -> Iterator[None]:
    """Add its place to an error of the block: to the faults of a `RecipeError`, and to a `BuildError` with a `path`."""
    try:
        yield
    except RecipeError as error:
        faults = [_found(recipe, fault) for fault in error.faults]
        hint = error.hint or f"`dsbuild show recipe={recipe.choice} --origin` shows who set what"
        raise RecipeError(faults, recipe=recipe.choice, hint=hint) from error
    except BuildError as error:
        if error.path is not None:
            error.message = f"{_place(recipe, error.path)}: {error.message}"
            error.path = None
        raise


def _found(recipe: Recipe, fault: Fault) -> Fault:
    if fault.file is not None:
        return fault
    found = recipe.fault(fault.path, fault.message, fault.suggestion)
    return replace(found, path=fault.path)


def _place(recipe: Recipe, path: str) -> str:
    """`recipes/small.yaml:3`, or the override, or the recipe's file for a default."""
    parts = path.split(".")
    found = next((origin for n in range(len(parts), 0, -1) if (origin := recipe.origin(tuple(parts[:n])))), None)
    return show(recipe.file, recipe.project) if found is None else found.place(recipe.project) or f"`{found.text}`"
