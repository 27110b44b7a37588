"""Which record of a group stays: a total order, so that neither workers nor the order of files can change it."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.record import ID_ORDER


def survivors(groups: NDArray[np.int64], keys: pl.DataFrame, keep: list[str]) -> NDArray[np.int64]:
    """For every record the position of its group's survivor, or -1 where it is alone.

    groups: a number of each record's group, from 0, or -1 for none. keys: one row per record with `ID_ORDER` and the
    columns that `keep` names (for a fact per turn, its `.max`). keep: column names, larger values first; `-NAME` prefers
    smaller ones; missing values come last; ties go by id.
    """
    survivor = np.full(len(groups), -1, np.int64)
    members = np.flatnonzero(groups >= 0)
    size = np.bincount(groups[members])
    members = members[size[groups[members]] > 1]
    if not len(members):
        return survivor
    order, descending = _order(keys, keep)
    wanted = list(dict.fromkeys([*order, *ID_ORDER]))
    ranked = keys.select(wanted)[members].with_columns(pl.Series("@group", groups[members]), pl.Series("@place", members))
    ranked = ranked.sort("@group", *order, *ID_ORDER, descending=[False, *descending, False, False], nulls_last=True)
    group, place = ranked["@group"].to_numpy(), ranked["@place"].to_numpy()
    first = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    best = np.empty(len(size), np.int64)
    best[group[first]] = place[first]
    survivor[members] = best[groups[members]]
    return survivor


def ordered(keys: pl.DataFrame, keep: list[str]) -> NDArray[np.int64]:
    """The positions of all records, the most wanted first. keys, keep: as in `survivors`."""
    order, descending = _order(keys, keep)
    ranked = keys.select(list(dict.fromkeys([*order, *ID_ORDER]))).with_row_index("@place")
    ranked = ranked.sort(*order, *ID_ORDER, descending=[*descending, False, False], nulls_last=True)
    return ranked["@place"].to_numpy().astype(np.int64)


def _order(keys: pl.DataFrame, keep: list[str]) -> tuple[list[str], list[bool]]:
    """The columns to sort by, and whether the larger value comes first."""
    order, descending = [], []
    for name in keep:
        plain = name.removeprefix("-")
        order.append(plain if plain in keys.columns else f"{plain}.max")
        descending.append(not name.startswith("-"))
    return order, descending
