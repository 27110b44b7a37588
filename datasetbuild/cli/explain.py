"""Explain why an artifact would be built again: which part of its key differs, old and new, and what set the new value."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasetbuild.cli.held import add_flags, held_plan
from datasetbuild.cli.project import find_project

if TYPE_CHECKING:
    from datasetbuild.plan.explain import Difference
    from datasetbuild.recipe import Recipe

DIGEST = re.compile("[0-9a-f]{48}")
"""How what is named by its content begins."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="recipe=NAME|override", help="the recipe, and overrides of it")
    parser.add_argument("--against", metavar="DIR", help="another artifact's folder; without it build/NAME")
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    from datasetbuild.artifact.manifest import read_manifest
    from datasetbuild.engine.foresee import foresee_parts
    from datasetbuild.errors import UsageError
    from datasetbuild.plan.explain import differences
    from datasetbuild.recipe import load

    project = find_project(args.directory)
    recipe = load(args.overrides, project=project)[0]
    folder = Path(args.against) if args.against else project / "build" / recipe.name
    manifest = read_manifest(folder)
    if manifest is None:
        raise UsageError(f"{folder} holds no manifest to compare with", hint=f"dsbuild recipe={recipe.choice} builds it")
    found = differences(manifest["parts"], foresee_parts(recipe, held_plan(recipe, args)))
    if args.json:
        sys.stdout.write(json.dumps([{**vars(one), "origin": origin(recipe, one)} for one in found], indent=1, default=str) + "\n")
    elif not found:
        sys.stdout.write("no part of the key differs\n")
    else:
        sys.stdout.write("\n".join(reasons(recipe, found)) + "\n")
    return 0


def reasons(recipe: Recipe, found: Sequence[Difference]) -> list[str]:
    """A line for each difference; of many files of a source that came, went or changed, for the first ones, and the number of the others."""
    from datasetbuild.plan.explain import first_of

    lines = []
    groups: dict[tuple[str, str], list[Difference]] = {}
    for one in found:
        groups.setdefault((one.cause, one.path.partition(": ")[0]), []).append(one)
    for (cause, source), alike in groups.items():
        named, left = first_of(alike)
        for one in named:
            place = origin(recipe, one)
            lines.append(f"  {one.cause}: {one.path}: {_short(one.old)} -> {_short(one.new)}{f'  ({place})' if place else ''}")
        if left:
            lines.append(f"  {cause}: {source}: and {left} more files; --json lists all")
    return lines


def origin(recipe: Recipe, difference: Difference) -> str | None:
    """The file and line, or the override, that set the value that is new; of a plugin's code, where the plugin is named."""
    path = difference.path.split(": ")[0]
    if path.startswith("facts."):  # a fact is asked for by its rule
        path = "plugins" if path.endswith(".code") else f"filters.{path.removeprefix('facts.')}"
    while path:
        found = recipe.origin(path)
        if found is not None:
            return found.place(recipe.project) or f"command line: {found.text}"
        path = path.rpartition(".")[0]
    return None


def _short(value: Any, width: int = 40) -> str:
    if isinstance(value, str) and DIGEST.match(value):
        return value[:12]
    text = "nothing" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= width else text[: width - 1] + "…"
