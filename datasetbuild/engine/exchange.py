"""The exchange between shards and parts: every shard is read once, and every part reads its own batch of each group.

A part wants a few rows of each of many shards. Reading them part by part costs parts x shards openings, which at a million
rows is four times the work of writing; so the rows of a group of shards go, part by part, into one file with an Arrow stream
a part, and a part then maps its stream of every file. What lies in the shards is mapped, and a text is copied once, into
the file; columns and fields of turns that no record of the build fills do not travel. Nor do ids and positions: a part has
those from the driver, in a file with a stream a part too, and `at` says which row of it is whose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import as_frame, mapped_table
from datasetbuild.engine.cache import Cache
from datasetbuild.engine.ids import id_texts
from datasetbuild.record import ID_ORDER, MESSAGE_FIELDS, messages_dtype
from datasetbuild.stages.write import narrow_messages

if TYPE_CHECKING:
    import pyarrow as pa

ORIGIN = ("source", "file", "license")
"""Where a row comes from: words of the key plane, which travel as their numbers."""

RECORD_COLUMNS = ("tools", "group", "category", "date", "meta")
"""What a record has beside its messages."""


Batch = tuple[Path, int]
"""Rows of one part on their way: a file, and where in it their Arrow stream begins."""


@dataclass(frozen=True)
class Held:
    """One shard of a group. stored: digest of its records. rendered: digest of what was rendered of them, where the parts
    need some of its columns. texts: digest of their texts, where the parts need them."""

    place: int
    stored: str
    rendered: str | None
    texts: str | None


@dataclass(frozen=True)
class ScatterTask:
    """The rows of a few shards on their way to the parts. order: Arrow file of the wanted rows (`place`, `part`, `at`, `pos`,
    `shard_row`). fields: message fields and columns that are in use. rendered: columns of what was rendered that the parts
    need. parts: how many there are."""

    cache: Path
    order: Path
    shards: tuple[Held, ...]
    fields: frozenset[str]
    rendered: tuple[str, ...]
    parts: int
    target: Path


def scatter(task: ScatterTask) -> tuple[Batch, ...]:
    """Write the wanted rows of a group of shards; returns where those of each part are."""
    order = pl.read_ipc(task.order.read_bytes())
    taken = [_taken(Cache(task.cache), order.filter(pl.col("place") == held.place), held, task) for held in task.shards]
    return write_batches(pl.concat(taken).sort("part"), task.parts, task.target)


def write_batches(rows: pl.DataFrame, parts: int, target: Path) -> tuple[Batch, ...]:
    """A batch for each part, in one file. rows: sorted by `part`, which the file does not have."""
    edges = np.searchsorted(rows["part"].to_numpy(), np.arange(parts + 1))
    table = _arrow(rows.drop("part"))
    return _write((table.slice(start, stop - start) for start, stop in pairwise(edges)), target)


def write_frames(frames: Iterable[pl.DataFrame], target: Path) -> tuple[Batch, ...]:
    """A batch of each frame, in one file. One frame at a time is held."""
    return _write(map(_arrow, frames), target)


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()


def _write(tables: Iterable[pa.Table], target: Path) -> tuple[Batch, ...]:
    import pyarrow as pa

    batches = []
    with pa.OSFile(str(target), "wb") as sink:
        for table in tables:
            batches.append((target, sink.tell()))
            with pa.ipc.new_stream(sink, table.schema) as out:
                out.write_table(table)
    return tuple(batches)


def _rows(batches: Sequence[Batch]) -> pl.DataFrame:
    """The rows of these batches, one below the other, mapped."""
    import pyarrow as pa

    return as_frame(pa.concat_tables([mapped_table(file, start) for file, start in batches]))


def collect(batches: Sequence[Batch], order: Batch, words: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """The rows of one part in their order. batches: of all groups. order: the rows that the part gets, by `at`, with id, origin
    and position. words: of each column of the origin, by number."""
    rows = _rows(batches)
    rows = rows.sort("at", *(["turn"] if "turn" in rows.columns else []))
    about = _rows([order])
    if not about["at"].equals(rows["at"]):  # conversations that became several rows
        about = about[rows["at"] - about["at"][0]]
    said = [pl.Series(name, words[name], pl.String).gather(about[name]) for name in ORIGIN]
    empty = [pl.lit(None, pl.String).alias(name) for name in RECORD_COLUMNS if name not in rows.columns]
    more = about.drop("at", *ORIGIN, *ID_ORDER).get_columns()
    return rows.with_columns(id_texts(about), *more, *said, *empty, _wide(rows["messages"]))


def _taken(cache: Cache, order: pl.DataFrame, held: Held, task: ScatterTask) -> pl.DataFrame:
    """The wanted rows of a shard with what they hold and, where the parts need it, what was rendered of them."""
    more: list[pl.DataFrame] = []
    if rendered := held.texts or held.rendered:  # both have the rendered rows, in the order of the records
        owner, found = _expanded(order["shard_row"].to_numpy(), cache.frame(rendered, ["row"])["row"].to_numpy())
        order = order[owner]
        more += [cache.frame(held.rendered, list(task.rendered))[found]] if held.rendered else []
        more += [cache.frame(held.texts, ["text"])[found]] if held.texts else []
    columns = [name for name in RECORD_COLUMNS if name in task.fields]
    records = cache.frame(held.stored, ["messages", *columns])
    narrow = records.with_columns(narrow_messages(records["messages"], task.fields))
    return pl.concat([order.select("part", "at"), narrow[order["pos"]], *more], how="horizontal")


def _expanded(wanted: NDArray[Any], rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the wanted rows stand in ascending ones, and which of the wanted each is: an expanded conversation has several."""
    known = np.bincount(rows, minlength=int(wanted.max(initial=0)) + 1)
    counts, starts = known[wanted], (np.cumsum(known) - known)[wanted]
    owner = np.repeat(np.arange(len(wanted)), counts)
    return owner, np.arange(len(owner)) + np.repeat(starts - np.cumsum(counts) + counts, counts)


def _wide(messages: pl.Series) -> pl.Series:
    """Messages with all their fields again; those that did not travel are null."""
    there = messages.head(0).explode().struct.fields
    fields = [pl.element().struct.field(name) if name in there else pl.lit(None).alias(name) for name in MESSAGE_FIELDS]
    return messages.to_frame().select(pl.col("messages").list.eval(pl.struct(fields)))["messages"].cast(messages_dtype())
