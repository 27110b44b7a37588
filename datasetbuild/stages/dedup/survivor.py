"""Which record of a group stays: a total order, so that neither workers nor the order of files can change it."""

from __future__ import annotations

import polars as pl


def keep_rank(keys: pl.DataFrame, keep: list[str]) -> pl.Series:
    """Every record's place in the order of preference: 0 is the most wanted.

    keys: one row per record with `id` and the columns that `keep` names (for a fact per turn, its `.max`).
    keep: column names, larger values first; `-NAME` prefers smaller ones; missing values come last; ties go by id.
    """
    order, descending = [], []
    for name in keep:
        plain = name.removeprefix("-")
        column = plain if plain in keys.columns else f"{plain}.max"
        order.append(column)
        descending.append(not name.startswith("-"))
    ranked = keys.select(*{column: None for column in [*order, "id"]}).with_row_index("place")
    ranked = ranked.sort([*order, "id"], descending=[*descending, False], nulls_last=True)
    return ranked.with_row_index("rank").sort("place")["rank"]


def survivors(groups: pl.Series, rank: pl.Series) -> pl.Series:
    """For every record the position of its group's survivor (its own position when it survives).

    groups: any type, null for a record that is in no group. rank: from `keep_rank`, distinct.
    """
    frame = pl.DataFrame({"group": groups, "rank": rank}).with_row_index("place")
    best = pl.col("place").sort_by("rank").first().over("group")
    return frame.select(pl.when(pl.col("group").is_null()).then(pl.col("place")).otherwise(best).alias("survivor"))["survivor"]
