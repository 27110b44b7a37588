"""Bounds that the data decide: quantiles and robust z-scores, of all records or of each category by itself.

Every bound is one of the values, or one product and one sum of two of them: no sum over records, whose last bit would
depend on the machine. A category of fewer than `FEW` values has the bounds of all records, since an outlier among five is
none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import polars as pl

FEW = 20
"""Values that a category needs for bounds of its own."""

MAD_OF_SIGMA = 0.6745
"""Median absolute deviation of a normal distribution, in standard deviations (Iglewicz and Hoaglin 1993)."""


def rank(q: float, count: int) -> int:
    """The place of a quantile among so many sorted values, of which there must be one: exactly as `q` is written, since
    in floats 0.07 of 100 is more than 7."""
    return max(math.ceil(Fraction(repr(q)) * count) - 1, 0)


def quantile(values: pl.Series, q: float) -> float | None:
    """The smallest value that at least a share `q` of the values does not exceed (inverse of the empirical CDF).

    Always one of the values, so the same on every machine. None when there are no values.
    """
    known = values.drop_nulls()
    return float(known.cast(pl.Float64).sort()[rank(q, len(known))]) if len(known) else None


def robust_bounds(values: pl.Series, z: float) -> tuple[float | None, float | None]:
    """The values `z` robust standard deviations below and above the median; None where there is no spread to measure by.

    Lengths are skewed, so each side has its own spread: the median distance of the values on that side (double MAD). A
    side of which more than half equals the median has none.
    """
    known = values.drop_nulls().cast(pl.Float64).drop_nans().sort()
    middle = quantile(known, 0.5)
    if middle is None:
        return None, None
    below, above = (quantile((side - middle).abs(), 0.5) for side in (known.filter(known <= middle), known.filter(known >= middle)))
    low = middle - z * below / MAD_OF_SIGMA if below else None
    high = middle + z * above / MAD_OF_SIGMA if above else None
    return low, high


def resolve(bounds: Mapping[str, Any], low: pl.Series, high: pl.Series) -> dict[str, float]:
    """`min` and `max` as numbers: quantiles looked up, and drawn in by `robust_z` where it is given. low, high: the
    values that each looks at."""
    found = {word: _number(bounds.get(word), values) for word, values in (("min", low), ("max", high))}
    if (z := bounds.get("robust_z")) is not None:
        least, most = robust_bounds(low, z)[0], robust_bounds(high, z)[1]
        found["min"] = max((one for one in (found["min"], least) if one is not None), default=None)
        found["max"] = min((one for one in (found["max"], most) if one is not None), default=None)
    return {word: bound for word, bound in found.items() if bound is not None}


def resolve_by(bounds: Mapping[str, Any], low: pl.Series, high: pl.Series, by: pl.Series) -> dict[str, dict[str, float]]:
    """The bounds of each category that has enough values, by its name."""
    frame = pl.DataFrame({"low": low, "high": high, "by": by.cast(pl.String)}).filter(pl.col("by").is_not_null())
    frame = frame.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
    return {
        str(part["by"][0]): resolve(bounds, part["low"], part["high"])
        for part in sorted(frame.partition_by("by"), key=lambda part: str(part["by"][0]))
        if len(part) >= FEW
    }


def of_row(bounds: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """A rule's bounds as they hold for one row: those of its category, where that has its own."""
    if "by" not in bounds:
        return dict(bounds)
    own = bounds["groups"].get(str(row.get(bounds["by"])))
    rest = {word: bound for word, bound in bounds.items() if word not in ("by", "groups", "min", "max")}
    return (own if own is not None else {word: bounds[word] for word in ("min", "max") if word in bounds}) | rest


def _number(bound: Any, values: pl.Series) -> float | None:
    return quantile(values, float(bound[1:])) if isinstance(bound, str) else bound
