"""A comparison on the terminal: tables, and texts with the words that changed coloured (in brackets without colour)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from datasetbuild.artifact.diff.document import KIND_NAMES, Document
from datasetbuild.artifact.diff.tables import SIGNS, Table, about, edits, headline, tables, totals, why
from datasetbuild.artifact.diff.texts import Run, shortened
from datasetbuild.cli.output import console, visible

STYLES = {
    "added": "green",
    "removed": "red",
    "changed": "yellow",
    "moved": "cyan",
    "outside": "dim",
    "+": "green",
    "-": "red",
    "~": "yellow",
}
BAR = 40
"""Characters of the widest bar of `--stat`."""


def show(document: Document, *, stat: bool, summary: bool) -> None:
    """One comparison: the line of totals, then what was asked for."""
    out = console()
    out.print(Text.assemble((document["artifact"], "bold"), "  ", (headline(document), "dim")))
    if document["same_records"] and not document["recipe"]:
        out.print("the same dataset: every record is")
        return
    if summary:
        for sign, where, what in edits(document):
            out.print(Text.assemble("  ", (sign, STYLES[sign]), f" {where}  ", (what, "dim")), soft_wrap=True)
    line = Text("  ").join(Text(words, style=STYLES.get(kind, "")) for kind, words in totals(document))
    out.print(line)
    if document["lacking"]:
        message, _, hint = document["lacking"].partition("\n")
        out.print(
            Text.assemble(("rows are not compared: ", "yellow"), message, f"\n  -> {hint}" if hint else ""),
            soft_wrap=True,
        )
    if stat:
        _stat(out, document)
    elif summary:
        for table in tables(document):
            out.print(_grid(table))


def _grid(table: Table) -> Grid:
    grid = Grid(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(table.head):
        grid.add_column(
            column, justify="left" if place < table.left else "right", style=STYLES.get(column), overflow="fold"
        )
    for row in table.rows:
        last = table.total and row is table.rows[-1]
        grid.add_row(*(Text(cell) for cell in row), style="bold" if last else None)
    return grid


def _stat(out: Console, document: Document) -> None:
    """A line per source: kept before and now, what share is the same, and a bar of what is not."""
    lines = document["sources"]
    widest = max((sum(line[kind] for kind in KIND_NAMES[:4]) for line in lines), default=0)
    grid = Grid(box=None, pad_edge=False, show_header=False)
    for place in range(4):
        grid.add_column(justify="left" if place in (0, 3) else "right", no_wrap=place != 3)
    for line in lines:
        before, after = line["kept"]
        same = before - line["removed"] - line["changed"] - line["moved"]
        bar = Text()
        for kind in KIND_NAMES[:4]:
            length = -(-line[kind] * BAR // max(widest, BAR))
            bar.append(SIGNS[kind] * length, style=STYLES[kind])
        grid.add_row(
            f" {line['source']}", f"{before} -> {after}", f"{same / before:.1%} the same" if before else "new", bar
        )
    out.print(grid)


def show_rows(rows: Sequence[Mapping[str, Any]], count: int) -> None:
    """The rows one by one: where, what became of it, why, and its text."""
    out = console()
    for row in rows:
        sign = (SIGNS[row["kind"]], f"bold {STYLES[row['kind']]}")
        out.print()
        out.print(Text.assemble(sign, " ", (about(row), "bold")), soft_wrap=True)
        out.print(Text.assemble("  ", (f"{(row['b'] or row['a'])['id']}  {why(row)}", "dim")), soft_wrap=True)
        runs = shortened([(what, text) for what, text in row["text"]])
        if runs:
            out.print(_said(runs, coloured=out.is_terminal and not os.environ.get("NO_COLOR")), soft_wrap=True)
    if count > len(rows):
        out.print(f"\n{len(rows)} of {count} rows; --limit {count} shows them all", style="dim")
    elif not count:
        out.print("no row fits")


def _said(runs: Sequence[Run], *, coloured: bool) -> Text:
    whole = len({what for what, _ in runs}) == 1
    text = Text()
    for what, words in runs:
        words = visible(words)
        if what == "same" or coloured or whole:
            shade = {"old": "red", "new": "green"}.get(what, "")
            text.append(words, style=f"on {shade}" if shade and not words.strip() else shade)  # blanks show by their ground
        else:
            text.append(f"[-{words}-]" if what == "old" else f"{{+{words}+}}")
    lines = text.split("\n", allow_blank=True)
    return Text("\n").join(Text("    ") + line for line in lines)


def one_sided(before: Sequence[str], now: Sequence[str]) -> None:
    """Artifacts that only one side has."""
    out = console()
    for name in now:
        out.print(Text.assemble(("+ ", "green"), (name, "bold"), "  a new dataset"))
    for name in before:
        out.print(Text.assemble(("- ", "red"), (name, "bold"), "  no longer there"))
