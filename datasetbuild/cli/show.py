"""Print the composed recipe as YAML, or with --origin where each value was set. A recipe with faults is printed too,
before them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from datasetbuild.cli.project import find_project

if TYPE_CHECKING:
    from datasetbuild.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="recipe=NAME|override", help="the recipe, and overrides of it")
    parser.add_argument("--origin", action="store_true", help="say which file and line, or which override, set each value")


def run(args: argparse.Namespace) -> int:
    from datasetbuild.recipe import examine

    recipe, error = examine(args.overrides, project=find_project(args.directory))
    _print(recipe, args)
    if error is not None:
        raise error
    return 0


def _print(recipe: Recipe, args: argparse.Namespace) -> None:
    import json

    from datasetbuild.recipe import annotated

    if args.origin:
        found = annotated(recipe)
        if args.json:
            listed = [{"path": path, "value": value, "origin": _origin(origin, recipe.project)} for path, value, origin in found]
            sys.stdout.write(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")
            return
        width = max(len(path) for path, _, _ in found)
        for path, value, origin in found:
            text = json.dumps(value, ensure_ascii=False)
            shown = text if len(text) <= 48 else text[:47] + "…"
            sys.stdout.write(f"{path:<{width}}  {shown:<48}  {_origin(origin, recipe.project)}\n")
        return
    sys.stdout.write(json.dumps(recipe.config, indent=1, ensure_ascii=False) + "\n" if args.json else recipe.to_yaml())


def _origin(origin, project) -> str:  # type: ignore[no-untyped-def]
    from datasetbuild.recipe.locate import show

    if origin is None:
        return "default"
    if origin.line is None:
        return f"command line: {origin.text}"
    return f"{show(origin.file, project)}:{origin.line}"
