"""Print the composed recipe as YAML, or with --origin where each value was set."""

from __future__ import annotations

import argparse
import sys

from datasetbuild.cli.project import find_project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="recipe=NAME|override")
    parser.add_argument("--origin", action="store_true", help="say which file and line, or which override, set each value")


def run(args: argparse.Namespace) -> int:
    import json

    from datasetbuild.recipe import annotated, load

    recipe = load(args.overrides, project=find_project(args.directory))[0]
    if args.origin:
        found = annotated(recipe)
        if args.json:
            listed = [{"path": path, "value": value, "origin": _origin(origin, recipe.project)} for path, value, origin in found]
            sys.stdout.write(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")
            return 0
        width = max(len(path) for path, _, _ in found)
        for path, value, origin in found:
            text = json.dumps(value, ensure_ascii=False)
            shown = text if len(text) <= 48 else text[:47] + "…"
            sys.stdout.write(f"{path:<{width}}  {shown:<48}  {_origin(origin, recipe.project)}\n")
        return 0
    sys.stdout.write(json.dumps(recipe.config, indent=1, ensure_ascii=False) + "\n" if args.json else recipe.to_yaml())
    return 0


def _origin(origin, project) -> str:  # type: ignore[no-untyped-def]
    from datasetbuild.recipe.locate import show

    if origin is None:
        return "default"
    if origin.line is None:
        return f"command line: {origin.text}"
    return f"{show(origin.file, project)}:{origin.line}"
