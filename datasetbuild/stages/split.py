"""Split gives every kept record to one split, by a keyed hash, and never parts records that belong together.

A unit is what must stay together: records that share a group key, a first user message or a near-duplicate cluster. Its
split is a function of the unit's own hash and the fractions, so records keep their split when others come or go. The
price: shares hold in expectation (500 records at 10 % give 50 +- 7). `assign: exact` pays the other way round.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.hashing import chance, unit_interval
from datasetbuild.op import Bound, section
from datasetbuild.stages.dedup.near import components


@section("split", version=1)
def split(
    *,
    stratify: list[str] = [],  # noqa: B006  (read, never changed)
    group: list[Literal["group", "first_user", "near_duplicates"]] = ["group", "first_user", "near_duplicates"],  # noqa: B006
    assign: Literal["stable", "exact"] = "stable",
    **fractions: Annotated[float, Bound(ge=0, le=1)] | None,
) -> None:
    """Names of the splits with their fractions, which add up to 1: `train: 0.9`, `validation: 0.1`.

    stratify: columns (`source`, `category`) whose values are strata. `assign: exact` gives each split its share of every
        stratum; `stable` does so in expectation, and a build warns of a stratum that a split has nothing of.
    group: what must not be parted: records with the same `group` key of their source, the same first user message, or in
        the same near-duplicate cluster. Where the recipe drops no near-duplicates, they are looked for all the same, with
        the defaults of `dedup.near`, when there is more than one split.
    assign: `stable` decides each unit by its own hash, so it keeps its split when other records come or go; `exact` gives
        each stratum its share to the nearest unit, and a unit at the edge may move when others come or go.
    """


def unit_labels(n: int, ties: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Records that must stay together get one label, the smallest of their positions.

    ties: one array of n labels per kind of tie; equal labels belong together, -1 belongs to nothing.
    """
    edges = []
    for tie in ties:
        rows = np.flatnonzero(tie >= 0)
        label = tie[rows]
        several = np.flatnonzero((np.bincount(label) > 1)[label])
        rows, label = rows[several], label[several]
        leader = np.empty(int(tie.max(initial=-1)) + 1, np.int64)
        leader[label[::-1]] = rows[::-1]  # the first row of a label is noted last
        edges.append(np.stack([leader[label], rows], axis=1))
    return components(n, np.concatenate(edges)) if edges else np.arange(n)


def unit_keys(labels: NDArray[np.int64], own: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A key for each record's unit: the smallest of its members' own keys.

    own: a 64-bit hash per record of what ties it (its group key, else its first user message), so that another member of
    the same group leaves the unit's key as it is.
    """
    smallest = own.copy()
    others = np.flatnonzero(labels != np.arange(len(labels)))  # a unit's label is the position of one of its members
    np.minimum.at(smallest, labels[others], own[others])
    smallest[others] = smallest[labels[others]]
    return smallest


def assign_splits(
    keys: NDArray[np.uint64], strata: pl.Series, fractions: dict[str, float], *, seed: int, assign: str
) -> pl.Series:
    """The split of each record (Enum). keys: uint64 of each record's unit; strata: String; fractions: sum to 1."""
    names = [name for name, share in fractions.items() if share > 0]
    edges = np.cumsum([fractions[name] for name in names])
    edges[-1] = 1.0
    draws = unit_interval(chance(seed, "split", keys))
    if assign == "exact":
        draws = _ranks(keys, draws, strata)
    chosen = np.sum([draws >= edge for edge in edges], axis=0, dtype=np.uint8)
    return pl.Series("split", chosen).cat.to(pl.Enum(names))


def nested(
    keys: NDArray[np.uint64], strata: pl.Series, shares: tuple[float, ...], *, seed: int, assign: str
) -> pl.Series:
    """The smallest subset that each record is in (Float64): one of `shares`, or 1.0 for a record that is in none of them.

    A unit draws once, so that each subset holds those smaller than it. shares: ascending, below 1. keys, strata, assign:
    as in `assign_splits`, of the records of one split.
    """
    draws = unit_interval(chance(seed, "subset", keys))
    if assign == "exact":
        draws = _ranks(keys, draws, strata)
    edges = np.array([*shares, 1.0])
    return pl.Series("subset", edges[np.searchsorted(edges[:-1], draws, side="right")])


def _ranks(keys: NDArray[np.uint64], draws: NDArray[np.float64], strata: pl.Series) -> NDArray[np.float64]:
    """Each unit's place within its stratum, in the middle of its step: 0.5/m, 1.5/m, ... of m units.

    A unit belongs to the stratum of its smallest member, so that it is counted once.
    """
    units = pl.DataFrame({"key": keys, "draw": draws, "stratum": strata.fill_null("")})
    first = units.group_by("key").agg(pl.col("draw").first(), pl.col("stratum").min())
    placed = first.sort("stratum", "draw", "key").with_columns(
        rank=(pl.int_range(pl.len()).over("stratum") + 0.5) / pl.len().over("stratum")
    )
    return units.join(placed.select("key", "rank"), on="key", how="left", maintain_order="left")["rank"].to_numpy()
