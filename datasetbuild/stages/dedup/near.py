"""Near dedup: candidates by LSH over MinHash, every pair verified against the exact Jaccard of its shingles.

Unverified LSH merges some 40 % of the pairs just below the threshold, and the usual choice of bands misses 5 to 10 % of
those above. Since each candidate is verified here, false candidates cost time and not rows, and the bands are chosen for
recall, and for the floor below the threshold: 23 bands of 5 for all thresholds from 0.7 on (128 permutations), which miss
1.5 % of the pairs at 0.7 and 0.01 % of those at 0.8. So a sweep over thresholds finds and verifies its pairs once.

A signature is made only of texts that can have a near-duplicate at all (`shared.py`). Texts with the same words are one
node, so a repeated text costs no more than one, however often it repeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import lists
from datasetbuild.hashing import salt
from datasetbuild.op import Bound, section
from datasetbuild.stages.dedup.partners import distinct
from datasetbuild.stages.dedup.shared import low_shingles
from datasetbuild.stages.dedup.sketch import shingles
from datasetbuild.stages.where import On, words_on
from datasetbuild.stages.words import Hashes, Ints, by_size, sequence_hashes, word_portions

FALSE_POSITIVE_WEIGHT, FALSE_NEGATIVE_WEIGHT = 0.02, 0.98
"""Weights for datasketch's parameter search: a false candidate costs a comparison, a missed pair a duplicate."""

FLOORS = (0.3, 0.5, 0.7)
SLACK = 0.2

KNOWN_BANDS = {(0.3, 128): (51, 2), (0.5, 128): (34, 3), (0.7, 128): (23, 5)}
"""What datasketch's search gives (asserted in the tests): importing it takes 0.6 s."""

AT_ONCE = 1 << 14
"""Texts or pairs that are sorted together, at most: their number stands above 48 bits."""

SHINGLES_AT_ONCE = 1 << 20
"""Shingles of both sides of all pairs that are sorted together: 40 MB with all that is made of them. Beyond it one pair,
however long."""

LOW_48 = np.uint64((1 << 48) - 1)


@section("dedup.near", version=7)
def near(
    *,
    threshold: Annotated[float, Bound(gt=0, le=1)] = 0.8,
    ngram: Annotated[int, Bound(ge=1, le=32)] = 5,
    num_perm: Annotated[int, Bound(ge=16, le=1024)] = 128,
    on: On = "conversation",
) -> None:
    """Records whose word n-grams overlap by at least `threshold` are near-duplicates; of each cluster one stays.

    A cluster is a connected component of verified pairs. Texts shorter than the n-gram are alike only to the same words.

    threshold: Jaccard similarity of the two sets of word n-grams, from above 0 to 1.
    ngram: words per shingle; letter case and punctuation do not count.
    num_perm: permutations of the MinHash signature; more find more pairs near the threshold, and cost more.
    on: `conversation` compares all turns, `first_user` the first user message, `assistant` the answers; of tool calls their
        names and arguments.
    """


def sketch(frame: pl.DataFrame, *, on: On, ngram: int) -> pl.DataFrame:
    """What near dedup keeps of a shard. frame: the annotate frame of n records.

    Returns `words` (Struct of two UInt64, a 128-bit hash of the sequence of words; null without words) and `low`
    (List[UInt32], the low shingles).
    """
    hashes, counts = words_on(frame, on, calls=True)
    parts = [_sketched(*portion, ngram) for portion in word_portions(hashes, counts)]
    high, low, values, lengths = (np.concatenate(column) for column in zip(*parts, strict=True))
    columns = pl.DataFrame({"high": high, "low": low, "some": counts > 0})
    return columns.select(
        pl.when("some").then(pl.struct("high", "low")).alias("words"),
        lists("low", values, np.concatenate([[0], np.cumsum(lengths)])),
    )


def _sketched(hashes: Hashes, counts: Ints, ngram: int) -> tuple[NDArray[Any], ...]:
    """Of some texts: the two halves of the hash of their words, and their low shingles."""
    return *sequence_hashes(hashes, counts), *low_shingles(shingles(hashes, counts, ngram))


