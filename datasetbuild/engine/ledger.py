"""The ledger: one row per input row with its fate, and the books that must balance: in = kept + dropped + quarantined."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datasetbuild.engine.ids import hexes, id_texts, ids_of
from datasetbuild.errors import ConservationError
from datasetbuild.record import ID_ORDER, LEDGER_FIRST, LEDGER_LAST, Fate, Stage
from datasetbuild.stages.write.parquet import ROW_GROUP, plain_table, write_tables

INTERNAL = ("place", "shard_row", "pos", *ID_ORDER, "priority", "occurrence")
"""Columns of the key plane that are not the ledger's, beside those whose name starts with @."""

TWINS = ("duplicate_of", "twin", "cluster", "repeats", "contradicts")
"""Columns that name another row: by its number in the decision, by its id in the ledger."""

LIMITS = np.array([number << n for n in range(3, 31) for number in (2, 3)])
"""Limits of the histogram of tokens: 16, 24, 32, 48, 64, ..., two to an octave."""


def ledger_table(rows: pl.DataFrame, mine: pl.DataFrame | None = None) -> pl.DataFrame:
    """The ledger's columns in their order: where from, what fate, which facts, which twins. rows: the decided key plane,
    whose words are Enums here too; mine: those of it that are wanted, all of them by default."""
    mine = rows if mine is None else mine
    texts = [id_texts(mine), hexes(mine["content"]), *(ids_of(rows, mine[name]) for name in TWINS if name in rows.columns)]
    return mine.with_columns(texts).select("id", *_columns(rows))


def plain_ledger(rows: pl.DataFrame) -> pl.DataFrame:
    """The ledger for whoever only counts: without ids, and other rows named by their numbers. It takes no memory of its own,
    where 24 characters for each id are 120 MB of a million rows."""
    return rows.select(_columns(rows)).drop("content")


