"""Builds under DVC: `sync` keeps a stage for every recipe in dvc.yaml, `commit` records what was built outside of DVC.

Stages and comments of yours stay as they are. `commit` refuses an artifact that was edited, or built from other files.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from datasetbuild.cli.plan import PENDING
from datasetbuild.cli.project import find_project

if TYPE_CHECKING:
    from datasetbuild.artifact.pipeline import Synced


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("sync", "commit"))
    parser.add_argument(
        "overrides", nargs="*", metavar="recipe=NAME", help="commit: the recipe; without it all of the project"
    )
    parser.add_argument(
        "--check", action="store_true", help=f"sync: write nothing; exit with {PENDING} when dvc.yaml is stale"
    )


def run(args: argparse.Namespace) -> int:
    from datasetbuild.errors import UsageError

    project = find_project(args.directory)
    if args.action == "sync":
        if args.overrides:
            raise UsageError("dvc.yaml holds all recipes of the project", hint="dsbuild dvc sync")
        return _sync(args, project)
    if args.check:
        raise UsageError("--check belongs to sync", hint="dsbuild dvc sync --check")
    return _commit(args, project)


def _sync(args: argparse.Namespace, project: Path) -> int:
    found = wanted(project)
    place = project / "dvc.yaml"
    if not args.check and (found.changes or not place.exists()):
        place.write_text(found.text, encoding="utf-8")
    if args.json:
        changes = [{"sign": sign, "stage": name, "what": what} for sign, name, what in found.changes]
        sys.stdout.write(json.dumps({"format_version": 1, "changes": changes}, indent=1) + "\n")
    else:
        lines = [f"{sign} {name}  {what}" for sign, name, what in found.changes]
        last = "dvc.yaml is current" if not found.changes else "dvc.yaml is stale" if args.check else "dvc.yaml written"
        sys.stdout.write("\n".join([*lines, last]) + "\n")
    return PENDING if args.check and found.changes else 0


def wanted(project: Path) -> Synced:
    """dvc.yaml as it should be for the project's recipes."""
    from datasetbuild.artifact.pipeline import NAME, stage, synced
    from datasetbuild.artifact.plots import charts_of
    from datasetbuild.engine.dependencies import dependencies, pinned
    from datasetbuild.plan.steps import make_plan
    from datasetbuild.recipe import buildable, load

    stages = {}
    for choice in buildable(project):
        recipe = load([f"recipe={choice}"], project=project)[0]
        plan = make_plan(recipe.config)
        deps, pins = dependencies(recipe, plan), pinned(recipe, plan)
        plots = charts_of(plan.template, plan.mix)
        stages[choice] = stage(choice, recipe.name, deps, pins, plots=plots, exports=bool(plan.export))
    place = project / NAME
    return synced(place.read_text(encoding="utf-8") if place.exists() else "", stages)


def _commit(args: argparse.Namespace, project: Path) -> int:
    from datasetbuild.artifact.pipeline import check_recordable, stage_names
    from datasetbuild.artifact.version import run_dvc
    from datasetbuild.engine.foresee import foresee
    from datasetbuild.errors import MismatchError
    from datasetbuild.plan.steps import make_plan
    from datasetbuild.recipe import buildable, load

    if stale := wanted(project).changes:
        differs = ", ".join(" ".join(change) for change in stale)
        raise MismatchError(f"dvc.yaml is not what the recipes need: {differs}", hint="dsbuild dvc sync")
    stages = stage_names(project)
    recorded = []
    for word in args.overrides or [f"recipe={name}" for name in buildable(project)]:
        recipe = load([word], project=project)[0]
        forecast = foresee(recipe, make_plan(recipe.config))
        check_recordable(recipe.choice, forecast.cause, stages)
        run_dvc(project, "commit", "--force", stages[recipe.choice])
        recorded.append(f"build/{recipe.name}")
        if not args.json:
            print(f"recorded {recorded[-1]}")
    if args.json:
        sys.stdout.write(json.dumps({"format_version": 1, "recorded": recorded}, indent=1) + "\n")
    return 0