def shingle_sets(frame: pl.DataFrame, *, on: On, ngram: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The distinct shingles of each record of the annotate frame, sorted, one set after the other, and how many each has:
    48 bits of each shingle's hash.

    Two texts of 100 shingles have one in common by accident once in 10^10 pairs.
    """
    grams = shingles(*words_on(frame, on, calls=True), ngram)
    found, counts = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for first in range(0, len(frame), AT_ONCE):
        offsets = grams.offsets[first : first + AT_ONCE + 1]
        row = np.repeat(np.arange(len(offsets) - 1, dtype=np.uint64), np.diff(offsets))
        packed = distinct((row << np.uint64(48)) | (grams.values[offsets[0] : offsets[-1]] >> np.uint64(16)))
        found.append(packed & LOW_48)
        counts.append(np.bincount((packed >> np.uint64(48)).astype(np.int64), minlength=len(offsets) - 1))
    return np.concatenate(found), np.concatenate(counts)


def floor_of(threshold: float) -> float:
    """The threshold that candidates are found and verified for: the largest of FLOORS that is not above, else itself."""
    return max((floor for floor in FLOORS if floor <= threshold), default=threshold)


@lru_cache
def bands_for(floor: float, num_perm: int) -> tuple[int, int]:
    """Number of bands and rows per band: datasketch's parameter search, weighted for recall."""
    if (floor, num_perm) in KNOWN_BANDS:
        return KNOWN_BANDS[floor, num_perm]
    from datasketch.lsh import _optimal_param

    bands, rows = _optimal_param(floor, num_perm, FALSE_POSITIVE_WEIGHT, FALSE_NEGATIVE_WEIGHT)
    return int(bands), int(rows)


def alike(signature: NDArray[np.uint8], pairs: NDArray[np.int64], floor: float) -> NDArray[np.int16]:
    """In how many places the signatures of pairs agree; -1 for pairs that are not worth comparing in full.

    The share of equal positions has a standard deviation of at most 0.044 around the Jaccard (128 permutations): one that
    is SLACK = 0.2 below the floor belongs to a similar pair with a chance of 10^-6. signature: the last byte of each of its
    numbers (n, num_perm), which will do: unequal numbers share it once in 256, and whoever passes is compared in full.
    """
    out = np.empty(len(pairs), np.int16)
    for start in range(0, len(pairs), AT_ONCE):
        a, b = pairs[start : start + AT_ONCE].T
        out[start : start + AT_ONCE] = (signature[a] == signature[b]).sum(axis=1)
    out[out < (floor - SLACK) * signature.shape[1]] = -1
    return out


def band_hashes(signature: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.uint32]:
    """One 32-bit hash for each band, salted with its number. signature: (n, num_perm); returns (bands, n).

    Of a million texts about a hundred pairs share a bucket by accident; their signatures tell them apart.
    """
    columns = signature.T[: bands * rows].reshape(bands, rows, -1)
    state = np.array([[salt(band, "dedup.near band")] for band in range(bands)], np.uint64)
    for row in range(rows):
        state = (state ^ columns[:, row]) * np.uint64(0x9E3779B97F4A7C15)
        state ^= state >> np.uint64(29)
    return (state >> np.uint64(32)).astype(np.uint32)


def jaccard(pairs: NDArray[np.int64], values: NDArray[np.uint64], lengths: NDArray[np.int64]) -> Iterator[NDArray[np.float64]]:
    """Exact Jaccard similarity of pairs of shingle sets, block by block, in order. pairs: (p, 2) numbers of sets; values:
    the sets one after the other (from `shingle_sets`), which may lie in a file; lengths: of each.

    The shingles of both sides of many pairs are sorted at once, each with its pair's number above its 48 bits: what is
    shared stands twice in a row.
    """
    starts = np.cumsum(lengths) - lengths
    for first in range(0, len(pairs), AT_ONCE):
        some = pairs[first : first + AT_ONCE]
        for block in by_size(lengths[some].sum(axis=1), SHINGLES_AT_ONCE):
            part = some[block]
            sizes = lengths[part]
            flat = sizes.ravel()
            index = np.repeat(starts[part].ravel() - (np.cumsum(flat) - flat), flat) + np.arange(flat.sum())
            number = np.repeat(np.arange(len(part), dtype=np.uint64), sizes.sum(axis=1))
            packed = np.sort((number << np.uint64(48)) | values[index])
            twice = packed[1:][packed[1:] == packed[:-1]] >> np.uint64(48)
            shared = np.bincount(twice.astype(np.int64), minlength=len(part))
            yield shared / (sizes.sum(axis=1) - shared)


def components(nodes: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Connected components. Returns for each node the smallest node of its component.

    Every root hooks to the smallest root that an edge leads it to, then all nodes point to their roots again, until no
    edge joins two roots. scipy does the same, and takes 0.2 s to be imported. Nodes without an edge are not looked at.
    """
    label = np.arange(nodes)
    joined = np.zeros(nodes, bool)
    joined[pairs] = True
    node, number = numbered(joined)
    label[node] = node[_hooked(len(node), number[pairs])]
    return label


def _hooked(nodes: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    label = np.arange(nodes)
    a, b = pairs.reshape(-1, 2).T
    while True:
        low, high = np.minimum(label[a], label[b]), np.maximum(label[a], label[b])
        open_ = low != high
        if not open_.any():
            return label
        a, b = a[open_], b[open_]
        np.minimum.at(label, high[open_], low[open_])
        while not np.array_equal(label, above := label[label]):
            label = above


def numbered(some: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of a mask that are set, and for all places their number among these, which says nothing of the others."""
    places = np.flatnonzero(some)
    number = np.empty(len(some), np.int64)
    number[places] = np.arange(len(places))
    return places, number


def clusters(
    node: NDArray[np.int64], pairs: pl.DataFrame, repeated: NDArray[np.int64], eligible: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The records that have a near-duplicate, in order, and the number of each one's cluster.

    node: each record's text as a number, -1 without words. pairs: verified, `a`, `b` numbers of texts. repeated: records
    whose text others have too. eligible: records that reached this stage; a text of none of them connects nothing.
    """
    edges = np.stack([pairs["a"].to_numpy(), pairs["b"].to_numpy()], axis=1)
    paired = np.zeros(int(node.max(initial=-1)) + 2, bool)  # the last, which is never set, is that of no text
    paired[edges] = True
    wanted = paired[node]
    wanted[repeated] = True
    record = np.flatnonzero(wanted & eligible)
    there = np.zeros(len(paired), bool)
    there[node[record]] = True
    text, number = numbered(there)
    cluster = components(len(text), number[edges[there[edges].all(axis=1)]])[number[node[record]]]
    several = (np.bincount(cluster, minlength=1) > 1)[cluster]
    return record[several], cluster[several]
