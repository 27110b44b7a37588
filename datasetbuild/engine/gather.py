"""Gather the narrow columns of all shards into the key plane: one row per input row, in the order of the input.

Positions become global here (file, row and line counted from the file's start), and ids final: the n-th exact repeat of
a record within its source gets an id of its own, whatever shard it stands in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.measure import Measured
from datasetbuild.errors import EmptyBuildError
from datasetbuild.hashing import record_hash
from datasetbuild.stages.read import RawShard

ID_BITS = 16
"""Hex characters of an id that make its 64-bit key for draws."""


@dataclass(frozen=True)
class Piece:
    """One measured shard in its place: `place` counts all shards of the build in the order of the input. file: the name
    of its file in the artifact."""

    place: int
    source: str
    file: str
    priority: int
    license: str | None
    shard: RawShard
    measured: Measured


@dataclass
class KeyPlane:
    """rows: the table of all input rows. quarantine: position, reason and raw text of the unusable ones.

    Columns of `rows`: place, source, priority, file, row, line, shard_row, id, key (UInt64), group, category, date,
    license, cleaned, tokens, trained_tokens, a column per fact (`NAME`, or `NAME.min` and `NAME.max`), and the hashes
    `@first_user`, `@exact` and `@words`. `pos` of a row is its position in the shard's records, null when it has none.
    Rules may not have the name of a column (`record.RESERVED`).
    """

    rows: pl.DataFrame
    quarantine: pl.DataFrame


def gather(cache: Cache, pieces: Sequence[Piece]) -> KeyPlane:
    """The key plane of measured shards. Raises `EmptyBuildError` when there is none."""
    if not pieces:
        raise EmptyBuildError("no source holds a row", hint="look at the `path` of each source: its files are empty")
    tables, bad = [], []
    for piece in pieces:
        table, quarantine = _piece(cache, piece)
        tables.append(table)
        bad.append(quarantine)
    rows = pl.concat(tables, how="diagonal_relaxed").sort("place", "shard_row", maintain_order=True)
    rows = _identify(rows).with_columns(
        key=pl.col("id").str.head(ID_BITS).str.to_integer(base=16, dtype=pl.UInt64),
    )
    return KeyPlane(rows, pl.concat(bad))


def _piece(cache: Cache, piece: Piece) -> tuple[pl.DataFrame, pl.DataFrame]:
    measured = piece.measured
    columns = [cache.frame(measured.keys).with_row_index("pos"), cache.frame(measured.first_user).rename({"key": "@first_user"})]
    for name, digest in measured.facts.items():
        values = cache.frame(digest)
        columns.append(values.rename({c: name if c == "value" else f"{name}.{c}" for c in values.columns}))
    if measured.exact:
        columns.append(cache.frame(measured.exact).rename({"key": "@exact"}))
    if measured.near:
        columns.append(cache.frame(measured.near, ["words"]).rename({"words": "@words"}))
    table = pl.concat(columns, how="horizontal")
    if measured.counts:
        table = table.drop("tokens", "trained_tokens", strict=False).join(
            cache.frame(measured.counts), on="row", how="left", maintain_order="left"
        )
    quarantine = pl.concat(cache.frame(digest) for digest in measured.quarantine).unique("row", keep="first", maintain_order=True)
    unread = quarantine.filter(pl.col("base").is_not_null()).select("row", "line", "base")
    table = pl.concat([table, unread], how="diagonal")
    place = [
        pl.lit(piece.place, pl.UInt32).alias("place"),
        pl.lit(piece.source).alias("source"),
        pl.lit(piece.priority, pl.Int64).alias("priority"),
        pl.lit(piece.file).alias("file"),
        pl.lit(piece.license, pl.String).alias("license"),
    ]
    position = [
        pl.col("row").alias("shard_row"),
        (pl.col("row").cast(pl.Int64) + piece.shard.first_row).alias("row"),
        (pl.col("line").cast(pl.Int64) + piece.shard.first_line).alias("line"),
    ]
    return table.with_columns(*place, *position), quarantine.with_columns(*place, *position)


def _identify(rows: pl.DataFrame) -> pl.DataFrame:
    """Ids: the base, or for the n-th repeat of a base within its source (n >= 1) the hash of base and n."""
    numbered = rows.with_columns(occurrence=pl.int_range(pl.len(), dtype=pl.UInt32).over("source", "base"))
    repeats = numbered.select("source", "base", "occurrence").filter(pl.col("occurrence") > 0)
    fresh = [record_hash(source, base.encode(), n) for source, base, n in repeats.iter_rows()]
    repeats = repeats.with_columns(pl.Series("repeat_id", fresh, dtype=pl.String))
    joined = numbered.join(repeats, on=["source", "base", "occurrence"], how="left", maintain_order="left")
    return joined.with_columns(id=pl.coalesce("repeat_id", "base")).drop("base", "repeat_id")


def tally(pieces: Sequence[Piece]) -> dict[str, int]:
    """What rendering counted, over all shards."""
    counts: Counter[str] = Counter()
    for piece in pieces:
        counts.update(piece.measured.tally)
    return dict(sorted(counts.items()))
