"""Mix gives each source its share of the training split: whole passes over its rows, plus a keyed remainder.

No row is taken twice before every row of its source was taken once, and which rows make the remainder depends on their
own keys: a changed weight moves only as many rows as it must. Only `train` is mixed; other splits stay as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

import polars as pl

from datasetbuild.hashing import chance
from datasetbuild.op import Bound, section
from datasetbuild.record import ID_ORDER, Reason


@section("mix", version=1)
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
    caps: largest share that one value of a column may have in what each source is asked for: `category: 0.4`. Rows over
        the cap are left out and not made up for by repeating others.
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
    """Whole passes over a source's rows, then the rows with the smallest draws up to the quota."""
    ordered = rows.sort("draw", *ID_ORDER)
    within, capped = _apply_caps(ordered, quota, caps)
    size = int(within["size"].sum())
    quota_left = min(quota, float(size)) if capped else quota
    passes = min(int(quota_left // size), max_repeat) if size else 0
    rest = quota_left - passes * size if passes < max_repeat else 0.0
    # The row that crosses the quota is taken when that lands nearer to it than leaving it.
    taken = (within["size"].cum_sum() - within["size"] / 2) <= rest if size else pl.Series([], dtype=pl.Boolean)
    counted = within.select("place").with_columns(copies=(taken.cast(pl.UInt32) + passes).cast(pl.UInt32))
    result = ordered.select("place", "size").join(counted, on="place", how="left", maintain_order="left")
    result = result.with_columns(
        pl.when(pl.col("copies").is_null())
        .then(pl.lit(Reason.OVER_CAP.value))
        .when(pl.col("copies") == 0)
        .then(pl.lit(Reason.NOT_SAMPLED.value))
        .alias("reason"),
        pl.col("copies").fill_null(0),
    )
    achieved = int((result["copies"].cast(pl.Int64) * result["size"]).sum())
    if not capped and size and quota > size * max_repeat + 0.5:
        capped = f"max_repeat {max_repeat}"
    elif quota > 0 and not size:
        capped = "no rows"
    share = Share(name, weight, int(rows["size"].sum()), quota, achieved, int(result["copies"].sum()), 0.0, capped)
    share.passes = round(achieved / size, 4) if size else 0.0
    return result.select("place", "copies", "reason"), share


def _apply_caps(ordered: pl.DataFrame, quota: float, caps: dict[str, float]) -> tuple[pl.DataFrame, str | None]:
    """Rows that stand within every cap: for each value of a capped column those with the smallest draws."""
    for column, cap in caps.items():
        running = pl.col("size").cum_sum().over(column)
        room = max(cap * quota, 1.0)
        within = ordered.filter(pl.col(column).is_null() | (running - pl.col("size") / 2 <= room))
        if len(within) < len(ordered):
            ordered, note = within, f"cap on {column}"
            return _apply_caps(ordered, quota, {k: v for k, v in caps.items() if k != column})[0], note
    return ordered, None
