"""Partners: the pairs of texts that are worth comparing in full, found bucket by bucket, in memory bounded by the texts.

A corpus of many texts that are all alike has buckets of thousands, in every band: all their pairs are a square that no
machine holds. So pairs come in blocks, each is scored by what is known of the two without reading them, and of what
remains every text keeps a few: `FIRST` + `BEST` = 64 partners at most, 1 KB a text in the worst corpus. The result is
exact, wherever a block ends: those who are passed over once would be passed over in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.int64]
"""Pairs of texts, the smaller number first: (p, 2)."""

BUCKET_PAIRS = 64
"""Buckets up to this size are compared pair by pair; the members of larger ones with the first LEADERS of them only,
so that a bucket of m texts costs 32 m comparisons and not m^2 / 2. Each text stands in one bucket per band."""
LEADERS = 32

FIRST, BEST = 16, 48
"""Of the smaller-numbered partners of a text the first, which hold a crowd together, and of the others those with the best
scores, which find the one true repeat in it."""

AT_ONCE = 1 << 20
"""Pairs that are made and scored together."""


class Partners:
    """The pairs of texts that are worth comparing. score: for pairs, a number for each; one below 0 is not worth it."""

    def __init__(self, score: Callable[[Pairs], NDArray[Any]]) -> None:
        self._score = score
        self._waiting: list[NDArray[np.int64]] = []
        self._packed, self._scores = np.empty(0, np.int64), score(np.empty((0, 2), np.int64))

    def add(self, packed: NDArray[np.int64]) -> None:
        """More pairs, each as (larger number) * 2^32 + (smaller number), in any order, repeats included."""
        self._waiting.append(packed)
        if sum(map(len, self._waiting)) >= AT_ONCE:
            self.settle()

    def settle(self) -> None:
        """Score what has been added, and let go what is passed over."""
        fresh = distinct(np.concatenate([np.empty(0, np.int64), *self._waiting]))
        self._waiting = []
        place = np.searchsorted(self._packed, fresh)
        known = np.zeros(len(fresh), bool)
        inside = place < len(self._packed)
        known[inside] = self._packed[place[inside]] == fresh[inside]
        fresh = fresh[~known]
        scores = self._score(_unpacked(fresh))
        self.keep(fresh[scores >= 0], scores[scores >= 0])

    def keep(self, packed: NDArray[np.int64], scores: NDArray[Any]) -> None:
        """New pairs, packed as for `add`, whose scores are known and worth it."""
        if not len(packed):
            return
        packed, scores = np.concatenate([self._packed, packed]), np.concatenate([self._scores, scores])
        order = np.argsort(packed, kind="stable")
        packed, scores = packed[order], scores[order]
        kept = _not_crowded(packed, scores)
        self._packed, self._scores = packed[kept], scores[kept]

    def pairs(self) -> tuple[Pairs, NDArray[Any]]:
        """The pairs (i < j), sorted by j and i, and their scores."""
        self.settle()
        return _unpacked(self._packed), self._scores


def _not_crowded(packed: NDArray[np.int64], scores: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the sorted pairs are among the first or the best of their larger text."""
    owner = packed >> 32
    starts = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
    sizes = np.diff(np.append(starts, len(owner)))
    kept = np.ones(len(packed), bool)
    if sizes.max() <= FIRST + BEST:
        return kept
    place = np.arange(len(owner)) - np.repeat(starts, sizes)
    crowd = np.flatnonzero((np.repeat(sizes, sizes) > FIRST + BEST) & (place >= FIRST))
    ranked = crowd[np.lexsort((packed[crowd], -scores[crowd], owner[crowd]))]
    first = np.flatnonzero(np.concatenate([[True], owner[ranked][1:] != owner[ranked][:-1]]))
    rank = np.arange(len(ranked)) - np.repeat(first, np.diff(np.append(first, len(ranked))))
    kept[ranked[rank >= BEST]] = False
    return kept


def _unpacked(packed: NDArray[np.int64]) -> Pairs:
    return np.stack([packed & 0xFFFFFFFF, packed >> 32], axis=1)


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The distinct values, sorted: 60 times faster than `np.unique`, which hashes from numpy 2.3 on."""
    ranked = np.sort(values)
    return ranked[np.concatenate([[True], ranked[1:] != ranked[:-1]])] if len(ranked) else ranked


def bucket_pairs(band: NDArray[np.uint32]) -> Iterator[NDArray[np.int64]]:
    """Pairs (i < j) of texts with the same hash in a band, each as j * 2^32 + i, in blocks of about `AT_ONCE`. band: (n,)."""
    order, starts = _buckets(band)
    sizes = np.diff(np.append(starts, len(order)))
    position = np.arange(len(order)) - np.repeat(starts, sizes)
    size = np.repeat(sizes, sizes)
    # A member is compared with all that stand before it in its bucket, or with the bucket's leaders when it is large.
    partners = np.where(size <= BUCKET_PAIRS, position, np.minimum(position, LEADERS))
    ends = np.cumsum(partners)
    edges = np.searchsorted(ends, np.arange(AT_ONCE, (int(ends[-1]) if len(ends) else 0) + AT_ONCE, AT_ONCE))
    first = 0
    for stop in edges:
        stop = min(int(stop) + 1, len(order))
        count = partners[first:stop]
        member = np.repeat(np.arange(first, stop), count)
        nth = np.arange(len(member)) - np.repeat(np.cumsum(count) - count, count)
        yield (order[member] << 32) | order[member - position[member] + nth]
        first = stop


def _buckets(band: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The members of all buckets with more than one, each bucket in the order of the texts' numbers, and where each starts.

    Hash and number are sorted as one: three times faster than an `argsort`.
    """
    ranked = np.sort((band.astype(np.uint64) << np.uint64(32)) | np.arange(len(band), dtype=np.uint64))
    bucket = ranked >> np.uint64(32)
    change = np.ones(len(bucket) + 1, bool)
    np.not_equal(bucket[1:], bucket[:-1], out=change[1:-1])
    shared = ~(change[1:] & change[:-1])
    return (ranked[shared] & np.uint64(0xFFFFFFFF)).astype(np.int64), np.flatnonzero(change[:-1][shared])
