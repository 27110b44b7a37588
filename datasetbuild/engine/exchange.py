"""The exchange between shards and parts: every shard is read once, and every part reads its own batch of each.

A part wants a few rows of each of many shards. Reading them part by part costs parts x shards openings, which at a million
rows is four times the work of writing; so a shard's rows go, in the order of the parts, into one Arrow file with a record
batch a part, and a part then maps batch p of every file. All this is Arrow's own `take`: rows become a frame once, where
a part is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.ids import id_texts
from datasetbuild.record import ID_ORDER

if TYPE_CHECKING:
    import pyarrow as pa

RECORD_COLUMNS = ["messages", "tools", "group", "category", "date", "meta"]


@dataclass(frozen=True)
class ScatterTask:
    """One shard's rows on their way to the parts. order: Arrow file of the wanted rows (`part`, `at`, `pos`, `shard_row`,
    id and position), by part and place. stored: digest of the shard's records. rendered: digest of what was rendered of
    them, where the parts need some of its columns. texts: digest of their texts, where the parts need them. parts: how
    many there are."""

    cache: Path
    order: Path
    stored: str
    rendered: str | None
    columns: tuple[str, ...]
    texts: str | None
    parts: int
    target: Path


@dataclass(frozen=True)
class Scattered:
    """The file of one shard, and what is the same for all of its rows."""

    path: Path
    source: str
    file: str
    license: str | None


def scatter(task: ScatterTask) -> Path:
    """Write a shard's wanted rows, one record batch for each part; returns the file."""
    import pyarrow as pa

    order = pl.read_ipc(task.order)
    edges = np.searchsorted(order["part"].to_numpy(), np.arange(task.parts + 1))
    table = _gathered(Cache(task.cache), order, task)
    if len(table) != len(order):  # an expanded conversation has several rows
        edges = np.searchsorted(table["part"].to_numpy(), np.arange(task.parts + 1))
    table = table.drop_columns(["part"]).combine_chunks()
    with pa.OSFile(str(task.target), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        for start, stop in pairwise(edges):
            batches = table.slice(start, stop - start).to_batches()
            out.write_batch(batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema))
    return task.target


def collect(files: Sequence[Scattered], part: int) -> pl.DataFrame:
    """The rows of one part, from the files of all shards that have any."""
    import pyarrow as pa

    batches = []
    for file in files:
        with pa.memory_map(str(file.path)) as source:
            batches.append(pa.ipc.open_file(source).get_batch(part))
    frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches)))
    owner = pl.Series(np.repeat(np.arange(len(files)), [len(batch) for batch in batches]))
    names = {name: [getattr(file, name) for file in files] for name in ("source", "file", "license")}
    return frame.with_columns(pl.Series(name, words, pl.String).gather(owner) for name, words in names.items())


def _gathered(cache: Cache, order: pl.DataFrame, task: ScatterTask) -> pa.Table:
    """The wanted rows of a shard with what they hold and, where the parts need it, what was rendered of them."""
    more: list[tuple[str, Any, list[str]]] = []
    if rows := task.texts or task.rendered:  # both have the rendered rows, in their order
        found = cache.frame(rows, ["row"]).with_row_index("found").rename({"row": "shard_row"})
        order = order.join(found, on="shard_row", maintain_order="left_right")
        more += [(task.rendered, order["found"], list(task.columns))] if task.rendered else []
        more += [(task.texts, order["found"], ["text"])] if task.texts else []
    ids = id_texts(order)
    narrow = order.drop("pos", "shard_row", "found", *ID_ORDER, strict=False).with_columns(ids)
    table = narrow.to_arrow(compat_level=pl.CompatLevel.oldest())
    for digest, positions, columns in [(task.stored, order["pos"], RECORD_COLUMNS), *more]:
        taken = cache.taken(digest, positions, columns)
        for name in columns:
            table = table.append_column(name, taken[name])
    return table
