"""The rows of a shard that are to be tokenized, by columns: their texts as one run of bytes, and how each is laid out.

Rows that a template lays out alike form a group, so that whatever follows is arithmetic on a few arrays and not a loop
over rows. A text is put together from fragments by their numbers: one `take` of Arrow, 1 us a row of 500 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datasetbuild.arrow import series, sums, take
from datasetbuild.stages.render.layout import Skeleton

if TYPE_CHECKING:
    import polars as pl

Ints = NDArray[np.int64]
WHOLE = -1
"""The turn of a row that was made for no turn in particular."""


class Fragments:
    """Byte strings with a number each."""

    def __init__(self) -> None:
        self.arrays: list[Any] = []
        self.count = 0

    def add(self, found: list[bytes]) -> int:
        """Number the strings of a list; returns the first one's."""
        return self.put(np.frombuffer(b"".join(found), np.uint8), sums(np.array([len(one) for one in found], np.int64)))

    def put(self, data: NDArray[np.uint8], bounds: Ints) -> int:
        """Number the strings that lie one after the other, from each bound to the next; returns the first one's."""
        import pyarrow as pa

        first, count = self.count, len(bounds) - 1
        self.arrays.append(pa.LargeBinaryArray.from_buffers(pa.large_binary(), count, [None, pa.py_buffer(bounds), pa.py_buffer(data)]))
        self.count += count
        return first

    def join(self, numbers: Ints) -> tuple[Ints, memoryview]:
        """Where each fragment begins in the bytes of all these (one more than numbers), and the bytes."""
        import pyarrow as pa

        if not len(numbers):
            return np.zeros(1, np.int64), memoryview(b"")
        taken: pa.LargeBinaryArray = take(pa.concat_arrays(self.arrays), numbers)
        _, offsets, data = taken.buffers()
        bounds = np.frombuffer(offsets, np.int64)[: len(taken) + 1]
        return bounds, memoryview(data or b"").cast("B")[: int(bounds[-1])]


@dataclass(frozen=True)
class Group:
    """Rows that a template lays out alike.

    records: number of each row's record in the shard, ascending. turn: the turn that the rows were made for, or `WHOLE`.
    fragments: (rows, n) numbers of what their texts consist of. skeleton: how it is laid out, None to train every token. trained:
    turns whose tokens are wanted. weights: theirs, None when all are 1; turns of weight 0 are found and not trained.
    sizes: (rows, slots) bytes of the texts in the skeleton's slots. marks: (rows, 2 x marks) where the generation marks
    of the true rendering begin and end, in bytes, None where it was not needed.
    """

    records: Ints
    turn: int
    fragments: Ints
    skeleton: Skeleton | None = None
    trained: tuple[int, ...] = ()
    weights: tuple[float, ...] | None = None
    sizes: Ints | None = None
    marks: Ints | None = None

    @cached_property
    def gaps(self) -> Ints:
        """Where each literal of the skeleton begins in the text of each row, in bytes."""
        assert self.skeleton is not None
        assert self.sizes is not None
        return self.skeleton.gaps(self.sizes)


@dataclass(frozen=True)
class Batch:
    """Rows in the order of their records and turns. data: their texts; row i has `data[bounds[i]:bounds[i + 1]]`.

    records, turns: of each row (`WHOLE`: no turn). groups: with the places of their rows, ascending. group: number of the
    group of each row.
    """

    data: memoryview
    bounds: Ints
    records: Ints
    turns: Ints
    groups: list[tuple[Group, Ints]]
    group: Ints

    def __len__(self) -> int:
        return len(self.records)

    def text(self, row: int) -> str:
        return str(self.data[self.bounds[row] : self.bounds[row + 1]], "utf-8")

    @cached_property
    def texts(self) -> list[str]:
        """The texts one by one."""
        return self.series.to_list()

    @cached_property
    def series(self) -> pl.Series:
        """The texts as a column."""
        import pyarrow as pa

        buffers = (pa.py_buffer(np.ascontiguousarray(self.bounds)), pa.py_buffer(self.data))
        return series("text", pa.LargeStringArray.from_buffers(len(self), *buffers))


def assemble(groups: Sequence[Group], fragments: Fragments) -> Batch:
    """The rows of all groups in order, with their texts."""
    records = _concatenate([group.records for group in groups])
    turns = np.repeat([group.turn for group in groups], [len(group.records) for group in groups]).astype(np.int64)
    order = np.lexsort((turns, records))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    ends = np.cumsum([len(group.records) for group in groups], dtype=np.int64)
    places = np.split(place, ends[:-1]) if groups else []
    counts, owner = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    for number, (group, rows) in enumerate(zip(groups, places, strict=True)):
        counts[rows], owner[rows] = group.fragments.shape[1], number
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    numbers = np.empty(starts[-1], np.int64)
    for group, rows in zip(groups, places, strict=True):
        numbers[starts[rows][:, None] + np.arange(group.fragments.shape[1])] = group.fragments
    bounds, data = fragments.join(numbers)
    return Batch(data, bounds[starts], records[order], turns[order], list(zip(groups, places, strict=True)), owner)


def _concatenate(arrays: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, np.int64), *arrays])
