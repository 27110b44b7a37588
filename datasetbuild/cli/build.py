"""Build the dataset of a recipe: read, clean, filter, dedup, split, mix, render, write, and account for every row.

The artifact goes to build/NAME; with overrides it goes to .dsbuild/variants/NAME-KEY, so that nothing tracked changes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from datasetbuild.cli.project import find_project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="recipe=NAME|override")
    parser.add_argument("-f", "--force", action="store_true", help="write the artifact again although it is up to date")
    parser.add_argument("-j", "--workers", type=_workers, metavar="N", help="number of processes (the same as engine.workers=N)")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    from datasetbuild.engine.run import build
    from datasetbuild.plan.steps import make_plan
    from datasetbuild.recipe import load

    recipe = load(args.overrides, project=find_project(args.directory))[0]
    plan = make_plan(recipe.config)
    if args.workers is not None:
        plan = replace(plan, engine={**plan.engine, "workers": args.workers})
    from datasetbuild.cli.progress import bar

    built = build(recipe, plan, force=args.force, progress=None if args.quiet else bar)
    if args.json:
        from datasetbuild.cli.screen import as_json

        sys.stdout.write(as_json(built, recipe.project))
    elif not args.quiet:
        from datasetbuild.cli.screen import show

        show(built, recipe.project)
    return 0


def _workers(text: str) -> int | str:
    if text == "auto":
        return text
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor auto") from None
    if number < 1:
        raise argparse.ArgumentTypeError("at least one process is needed")
    return number