def ledger_lines(rows: pl.DataFrame, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The lines of the ledger of some rows, by number."""
    wanted = sorted(set(numbers))
    return dict(zip(wanted, ledger_table(rows, rows[wanted]).iter_rows(named=True), strict=True))


def _columns(rows: pl.DataFrame) -> list[str]:
    """The ledger's columns after the id."""
    known = (*LEDGER_FIRST, *LEDGER_LAST, *INTERNAL)
    facts = [name for name in rows.columns if name not in known and not name.startswith("@")]
    return [*LEDGER_FIRST[1:], *facts, *(name for name in LEDGER_LAST if name in rows.columns)]


def write_ledger(rows: pl.DataFrame, path: Path) -> None:
    """`ledger.parquet`: ids become text a row group at a time, since 24 characters and their twins are most of a row."""
    starts = range(0, max(len(rows), 1), ROW_GROUP)
    write_tables((plain_table(ledger_table(rows, rows.slice(first, ROW_GROUP))) for first in starts), path)


def balance(ledger: pl.DataFrame, read: dict[str, int]) -> None:
    """Raise `ConservationError` unless every row that was read stands in the ledger once, with one fate.

    ledger: the decided key plane. read: as in `complete`.
    """
    complete(ledger, read)
    decided(ledger)


def complete(rows: pl.DataFrame, read: dict[str, int]) -> None:
    """Raise `ConservationError` unless every row that was read is there once. read: rows read per source, counted by the
    reader and not from the key plane."""
    found = dict(rows.group_by("source").len().iter_rows())
    for source, count in read.items():
        if found.get(source, 0) != count:
            raise ConservationError(f"source {source!r}: {count} rows were read, {found.get(source, 0)} stand in the ledger")
    if _repeated(rows):
        raise ConservationError("two rows of the ledger have the same id")


def decided(ledger: pl.DataFrame) -> None:
    """Raise `ConservationError` unless every row has one fate, and what belongs to it."""
    ledger = ledger.select(*ID_ORDER, "fate", "stage", "reason", "split", "copies")
    unknown = ledger.filter(~pl.col("fate").is_in([fate.value for fate in Fate]) | pl.col("fate").is_null())
    kept = pl.col("fate") == Fate.KEPT.value
    odd = ledger.filter(
        (kept & (pl.col("split").is_null() | (pl.col("copies") < 1)))
        | (~kept & (pl.col("stage").is_null() | pl.col("reason").is_null() | pl.col("split").is_not_null()))
    )
    if len(unknown) or len(odd):
        example = id_texts(pl.concat([unknown, odd]))[0]
        raise ConservationError(f"{len(unknown) + len(odd)} rows have no single fate, the first is {example}")


def _repeated(ledger: pl.DataFrame) -> bool:
    """Whether two rows have one id."""
    ranked = np.sort(ledger["key"].to_numpy())
    twice = pl.DataFrame({"key": ranked[1:][ranked[1:] == ranked[:-1]]})
    return len(twice) > 0 and ledger.select(ID_ORDER).join(twice, on="key", how="semi").is_duplicated().any()


def funnel(ledger: pl.DataFrame, sources: list[str]) -> list[dict[str, Any]]:
    """Per source: rows in, rows lost at each stage, rows kept. `total` comes last."""
    lost = ledger.select("source", "stage").filter(ledger["fate"] != Fate.KEPT.value).group_by("source", "stage").len()
    counts = {(source, stage): n for source, stage, n in lost.iter_rows()}
    inside = dict(ledger.group_by("source").len().iter_rows())
    lines = []
    for source in sources:
        stages = {stage.value: counts.get((source, stage.value), 0) for stage in Stage}
        rows = inside.get(source, 0)
        lines.append({"source": source, "in": rows, **stages, "kept": rows - sum(stages.values())})
    total = {name: sum(line[name] for line in lines) for name in ("in", *(stage.value for stage in Stage), "kept")}
    return [*lines, {"source": "total", **total}]


def reasons(ledger: pl.DataFrame) -> list[dict[str, Any]]:
    """Why rows were lost: stage, reason, rule, rows; most first, then by name."""
    words = ("fate", "stage", "reason", "rule")
    lost = ledger.select(words).filter(ledger["fate"] != Fate.KEPT.value)
    counted = lost.group_by(words).len("rows").cast({pl.Enum: pl.String})
    return counted.sort(["rows", "stage", "reason", "rule"], descending=[True, False, False, False], nulls_last=True).to_dicts()


def split_counts(ledger: pl.DataFrame, fractions: dict[str, float]) -> dict[str, dict[str, Any]]:
    """Per split: records, rows (copies counted), share of the records, the share asked for, rows per source."""
    names = ["split", "source", "copies", *(name for name in ("training_rows",) if name in ledger.columns)]
    kept = ledger.select(names).filter(ledger["fate"] == Fate.KEPT.value)
    found = {}
    for name, fraction in fractions.items():
        mine = kept.filter(pl.col("split") == name)
        expanded = {"training_rows": mine.select((pl.col("training_rows") * pl.col("copies")).sum()).item()} if "training_rows" in mine.columns else {}
        rows = mine.group_by("source").agg(pl.col("copies").sum()).cast({"source": pl.String}).sort("source")
        found[name] = {
            "records": len(mine),
            "rows": int(mine["copies"].sum()),
            **expanded,
            "requested": fraction,
            "sources": {source: int(count) for source, count in rows.iter_rows()},
        }
    return found


def trained_lost(ledger: pl.DataFrame) -> int:
    """Trained tokens of the kept rows that were cut off, copies counted."""
    if "cut" not in ledger.columns:
        return 0
    kept = ledger.select("fate", "cut", "copies").filter((pl.col("fate") == Fate.KEPT.value) & pl.col("cut").is_not_null())
    return int(kept.select((pl.col("cut").cast(pl.Int64) * pl.col("copies")).sum()).item())


def token_histogram(ledger: pl.DataFrame) -> list[list[int]] | None:
    """Kept rows, copies counted, by their tokens: `[limit, rows]` with up to `limit` tokens and more than the limit before.

    The limits are the same whatever the data (`LIMITS`), so that two versions lie over each other.
    """
    if "tokens" not in ledger.columns:
        return None
    kept = ledger.select("copies", "tokens").filter((ledger["fate"] == Fate.KEPT.value) & ledger["tokens"].is_not_null())
    if not len(kept):
        return None
    place = np.searchsorted(LIMITS, kept["tokens"].to_numpy())
    rows = np.bincount(place, weights=kept["copies"].to_numpy()).astype(np.int64)
    first = int(place.min())
    return [[int(LIMITS[n]), int(rows[n])] for n in range(first, len(rows))]


def token_statistics(ledger: pl.DataFrame) -> dict[str, Any] | None:
    """Tokens of the kept rows, copies counted: min, median, mean, p95, max and sums; None without a template. With
    `expansion: per_turn` a row counts with the longest of what it became, and the sums are of all.

    The 95th percentile is the smallest count that 95 % of the rows do not exceed; `max_seq_length` is the next multiple
    of 64 at or above it.
    """
    if "tokens" not in ledger.columns:
        return None
    every = "rendered_tokens" if "rendered_tokens" in ledger.columns else "tokens"
    names = dict.fromkeys(("copies", "tokens", "trained_tokens", every))
    kept = ledger.select(names.keys()).filter((ledger["fate"] == Fate.KEPT.value) & ledger["tokens"].is_not_null())
    if not len(kept):
        return None
    counts = np.sort(np.repeat(kept["tokens"].to_numpy(), kept["copies"].to_numpy()))
    copies = pl.col("copies").cast(pl.Int64)
    trained, total = kept.select(pl.col(name).cast(pl.Int64).dot(copies).alias(kind) for kind, name in (("trained", "trained_tokens"), ("total", every))).row(0)
    least, median, p95, most = (int(counts[n]) for n in (0, (len(counts) - 1) // 2, -(-len(counts) * 95 // 100) - 1, -1))
    return {
        "min": least,
        "median": median,
        "mean": round(int(counts.sum(dtype=np.int64)) / len(counts), 2),
        "p95": p95,
        "max": most,
        "total": int(total),
        "trained": int(trained),
        "max_seq_length": -(-p95 // 64) * 64,
    }
