"""The exchange between shards and parts: every shard is read once, and every part reads its own batch of each.

A part wants a few rows of each of many shards. Reading them part by part costs parts x shards openings, which at a million
rows is four times the work of writing; so a shard's rows go, in the order of the parts, into one Arrow file with a record
batch a part, and a part then maps batch p of every file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from datasetbuild.engine.cache import Cache

RECORD_COLUMNS = ["row", "messages", "tools", "group", "category", "date", "meta"]


@dataclass(frozen=True)
class ScatterTask:
    """One shard's rows on their way to the parts. order: Arrow file of the wanted rows (`part`, `at`, `pos` and provenance),
    by part and place. stored, rendered: digests of the shard's records and tokens. parts: how many there are."""

    cache: Path
    order: Path
    stored: str
    rendered: str | None
    parts: int
    target: Path


def scatter(task: ScatterTask) -> Path:
    """Write a shard's wanted rows, one record batch for each part; returns the file."""
    import pyarrow as pa

    frame = _gathered(Cache(task.cache), pl.read_ipc(task.order), task.stored, task.rendered)
    edges = np.searchsorted(frame["part"].to_numpy(), np.arange(task.parts + 1))
    table = frame.drop("part").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    with pa.OSFile(str(task.target), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        for start, stop in zip(edges[:-1], edges[1:], strict=True):
            batches = table.slice(start, stop - start).to_batches()
            out.write_batch(batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema))
    return task.target


def collect(files: Sequence[Path], part: int) -> pl.DataFrame:
    """The rows of one part, from the files of all shards that have any."""
    import pyarrow as pa

    def batches() -> Iterator[pl.DataFrame]:
        for file in files:
            with pa.memory_map(str(file)) as source:
                yield pl.DataFrame(pl.from_arrow(pa.ipc.open_file(source).get_batch(part)))

    return pl.concat(batches())


def _gathered(cache: Cache, order: pl.DataFrame, stored: str, rendered: str | None) -> pl.DataFrame:
    """The wanted rows of a shard with their provenance and, where they were rendered, their tokens."""
    mine = cache.rows(stored, order["pos"], RECORD_COLUMNS).rename({"row": "shard_row"})
    frame = pl.concat([order.drop("place", "pos"), mine], how="horizontal")
    if rendered is None:
        return frame.drop("shard_row")
    found = cache.frame(rendered, ["row"]).with_row_index("found").rename({"row": "shard_row"})
    # An expanded conversation has several rendered rows, one for each trained turn.
    matched = frame.select("shard_row").with_row_index("nth").join(found, on="shard_row", maintain_order="left_right")
    tokens = cache.rows(rendered, matched["found"]).drop("row")
    return pl.concat([frame[matched["nth"]].drop("shard_row"), tokens], how="horizontal")
