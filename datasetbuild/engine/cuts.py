"""Cuts of a whole build: between clean and annotate, the runs of words that records share are found and one home chosen for each.

Each shard is cut by a list of its own, and that list is in its key: a row that comes or goes measures anew only the shards
whose cuts it changes. Where the words stay is told beside it, for the ledger and `why`, and is in no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.local import Engine
from datasetbuild.engine.measure import Prepared, ShardTask, prepare_shard
from datasetbuild.engine.substrings import shared_runs
from datasetbuild.op import find
from datasetbuild.plan import keys
from datasetbuild.plan.steps import Plan
from datasetbuild.stages.dedup.cut import shared_spans, united

TOLD: dict[str, Any] = {"place": pl.UInt32, "pos": pl.UInt32, "turn": pl.Int64, "word": pl.Int64, "words": pl.Int64}
TOLD |= {"other_place": pl.UInt32, "other_pos": pl.UInt32, "other_turn": pl.Int64, "other_word": pl.Int64, "whole": pl.Boolean}


@dataclass(frozen=True)
class Cut:
    """What was cut out of a build's records. records: digest of a shard's records before. told: digest of all spans of the
    build and of where their words stay. fresh: what preparing the shard ran."""

    records: str
    told: str
    fresh: tuple[str, ...]


def with_cuts(plan: Plan, cache: Cache, engine: Engine, tasks: Sequence[ShardTask]) -> tuple[list[ShardTask], list[Cut | None]]:
    """The tasks with what is to be cut out of each shard, and what is known of it; as they are where the recipe cuts nothing."""
    if plan.cut is None:
        return [*tasks], [None] * len(tasks)
    prepared = [*engine.map(prepare_shard, tasks)]
    found = cache.once(cuts_key(plan, tasks, prepared), lambda: _find(plan, cache, engine, tasks, prepared))["objects"]
    cut = [Cut(one.records, found["told"], one.fresh) for one in prepared]
    return [replace(task, spans=found.get(str(place))) for place, task in enumerate(tasks)], [*cut]


def known_cuts(plan: Plan, cache: Cache, tasks: Sequence[ShardTask]) -> list[str | None] | None:
    """What is to be cut out of each shard, as far as the cache knows; None when it does not."""
    prepared = [cache.action(keys.prepare_key(task.plan, task.shard.digest)) for task in tasks]
    records = [Prepared(one["objects"]["records"], 0, ()) for one in prepared if one]
    found = cache.action(cuts_key(plan, tasks, records)) if len(records) == len(tasks) else None
    return [found["objects"].get(str(place)) for place in range(len(tasks))] if found else None


def cuts_key(plan: Plan, tasks: Sequence[ShardTask], prepared: Sequence[Prepared]) -> str:
    """Key of the choice: all records in their order, what ranks them, and which of them a `limit` leaves out."""
    ranks = [plan.sources[task.plan.source].get("priority") or 0 for task in tasks]
    parts = {"params": plan.cut, "version": find("section", "dedup.substring").version, "ranks": ranks, "within": _allowed(plan, tasks)}
    return keys.action_key("dedup", column="cuts", records=[one.records for one in prepared], **parts)


def _allowed(plan: Plan, tasks: Sequence[ShardTask]) -> list[int | None]:
    """How many rows of each shard its source's `limit` lets in; None for all."""
    before: dict[str, int] = {}
    allowed: list[int | None] = []
    for task in tasks:
        source, rows = task.plan.source, task.shard.rows
        limit = plan.sources[source].get("limit")
        left = rows if not limit else limit - before.get(source, 0)
        allowed.append(None if left >= rows else max(left, 0))
        before[source] = before.get(source, 0) + rows
    return allowed


def _find(plan: Plan, cache: Cache, engine: Engine, tasks: Sequence[ShardTask], prepared: Sequence[Prepared]) -> dict[str, Any]:
    assert plan.cut is not None
    within = [
        one.count if rows is None else int((cache.frame(one.records, ["row"])["row"] < rows).sum())
        for one, rows in zip(prepared, _allowed(plan, tasks), strict=True)
    ]
    found = shared_runs(cache, engine, [one.records for one in prepared], plan.cut, within)
    holders = found.select("place", "pos").unique(maintain_order=True)
    rows = found.join(holders.with_row_index("row"), on=["place", "pos"], maintain_order="left").cast({"row": pl.Int64})
    spans, whole = shared_spans(rows, _rank(plan, cache, tasks, prepared, holders), plan.cut["words"])
    spans = spans.with_columns(whole=pl.col("row").is_in(whole.implode()))
    here, there = (holders[spans[name]].get_columns() for name in ("row", "other"))
    there = [values.alias(f"other_{values.name}") for values in there]
    told = spans.with_columns(*here, *there).select(TOLD.keys()).cast(TOLD)  # type: ignore[arg-type]
    mine = united(spans.filter(~pl.col("whole")))
    cut = mine.with_columns(*holders[mine["row"]].get_columns()).group_by("place", maintain_order=True)
    lists = {str(place): cache.store_frame(one.select("pos", "turn", "word", "words")) for (place,), one in cut}
    return {"objects": {"told": cache.store_frame(told), **lists}}


def _rank(
    plan: Plan, cache: Cache, tasks: Sequence[ShardTask], prepared: Sequence[Prepared], holders: pl.DataFrame
) -> np.ndarray[Any, Any]:
    """The place of each holder in the order in which words find their home: priority, id, and of equal ids the first."""
    ids = [cache.rows(prepared[place].records, one["pos"], ["base"])["base"] for (place,), one in holders.group_by("place", maintain_order=True)]
    priority = pl.Series([plan.sources[task.plan.source].get("priority") or 0 for task in tasks], dtype=pl.Int64)
    frame = pl.DataFrame({"base": pl.concat(ids) if ids else pl.Series([], dtype=pl.String), "priority": priority.gather(holders["place"])})
    order = frame.with_row_index("at").sort("priority", "base", "at", descending=[True, False, False])["at"].to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank
