"""Print the composed recipe as YAML, or with --origin where each value was set. A recipe with faults is printed too,
before them. With --mask: rendered conversations, what is trained coloured (in brackets where there is no colour)."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from datasetbuild.cli.held import add_flags, held_plan, tell_notices
from datasetbuild.cli.project import check_folder, find_project

if TYPE_CHECKING:
    from datasetbuild.recipe import Recipe
    from datasetbuild.recipe.locate import Origin


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="recipe=NAME|override", help="the recipe, and overrides of it")
    parser.add_argument(
        "--origin", action="store_true", help="say which file and line, or which override, set each value"
    )

    parser.add_argument("--mask", action="store_true", help="show rendered conversations with what is trained")
    parser.add_argument(
        "--row", metavar="ID|FILE:LINE|TEXT", help="with --mask: the row with this id (or its begin), of this place, or with this text"
    )
    parser.add_argument("-n", type=int, default=5, metavar="N", help="with --mask: at most so many conversations (5)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="with --mask: write one HTML page instead")
    add_flags(parser, "dsbuild.lock, with --mask")


def run(args: argparse.Namespace) -> int:
    if args.mask:
        return _mask(args)
    from datasetbuild.recipe import examine

    recipe, error = examine(args.overrides, project=find_project(args.directory))
    _print(recipe, args)
    if error is not None:
        raise error
    return 0


def _mask(args: argparse.Namespace) -> int:
    from datasetbuild.cli.mask_view import as_html, as_json, as_text
    from datasetbuild.engine.masked import masked_rows
    from datasetbuild.engine.story import search
    from datasetbuild.recipe import load

    if args.html:
        check_folder(args.html)
    recipe = load(args.overrides, project=find_project(args.directory))[0]
    asked = search(recipe, held_plan(recipe, args))
    tell_notices(asked.notices)
    rows = masked_rows(asked, text=args.row, count=args.n)
    if args.html:
        args.html.write_text(as_html(rows, recipe.name), encoding="utf-8")
        print(f"{len(rows)} row{'s' * (len(rows) != 1)} written to {args.html}", file=sys.stderr)
    elif args.json:
        sys.stdout.write(as_json(rows))
    else:
        sys.stdout.write(as_text(rows, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    return 0


def _print(recipe: Recipe, args: argparse.Namespace) -> None:
    import json

    from datasetbuild.recipe import annotated

    if args.origin:
        found = annotated(recipe)
        if args.json:
            listed = [
                {"path": path, "value": value, "origin": _origin(origin, recipe.project)}
                for path, value, origin in found
            ]
            sys.stdout.write(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")
            return
        width = max(len(path) for path, _, _ in found)
        for path, value, origin in found:
            text = json.dumps(value, ensure_ascii=False)
            shown = text if len(text) <= 48 else text[:47] + "…"
            sys.stdout.write(f"{path:<{width}}  {shown:<48}  {_origin(origin, recipe.project)}\n")
        return
    sys.stdout.write(json.dumps(recipe.config, indent=1, ensure_ascii=False) + "\n" if args.json else recipe.to_yaml())


def _origin(origin: Origin | None, project: Path) -> str:
    return "default" if origin is None else origin.place(project) or f"command line: {origin.text}"
