"""Decide every record's fate on the key plane: the global choices, in the order of the stages, ending in the ledger.

Nothing here reads a text: facts, hashes and verified pairs are enough. So a changed bound costs a scan of columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.engine.gather import KeyPlane
from datasetbuild.hashing import record_hash
from datasetbuild.plan.steps import Plan
from datasetbuild.record import Fate, Reason, Stage
from datasetbuild.stages.dedup.near import clusters
from datasetbuild.stages.dedup.survivor import keep_rank, survivors
from datasetbuild.stages.filter import Rule, judge
from datasetbuild.stages.mix import Mixture, mix_train
from datasetbuild.stages.split import assign_splits, unit_keys, unit_labels

Pairs = Callable[[pl.Series], pl.DataFrame]
"""Verified near-duplicate pairs (`a`, `b`, `similarity`) between texts numbered by the given Series."""

TRAIN = "train"


@dataclass
class Decision:
    """rows: the key plane with every row's fate. bounds: the rules with quantiles looked up. mixture: what mix did."""

    rows: pl.DataFrame
    bounds: dict[str, dict[str, Any]]
    mixture: Mixture | None
    pairs: int
    warnings: list[str] = field(default_factory=list)


def decide(plan: Plan, plane: KeyPlane, pairs: Pairs) -> Decision:
    """Every row's fate. `pairs` is called when the recipe has `dedup.near`, with the number of each record's text."""
    rows = plane.rows.with_columns(
        *[pl.lit(None, dtype=pl.String).alias(name) for name in ("fate", "stage", "reason", "rule", "duplicate_of", "twin")],
        pl.lit(None, dtype=pl.List(pl.String)).alias("also"),
        pl.lit(None, dtype=pl.Float64).alias("similarity"),
        pl.lit(None, dtype=pl.String).alias("cluster"),
    )
    rows = _limit(plan, rows)
    rows = _quarantined(plane, rows)
    rows, bounds = _filter(plan, rows)
    rows = _exact(plan, rows)
    rows, verified = _near(plan, rows, pairs)
    rows = _split(plan, rows)
    rows, mixture = _mix(plan, rows)
    rows = rows.with_columns(fate=pl.col("fate").fill_null(Fate.KEPT.value))
    return Decision(rows, bounds, mixture, verified)


def _undecided() -> pl.Expr:
    return pl.col("fate").is_null()


def _end(rows: pl.DataFrame, where: pl.Expr, stage: Stage | str, reason: Reason | str, **more: str | float | None) -> pl.DataFrame:
    """Give the undecided rows of `where` their fate: dropped, unless `more` says otherwise.

    Values are the names of columns when they start with an underscore, else the value itself.
    """
    given = {"fate": Fate.DROPPED.value, "stage": str(stage), "reason": str(reason), **more}
    mask = _undecided() & where
    return rows.with_columns(pl.when(mask).then(_value(value)).otherwise(pl.col(name)).alias(name) for name, value in given.items())


def _value(value: str | float | None) -> pl.Expr:
    return pl.col(value) if isinstance(value, str) and value.startswith("_") else pl.lit(value)


def _limit(plan: Plan, rows: pl.DataFrame) -> pl.DataFrame:
    limits = {name: params["limit"] for name, params in plan.sources.items() if params.get("limit")}
    if not limits:
        return rows
    nth = pl.int_range(pl.len()).over("source")
    limit = pl.col("source").replace_strict(limits, default=None, return_dtype=pl.Int64)
    return _end(rows, (nth >= limit).fill_null(False), Stage.READ, Reason.OVER_LIMIT)


def _quarantined(plane: KeyPlane, rows: pl.DataFrame) -> pl.DataFrame:
    bad = plane.quarantine.select("place", "shard_row", pl.col("stage").alias("_stage"), pl.col("reason").alias("_reason"))
    rows = rows.join(bad, on=["place", "shard_row"], how="left", maintain_order="left")
    left_out = pl.col("_reason") == Reason.NOT_SELECTED.value
    rows = _end(rows, left_out.fill_null(False), "_stage", "_reason")
    rows = _end(rows, pl.col("_stage").is_not_null(), "_stage", "_reason", fate=Fate.QUARANTINED.value)
    return rows.drop("_stage", "_reason")


