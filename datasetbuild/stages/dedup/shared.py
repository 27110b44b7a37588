"""Shared shingles: which texts can have a near-duplicate at all, told before any signature is made.

A text has at least J of its shingles in common with a text that is alike to J. So one of which fewer stand in any other
text has no near-duplicate, and needs no signature, which is what costs most. It is told by the quarter of all shingles whose
hash is lowest: what two texts share of it, both have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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

AT_ONCE = 1 << 22
"""Shingles that are sorted and put in together: 16 MB."""

STRETCH = 1 << 17
"""Bytes of a stretch of bits: as bytes that are 0 or 1 they take 1 MB, which stays in the processor's cache."""


def low_shingles(grams: Shingles) -> tuple[Low, Ints]:
    """The low shingles of n texts, one text after the other, and how many each has (repeats count)."""
    values = shingle_hash(grams.values)
    low = np.flatnonzero(values < LOWEST)
    return values[low], np.diff(np.searchsorted(low, grams.offsets))


class Repeated:
    """Which of so many shingles stand in more than one text: two bits for each slot, whatever the order of the texts.

    Many are sorted and put in together, stretch by stretch of the slots: bits that are set one by one, each in another line of
    memory, take four times as long.
    """

    def __init__(self, shingles: int) -> None:
        bits = min(max((SLOTS_EACH * shingles).bit_length(), FEWEST_BITS), MOST_BITS)
        self._mask = np.uint32((1 << bits) - 1)
        self._once, self._again = np.zeros((2, 1 << bits - 3), np.uint8)
        self._waiting, self._filled = np.empty(AT_ONCE, np.uint32), 0

    def add(self, values: Low) -> None:
        """The shingles of some texts, no text twice. One that a text has twice passes for shared: the text may get a signature
        in vain."""
        for first in range(0, len(values), AT_ONCE):
            part = values[first : first + AT_ONCE]
            if self._filled + len(part) > AT_ONCE:
                self._settle()
            np.bitwise_and(part, self._mask, out=self._waiting[self._filled : self._filled + len(part)])
            self._filled += len(part)

    def holds(self, values: Low) -> NDArray[np.bool_]:
        """Whether each of these shingles was added with more than one text. Some are taken for such that are not."""
        self._settle()
        slots = values & self._mask
        found = self._again.view("<u4").take(slots >> np.uint32(5), mode="clip")
        slots &= np.uint32(31)
        found >>= slots
        found &= np.uint32(1)
        return found.astype(bool)

    def _settle(self) -> None:
        if not self._filled:
            return
        slots, self._filled = self._waiting[: self._filled], 0
        slots.sort()
        again = slots[1:][slots[1:] == slots[:-1]]
        for first in range(0, len(self._once), STRETCH):
            once, twice = self._once[first : first + STRETCH], self._again[first : first + STRETCH]
            new = _bits(slots, first, len(once))
            twice |= once & new
            twice |= _bits(again, first, len(once))
            once |= new


def possible(values: Low, lengths: Ints, repeated: Repeated, floor: float) -> NDArray[np.bool_]:
    """Which texts can have a Jaccard similarity of `floor` or more to another one. values, lengths: from `low_shingles`."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    slack = DEVIATIONS * np.sqrt(lengths * floor * (1 - floor))
    shared = np.diff(np.searchsorted(np.flatnonzero(repeated.holds(values)), offsets))
    return (lengths < FEW) | (shared >= lengths * floor - slack)


def _bits(slots: Low, first: int, count: int) -> NDArray[np.uint8]:
    """The bytes from `first` on of the bits of these slots. slots: sorted."""
    edges = np.searchsorted(slots, np.array([8 * first, 8 * (first + count)], np.uint32))
    chosen = np.zeros(8 * count, np.uint8)
    chosen[slots[slice(*edges)] - np.uint32(8 * first)] = 1
    return np.packbits(chosen, bitorder="little")
