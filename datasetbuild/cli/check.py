"""Run the recipe's checks on what is built, without building anything: build/NAME, or the folder of --artifact.

The rows at fault are written to .dsbuild/checks/NAME.jsonl. Exit code 5 when a check of severity `error` failed.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from datasetbuild.cli.output import as_json, console
from datasetbuild.cli.project import find_project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="+", metavar="recipe=NAME|override", help="the recipe, and overrides of it")
    parser.add_argument("--artifact", metavar="DIR", help="check this artifact: a variant, or one in .dsbuild/rejected")


def run(args: argparse.Namespace) -> int:
    from datasetbuild.artifact.manifest import read_manifest
    from datasetbuild.engine.checks import recheck
    from datasetbuild.errors import UsageError
    from datasetbuild.plan.steps import make_plan
    from datasetbuild.recipe import load

    recipe = load(args.overrides, project=find_project(args.directory))[0]
    folder = Path(args.artifact).resolve() if args.artifact else recipe.project / "build" / recipe.name
    manifest = read_manifest(folder)
    if manifest is None:
        shown = os.path.relpath(folder, recipe.project)
        raise UsageError(f"{shown} holds no artifact to check", hint=f"dsbuild recipe={recipe.choice}")
    checks, rows = recheck(recipe, make_plan(recipe.config), folder)
    place = os.path.relpath(rows, recipe.project)
    if args.json:
        artifact = os.path.relpath(folder, recipe.project)
        document = {"format_version": 1, "artifact": artifact, "key": manifest["key"], "checks": checks, "rows": place}
        sys.stdout.write(as_json(document))
    else:
        _show(checks)
    if rows.stat().st_size:
        print(f"rows at fault: {os.path.relpath(rows, Path.cwd())}", file=sys.stderr)
    return _end(checks, recipe.choice)


def _show(checks: dict[str, Any]) -> None:
    from datasetbuild.cli.screen import checks_table

    console().print(checks_table(checks))


def _end(checks: dict[str, Any], choice: str) -> int:
    """0, or the error that names what failed. choice: the recipe, as the command line names it."""
    from datasetbuild.errors import CheckError

    bad = [name for name, check in checks.items() if check["status"] == "failed"]
    if bad:
        message = f"{len(bad)} check{'s' * (len(bad) > 1)} failed: {', '.join(bad)}"
        raise CheckError(message, hint=f"`dsbuild why recipe={choice} ID` tells the story of a row; mend the data, or the checks")
    return 0
