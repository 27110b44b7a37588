"""Contradicting pairs of a whole build: which records are of one prompt, by their shards' hashes, and how their answers differ.

Of all records, whatever the filters say, so that a changed filter finds its pairs in the cache. Only records that share a
prompt with another are looked at twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.gather import Piece, code
from datasetbuild.engine.local import Engine
from datasetbuild.op import find
from datasetbuild.plan import keys
from datasetbuild.stages.annotate import annotate_frame
from datasetbuild.stages.contradictions import KINDS, answers, candidate_pairs, disagreement, prompts

PAIRS = {"a": pl.Int64, "b": pl.Int64, "kind": pl.String}


@dataclass(frozen=True)
class PromptTask:
    """The prompts of a shard; or, with positions, the answers of those records. records, positions: digests."""

    cache: Path
    records: str
    min_words: int
    version: int
    positions: str | None = None


def prompt_shard(task: PromptTask) -> str:
    """Digest of a frame of a shard: what `prompts` says of it, or what `answers` says of the wanted records."""
    cache = Cache(task.cache)

    def make() -> dict[str, Any]:
        records = cache.frame(task.records)
        if task.positions is None:
            found = prompts(annotate_frame(records), task.min_words)
        else:
            found = answers(annotate_frame(records[cache.frame(task.positions)["pos"]]))
        return {"objects": {"found": cache.store_frame(found)}}

    parts = {"min_words": task.min_words, "version": task.version, "positions": task.positions}
    return str(cache.once(keys.action_key("dedup", column="contradictions", records=task.records, **parts), make)["objects"]["found"])


def opposed_pairs(
    cache: Cache, engine: Engine, pieces: Sequence[Piece], rows: pl.DataFrame, params: dict[str, Any]
) -> tuple[pl.DataFrame, np.ndarray[Any, Any]]:
    """Pairs of rows of the plane whose prompts are the same and whose answers disagree: `a` < `b` and `kind`, one pair for
    each two answers; and for every row a number that it shares with the rows of the same prompt and answer, -1 for none."""
    version = find("section", "contradictions").version
    tasks = [PromptTask(cache.root, piece.measured.records, params["min_words"], version) for piece in pieces]
    printed = pl.concat([cache.frame(one) for one in engine.map(prompt_shard, tasks)])
    recorded = np.flatnonzero(rows["pos"].is_not_null().to_numpy())
    prompt, answer = _codes(printed["prompt"]), _codes(printed["answer"])
    both = code(prompt.astype(np.uint64), answer.astype(np.uint64), prompt >= 0).astype(np.int64)
    said = np.full(len(rows), -1, np.int64)
    said[recorded] = both
    key = keys.action_key("dedup", opposed=params["overlap"], prompts=[task.records for task in tasks], min_words=params["min_words"], version=version)

    def make() -> dict[str, Any]:
        return {"objects": {"pairs": cache.store_frame(_find(cache, engine, pieces, rows, tasks, (prompt, answer), params["overlap"]))}}

    pairs = cache.frame(cache.once(key, make)["objects"]["pairs"])
    return pairs.with_columns(pl.Series(name, recorded[pairs[name]], dtype=pl.Int64) for name in ("a", "b")), said


def _find(
    cache: Cache,
    engine: Engine,
    pieces: Sequence[Piece],
    rows: pl.DataFrame,
    tasks: Sequence[PromptTask],
    codes: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]],
    overlap: float,
) -> pl.DataFrame:
    """The pairs as places among the records, in the order of the shards."""
    found = candidate_pairs(*codes)
    if not len(found):
        return pl.DataFrame(schema=PAIRS)
    recorded = rows.select("place", "pos").filter(pl.col("pos").is_not_null())
    involved, local = np.unique(found, return_inverse=True)
    kinds = disagreement(local.reshape(-1, 2), _answers(cache, engine, pieces, recorded[involved], tasks), overlap)
    differ = kinds > 0
    words = [KINDS[kind - 1] for kind in kinds[differ]]
    return pl.DataFrame({"a": found[differ, 0], "b": found[differ, 1], "kind": words}, schema=PAIRS)


def _codes(hashes: pl.Series) -> np.ndarray[Any, Any]:
    halves = hashes.struct.unnest()
    some = hashes.is_not_null().to_numpy()
    high, low = (halves[name].fill_null(0).to_numpy() for name in ("high", "low"))
    return code(high, low, some).astype(np.int64)


def _answers(
    cache: Cache, engine: Engine, pieces: Sequence[Piece], wanted: pl.DataFrame, tasks: Sequence[PromptTask]
) -> pl.DataFrame:
    """What the wanted records answer, in order. wanted: `place`, `pos` in the order of the plane."""
    asked = []
    for piece, task in zip(pieces, tasks, strict=True):
        mine = wanted.filter(pl.col("place") == piece.place)
        if len(mine):
            positions = cache.store_frame(mine.select("pos"))
            asked.append(PromptTask(task.cache, task.records, task.min_words, task.version, positions))
    return pl.concat([cache.frame(one) for one in engine.map(prompt_shard, asked)])
