"""Pairs of vectors that point the same way: all pairs in blocks up to `EXACT` vectors, beyond that by random projections.

Beyond, two vectors are compared when the signs of some `bits` projections agree in one of `bands` bands (Charikar 2002): at
the number of bands chosen, fewer than one in two hundred pairs at the threshold are missed, and none is taken unverified.
Every step is a sum of integers below 2^24 in float32, exact in any order.

A vector that is like more than 64 before it keeps 64 of them (`dedup.partners`), which hold its cluster together. Vectors
may lie in a mapped file: they are read block by block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasetbuild.hashing import salt
from datasetbuild.stages.dedup.partners import Partners, bucket_pairs

EXACT = 20_000
"""Vectors up to which every pair is compared: 3 CPU s at 512 dimensions."""
BLOCK = 256
"""Vectors that are compared with all those before them at once: 40 MB of products, a few times over."""
READ = 1 << 14
"""Vectors that are projected at once: 32 MB as floats."""
BANDS_AT_ONCE = 16
"""Bands whose hashes are held together: 128 bytes a vector, for reading the vectors once for each 16 bands."""
MISSED = 0.005
MAX_BANDS = 256
AT_ONCE = 1 << 10
"""Pairs that are multiplied at once: half a megabyte of either side, which stays in the processor's cache. Of 16 times as many
each takes half as long again."""


def similar_pairs(vectors: NDArray[np.int8], threshold: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs (i < j) with a cosine of at least `threshold`, sorted, and their cosines. A vector of zeros is like nothing."""
    squares = _squares(vectors)

    def score(pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        found = cosines(vectors, squares, pairs)
        return np.where(found >= threshold, found, -1.0)

    near = Partners(score)
    if len(vectors) <= EXACT:
        for packed, found in _all_pairs(vectors, squares, threshold):
            near.keep(packed, found)
    else:
        for packed in _projected(vectors, threshold):
            near.add(packed)
    pairs, found = near.pairs()
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], found[order]


def _squares(vectors: NDArray[np.int8]) -> NDArray[np.float64]:
    """The squares of the vectors' lengths."""
    out = np.empty(len(vectors))
    for first in range(0, len(vectors), READ):
        block = vectors[first : first + READ]
        out[first : first + READ] = np.einsum("ij,ij->i", block, block, dtype=np.int64)
    return out


def cosines(vectors: NDArray[np.int8], squares: NDArray[np.float64], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """The cosine of each pair; 0 where a vector is zero. squares: of the vectors' lengths."""
    out = np.zeros(len(pairs))
    for first in range(0, len(pairs), AT_ONCE):
        a, b = pairs[first : first + AT_ONCE].T
        dots = np.einsum("ij,ij->i", vectors[a], vectors[b], dtype=np.int32).astype(np.float64)
        lengths = np.sqrt(squares[a] * squares[b])
        out[first : first + AT_ONCE] = np.divide(dots, lengths, out=np.zeros(len(a)), where=lengths > 0)
    return out


def _all_pairs(
    vectors: NDArray[np.int8], squares: NDArray[np.float64], threshold: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Every pair with the cosine (packed as in `Partners.add`) and the cosines, from products of blocks."""
    wide: NDArray[Any] = vectors.astype(np.float32 if vectors.shape[1] <= 1024 else np.float64)
    for first in range(0, len(vectors), BLOCK):
        stop = min(first + BLOCK, len(vectors))
        dots = (wide[first:stop] @ wide[:stop].T).astype(np.float64)
        lengths = np.sqrt(squares[first:stop, None] * squares[None, :stop])
        found = np.divide(dots, lengths, out=dots, where=lengths > 0)
        j, i = np.nonzero((found >= threshold) & (lengths > 0) & (np.arange(stop) < np.arange(first, stop)[:, None]))
        yield ((first + j) << 32) | i, found[j, i]


def _projected(vectors: NDArray[np.int8], threshold: float) -> Iterator[NDArray[np.int64]]:
    """Candidate pairs by the signs of random projections, packed as in `Partners.add`."""
    some = np.concatenate([np.flatnonzero(block.any(axis=1)) + first for first, block in _blocks(vectors)])
    bits, bands = _bands(len(some), threshold)
    power = 2.0 ** np.arange(bits)
    for start in range(0, bands, BANDS_AT_ONCE):
        planes = [_signs(band, vectors.shape[1], bits) for band in range(start, min(start + BANDS_AT_ONCE, bands))]
        hashes = np.empty((len(planes), len(some)), np.uint32)
        done = 0
        for _, block in _blocks(vectors):
            wide = block[block.any(axis=1)].astype(np.float32)
            for place, signs in enumerate(planes):
                hashes[place, done : done + len(wide)] = ((wide @ signs > 0) @ power).astype(np.uint32)
            done += len(wide)
        for one in hashes:
            for packed in bucket_pairs(one):
                yield (some[packed >> 32] << 32) | some[packed & 0xFFFFFFFF]


def _signs(band: int, width: int, bits: int) -> NDArray[np.float32]:
    """The directions of a band: +1 and -1."""
    drawn = np.random.RandomState(salt(band, "embed projection") % 2**32).randint(0, 2, (width, bits))
    return (2 * drawn - 1).astype(np.float32)


def _blocks(vectors: NDArray[np.int8]) -> Iterator[tuple[int, NDArray[np.int8]]]:
    return ((first, vectors[first : first + READ]) for first in range(0, len(vectors), READ))


def _bands(count: int, threshold: float) -> tuple[int, int]:
    """Bits per band, so that a bucket holds a few, and as many bands as the recall needs."""
    bits = min(max(12, math.ceil(math.log2(max(count, 2)))), 32)
    agree = (1 - math.acos(min(threshold, 1.0)) / math.pi) ** bits
    return bits, min(max(math.ceil(math.log(MISSED) / math.log1p(-min(agree, 0.999999))), 1), MAX_BANDS)
