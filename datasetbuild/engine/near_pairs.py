"""Near-duplicate pairs of a whole build: candidates from the shards' sketches, verified on their own shingles.

Pairs are of texts, not of records, and of all of them, whatever the filters say: so a changed filter finds its pairs in
the cache. Only texts that are in a candidate pair are shingled again, shard by shard, from the stored records.
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
from datasetbuild.plan import keys
from datasetbuild.stages.annotate import annotate_frame
from datasetbuild.stages.dedup import near

PAIRS = {"a": pl.Int64, "b": pl.Int64, "similarity": pl.Float64}


@dataclass(frozen=True)
class ShingleTask:
    """The shingle sets of some records of a shard. records: digest; positions: digest of a frame with `pos`."""

    cache: Path
    records: str
    positions: str
    on: Any
    ngram: int


def shingle_shard(task: ShingleTask) -> str:
    """Digest of a frame with one row per wanted position: `shingles`, List[UInt64]."""
    cache = Cache(task.cache)
    wanted = cache.frame(task.positions)["pos"]
    frame = annotate_frame(cache.frame(task.records)[wanted])
    return cache.store_frame(near.shingle_sets(frame, on=task.on, ngram=task.ngram).to_frame())


def verified_pairs(
    cache: Cache, engine: Engine, pieces: Sequence[Piece], plane: KeyPlane, params: dict[str, Any]
) -> pl.DataFrame:
    """Pairs of texts with a Jaccard similarity of at least the floor below `params["threshold"]`: `a` < `b` (numbers of
    the plane's `@words`) and `similarity`. Whoever asks cuts them at the threshold."""
    params = {**params, "threshold": near.floor_of(params["threshold"])}
    sketches = [piece.measured.near or "" for piece in pieces]
    key = keys.action_key("dedup", pairs=params, sketches=sketches, numbers="in the order of the hashes")

    def make() -> dict[str, Any]:
        found = _find(cache, engine, pieces, plane, params)
        return {"objects": {"pairs": cache.store_frame(found)}}

    return cache.frame(cache.once(key, make)["objects"]["pairs"])


def _find(
    cache: Cache, engine: Engine, pieces: Sequence[Piece], plane: KeyPlane, params: dict[str, Any]
) -> pl.DataFrame:
    floor = params["threshold"]
    _, first = np.unique(node := plane.codes("@words"), return_index=True)
    firsts = plane.rows.select("place", "pos")[first[node[first] >= 0]]
    pairs = _candidates(cache, pieces, firsts, floor, params["num_perm"])
    if not len(pairs):
        return pl.DataFrame(schema=PAIRS)
    involved, local = np.unique(pairs, return_inverse=True)
    local = local.reshape(-1, 2)
    worth = near.alike(_signatures(cache, pieces, firsts[involved], params["num_perm"]), local, floor)
    pairs = pairs[worth]
    involved, local = np.unique(pairs, return_inverse=True)
    sets = _shingles(cache, engine, pieces, firsts[involved].with_row_index("at"), params)
    similarity = near.jaccard(local.reshape(-1, 2), sets)
    similar = similarity >= floor
    return pl.DataFrame({"a": pairs[similar, 0], "b": pairs[similar, 1], "similarity": similarity[similar]}, schema=PAIRS)


def _candidates(
    cache: Cache, pieces: Sequence[Piece], firsts: pl.DataFrame, floor: float, num_perm: int
) -> NDArray[np.int64]:
    """Candidate pairs as positions in `firsts`, which is sorted by text number, so that positions are those numbers."""
    bands, rows = near.bands_for(floor, num_perm)
    hashes = np.empty((bands, len(firsts)), np.uint64)
    for at, signature in _signatures_by_piece(cache, pieces, firsts):
        hashes[:, at] = near.band_hashes(signature, bands, rows)
    return near.candidate_pairs(hashes)


def _signatures(
    cache: Cache, pieces: Sequence[Piece], wanted: pl.DataFrame, num_perm: int
) -> NDArray[np.uint32]:
    """The signatures of the wanted texts, in order."""
    out = np.empty((len(wanted), num_perm), np.uint32)
    for at, signature in _signatures_by_piece(cache, pieces, wanted):
        out[at] = signature
    return out


def _signatures_by_piece(
    cache: Cache, pieces: Sequence[Piece], wanted: pl.DataFrame
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint32]]]:
    """For each shard the places in `wanted` of its texts, and their signatures."""
    numbered = wanted.with_row_index("at")
    for piece in pieces:
        mine = numbered.filter(pl.col("place") == piece.place)
        if len(mine) and piece.measured.near is not None:
            signature = cache.frame(piece.measured.near, ["signature"])["signature"][mine["pos"]].to_numpy()
            yield mine["at"].to_numpy().astype(np.int64), np.ascontiguousarray(signature)


def _shingles(
    cache: Cache, engine: Engine, pieces: Sequence[Piece], wanted: pl.DataFrame, params: dict[str, Any]
) -> pl.Series:
    """The shingle sets of the wanted texts, in order."""
    tasks, order = [], []
    for piece in pieces:
        mine = wanted.filter(pl.col("place") == piece.place)
        if len(mine):
            positions = cache.store_frame(mine.select("pos"))
            tasks.append(ShingleTask(cache.root, piece.measured.records, positions, params["on"], params["ngram"]))
            order.append(mine["at"])
    found = [cache.frame(one)["shingles"] for one in engine.map(shingle_shard, tasks)]
    if not found:
        return pl.Series("shingles", [], dtype=pl.List(pl.UInt64))
    return pl.DataFrame({"at": pl.concat(order), "shingles": pl.concat(found)}).sort("at")["shingles"]
