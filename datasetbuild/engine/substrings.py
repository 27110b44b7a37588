"""Shared runs of words of a whole build: which records may share one, by their shards' fingerprints, and then every run of those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.local import Engine
from datasetbuild.plan import keys
from datasetbuild.stages.annotate import annotate_frame
from datasetbuild.stages.dedup.cut import turn_prints, turn_runs
from datasetbuild.stages.dedup.substring import fingerprints, runs

RUNS = {"place": pl.UInt32, "pos": pl.UInt32, "turn": pl.UInt32, "word": pl.UInt32, "total": pl.UInt32, "run": pl.UInt64}


@dataclass(frozen=True)
class PrintTask:
    """The fingerprints of a shard; or, with positions, every run of those records. records, positions: digests."""

    cache: Path
    records: str
    params: dict[str, Any]
    positions: str | None = None


def print_shard(task: PrintTask) -> str:
    """Digest of a frame of a shard: the fingerprints of its records, or every run of the wanted ones. Of their texts as a
    whole, or turn by turn when runs are to be cut."""
    cache = Cache(task.cache)
    wanted = {"on": task.params["on"], "words": task.params["words"]}
    by_turn = task.params["action"] == "cut"

    def make() -> dict[str, Any]:
        records = cache.frame(task.records)
        if task.positions is None:
            found = turn_prints(records, **wanted) if by_turn else fingerprints(annotate_frame(records), **wanted)
        else:
            some = records[cache.frame(task.positions)["pos"]]
            found = turn_runs(some, **wanted) if by_turn else runs(annotate_frame(some), **wanted)
        return {"objects": {"found": cache.store_frame(found)}}

    return str(cache.once(keys.runs_key(task.params, task.records, task.positions), make)["objects"]["found"])


def shared_runs(
    cache: Cache, engine: Engine, records: Sequence[str], params: dict[str, Any], within: Sequence[int] | None = None
) -> pl.DataFrame:
    """Every run that stands in two records: `place` of the shard and `pos` in it, `word`, `run`, and by turns `turn` and
    `total`; sorted. Of all records, whatever the filters say.

    records: digest of each shard's records. within: how many records of each shard count.
    """
    printed = engine.map(print_shard, [PrintTask(cache.root, one, params) for one in records])
    prints = pl.concat(cache.frame(one).with_columns(place=pl.lit(place, pl.UInt32)) for place, one in enumerate(printed))
    if within is not None:
        prints = prints.filter(pl.col("pos") < pl.Series(within, dtype=pl.UInt32).gather(prints["place"]))
    shared = prints.filter(pl.col("print").is_duplicated()).select("place", "pos").unique().sort("place", "pos")
    groups = shared.group_by("place", maintain_order=True).agg("pos")
    positions = [pl.Series("pos", pos, dtype=pl.UInt32) for pos in groups["pos"]]
    tasks = [
        PrintTask(cache.root, records[place], params, cache.store_frame(pos.to_frame()))
        for place, pos in zip(groups["place"], positions, strict=True)
    ]
    named = []
    for place, pos, one in zip(groups["place"], positions, engine.map(print_shard, tasks), strict=True):
        found = cache.frame(one)
        named.append(found.select(pl.lit(place, pl.UInt32).alias("place"), pos.gather(found["at"]), pl.exclude("at")))
    if not named:
        return pl.DataFrame(schema=RUNS)
    every = pl.concat(named)
    twice = every.unique(["place", "pos", "run"]).filter(pl.col("run").is_duplicated()).select(pl.col("run").unique())
    return every.join(twice, on="run", how="semi").sort("place", "pos", *(name for name in ("turn",) if name in every.columns), "word")


def numbered(rows: pl.DataFrame, places: pl.DataFrame) -> pl.Series:
    """The rows of the plane that records are: a number for each `place` and `pos`. rows: the key plane."""
    known = rows.select("place", "pos").with_row_index("row").drop_nulls("pos")
    wanted = places.select(pl.col("place").cast(pl.UInt32), pl.col("pos").cast(pl.UInt32))
    found = wanted.join(known.cast({"pos": pl.UInt32, "row": pl.Int64}), on=["place", "pos"], how="left", maintain_order="left")
    return found["row"]
