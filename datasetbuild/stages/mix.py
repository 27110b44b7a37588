"""Mix gives each source its share of the training split: whole passes over its rows, plus a keyed remainder.

No row is taken twice before every row of its source was taken once, and which rows make the remainder depends on their
own keys: a changed weight moves only as many rows as it must. Only `train` is mixed; other splits stay as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import polars as pl

from datasetbuild.hashing import chance
from datasetbuild.op import Bound, section
from datasetbuild.record import ID_ORDER, Reason


@section("mix", version=2)
def mix(
    *,
    weights: dict[str, Annotated[float, Bound(ge=0)]],
    unit: Literal["rows", "tokens", "trained_tokens"] = "rows",
    total: Annotated[int, Bound(ge=1)] | None = None,
    max_repeat: Annotated[int, Bound(ge=1)] = 4,
    caps: dict[str, Annotated[float, Bound(gt=0, le=1)]] = {},  # noqa: B006  (read, never changed)
) -> None:
    """Shares of the sources in the train split.

    weights: a number for every source; only their proportions count. 0 leaves a source out.
    unit: what the weights share out: rows, tokens, or tokens that contribute to the loss.
    total: size of the train split in `unit`; null: the largest size at which every weight is met exactly and no source
        is repeated needlessly, that is, at which the source that is scarcest for its weight stands `max_repeat` times at
        most and the most plentiful once at most.
    max_repeat: how often one row may stand in train; a source that would need more is capped, with a warning.
    caps: largest share that one value of a column may have in what each source is asked for, copies counted:
        `category: 0.4`. What is over the cap is left out and not made up for by repeating other rows. Rows without a
        value have no cap.
    """


@dataclass
class Share:
    """What a source was asked for and what it got, in the mix's unit and in rows; `capped` says why they differ."""

    source: str
    weight: float
    available: int
    requested: float
    achieved: int
    rows: int
    passes: float
    capped: str | None = None


@dataclass
class Mixture:
    """copies: UInt32 per row of the pool (0: left out); reason: why, for those left out."""

    copies: pl.Series
    reason: pl.Series
    unit: str
    total: int
    shares: list[Share] = field(default_factory=list)


def mix_train(
    pool: pl.DataFrame,
    *,
    weights: dict[str, float],
    unit: str,
    total: int | None,
    max_repeat: int,
    caps: dict[str, float],
    seed: int,
) -> Mixture:
    """Decide how often each row of the pool stands in train.

    pool: the train rows: `source`, `ID_ORDER`, `size` (in `unit`), the columns of `caps`.
    """
    drawn = pool.with_columns(draw=pl.Series(chance(seed, "mix", pool["key"].to_numpy()))).with_row_index("place")
    proportion = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    available = dict(drawn.group_by("source").agg(pl.col("size").sum()).iter_rows())
    goal = float(total) if total else _largest_total(proportion, available, max_repeat)
    quotas = _apportion(int(goal), proportion) if unit == "rows" else {name: goal * p for name, p in proportion.items()}
    parts, shares = [], []
    for name, part in proportion.items():
        part_rows, share = _fill(drawn.filter(pl.col("source") == name), name, part, quotas[name], max_repeat, caps)
        parts.append(part_rows)
        shares.append(share)
    placed = pl.concat(parts).sort("place")
    return Mixture(
        copies=placed["copies"],
        reason=placed["reason"],
        unit=unit,
        total=sum(share.achieved for share in shares),
        shares=shares,
    )


def _largest_total(proportion: dict[str, float], available: dict[str, int], max_repeat: int) -> float:
    """The size at which all weights hold: no source beyond `max_repeat` passes, the most plentiful at one pass at most."""
    used = {name: part for name, part in proportion.items() if part > 0 and available.get(name)}
    if not used:
        return 0.0
    once = max(available[name] / part for name, part in used.items())
    reachable = min(available[name] * max_repeat / part for name, part in used.items())
    return min(once, reachable)


