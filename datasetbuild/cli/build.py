"""Build the dataset of a recipe: read, clean, filter, dedup, split, mix, render, write, and account for every row.

The artifact goes to build/NAME; with overrides it goes to .dsbuild/variants/NAME-KEY, so that nothing tracked changes.
When a check of severity `error` fails, it goes to .dsbuild/rejected/NAME, and what was published before stays.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from datasetbuild import process
from datasetbuild.cli.held import add_flags, held_plan, tell_notices
from datasetbuild.cli.project import find_project

if TYPE_CHECKING:
    from datasetbuild.engine.run import Built
    from datasetbuild.plan.steps import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="recipe=NAME|override", help="the recipe, and overrides of it")
    parser.add_argument("-f", "--force", action="store_true", help="write the artifact again although it is up to date")
    parser.add_argument("--accept", action="store_true", help="publish although checks fail; the manifest says which")
    parser.add_argument("-j", "--workers", type=_workers, metavar="N", help="number of processes (the same as engine.workers=N); 1: one, with one thread")
    add_flags(parser)
    sweep = parser.add_argument_group("sweeps (key=a,b,c)")
    sweep.add_argument("-m", "--multirun", action="store_true", help="decide every point and print one table, with the delta to the recipe without overrides; writes nothing")
    sweep.add_argument("--csv", action="store_true", help="print the table as CSV")
    sweep.add_argument("--plot", type=Path, metavar="FILE", help="write the curve as one HTML page")
    sweep.add_argument("--write", action="store_true", help="build a variant for every point")


def run(args: argparse.Namespace) -> int:
    project = find_project(args.directory)
    if args.workers == 1:
        process.one_thread()
    else:
        process.beside_workers()
    if args.multirun:
        from datasetbuild.cli import sweep

        return sweep.run(args, project)
    if args.csv or args.plot or args.write:
        from datasetbuild.errors import UsageError

        raise UsageError("--csv, --plot and --write belong to a sweep", hint="add -m, and give a key several values: key=a,b,c")
    from datasetbuild.cli.progress import bar
    from datasetbuild.engine.run import build
    from datasetbuild.recipe import load

    recipe = load(args.overrides, project=project)[0]
    plan = with_workers(held_plan(recipe, args), args.workers)
    built = build(recipe, plan, force=args.force, accept=args.accept, progress=bar)
    tell_notices(built.notices)
    if args.json:
        from datasetbuild.cli.screen import as_json

        sys.stdout.write(as_json(built, recipe.project))
    elif not args.quiet:
        from datasetbuild.cli.screen import show

        show(built, recipe.project)
    if not args.accept:
        raise_failed(built, recipe.project)
    return 0


def raise_failed(built: Built, project: Path) -> None:
    """`CheckError` when a check of severity `error` failed: what was built is not published, or should not have been."""
    from datasetbuild.errors import CheckError

    bad = {name: check for name, check in built.manifest["checks"].items() if check["status"] == "failed"}
    if not bad:
        return
    lines = [f"{name}: {check['measured']}, wanted {check['wanted']}" for name, check in bad.items()]
    folder = built.folder.relative_to(project).as_posix()
    rows = [f"  rows at fault: {folder}/checks.jsonl"] if any(check["failing_rows"] for check in bad.values()) else []
    title = f"{len(bad)} check{'s' * (len(bad) > 1)} failed"
    where = (
        f"what was built lies in {folder}, and build/{built.manifest['name']} is as it was; `--accept` publishes it anyway"
        if built.status == "rejected"
        else f"{folder} was published with `--accept`; mend the data or the checks, then build again"
    )
    raise CheckError("\n".join([title, *(f"  {line}" for line in lines), *rows]), hint=where)


def with_workers(plan: Plan, workers: int | str | None) -> Plan:
    """The plan with the number of processes that the command line gives, if it does."""
    return plan if workers is None else replace(plan, engine={**plan.engine, "workers": workers})


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
