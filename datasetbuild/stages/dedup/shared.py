"""Shared shingles: which texts can have a near-duplicate at all, told before any signature is made.

A text has at least J of its shingles in common with a text that is alike to J. So one of which fewer stand in any other
text has no near-duplicate, and needs no signature, which is what costs most. It is told by the quarter of all shingles whose
hash is lowest: what two texts share of it, both have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datasetbuild.stages.dedup.partners import distinct
from datasetbuild.stages.dedup.sketch import Shingles, shingle_hash
from datasetbuild.stages.words import Ints

Low = NDArray[np.uint32]
"""Low shingles: 32 bits of their hashes."""

LOWEST = np.uint32(1 << 30)
"""What low hashes are below."""

DEVIATIONS = 3.0
"""How many standard deviations fewer of its low shingles than of all a text may share, and be looked at all the same. Of pairs
right at the floor of 0.7 at most 1 in 230 has fewer, of those at 0.8 1 in 2,500; from 16 low shingles on, which is 64 in all, it
is 1 in 275 and 1 in 13,000 (binomial, and the larger text's share no more than the Jaccard)."""

FEW = 5
"""A text of fewer low shingles is looked at whatever it shares: four would say too little, and it is short."""

SLOTS_EACH, FEWEST_BITS, MOST_BITS = 8, 16, 29
"""Slots for each shingle, and their number as a power of two: 2 x 64 MB at most. With 8 slots 1 shingle in 8 is taken for shared
that is not; with fewer more texts get a signature in vain, and no pair is missed."""


def low_shingles(grams: Shingles) -> tuple[Low, Ints]:
    """The low shingles of n texts, one text after the other, and how many each has (repeats count)."""
    values = shingle_hash(grams.values)
    low = np.flatnonzero(values < LOWEST)
    return values[low], np.diff(np.searchsorted(low, grams.offsets))


class Repeated:
    """Which of so many shingles stand in more than one text: two bits for each slot, whatever the order of the texts."""

    def __init__(self, shingles: int) -> None:
        bits = min(max((SLOTS_EACH * shingles).bit_length(), FEWEST_BITS), MOST_BITS)
        self._mask = np.uint32((1 << bits) - 1)
        self._once, self._again = np.zeros((2, 1 << bits - 3), np.uint8)

    def add(self, values: Low) -> None:
        """The shingles of some texts, no text twice. One that a text has twice passes for shared: the text may get a signature
        in vain."""
        slots = np.sort(values & self._mask)
        if not len(slots):
            return
        first = np.concatenate([[True], slots[1:] != slots[:-1]])
        again, slots = slots[~first], slots[first]
        known = _has(self._once, slots)
        _set(self._once, slots[~known])
        for repeated in (slots[known], distinct(again)):
            _set(self._again, repeated[~_has(self._again, repeated)])

    def holds(self, values: Low) -> NDArray[np.bool_]:
        """Whether each of these shingles was added with more than one text. Some are taken for such that are not."""
        return _has(self._again, values & self._mask)


def possible(values: Low, lengths: Ints, repeated: Repeated, floor: float) -> NDArray[np.bool_]:
    """Which texts can have a Jaccard similarity of `floor` or more to another one. values, lengths: from `low_shingles`."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    slack = DEVIATIONS * np.sqrt(lengths * floor * (1 - floor))
    shared = np.diff(np.searchsorted(np.flatnonzero(repeated.holds(values)), offsets))
    return (lengths < FEW) | (shared >= lengths * floor - slack)


def _has(bits: NDArray[np.uint8], slots: Low) -> NDArray[np.bool_]:
    return (bits[slots >> np.uint32(3)] >> (slots & np.uint32(7)).astype(np.uint8)) & np.uint8(1) != 0


def _set(bits: NDArray[np.uint8], slots: Low) -> None:
    """Set the bits of these slots, which are distinct and not set."""
    np.add.at(bits, slots >> np.uint32(3), np.left_shift(np.uint8(1), (slots & np.uint32(7)).astype(np.uint8)))
