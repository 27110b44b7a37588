"""List the versions of a dataset in git, newest first: revision, day, rows, tokens, digest of the records, and what changed in each."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from datasetbuild.cli.output import as_json, console
from datasetbuild.cli.project import find_project

if TYPE_CHECKING:
    from datasetbuild.artifact.diff.history import Version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", nargs="*", metavar="recipe=NAME", help="the recipe; may be left out when there is one dataset"
    )
    parser.add_argument("-n", type=int, metavar="N", help="at most so many versions")


def run(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from datasetbuild.artifact.diff.history import history
    from datasetbuild.artifact.version import find_repo
    from datasetbuild.errors import UsageError

    project = find_project(args.directory)
    names = [word.removeprefix("recipe=") for word in args.words]
    built = sorted(path.parent.name for path in (project / "build").glob("*/manifest.json"))
    names = names or (built if len(built) == 1 else [])
    if len(names) != 1:
        known = f"there are {', '.join(built)}" if built else "there is none"
        raise UsageError(f"name one dataset; {known}", hint="dsbuild log recipe=NAME")
    if args.n is not None and args.n < 1:
        raise UsageError("-n is a number of versions, from 1", hint="dsbuild log recipe=NAME -n 5")
    name, versions = history(project, names[0], args.n)
    if args.json:
        document = {"format_version": 1, "artifact": name, "versions": [asdict(version) for version in versions]}
        sys.stdout.write(as_json(document))
        return 0
    _show(name, versions)
    if find_repo(project).shallow:
        print("this clone is shallow: `git fetch --unshallow` brings the versions before", file=sys.stderr)
    return 0


def _show(name: str, versions: list[Version]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    screen = console()
    grid = Table(title=name, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    grid.add_column("revision", style="yellow", no_wrap=True)
    grid.add_column("day", no_wrap=True)
    for column in ("records", "rows", "tokens"):
        grid.add_column(column, justify="right", no_wrap=True)
    grid.add_column("digest", style="dim", no_wrap=True)
    grid.add_column("what changed", overflow="fold")
    for one in versions:
        numbers = ("" if number is None else str(number) for number in (one.kept, one.rows, one.tokens))
        grid.add_row(one.commit[:7], one.date, *numbers, (one.records or "")[:7], Text(one.what))
    screen.print(grid)
