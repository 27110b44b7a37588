"""Quarantine: rows that could not be used are kept with their reason and raw text, and too many of them stop the build."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl

from datasetbuild.engine.gather import KeyPlane
from datasetbuild.errors import QuarantineError
from datasetbuild.plan.steps import Plan

SHOWN = 5
"""Unusable rows that an error names."""


def counted(plan: Plan, plane: KeyPlane) -> pl.DataFrame:
    """The unusable rows that count: those within their source's `limit`, in the order of the input."""
    found = plane.quarantine
    limits = {name: params["limit"] for name, params in plan.sources.items() if params.get("limit")}
    if limits:
        nth = plane.rows.select("place", "shard_row", nth=pl.int_range(pl.len()).over("source"))
        found = found.join(nth, on=["place", "shard_row"], how="left", maintain_order="left")
        limit = pl.col("source").replace_strict(limits, default=None, return_dtype=pl.Int64)
        found = found.filter((pl.col("nth") < limit).fill_null(True)).drop("nth")
    return found


def check_quarantine(plan: Plan, plane: KeyPlane) -> None:
    """Raise `QuarantineError` when a source has more unusable rows than it, or else the recipe, allows."""
    bad = counted(plan, plane)
    totals = dict(plane.rows.group_by("source").len().iter_rows())
    for source, params in plan.sources.items():
        mine = bad.filter(pl.col("source") == source)
        allowed = (params.get("on_bad_row") or plan.on_bad_row)["max"]
        bound = allowed * totals.get(source, 0) if 0 < allowed < 1 else allowed
        if len(mine) > bound:
            raise QuarantineError(_sentence(source, mine, totals.get(source, 0), allowed), hint=_hint(source, mine))


def _sentence(source: str, bad: pl.DataFrame, total: int, allowed: float) -> str:
    rows = "row" if len(bad) == 1 else "rows"
    lines = [f"source {source!r}: {len(bad)} of {total} {rows} cannot be used, and `on_bad_row` allows {allowed}"]
    for row in bad.head(SHOWN).iter_rows(named=True):
        lines.append(f"  {row['file']}:{row['line']}: {row['reason']}: {row['detail']}")
        lines.append(f"    {_head(row['raw'])}")
    if len(bad) > SHOWN:
        lines.append(f"  ... and {len(bad) - SHOWN} more")
    return "\n".join(lines)


def _hint(source: str, bad: pl.DataFrame) -> str:
    return f"mend the rows, or allow them to be set aside: sources.{source}.on_bad_row.max={len(bad)}"


def _head(raw: str, width: int = 100) -> str:
    line = raw.replace("\n", "\\n").replace("\r", "\\r")
    return line if len(line) <= width else line[: width - 1] + "…"


def write_quarantine(rows: pl.DataFrame, ids: pl.DataFrame, path: Path) -> int:
    """`quarantine.jsonl`: one JSON object a row, with source, file, line, stage, reason, detail, raw text and id.

    rows: the quarantine of the key plane. ids: `place`, `shard_row`, `id` of the rows whose fate it is.
    """
    found = rows.join(ids, on=["place", "shard_row"], how="inner", maintain_order="left")
    names = ("id", "source", "file", "row", "line", "stage", "reason", "detail", "raw")
    with open(path, "wb") as file:
        for row in found.select(names).iter_rows(named=True):
            file.write(orjson.dumps(row) + b"\n")
    return len(found)


