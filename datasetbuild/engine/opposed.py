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
from numpy.typing import NDArray

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.gather import Piece, code
from datasetbuild.engine.local import Engine
from datasetbuild.op import find
from datasetbuild.plan import keys
from datasetbuild.stages.annotate import annotate_frame
from datasetbuild.stages.annotate.style import directions
from datasetbuild.stages.contradictions import KINDS, STYLE, answers, candidate_pairs, conventions, disagreement, opposed_styles, prompts

PAIRS = {"a": pl.Int64, "b": pl.Int64, "kind": pl.String}


@dataclass(frozen=True)
class Opposed:
    """Pairs of rows of the plane that disagree: `a` < `b` and `kind`, one pair for each two answers, or sets of rules. said: for
    every row a number that it shares with the rows of the same prompt and answer, -1 for none."""

    pairs: pl.DataFrame
    said: NDArray[np.int64]


@dataclass(frozen=True)
class PromptTask:
    """The prompts of a shard; or, with positions, the answers of those records. records, positions: digests."""

    cache: Path
    records: str
    params: dict[str, Any]
    positions: str | None = None


def prompt_shard(task: PromptTask) -> str:
    """Digest of a frame of a shard: what `prompts` and `conventions` say of it, or what `answers` says of the wanted records."""
    cache = Cache(task.cache)

    def make() -> dict[str, Any]:
        records = cache.frame(task.records)
        if task.positions is None:
            frame = annotate_frame(records)
            found = pl.concat([prompts(frame, task.params["min_words"]), conventions(frame)], how="horizontal")
        else:
            found = answers(annotate_frame(records[cache.frame(task.positions)["pos"]]))
        return {"objects": {"found": cache.store_frame(found)}}

    return str(cache.once(keys.prompts_key(task.params, task.records, task.positions), make)["objects"]["found"])


def opposed_pairs(
    cache: Cache, engine: Engine, pieces: Sequence[Piece], rows: pl.DataFrame, params: dict[str, Any]
) -> tuple[Opposed, Opposed]:
    """What disagrees: the answers to one prompt, and the rules of style of one system prompt."""
    version = find("section", "contradictions").version
    tasks = [PromptTask(cache.root, piece.measured.records, params) for piece in pieces]
    printed = pl.concat([cache.frame(one) for one in engine.map(prompt_shard, tasks)])
    recorded = np.flatnonzero(rows["pos"].is_not_null().to_numpy())
    prompt, answer = _codes(printed["prompt"]), _codes(printed["answer"])
    key = keys.action_key("dedup", opposed=params["overlap"], prompts=[task.records for task in tasks], min_words=params["min_words"], version=version)

    def make() -> dict[str, Any]:
        return {"objects": {"pairs": cache.store_frame(_find(cache, engine, pieces, rows, tasks, (prompt, answer), params["overlap"]))}}

    pairs = cache.frame(cache.once(key, make)["objects"]["pairs"])
    rules = printed["rules"].to_numpy()
    convention = np.where(rules > 0, _codes(printed["rest"]), -1)
    group = np.unique(rules, return_inverse=True)[1].astype(np.int64)
    styles = _styles(convention, group, rules)
    return _placed(pairs, prompt, answer, recorded, len(rows)), _placed(styles, convention, group, recorded, len(rows))


def _placed(
    pairs: pl.DataFrame, asked: NDArray[np.int64], answer: NDArray[np.int64], recorded: NDArray[np.int64], rows: int
) -> Opposed:
    """What is known of records, as of the rows that they are."""
    said = np.full(rows, -1, np.int64)
    said[recorded] = code(asked.astype(np.uint64), answer.astype(np.uint64), asked >= 0)
    return Opposed(pairs.with_columns(pl.Series(name, recorded[pairs[name]], dtype=pl.Int64) for name in ("a", "b")), said)


def _styles(convention: NDArray[np.int64], group: NDArray[np.int64], rules: NDArray[np.uint64]) -> pl.DataFrame:
    """Pairs of records of one system prompt whose rules are opposed. convention, group: numbers of equal prompts and rules."""
    found = candidate_pairs(convention, group)
    number = opposed_styles(found, rules)
    opposed = number > 0
    names = [*directions()]
    kinds = [STYLE + names[one - 1] for one in number[opposed]]
    return pl.DataFrame({"a": found[opposed, 0], "b": found[opposed, 1], "kind": kinds}, schema=PAIRS)


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
            asked.append(PromptTask(task.cache, task.records, task.params, positions))
    return pl.concat([cache.frame(one) for one in engine.map(prompt_shard, asked)])
