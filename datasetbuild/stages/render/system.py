"""The system prompt policy: applied to the records, before anything is measured of them.

So facts, dedup, tokens, `data/` and every export see the same messages. A record keeps its id, which is of what was
read."""

from __future__ import annotations

from typing import Any

import polars as pl

from datasetbuild.record import Reason, Stage, canonical_bytes, flatten_turns, fold_turns, quarantine_schema


def has_system(messages: pl.Expr) -> pl.Expr:
    """Whether a conversation has a system turn."""
    return messages.list.eval(pl.element().struct.field("role") == "system").list.any()


def apply_system(records: pl.DataFrame, system: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records as the policy wants them, and the quarantine of those that `require` refuses."""
    none = pl.DataFrame(schema=quarantine_schema())
    if system["policy"] == "strip":
        return _without_system(records), none
    there = records.select(has_system(pl.col("messages")).alias("_"))["_"]
    if system["policy"] == "require":
        return records.filter(there), _quarantine(records.filter(~there))
    return _with_default(records, there, system["text"]), none


def _without_system(records: pl.DataFrame) -> pl.DataFrame:
    lengths, turns = flatten_turns(records["messages"])
    owner = _owner(lengths)
    stays = turns["role"] != "system"
    left = pl.DataFrame({"owner": owner.filter(stays)}).group_by("owner").len()
    counted = pl.DataFrame({"owner": range(len(records))}, schema={"owner": pl.UInt32}).join(
        left, on="owner", how="left", maintain_order="left"
    )
    return records.with_columns(fold_turns(counted["len"].fill_null(0), turns.filter(stays)))


def _with_default(records: pl.DataFrame, there: pl.Series, text: str) -> pl.DataFrame:
    lengths, turns = flatten_turns(records["messages"])
    lacking = (~there).arg_true().cast(pl.UInt32)
    given = turns.clear(len(lacking)).with_columns(role=pl.lit("system"), content=pl.lit(text))
    placed = pl.concat(
        [
            given.with_columns(lacking.alias("owner"), pl.lit(0).alias("first")),
            turns.with_columns(_owner(lengths).alias("owner"), pl.lit(1).alias("first")),
        ]
    ).sort("owner", "first", maintain_order=True)
    return records.with_columns(fold_turns(lengths + (~there).cast(pl.UInt32), placed.drop("owner", "first")))


def _owner(lengths: pl.Series) -> pl.Series:
    places = pl.Series("owner", range(len(lengths)), dtype=pl.UInt32)
    return places.repeat_by(lengths).explode(empty_as_null=False)


def _quarantine(records: pl.DataFrame) -> pl.DataFrame:
    raw = [canonical_bytes(messages.to_list()).decode() for messages in records["messages"]]
    return (
        records.select("row", "line")
        .with_columns(
            stage=pl.lit(Stage.CLEAN.value),
            reason=pl.lit(Reason.NO_SYSTEM_TURN.value),
            detail=pl.lit("template.system.policy is `require`"),
            raw=pl.Series(raw, dtype=pl.String),
        )
        .cast(pl.Schema(quarantine_schema()))
    )
