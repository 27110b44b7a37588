"""MinHash over whole shards: hash the words, roll the n-grams, one reduction per permutation.

Signatures equal `datasketch.MinHash(num_perm, seed=1, hashfunc=shingle_hash)` to the bit (scheme affine32), at about
10 us a document of 90 words, where `MinHash.bulk` takes 30 to 65 us and its shingling in Python another 30 to 40.

A text of fewer words than the n-gram is one shingle: all its words. So it is neither lost nor alike to anything but the
same words. A text without words has no shingles and is alike to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
from numpy.typing import NDArray

from datasetbuild.arrow import sums
from datasetbuild.stages.words import Hashes, Ints, mix

BASE = np.uint64(0x9E3779B97F4A7C15)
"""Multiplier of the polynomial over a run of words, modulo 2^64."""

SEED = 1
"""datasketch's default seed of the permutations."""

BLOCK = 1 << 15
"""Shingles handled at once: 128 KiB of uint32, so that the 128 passes over a block stay in the cache."""


@dataclass(frozen=True)
class Shingles:
    """Word n-grams of n texts as 64-bit hashes: those of text i are `values[offsets[i]:offsets[i + 1]]`, not distinct."""

    values: Hashes
    offsets: Ints


def shingles(hashes: Hashes, counts: Ints, ngram: int) -> Shingles:
    """The n-gram hashes of n texts. hashes, counts: from `words.word_hashes`; ngram: words per shingle, >= 1."""
    ends = np.cumsum(counts)
    offsets = sums(np.where(counts == 0, 0, np.maximum(counts - ngram + 1, 1)))
    rolled = roll(np.concatenate([hashes, np.zeros(ngram, np.uint64)]), ngram)[:-1]
    within = np.ones(len(hashes), bool)
    for back in range(1, ngram):  # what starts in a text's last n-1 words reaches into the next text
        within[(ends - back)[counts > back]] = False
    values = rolled[within]
    for text in np.flatnonzero((counts > 0) & (counts < ngram)):  # few and short
        values[offsets[text]] = roll(hashes[ends[text] - counts[text] : ends[text]], int(counts[text]))[0]
    return Shingles(mix(values), offsets)


def signatures(grams: Shingles, num_perm: int) -> NDArray[np.uint32]:
    """MinHash signatures, uint32 of shape (n, num_perm); all ones for a text without shingles."""
    a, b = permutations(num_perm)
    texts = len(grams.offsets) - 1
    out = np.full((num_perm, texts), np.iinfo(np.uint32).max, dtype=np.uint32)
    first = 0
    while first < texts:
        stop = max(int(np.searchsorted(grams.offsets, grams.offsets[first] + BLOCK, side="right")) - 1, first + 1)
        block = _fmix32(shingle_hash(grams.values[grams.offsets[first] : grams.offsets[stop]]))
        lengths = np.diff(grams.offsets[first : stop + 1])
        full = np.flatnonzero(lengths)
        if len(full):
            out[:, first + full] = _minima(block, (grams.offsets[first:stop] - grams.offsets[first])[full], a, b)
        first = stop
    return out.T  # each permutation's values lie in a row, as they are made and as bands are hashed


def shingle_hash(values: Hashes) -> NDArray[np.uint32]:
    """The 32 bits of a shingle's hash that MinHash permutes."""
    return (values >> np.uint64(32)).astype(np.uint32)


@lru_cache
def permutations(num_perm: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """datasketch's own affine permutations `h -> a * h + b mod 2^32` for its default seed.

    Drawn as `datasketch.MinHash._init_permutations` draws them (asserted in the tests), since importing it takes 0.6 s; and
    numpy's `RandomState` is Python's own generator with another seeding, without the 15 ms that importing `numpy.random` takes.
    """
    words = [SEED]
    for i in range(1, 624):
        words.append((1812433253 * (words[-1] ^ words[-1] >> 30) + i) % (1 << 32))  # Mersenne Twister's `init_genrand`
    generator = Random()
    generator.setstate((3, (*words, 624), None))
    drawn = np.array([generator.getrandbits(32) for _ in range(2 * num_perm)], np.uint32)
    return drawn[:num_perm] << np.uint32(1) | np.uint32(1), drawn[num_perm:]


def _minima(
    block: NDArray[np.uint32], starts: Ints, a: NDArray[np.uint32], b: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """For each permutation the smallest value of each text, uint32 of shape (permutations, texts). starts: where each
    text begins in the block, none of them empty."""
    scratch = np.empty_like(block)
    lowest = np.empty((len(a), len(starts)), np.uint32)
    for k in range(len(a)):
        np.multiply(block, a[k], out=scratch)
        np.add(scratch, b[k], out=scratch)
        np.minimum.reduceat(scratch, starts, out=lowest[k])
    return lowest


def roll(hashes: Hashes, ngram: int) -> Hashes:
    """Polynomial hashes of all runs of `ngram` words, modulo 2^64. Of two runs in a row one twice as long is made, so five
    words take three steps."""
    rolled, width = hashes, 1
    for bit in f"{ngram:b}"[1:]:
        rolled, width = rolled[:-width] * _power(width) + rolled[width:], 2 * width
        if bit == "1":
            rolled, width = rolled[:-1] * BASE + hashes[width:], width + 1
    return rolled


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(int(BASE), exponent, 1 << 64))


def _fmix32(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MurmurHash3's 32-bit finalizer, which datasketch's affine32 scheme applies before its permutations."""
    values = values ^ (values >> np.uint32(16))
    values = values * np.uint32(0x85EBCA6B)
    values = values ^ (values >> np.uint32(13))
    values = values * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))
