"""Shared runs of words of a whole build: which records may share one, by their shards' fingerprints, and then every run of those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.gather import Piece
from datasetbuild.engine.local import Engine
from datasetbuild.plan import keys
from datasetbuild.stages.annotate import annotate_frame
from datasetbuild.stages.dedup.substring import fingerprints, runs

RUNS = {"row": pl.Int64, "word": pl.UInt32, "run": pl.UInt64}


@dataclass(frozen=True)
class PrintTask:
    """The fingerprints of a shard; or, with positions, every run of those records. records, positions: digests."""

    cache: Path
    records: str
    params: dict[str, Any]
    positions: str | None = None


def print_shard(task: PrintTask) -> str:
    """Digest of a frame of a shard: what `fingerprints` says of it, or what `runs` says of the wanted records."""
    cache = Cache(task.cache)
    wanted = {"on": task.params["on"], "words": task.params["words"]}

    def make() -> dict[str, Any]:
        records = cache.frame(task.records)
        if task.positions is None:
            found = fingerprints(annotate_frame(records), **wanted)
        else:
            found = runs(annotate_frame(records[cache.frame(task.positions)["pos"]]), **wanted)
        return {"objects": {"found": cache.store_frame(found)}}

    key = keys.action_key("dedup", column="substring", params=wanted, records=task.records, positions=task.positions)
    return str(cache.once(key, make)["objects"]["found"])


def shared_runs(
    cache: Cache, engine: Engine, pieces: Sequence[Piece], rows: pl.DataFrame, params: dict[str, Any]
) -> pl.DataFrame:
    """Every run of the records that share a fingerprint with another: `row` (of the plane), `word`, `run`; only runs that stand
    in two records. Of all records, whatever the filters say."""
    tasks = [PrintTask(cache.root, piece.measured.records, params) for piece in pieces]
    printed = [*engine.map(print_shard, tasks)]
    prints = pl.concat(
        cache.frame(one).with_columns(place=pl.lit(piece.place, pl.UInt32)) for piece, one in zip(pieces, printed, strict=True)
    )
    shared = prints.filter(pl.col("print").is_duplicated()).select("place", "pos").unique().sort("place", "pos")
    if not len(shared):
        return pl.DataFrame(schema=RUNS)
    numbered = rows.select("place", "pos").with_row_index("row").with_columns(pl.col("place", "pos").cast(pl.UInt32))
    shared = shared.join(numbered, on=["place", "pos"], how="left", maintain_order="left")
    tasks, order = [], []
    for piece in pieces:
        mine = shared.filter(pl.col("place") == piece.place)
        if len(mine):
            tasks.append(PrintTask(cache.root, piece.measured.records, params, cache.store_frame(mine.select("pos"))))
            order.append(mine["row"])
    found = [cache.frame(one) for one in engine.map(print_shard, tasks)]
    named = [one.select(row.gather(one["at"]).cast(pl.Int64).alias("row"), "word", "run") for one, row in zip(found, order, strict=True)]
    every = pl.concat(named)
    twice = every.unique(["row", "run"]).filter(pl.col("run").is_duplicated()).select(pl.col("run").unique())
    return every.join(twice, on="run", how="semi").sort("row", "word")
