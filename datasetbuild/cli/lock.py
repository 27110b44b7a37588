"""Pin what recipes are made from in dsbuild.lock: files, addresses, queries, datasets of the Hub, tokenizers, plugins.

Without recipe= all recipes of the project are pinned; a name that begins with _ is for parts, which are not built.
What an upstream holds now is asked for only with --upgrade; until then builds are held to what was pinned.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from datasetbuild.cli.plan import PENDING
from datasetbuild.cli.project import find_project

if TYPE_CHECKING:
    from datasetbuild.engine.lock import Locked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="recipe=NAME", help="the recipe; without it all of the project")
    parser.add_argument(
        "--check", action="store_true", help=f"write nothing; exit with {PENDING} when the lock is stale"
    )
    parser.add_argument(
        "--upgrade",
        nargs="?",
        const="*",
        action="append",
        metavar="SOURCE",
        help="take what the upstream of this source (or of all) holds now",
    )


def run(args: argparse.Namespace) -> int:
    from datasetbuild.engine import lock
    from datasetbuild.errors import UsageError
    from datasetbuild.plan.steps import make_plan
    from datasetbuild.recipe import buildable, load

    project = find_project(args.directory)
    # `--upgrade recipe=x` upgrades all of x
    upgrade = [word if "=" not in word else lock.EVERY for word in args.upgrade or ()]
    words = args.overrides + [word for word in args.upgrade or () if "=" in word]
    if [word for word in words if not word.startswith("recipe=")]:
        raise UsageError("a lock holds what recipes say, without overrides", hint="dsbuild lock [recipe=NAME]")
    if args.check and upgrade:
        raise UsageError("--check asks no upstream, so it cannot go with --upgrade", hint="take one of the two")
    names = words or [f"recipe={name}" for name in buildable(project)]
    loaded = [load([name], project=project)[0] for name in names]
    recipes = {recipe.choice: (recipe, make_plan(recipe.config)) for recipe in loaded}
    whole = not words
    if args.check:
        found = lock.compare(recipes, project, whole=whole)
    else:
        found = lock.lock(recipes, project, upgrade=upgrade, whole=whole)
    sys.stdout.write(as_json(found) if args.json else tell(found, wrote=not args.check))
    return PENDING if args.check and found.stale else 0


def as_json(found: Locked) -> str:
    """The changes as one JSON document."""
    changes = {name: [vars(change) for change in some] for name, some in found.changes.items()}
    return (
        json.dumps({"format_version": 1, "stale": found.stale, "kept": found.kept, "recipes": changes}, indent=1) + "\n"
    )


def tell(found: Locked, *, wrote: bool) -> str:
    """The changes as text, recipe by recipe."""
    lines = []
    for name, changes in found.changes.items():
        if changes:
            lines += [name, *(f"  {line}" for change in changes for line in str(change).splitlines())]
    count = sum(map(len, found.changes.values()))
    if wrote:
        lines.append(f"dsbuild.lock: {count} changed, {found.kept} as they were")
    else:
        lines.append(
            f"dsbuild.lock is stale: {count} would change, {found.kept} are as pinned"
            if count
            else f"dsbuild.lock is current: {found.kept} are as pinned"
        )
    return "\n".join(lines) + "\n"