def _filter(plan: Plan, rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, dict[str, Any]]]:
    """Rules, and `template.max_tokens` as one more: its count is a fact like any other."""
    rules = [Rule(name, *_columns(rows, name), bounds) for name, bounds in plan.bounds.items()]
    # Quantiles are of the rows that can be kept, so that a bad source does not shift them.
    reached = rows.select(_undecided().alias("_"))["_"]
    judged, bounds = judge(rows.filter(reached), rules)
    places = reached.arg_true()
    for name in ("reason", "rule", "also"):
        rows = rows.with_columns(_spread(len(rows), places, judged[name]).alias(f"_{name}"))
    rows = _end(rows, pl.col("_rule").is_not_null(), Stage.FILTER, "_reason", rule="_rule", also="_also")
    rows = rows.drop("_reason", "_rule", "_also")
    if plan.template and plan.template.get("max_tokens") and plan.template.get("overflow") == "drop":
        long = (pl.col("tokens") > plan.template["max_tokens"]).fill_null(False)
        rows = _end(rows, long, Stage.FILTER, Reason.TOO_LONG, rule="template.max_tokens")
    if "cut" in rows.columns:  # cut off before the first trained token: nothing is left to learn from
        nothing = pl.col("cut").is_not_null() & (pl.col("trained_tokens") == 0)
        rows = _end(rows, nothing, Stage.FILTER, Reason.TOO_LONG, rule="template.max_tokens")
    return rows, bounds


def _columns(rows: pl.DataFrame, name: str) -> tuple[str, str]:
    return (name, name) if name in rows.columns else (f"{name}.min", f"{name}.max")


def _where(mask: pl.Series, values: pl.Series) -> pl.Series:
    """`values` where the mask holds, else null."""
    return pl.DataFrame({"mask": mask, "value": values}).select(pl.when("mask").then("value").alias("value"))["value"]


def _spread(length: int, places: pl.Series, part: pl.Series) -> pl.Series:
    """`part` at `places` of a column of nulls."""
    index = pl.DataFrame({"place": places, "value": part})
    frame = pl.DataFrame({"place": np.arange(length, dtype=np.uint32)})
    return frame.join(index, on="place", how="left", maintain_order="left")["value"]


def _exact(plan: Plan, rows: pl.DataFrame) -> pl.DataFrame:
    if plan.exact is None:
        return rows
    alive = rows.select(_undecided().alias("_"))["_"]
    groups = rows.select(pl.when(_undecided()).then(pl.col("@exact")).alias("exact"))["exact"]
    return _keep_best(plan, rows, groups, alive, Reason.EXACT_DUPLICATE)


def _near(plan: Plan, rows: pl.DataFrame, pairs: Pairs) -> tuple[pl.DataFrame, int]:
    if plan.near is None:
        return rows, 0
    number = pl.when(pl.col("@words").is_not_null()).then(pl.col("@words").rank("dense").cast(pl.Int64) - 1)
    node = rows.select(number.alias("node"))["node"]
    verified = pairs(node).filter(pl.col("similarity") >= plan.near["threshold"])
    alive = rows.select(_undecided().alias("_"))["_"]
    group = clusters(node, verified, alive)
    if not plan.drop_near:  # they all stay, and the split keeps them together
        leader = rows["id"].gather(survivors(group, keep_rank(rows, list(plan.keep))))
        return rows.with_columns(_where(group.is_not_null(), leader).alias("cluster")), len(verified)
    rows = _keep_best(plan, rows.with_columns(node=node), group, alive, Reason.NEAR_DUPLICATE)
    return _name_twins(rows, verified).drop("node"), len(verified)


def _keep_best(plan: Plan, rows: pl.DataFrame, groups: pl.Series, alive: pl.Series, reason: Reason) -> pl.DataFrame:
    """Drop all but the most wanted record of each group, and name the one that stays."""
    masked = _where(alive, groups)
    survivor = survivors(masked, keep_rank(rows, list(plan.keep)))
    lost = (survivor.cast(pl.Int64) != pl.Series(np.arange(len(rows)))) & masked.is_not_null()
    rows = rows.with_columns(rows["id"].gather(survivor).alias("_survivor"), lost.alias("_lost"))
    whole = reason is Reason.EXACT_DUPLICATE and plan.exact is not None and plan.exact["on"] == "conversation"
    similarity = 1.0 if whole else None
    twins = {"duplicate_of": "_survivor", "twin": "_survivor", "similarity": similarity}
    rows = _end(rows, pl.col("_lost"), Stage.DEDUP, reason, **twins)
    if reason is Reason.NEAR_DUPLICATE:
        rows = rows.with_columns(_where(masked.is_not_null(), rows["_survivor"]).alias("cluster"))
    return rows.drop("_survivor", "_lost")


