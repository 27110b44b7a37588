"""Pairs of vectors that point the same way: all pairs in blocks up to `EXACT` vectors, beyond that by random projections.

Beyond, two vectors are compared when the signs of some `bits` projections agree in one of `bands` bands (Charikar 2002): at
the number of bands chosen, fewer than one in two hundred pairs at the threshold are missed, and none is taken unverified.
Every step is a sum of integers below 2^24 in float32, exact in any order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasetbuild.hashing import salt
from datasetbuild.stages.dedup.near import candidate_pairs

EXACT = 20_000
"""Vectors up to which every pair is compared: 3 CPU s at 512 dimensions."""
BLOCK = 1024
MISSED = 0.005
MAX_BANDS = 256
AT_ONCE = 1 << 16


def similar_pairs(vectors: NDArray[np.int8], threshold: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs (i < j) with a cosine of at least `threshold`, sorted, and their cosines. A vector of zeros is like nothing."""
    squares = (vectors.astype(np.int32) ** 2).sum(axis=1).astype(np.float64)
    pairs = _all_pairs(vectors, squares, threshold) if len(vectors) <= EXACT else _projected(vectors, threshold)
    found = cosines(vectors, squares, pairs)
    keep = found >= threshold
    return pairs[keep], found[keep]


def cosines(vectors: NDArray[np.int8], squares: NDArray[np.float64], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """The cosine of each pair; 0 where a vector is zero. squares: of the vectors' lengths."""
    out = np.zeros(len(pairs))
    for first in range(0, len(pairs), AT_ONCE):
        a, b = pairs[first : first + AT_ONCE].T
        dots = (vectors[a].astype(np.int32) * vectors[b]).sum(axis=1).astype(np.float64)
        lengths = np.sqrt(squares[a] * squares[b])
        out[first : first + AT_ONCE] = np.divide(dots, lengths, out=np.zeros(len(a)), where=lengths > 0)
    return out


def _all_pairs(vectors: NDArray[np.int8], squares: NDArray[np.float64], threshold: float) -> NDArray[np.int64]:
    """Pairs that may reach the threshold, from products of blocks: a hair below it, since lengths are rounded here."""
    wide: NDArray[Any] = vectors.astype(np.float32 if vectors.shape[1] <= 1024 else np.float64)
    lengths = np.sqrt(squares)
    found = []
    for first in range(0, len(vectors), BLOCK):
        rows = wide[first : first + BLOCK]
        dots = rows @ wide[first:].T
        i, j = np.nonzero(dots >= (threshold - 1e-6) * lengths[first : first + BLOCK, None] * lengths[None, first:])
        keep = (j > i) & (squares[first + i] > 0) & (squares[first + j] > 0)
        found.append(np.stack([first + i[keep], first + j[keep]], axis=1))
    return np.concatenate(found) if found else np.empty((0, 2), np.int64)


def _projected(vectors: NDArray[np.int8], threshold: float) -> NDArray[np.int64]:
    """Candidate pairs by the signs of random projections."""
    some = np.flatnonzero(vectors.any(axis=1))
    bits, bands = _bands(len(some), threshold)
    wide = vectors[some].astype(np.float32)
    hashes = np.empty((bands, len(some)), np.uint64)
    power = 2.0 ** np.arange(bits)
    for band in range(bands):
        signs = np.random.RandomState(salt(band, "embed projection") % 2**32).randint(0, 2, (vectors.shape[1], bits))
        positive = wide @ (2 * signs - 1).astype(np.float32) > 0
        hashes[band] = (positive @ power).astype(np.uint64)
    return some[candidate_pairs(hashes)]


def _bands(count: int, threshold: float) -> tuple[int, int]:
    """Bits per band, so that a bucket holds a few, and as many bands as the recall needs."""
    bits = min(max(12, math.ceil(math.log2(max(count, 2)))), 48)
    agree = (1 - math.acos(min(threshold, 1.0)) / math.pi) ** bits
    return bits, min(max(math.ceil(math.log(MISSED) / math.log1p(-min(agree, 0.999999))), 1), MAX_BANDS)
