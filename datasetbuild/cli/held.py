"""The flags that hold a verb to dsbuild.lock, the same for every verb that looks at a recipe's inputs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasetbuild.plan.steps import Plan
    from datasetbuild.recipe import Recipe


def add_flags(parser: argparse.ArgumentParser, title: str = "dsbuild.lock") -> None:
    """`--locked`, `--frozen` and `--offline`."""
    lock = parser.add_argument_group(title)
    lock.add_argument("--locked", action="store_true", help="refuse when an input is not what the lock has pinned")
    lock.add_argument("--frozen", action="store_true", help="take the pinned files and nothing else, whatever the recipe's globs would find")
    lock.add_argument("--offline", action="store_true", help="ask nothing over a network: what was fetched is in the cache")


def tell_notices(notices: Iterable[str]) -> None:
    """Say on stderr what the lock has otherwise than what is there."""
    for notice in notices:
        print(f"dsbuild: {notice}", file=sys.stderr)


def held_plan(recipe: Recipe, args: argparse.Namespace) -> Plan:
    """The plan of a recipe, held to the lock as the flags say. `MismatchError` when they need an entry that is not there."""
    from datasetbuild.engine.lock import with_pins
    from datasetbuild.plan.steps import make_plan

    return with_pins(make_plan(recipe.config), recipe, locked=args.locked, frozen=args.frozen, offline=args.offline)
