"""Laws of content-defined boundaries."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.stages.read.boundaries import Boundaries

BYTES, ROWS = 4000, 100


def cuts(rows: list[bytes], batches: list[int] | None = None) -> list[int]:
    """Starts of all shards but the first, fed in batches of these sizes."""
    boundaries = Boundaries(BYTES, ROWS)
    found, at = [], 0
    for size in [*(batches or []), len(rows)]:
        batch = rows[at : at + size]
        hashes = np.array([xxhash.xxh3_64_intdigest(row) for row in batch], np.uint64)
        found += [at + begin for begin in boundaries.feed(np.array([len(row) for row in batch], np.int64), hashes)]
        at += len(batch)
    return [begin for begin in found if begin < len(rows)]


def shards(rows: list[bytes]) -> list[tuple[bytes, ...]]:
    edges = [0, *cuts(rows), len(rows)]
    return [tuple(rows[start:stop]) for start, stop in pairwise(edges)]


def sample(count: int, seed: int, size: int = 60) -> list[bytes]:
    chance = random.Random(seed)
    return [chance.randbytes(chance.randint(1, size)) for _ in range(count)]


@given(st.integers(0, 50), st.lists(st.integers(0, 200), max_size=20), st.sampled_from([5, 60, 900]))
def test_boundaries_depend_on_rows_alone(seed: int, batches: list[int], size: int) -> None:
    """Feeding the rows in other batches gives the same shards."""
    rows = sample(1000, seed, size)
    assert cuts(rows, batches) == cuts(rows)


@given(st.integers(0, 1000), st.sampled_from([3, 60, 900, 9000]))
def test_caps_hold(seed: int, size: int) -> None:
    """No shard is above twice the target, in bytes or in rows, unless it is one row; none of small rows but the last is
    below a quarter of it."""
    cut = shards(sample(600, seed, size))
    assert sum(map(len, cut)) == 600
    for shard in cut:
        assert len(shard) <= 2 * ROWS
        assert sum(map(len, shard)) <= 2 * BYTES or len(shard) == 1
    if size <= 60:
        assert all(sum(max(len(row) / BYTES, 1 / ROWS) for row in shard) >= 0.25 - 1e-9 for shard in cut[:-1])


def test_an_edit_changes_a_shard_or_two() -> None:
    """A row inserted, deleted or changed anywhere makes one new shard, seldom two. With shards as small as these, four
    edits in a hundred move an end, and the ends then meet again after a few shards; with 16,384 rows it is one in five
    thousand."""
    rows = sample(20_000, 7)
    before, fresh = set(shards(rows)), []
    chance = random.Random(3)
    for edit in range(60):
        at = chance.randrange(len(rows))
        kind = [
            [*rows[:at], b"new row", *rows[at:]],
            rows[:at] + rows[at + 1 :],
            [*rows[:at], b"other", *rows[at + 1 :]],
        ]
        fresh.append(len(set(shards(kind[edit % 3])) - before))
    assert len(before) > 100
    assert sum(count <= 2 for count in fresh) >= 57
    assert max(fresh) <= 8 < len(before) / 12


def test_equal_rows_are_cut_too() -> None:
    """Rows without any variety, where content says nothing, are cut by the caps."""
    assert all(len(shard) <= 2 * ROWS for shard in shards([b"same"] * 5000))
