"""Near-duplicate pairs of a whole build: the texts that can have one, candidates among them, verified on their own shingles.

Pairs are of texts, not of records, and of all of them, whatever the filters say: so a changed filter finds its pairs in
the cache. Only texts whose shingles stand in other texts too are read again, shard by shard, from the stored records.

What is held grows with those texts by 48 bytes each, and by their pairs: band hashes are read a few bands at a time,
signatures are looked at only for texts that share a bucket, and both they and the shingles lie in files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import unfold
from datasetbuild.engine.cache import Cache
from datasetbuild.engine.gather import KeyPlane, Piece
from datasetbuild.engine.local import Engine
from datasetbuild.engine.mapped import in_file, let_go
from datasetbuild.engine.rest import rest
from datasetbuild.plan import keys
from datasetbuild.stages.dedup import near
from datasetbuild.stages.dedup.partners import Pairs, Partners, bucket_pairs, distinct
from datasetbuild.stages.dedup.shared import Repeated, possible
from datasetbuild.stages.dedup.sketch import Shingles, signatures
from datasetbuild.stages.where import COMPARED, annotate_frame

STRETCH, STRETCHES = 4 << 20, 24
"""Shingles of one stretch of the file of all sets, at least (32 MB), and how many stretches there are, at most: two of them are
looked at together. A file that memory does not hold is so read twelve times at most, whatever pairs there are."""

BANDS_AT_ONCE = 12
"""Bands whose hashes are held together: 48 bytes a text instead of 92, for opening their files twice."""

PAIRS = {"a": pl.Int64, "b": pl.Int64, "similarity": pl.Float64}


@dataclass(frozen=True)
class ShingleTask:
    """The shingle sets and signatures of some records of a shard. records: digest; positions: file of their positions (npy);
    bands: how many, and rows of each; target: where they go."""

    cache: Path
    records: str
    positions: Path
    on: Any
    ngram: int
    num_perm: int
    bands: tuple[int, int]
    target: Path


@dataclass(frozen=True)
class Shingled:
    """Files (npy) of one shard's n texts. values: their shingle sets, one after the other; lengths: shingles of each;
    bands: band hashes (bands, n); ends: the last byte of each number of their signatures (n, num_perm)."""

    values: Path
    lengths: Path
    bands: Path
    ends: Path


def shingle_shard(task: ShingleTask) -> Shingled:
    """Read the texts again, and write what pairs are found and verified by."""
    wanted = pl.Series(np.load(task.positions))
    records = Cache(task.cache).rows(task.records, wanted, ["messages"])
    frame = annotate_frame(records, COMPARED[task.on])
    values, lengths = near.shingle_sets(frame, on=task.on, ngram=task.ngram)
    grams = Shingles(values << np.uint64(16), np.concatenate([[0], np.cumsum(lengths)]))
    signature = signatures(grams, task.num_perm)
    files = Shingled(*(task.target.with_suffix(f".{one.name}.npy") for one in fields(Shingled)))
    np.save(files.values, values)
    np.save(files.lengths, lengths)
    np.save(files.bands, near.band_hashes(signature, *task.bands))
    np.save(files.ends, signature.astype(np.uint8, order="C"))
    return files


@dataclass(frozen=True)
class Place:
    """Where a text stands: `at` in the order of the texts that are looked at, `pos` in its shard. Arrays of one shard's texts,
    by `pos`."""

    piece: Piece
    at: NDArray[np.int64]
    pos: NDArray[np.int64]


def verified_pairs(cache: Cache, engine: Engine, pieces: Sequence[Piece], plane: KeyPlane, params: dict[str, Any]) -> pl.DataFrame:
    """Pairs of texts with a Jaccard similarity of at least the floor below `params["threshold"]`: `a` < `b` (numbers of
    the plane's `@words`) and `similarity`. Whoever asks cuts them at the threshold."""
    params = {**params, "threshold": near.floor_of(params["threshold"])}
    sketches = [piece.measured.near or "" for piece in pieces]
    key = keys.action_key("dedup", pairs=params, sketches=sketches, numbers="in the order of the hashes", partners=4)

    def make() -> dict[str, Any]:
        found = _find(cache, engine, _texts(pieces, plane), params)
        return {"objects": {"pairs": cache.store_frame(found)}}

    return cache.frame(cache.once(key, make)["objects"]["pairs"])


def _texts(pieces: Sequence[Piece], plane: KeyPlane) -> list[Place]:
    """Where each text stands first, shard by shard. Texts are numbered in the order of their hashes, as in the plane."""
    node = plane.rows["@words"].to_numpy()
    first = np.empty(int(node.max(initial=-1)) + 1, np.int64)
    rows = np.flatnonzero(node >= 0)[::-1]
    first[node[rows]] = rows  # the first row of a text is noted last
    first.sort()
    at, place, pos = (plane.rows[name].gather(first).to_numpy().astype(np.int64) for name in ("@words", "place", "pos"))
    edges = np.searchsorted(place, [*(piece.place for piece in pieces), len(pieces)])
    return [
        Place(piece, at[start:stop], pos[start:stop])
        for piece, start, stop in zip(pieces, edges[:-1], edges[1:], strict=True)
        if stop > start
    ]


def _find(cache: Cache, engine: Engine, texts: Sequence[Place], params: dict[str, Any]) -> pl.DataFrame:
    floor = params["threshold"]
    rest(cache.root)
    texts, numbers = _possible(cache, texts, floor)
    rest(cache.root)
    with cache.workspace() as work:
        shingled = _shingled(cache, engine, texts, params, work)
        rest(cache.root)
        found = [pl.DataFrame(schema=PAIRS)]
        if len(pairs := _candidates(shingled, len(numbers), params)):
            found += [_similar(numbers[pairs[some]], one, floor) for some, one in _similarities(shingled, pairs, work)]
    return pl.concat(found).sort("b", "a")


def _similar(pairs: Pairs, similarity: NDArray[np.float64], floor: float) -> pl.DataFrame:
    """Those of a block of pairs that reach the floor."""
    near_by = np.flatnonzero(similarity >= floor)
    a, b = pairs[near_by].T
    return pl.DataFrame({"a": a, "b": b, "similarity": similarity[near_by]}, schema=PAIRS)


def _possible(cache: Cache, texts: Sequence[Place], floor: float) -> tuple[list[Place], NDArray[np.int64]]:
    """The texts that can have a near-duplicate, numbered anew in the same order, and the numbers that they had."""
    repeated = Repeated(sum(int(_low_lists(cache, one).list.len().gather(one.pos).sum()) for one in texts))
    for one in texts:
        repeated.add(_low(cache, one)[0])
    left = []
    for one in texts:
        mine = possible(*_low(cache, one), repeated, floor)
        left.append(Place(one.piece, one.at[mine], one.pos[mine]))
    numbers = np.sort(np.concatenate([np.empty(0, np.int64), *(one.at for one in left)]))
    return [Place(one.piece, np.searchsorted(numbers, one.at), one.pos) for one in left if len(one.at)], numbers


def _low(cache: Cache, one: Place) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The low shingles of a shard's texts, and how many each has."""
    values, bounds = unfold(_low_lists(cache, one))
    lengths = np.diff(bounds)
    if len(one.pos) == len(lengths):
        return values, lengths
    mine = np.zeros(len(lengths), bool)
    mine[one.pos] = True
    return values[np.repeat(mine, lengths)], lengths[mine]


def _low_lists(cache: Cache, one: Place) -> pl.Series:
    return cache.frame(one.piece.measured.near or "", ["low"])["low"]


def _shingled(
    cache: Cache, engine: Engine, texts: Sequence[Place], params: dict[str, Any], work: Path
) -> list[tuple[Place, Shingled]]:
    """The shingle sets and signatures of all these texts."""
    how = {name: params[name] for name in ("on", "ngram", "num_perm")}
    how["bands"] = near.bands_for(params["threshold"], params["num_perm"])
    tasks = []
    for one in texts:
        target = work / f"{one.piece.place}"
        np.save(positions := target.with_suffix(".npy"), one.pos)
        tasks.append(ShingleTask(cache.root, one.piece.measured.records, positions, target=target, **how))
    return list(zip(texts, engine.map(shingle_shard, tasks), strict=True))


def _candidates(shingled: Sequence[tuple[Place, Shingled]], count: int, params: dict[str, Any]) -> Pairs:
    """Pairs of `count` texts that are worth comparing in full."""
    floor, num_perm = params["threshold"], params["num_perm"]
    bands, _ = near.bands_for(floor, num_perm)

    def agreement(pairs: Pairs) -> NDArray[np.int16]:
        involved = distinct(pairs.ravel())
        return near.alike(_ends(shingled, involved, num_perm), np.searchsorted(involved, pairs), floor)

    found = Partners(agreement)
    for first in range(0, bands, BANDS_AT_ONCE):
        hashes = np.empty((min(BANDS_AT_ONCE, bands - first), count), np.uint32)
        for one, files in shingled:
            hashes[:, one.at] = np.load(files.bands, mmap_mode="r")[first : first + BANDS_AT_ONCE]
        for band in hashes:
            for packed in bucket_pairs(band):
                found.add(packed)
    return found.pairs()[0]


def _ends(shingled: Sequence[tuple[Place, Shingled]], involved: NDArray[np.int64], num_perm: int) -> NDArray[np.uint8]:
    """The last byte of each number of these texts' signatures. involved: their numbers, sorted."""
    out = np.empty((len(involved), num_perm), np.uint8)
    for one, files in shingled:
        place = np.minimum(np.searchsorted(involved, one.at), len(involved) - 1)
        mine = np.flatnonzero(involved[place] == one.at) if len(involved) else place[:0]
        if len(mine):
            out[place[mine]] = np.load(files.ends)[mine]
    return out


def _similarities(
    shingled: Sequence[tuple[Place, Shingled]], pairs: Pairs, work: Path
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """The similarities of the pairs, block by block, each with the places of its pairs."""
    lengths = np.concatenate([np.load(files.lengths) for _, files in shingled])
    parts = (np.load(files.values, mmap_mode="r") for _, files in shingled)
    values = in_file(work / "shingles", parts, np.empty(0, np.uint64))
    at = np.empty(len(lengths), np.int64)
    at[np.concatenate([one.at for one, _ in shingled])] = np.arange(len(lengths))  # the sets lie shard by shard
    for some in _by_stretches(at, lengths, pairs):
        first = 0
        for block in near.jaccard(at[pairs[some]], values, lengths):
            yield some[first : first + len(block)], block
            first += len(block)
        let_go(values)


def _by_stretches(at: NDArray[np.int64], lengths: NDArray[np.int64], pairs: Pairs) -> Iterator[NDArray[np.int64]]:
    """The places of all pairs, those together whose sets lie in the same two stretches of the file: whoever compares them
    reads these two. In another order a file that memory does not hold is read again for every few pairs.

    at: where the set of each text lies; lengths: shingles of each set, in the order in which they lie.
    """
    ends = np.cumsum(lengths)
    size = max(STRETCH, int(ends[-1]) // STRETCHES + 1)
    stretch = ((ends - lengths) // size)[at].astype(np.uint16)
    low, high = np.sort(stretch[pairs], axis=1).T
    both = low * np.uint16(STRETCHES) + high
    order = np.argsort(both, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(both[order])) + 1)
