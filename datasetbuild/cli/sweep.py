"""Sweeps: `dsbuild -m recipe=NAME key=a,b,c` decides every point from one measurement and prints one table."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasetbuild.cli.held import held_plan
from datasetbuild.cli.output import as_json, console
from datasetbuild.cli.project import check_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datasetbuild.engine.sweep import Point
    from datasetbuild.plan.steps import Plan
    from datasetbuild.recipe import Recipe


def run(args: argparse.Namespace, project: Path) -> int:
    from datasetbuild.cli.build import with_workers
    from datasetbuild.cli.progress import bar
    from datasetbuild.engine.sweep import sweep
    from datasetbuild.errors import UsageError
    from datasetbuild.recipe import load

    if args.csv and args.json:
        raise UsageError("--csv and --json both print the table", hint="ask for one of them")
    if args.plot:
        check_folder(args.plot)
    recipes = load(args.overrides, project=project, multirun=True)
    base = load([word for word in args.overrides if word.startswith("recipe=")], project=project)[0]
    plans = [with_workers(held_plan(recipe, args), args.workers) for recipe in [base, *recipes]]
    points = sweep(base, recipes, plans, bar)
    if args.plot:
        from datasetbuild.artifact.curve import curve_page

        args.plot.write_text(curve_page(base.name, rows(points)), encoding="utf-8")
    if args.json:
        document = {"format_version": 1, "recipe": base.choice, "points": [asdict(point) for point in points]}
        sys.stdout.write(as_json(document))
    elif args.csv:
        sys.stdout.write(as_csv(points))
    else:
        show(base.name, points)
    if args.write:
        _write(recipes, plans[1:], args)
    return 0


def _write(recipes: Sequence[Recipe], plans: Sequence[Plan], args: argparse.Namespace) -> None:
    """Build every point into a variant of its own; `CheckError` when one of them failed a check."""
    from datasetbuild.cli.progress import bar
    from datasetbuild.engine.run import build
    from datasetbuild.errors import CheckError

    rejected = []
    for recipe, plan in zip(recipes, plans, strict=True):
        built = build(recipe, plan, force=args.force, accept=args.accept, progress=bar)
        folder = built.folder.relative_to(recipe.project).as_posix()
        print(f"{built.status} {folder}", file=sys.stderr)
        rejected += [" ".join(recipe.overrides)] if built.status == "rejected" else []
    if rejected:
        message = f"{len(rejected)} of {len(recipes)} points failed a check: " + "; ".join(rejected)
        raise CheckError(message, hint=f"the last of them lies in {folder}; one point alone says which check")


def rows(points: list[Point]) -> list[dict[str, Any]]:
    """The points as flat rows: the overrides that differ, kept, delta, per source, per split, tokens; and the rows with their
    copies where a mix makes some."""
    shared = set(points[0].overrides).intersection(*(point.overrides for point in points)) if len(points) > 1 else set()
    if all(shared.issuperset(point.overrides) for point in points):
        shared = set()  # one value, given twice
    copied = any(point.rows != point.kept for point in points)
    table = []
    for point in points:
        own = dict(override.partition("=")[::2] for override in point.overrides if override not in shared)
        row: dict[str, Any] = {**own, "kept": point.kept, "delta": point.delta}
        row |= {f"{name}": count for name, count in point.sources.items()} if len(point.sources) > 1 else {}
        row |= {f"{name} records": count for name, count in point.splits.items()} if len(point.splits) > 1 else {}
        row |= {"rows": point.rows} if copied else {}
        if point.tokens:
            row |= {"tokens": point.tokens["total"], "p95": point.tokens["p95"]}
        table.append(row)
    return table


def as_csv(points: list[Point]) -> str:
    """The table as CSV."""
    table = rows(points)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def show(name: str, points: list[Point]) -> None:
    """The table on the terminal. Where that is narrow, heads are broken at their dots, and then columns left out and named: a number
    is never cut."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    terminal, table = console(160), rows(points)
    heads, left_out = _fitting(table, points[0], terminal.width)
    title = f"{name}: {len(points)} point{'s' if len(points) != 1 else ''}"
    screen = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in heads.values():
        screen.add_column(escape(head), justify="right", overflow="fold")
    for row in table:
        screen.add_row(*(escape(_cell(column, row[column])) for column in heads))
    terminal.print(screen)
    if left_out:
        terminal.print(f"not shown in {terminal.width} columns: {escape(', '.join(left_out))}; --csv has all")


def _cell(column: str, value: Any) -> str:
    return f"{value:+d}" if column == "delta" else str(value)


def _fitting(table: list[dict[str, Any]], point: Point, width: int) -> tuple[dict[str, str], list[str]]:
    """The columns that fit, each with its head, and those that do not."""
    whole = {column: column for column in table[0]}
    broken = {column: column.replace(".", ".\n").replace(" ", "\n") for column in whole}
    first = [*reversed(point.sources), "p95", *(f"{split} records" for split in reversed(point.splits)), "rows", "tokens"]
    for gone in range(len(first) + 1):
        left_out = [column for column in whole if column in first[:gone]]
        for heads in (whole, broken):
            kept = {column: head for column, head in heads.items() if column not in left_out}
            cells = ([*head.split("\n"), *(_cell(column, row[column]) for row in table)] for column, head in kept.items())
            if sum(max(map(len, texts)) + len("   ") for texts in cells) <= width:
                return kept, left_out
    return kept, left_out
