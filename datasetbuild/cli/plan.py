"""Say what a build would do, and why, without doing it: which steps run on which source, which come from the cache."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from datasetbuild.cli.held import add_flags, held_plan, tell_notices
from datasetbuild.cli.project import find_project

if TYPE_CHECKING:
    from datasetbuild.engine.foresee import Forecast, Step

HEAD = ("source", "step", "shards", "reused", "rows to do", "about")

PENDING = 10
"""Exit code of `--check` when something would change."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="recipe=NAME|override", help="the recipe, and overrides of it")
    parser.add_argument("--check", action="store_true", help=f"exit with {PENDING} when a build would change something")
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    from datasetbuild.engine.foresee import as_dict, foresee
    from datasetbuild.recipe import load

    recipe = load(args.overrides, project=find_project(args.directory))[0]
    forecast = foresee(recipe, held_plan(recipe, args))
    tell_notices(forecast.notices)
    sys.stdout.write(json.dumps(as_dict(forecast), indent=1, default=str) + "\n" if args.json else tell(forecast))
    return PENDING if args.check and forecast.changes else 0


def tell(forecast: Forecast) -> str:
    """The forecast as text."""
    from datasetbuild.cli.explain import reasons
    from datasetbuild.plan.explain import CAUSES

    folder = forecast.folder.relative_to(forecast.recipe.project).as_posix()
    if not forecast.cause:
        return f"{folder}: up to date\n"
    lines = [f"{folder}: would be built, since {CAUSES[forecast.cause]}"]
    lines += reasons(forecast.recipe, forecast.differences)
    running = [step for step in forecast.steps if step.runs]
    lines += ["", *_columns([HEAD, *(_cells(step) for step in running)]), ""]
    reused = len(forecast.steps) - len(running)
    lines.append(f"{reused} of {len(forecast.steps)} steps come from the cache; about {forecast.seconds:.1f} s of work")
    return "\n".join(lines) + "\n"


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if place < 2 else cell.rjust(width) for place, (cell, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _cells(step: Step) -> tuple[str, ...]:
    shards = "?" if step.shards is None and step.source else str(step.shards or "")
    reused = str(step.reused) if step.source else ""
    guessed = "~" if step.shards is None and step.source else ""
    return (step.source or "all", step.step, shards, reused, f"{guessed}{step.rows}", f"{step.seconds:.2f} s")
