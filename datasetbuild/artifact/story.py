"""One row's story, as data, and the rows that a name means: asked alike of a build (`engine.story`) and of an artifact (`artifact.past`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from datasetbuild.errors import UsageError
from datasetbuild.hashing import record_hash
from datasetbuild.record import REASONS, Reason

NAMED = ("duplicate_of", "twin", "repeats", "contradicts")
"""Columns of the ledger that name another record."""

CUT = ("turn", "word", "words", "other_turn", "other_word")
"""Of a span that was cut: its turn and its first word there, from 0, how many words, and where those stay."""


@dataclass
class Story:
    """row: the ledger's line. messages: as cleaned, empty for a row that could not be read. raw: the raw row.

    before: the turns as they were read, where cleaning changed them (turn number -> text). bounds: the rules it met.
    twins: ledger lines of the records named in it (`NAMED`). shared: the words that it has in common with the benchmark's item
    that it holds. cuts: each run of its words that stays in another record (`CUT`).
    """

    row: dict[str, Any]
    messages: list[dict[str, Any]]
    raw: str
    detail: str | None
    before: dict[int, str] = field(default_factory=dict)
    bounds: dict[str, dict[str, Any]] = field(default_factory=dict)
    twins: dict[str, dict[str, Any]] = field(default_factory=dict)
    shared: str | None = None
    cuts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def reason(self) -> str | None:
        """The sentence behind the reason."""
        return REASONS[Reason(self.row["reason"])] if self.row["reason"] else None


def rows_named(ledger: pl.DataFrame, name: str, keyed: Iterable[str]) -> pl.DataFrame:
    """The lines that a name means: the begin of an id, a row's own key, or `FILE:LINE`, where the file's last parts will do. None
    of them when it is no such name. keyed: the sources that declare a `key`."""
    if re.fullmatch(r"[0-9a-f]{4,24}", name) and len(found := ledger.filter(pl.col("id").str.starts_with(name))):
        return found
    ids = [record_hash(source, name.encode()) for source in keyed]
    if len(found := ledger.filter(pl.col("id").is_in(ids))):
        return found
    rows, line = _rows_of_file(ledger, name)
    return rows.filter(pl.col("line") == line)


def no_row(ledger: pl.DataFrame, name: str) -> UsageError:
    """The error for a name that means no row. For a `FILE:LINE` at which none begins it names the row before, or else the file's first."""
    hint = "try a shorter piece of its text, or its id from ledger.parquet"
    rows, line = _rows_of_file(ledger, name)
    if len(rows):
        row = rows.sort(pl.col("line") > line, (pl.col("line").cast(pl.Int64) - line).abs(), pl.col("file").cast(pl.String)).row(0, named=True)
        hint = f"the row beside it begins at {row['file']}:{row['line']}"
    return UsageError(f"no row has the id or the place, or holds the text {name!r}", hint=hint)


def _rows_of_file(ledger: pl.DataFrame, name: str) -> tuple[pl.DataFrame, int]:
    """The lines of the file that `FILE:LINE` names, and its line; no lines when the name is none of a place."""
    file, _, line = name.rpartition(":")
    if not file or not re.fullmatch(r"[0-9]{1,18}", line):
        return ledger.clear(), 0
    path = pl.col("file").cast(pl.String)
    return ledger.filter((path == file) | path.str.ends_with(f"/{file}")), int(line)
