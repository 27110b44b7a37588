"""Near-duplicate pairs of a whole build: candidates from the shards' sketches, verified on their own shingles.

Pairs are of texts, not of records, and of all of them, whatever the filters say: so a changed filter finds its pairs in
the cache. Only texts that are in a candidate pair are shingled again, shard by shard, from the stored records.

What is held grows with the texts by 48 bytes each, and by their pairs: band hashes are made a few bands at a time, signatures
are looked at only for texts that share a bucket, and shingles lie in a mapped file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.gather import KeyPlane, Piece
from datasetbuild.engine.local import Engine
from datasetbuild.engine.mapped import let_go, mapped
from datasetbuild.plan import keys
from datasetbuild.stages.annotate import annotate_frame
from datasetbuild.stages.dedup import near
from datasetbuild.stages.dedup.partners import Pairs, Partners, bucket_pairs, distinct

BANDS_AT_ONCE = 12
"""Bands whose hashes are held together: 48 bytes a text instead of 92, for reading the signatures twice."""

PAIRS = {"a": pl.Int64, "b": pl.Int64, "similarity": pl.Float64}


@dataclass(frozen=True)
class ShingleTask:
    """The shingle sets of some records of a shard. records: digest; positions: file of their positions (npy); target:
    where they go."""

    cache: Path
    records: str
    positions: Path
    on: Any
    ngram: int
    target: Path


def shingle_shard(task: ShingleTask) -> tuple[Path, Path]:
    """Two files (npy): the sets one after the other, and the number of shingles of each."""
    wanted = pl.Series(np.load(task.positions))
    frame = annotate_frame(Cache(task.cache).rows(task.records, wanted))
    values, lengths = near.shingle_sets(frame, on=task.on, ngram=task.ngram)
    files = task.target.with_suffix(".values.npy"), task.target.with_suffix(".lengths.npy")
    for file, array in zip(files, (values, lengths), strict=True):
        np.save(file, array)
    return files


@dataclass(frozen=True)
class Place:
    """Where a text stands: `at` in the order of all texts, `pos` in its shard. Arrays of one shard's texts, by `pos`."""

    piece: Piece
    at: NDArray[np.int64]
    pos: NDArray[np.int64]


def verified_pairs(cache: Cache, engine: Engine, pieces: Sequence[Piece], plane: KeyPlane, params: dict[str, Any]) -> pl.DataFrame:
    """Pairs of texts with a Jaccard similarity of at least the floor below `params["threshold"]`: `a` < `b` (numbers of
    the plane's `@words`) and `similarity`. Whoever asks cuts them at the threshold."""
    params = {**params, "threshold": near.floor_of(params["threshold"])}
    sketches = [piece.measured.near or "" for piece in pieces]
    key = keys.action_key("dedup", pairs=params, sketches=sketches, numbers="in the order of the hashes", partners=2)

    def make() -> dict[str, Any]:
        found = _find(cache, engine, _texts(pieces, plane), params)
        return {"objects": {"pairs": cache.store_frame(found)}}

    return cache.frame(cache.once(key, make)["objects"]["pairs"])


def _texts(pieces: Sequence[Piece], plane: KeyPlane) -> list[Place]:
    """Where each text stands first, shard by shard. Texts are numbered in the order of their hashes, as in the plane."""
    node = plane.rows["@words"].to_numpy()
    _, first = np.unique(node, return_index=True)
    first = first[node[first] >= 0]
    return _by_shard(pieces, plane.rows["place"].gather(first).to_numpy(), plane.rows["pos"].gather(first).to_numpy())


def _by_shard(pieces: Sequence[Piece], place: NDArray[Any], pos: NDArray[Any]) -> list[Place]:
    order = np.lexsort((pos, place))
    edges = np.searchsorted(place[order], [*(piece.place for piece in pieces), len(pieces)])
    return [
        Place(piece, order[start:stop], pos[order[start:stop]].astype(np.int64))
        for piece, start, stop in zip(pieces, edges[:-1], edges[1:], strict=True)
        if stop > start
    ]