def _apportion(total: int, proportion: dict[str, float]) -> dict[str, float]:
    """Whole rows that add up to the total: largest remainders first (Hamilton's method), ties by name."""
    floors = {name: math.floor(total * part) for name, part in proportion.items()}
    by_remainder = sorted(proportion, key=lambda name: (floors[name] - total * proportion[name], name))
    for name in by_remainder[: total - sum(floors.values())]:
        floors[name] += 1
    return {name: float(rows) for name, rows in floors.items()}


def _fill(
    rows: pl.DataFrame, name: str, weight: float, quota: float, max_repeat: int, caps: dict[str, float]
) -> tuple[pl.DataFrame, Share]:
    """Whole passes over a source's rows, then the rows with the smallest draws up to the quota; of these what the caps let in."""
    ordered = rows.sort("draw", *ID_ORDER).with_columns(copies=pl.lit(0, pl.UInt32), over=pl.lit(value=False))
    size = int(ordered["size"].sum())
    capped = None
    if size:
        ordered = ordered.with_columns(copies=_passes(ordered["size"], quota, max_repeat))
        wanted = _size(ordered)
        if quota > size * max_repeat + 0.5:
            capped = f"max_repeat {max_repeat}"
        for column, cap in caps.items():
            ordered = _within_cap(ordered, column, cap, quota)
            if _size(ordered) < wanted:
                capped, wanted = f"cap on {column}", _size(ordered)
    elif quota > 0:
        capped = "no rows"
    achieved = _size(ordered)
    inside = int(ordered.filter(~pl.col("over"))["size"].sum())
    passes = round(achieved / inside, 4) if inside else 0.0
    share = Share(name, weight, size, quota, achieved, int(ordered["copies"].sum()), passes, capped)
    why = pl.when("over").then(pl.lit(Reason.OVER_CAP.value)).when(pl.col("copies") == 0).then(pl.lit(Reason.NOT_SAMPLED.value))
    return ordered.select("place", "copies", reason=why), share


def _size(rows: pl.DataFrame) -> int:
    """What the copies of some rows come to, in the mix's unit."""
    return int((rows["copies"].cast(pl.Int64) * rows["size"]).sum())


def _passes(sizes: pl.Series, quota: float, max_repeat: int) -> pl.Series:
    """Copies of each row: whole passes over all of them, and one more of the first, up to the quota."""
    size = int(sizes.sum())
    passes = min(int(quota // size), max_repeat)
    rest = quota - passes * size if passes < max_repeat else 0.0
    return (_reach(sizes) <= rest).cast(pl.UInt32) + passes


def _reach(sizes: pl.Series) -> pl.Series:
    """How far each row reaches: to its middle, so that the row that crosses a bound is taken when that lands nearer to it."""
    return sizes.cum_sum() - sizes / 2


def _within_cap(ordered: pl.DataFrame, column: str, cap: float, quota: float) -> pl.DataFrame:
    """Of each value of a column as many copies as its share of the quota has room for: earlier passes first, then by the draw.

    Rows that were not drawn take the place of those over the cap, and no row is repeated for it. Rows without a value have no cap.
    """
    room = max(cap * quota, 1.0)
    turns = ordered.with_row_index("nth").filter(~pl.col("over"))
    turns = turns.with_columns(turn=pl.int_ranges(pl.max_horizontal("copies", 1))).explode("turn").sort("turn", "nth")
    let_in = turns.filter(pl.col(column).is_null() | (pl.col("size").cum_sum().over(column) - pl.col("size") / 2 <= room))
    if len(let_in) == len(turns):
        return ordered
    taken = let_in.filter(_reach(let_in["size"]) <= quota)
    copies, left = (np.bincount(frame["nth"], minlength=len(ordered)) for frame in (taken, let_in))
    return ordered.with_columns(copies=pl.Series(copies, dtype=pl.UInt32), over=pl.Series(left == 0))