def _name_twins(rows: pl.DataFrame, verified: pl.DataFrame) -> pl.DataFrame:
    """For each near-duplicate the record that it was verified against: the survivor, or its nearest in the cluster."""
    lost = rows.filter(pl.col("reason") == Reason.NEAR_DUPLICATE.value).select("id", "node", "duplicate_of")
    if not len(lost):
        return rows
    members = rows.filter(pl.col("cluster").is_not_null()).select("id", "node")
    both = pl.concat([verified.select(node="a", other="b", s="similarity"), verified.select(node="b", other="a", s="similarity")])
    same = members.select("node", other="node").unique().with_columns(s=pl.lit(1.0))
    near = pl.concat([both.cast({"node": pl.Int64, "other": pl.Int64}), same]).join(
        members.rename({"node": "other", "id": "near_id"}), on="other"
    )
    found = (
        lost.join(near, on="node")
        .filter(pl.col("near_id") != pl.col("id"))
        .with_columns(direct=pl.col("near_id") == pl.col("duplicate_of"))
        .sort("id", "direct", "s", "near_id", descending=[False, True, True, False])
        .group_by("id", maintain_order=True)
        .first()
        .select("id", _twin="near_id", _s="s")
    )
    rows = rows.join(found, on="id", how="left", maintain_order="left")
    hit = pl.col("_twin").is_not_null()
    return rows.with_columns(
        twin=pl.when(hit).then("_twin").otherwise("twin"), similarity=pl.when(hit).then("_s").otherwise("similarity")
    ).drop("_twin", "_s")


def _split(plan: Plan, rows: pl.DataFrame) -> pl.DataFrame:
    """Splits for the rows still undecided; what belongs together is decided among all of them at once."""
    alive = rows.select(_undecided().alias("_"))["_"]
    kept = rows.filter(alive)
    wanted = plan.split["group"]
    ties = [kept.select(_numbered(*TIES[name])).to_series().to_numpy() for name in wanted]
    keys = unit_keys(unit_labels(len(kept), ties), _own_keys(kept, wanted))
    named = [pl.col(column).cast(pl.String).fill_null("") for column in plan.split["stratify"]]
    strata = kept.with_columns(pl.concat_str(named or [pl.lit("")], separator="\x1f").alias("@stratum"))["@stratum"]
    chosen = assign_splits(keys, strata, plan.fractions, seed=plan.seed, assign=plan.split["assign"])
    return rows.with_columns(_spread(len(rows), alive.arg_true(), chosen).alias("split"))


TIES = {"group": ("group", "source"), "first_user": ("@first_user",), "near_duplicates": ("cluster",)}
"""The columns that tie records together: all must be equal, and the first one present. A group key is its source's own."""


def _numbered(first: str, *more: str) -> pl.Expr:
    """Equal values as equal numbers from 0, and -1 where there is none."""
    value = pl.struct(first, *more) if more else pl.col(first)
    return pl.when(pl.col(first).is_not_null()).then(value.rank("dense").cast(pl.Int64) - 1).otherwise(-1)


def _own_keys(kept: pl.DataFrame, wanted: list[str]) -> NDArray[np.uint64]:
    """What a record brings to its unit's key: its group key, else its first user message, else its own id."""
    leading = pl.col("@first_user").bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="little")
    own = leading if "first_user" in wanted else pl.col("key")
    if "group" not in wanted:
        return kept.select(own.alias("own"))["own"].to_numpy()
    groups = kept.select("source", "group").drop_nulls().unique()
    hashed = [int(record_hash(source, group.encode())[:16], 16) for source, group in groups.iter_rows()]
    groups = groups.with_columns(pl.Series("own_group", hashed, dtype=pl.UInt64))
    joined = kept.join(groups, on=["source", "group"], how="left", maintain_order="left")
    return joined.select(pl.coalesce("own_group", own).alias("own"))["own"].to_numpy()


def _mix(plan: Plan, rows: pl.DataFrame) -> tuple[pl.DataFrame, Mixture | None]:
    alive = rows.select((_undecided() & (pl.col("split") == TRAIN)).alias("_"))["_"]
    rows = rows.with_columns(copies=pl.when(_undecided()).then(1).otherwise(0).cast(pl.UInt32))
    if plan.mix is None:
        return rows, None
    size = pl.lit(1) if plan.mix["unit"] == "rows" else pl.col(plan.mix["unit"]).fill_null(0)
    capped = [column for column in plan.mix["caps"] if column not in ("source", "id", "key")]
    pool = rows.filter(alive).select("source", "id", "key", *capped, size=size.cast(pl.Int64))
    mixture = mix_train(pool, seed=plan.seed, **plan.mix)
    places = alive.arg_true()
    rows = rows.with_columns(
        _spread(len(rows), places, mixture.copies).alias("_copies"),
        _spread(len(rows), places, mixture.reason).alias("_reason"),
    )
    rows = rows.with_columns(copies=pl.coalesce("_copies", "copies"))
    rows = _end(rows, pl.col("_reason").is_not_null(), Stage.MIX, "_reason")
    rows = rows.with_columns(split=pl.when(_undecided()).then("split"))
    return rows.drop("_copies", "_reason"), mixture