def _find(cache: Cache, engine: Engine, texts: Sequence[Place], params: dict[str, Any]) -> pl.DataFrame:
    pairs = _candidates(cache, texts, params["threshold"], params["num_perm"])
    if not len(pairs):
        return pl.DataFrame(schema=PAIRS)
    found = [_similar(pairs, first, one, params["threshold"]) for first, one in _similarities(cache, engine, texts, pairs, params)]
    return pl.concat(found)


def _similar(pairs: Pairs, first: int, similarity: NDArray[np.float64], floor: float) -> pl.DataFrame:
    """Those of a block of pairs that reach the floor."""
    near_by = np.flatnonzero(similarity >= floor)
    a, b = pairs[first + near_by].T
    return pl.DataFrame({"a": a, "b": b, "similarity": similarity[near_by]}, schema=PAIRS)


def _candidates(cache: Cache, texts: Sequence[Place], floor: float, num_perm: int) -> Pairs:
    """Pairs that are worth comparing in full."""
    count = sum(len(one.at) for one in texts)
    bands, rows = near.bands_for(floor, num_perm)

    def agreement(pairs: Pairs) -> NDArray[np.int16]:
        involved = distinct(pairs.ravel())
        return near.alike(_signatures(cache, texts, involved, num_perm), np.searchsorted(involved, pairs), floor)

    found = Partners(agreement)
    for first in range(0, bands, BANDS_AT_ONCE):
        some = range(first, min(first + BANDS_AT_ONCE, bands))
        hashes = np.empty((len(some), count), np.uint32)
        for one, signature in _sketched(cache, texts):
            hashes[:, one.at] = near.band_hashes(signature, some, rows)[:, one.pos]
        for band in hashes:
            for packed in bucket_pairs(band):
                found.add(packed)
    return found.pairs()[0]


def _sketched(cache: Cache, texts: Sequence[Place]) -> Iterator[tuple[Place, NDArray[np.uint32]]]:
    """Each shard with the signatures of all its records."""
    for one in texts:
        yield one, cache.frame(one.piece.measured.near or "", ["signature"])["signature"].to_numpy()


def _signatures(cache: Cache, texts: Sequence[Place], involved: NDArray[np.int64], num_perm: int) -> NDArray[np.uint8]:
    """The last byte of each number of these texts' signatures."""
    out = np.empty((len(involved), num_perm), np.uint8)
    for one, mine, place in _among(texts, involved):
        signature = cache.frame(one.piece.measured.near or "", ["signature"])["signature"].to_numpy()
        out[place] = signature[one.pos[mine]].astype(np.uint8)
    return out


def _among(texts: Sequence[Place], involved: NDArray[np.int64]) -> Iterator[tuple[Place, NDArray[np.int64], NDArray[np.int64]]]:
    """The shards that have some of these texts (sorted), which of theirs these are, and their places in `involved`."""
    for one in texts:
        place = np.minimum(np.searchsorted(involved, one.at), len(involved) - 1)
        mine = np.flatnonzero(involved[place] == one.at) if len(involved) else place[:0]
        if len(mine):
            yield one, mine, place[mine]


def _similarities(
    cache: Cache, engine: Engine, texts: Sequence[Place], pairs: Pairs, params: dict[str, Any]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """The similarities of the pairs, block by block, each with the number of its first pair."""
    involved = distinct(pairs.ravel())
    with cache.workspace() as work:
        tasks, order = [], []
        for one, mine, place in _among(texts, involved):
            target = work / f"{one.piece.place}"
            np.save(positions := target.with_suffix(".npy"), one.pos[mine])
            tasks.append(ShingleTask(cache.root, one.piece.measured.records, positions, params["on"], params["ngram"], target))
            order.append(place)
        files = [*engine.map(shingle_shard, tasks)]
        lengths = np.concatenate([np.load(sizes) for _, sizes in files])
        values = mapped(work / "shingles", (np.load(held, mmap_mode="r") for held, _ in files), np.empty(0, np.uint64))
        at = np.empty(len(involved), np.int64)
        at[np.concatenate(order)] = np.arange(len(involved))  # the sets lie shard by shard
        first = 0
        for block in near.jaccard(at[np.searchsorted(involved, pairs)], values, lengths):
            yield first, block
            first += len(block)
            let_go(values)
