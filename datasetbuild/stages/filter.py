"""Filter compares facts with bounds: it keeps, or drops with a reason and the rule's name; it never changes a record.

Every rule is judged for every record; the first in the recipe's order that fails gives the reason, and the others that
fail are named beside it, so that the order of rules never hides what a rule would do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.errors import Fault, RecipeError
from datasetbuild.record import Reason


BROKEN = (Reason.UNMEASURED, Reason.BELOW_MIN, Reason.ABOVE_MAX, Reason.NOT_ALLOWED, Reason.DENIED)
"""The ways to fail a rule."""


@dataclass(frozen=True)
class Rule:
    """A bound on a fact. `low` and `high` are the columns that `min` and `max` look at (the same for a plain fact)."""

    name: str
    low: str
    high: str
    bounds: Mapping[str, Any]


def quantile(values: pl.Series, q: float) -> float | None:
    """The smallest value that at least a share `q` of the values does not exceed (inverse of the empirical CDF).

    Always one of the values, so the same on every machine. None when there are no values.
    """
    known = values.drop_nulls()
    if not len(known):
        return None
    return known.cast(pl.Float64).sort()[max(math.ceil(q * len(known)) - 1, 0)]


def resolve_bound(bound: Any, values: pl.Series) -> Any:
    """A bound as a number: quantiles such as `q0.01` are looked up among the values."""
    return quantile(values, float(bound[1:])) if isinstance(bound, str) else bound


@dataclass(frozen=True)
class Judged:
    """What k rules say of n records. reason: for each rule and record the place in `BROKEN` of how it fails, from 1, or 0
    (uint8, k x n). bounds: of each rule, quantiles looked up."""

    reason: NDArray[np.uint8]
    bounds: dict[str, dict[str, Any]]

    @property
    def rule(self) -> NDArray[np.uint16]:
        """The first rule that each record fails, from 1, or 0."""
        first = np.zeros(self.reason.shape[1], np.uint16)
        for number in range(len(self.reason), 0, -1):
            first[self.reason[number - 1] > 0] = number
        return first


def judge(facts: pl.DataFrame, rules: list[Rule]) -> Judged:
    """Judge every record by every rule.

    facts: one row per record, the columns that the rules name. Raises `RecipeError` for bounds of a kind that a fact
    cannot have.
    """
    resolved: dict[str, dict[str, Any]] = {}
    if faults := [fault for rule in rules if (fault := _misfit(rule, facts[rule.low]))]:
        raise RecipeError(faults)
    reasons = np.zeros((len(rules), len(facts)), np.uint8)
    for number, rule in enumerate(rules):
        bounds = {word: bound for word, bound in rule.bounds.items() if bound is not None}
        for word, column in (("min", rule.low), ("max", rule.high)):
            if word in bounds:
                bounds[word] = resolve_bound(bounds[word], facts[column])
        resolved[rule.name] = {word: bound for word, bound in bounds.items() if bound is not None}  # a quantile of nothing
        reasons[number] = facts.select(_verdict(rule, resolved[rule.name]).alias("reason"))["reason"].to_numpy()
    return Judged(reasons, resolved)


def _misfit(rule: Rule, values: pl.Series) -> Fault | None:
    """A bound of a kind that the fact's values cannot have: it would drop every record, or none."""
    kind = values.dtype
    numeric = kind.is_numeric()
    for word in ("min", "max"):
        if word in rule.bounds and not (numeric or kind == pl.Null):
            what = "true or false" if kind == pl.Boolean else "a word"
            return Fault(
                f"filters.{rule.name}.{word}", f"`{word}` bounds a number, and this fact is {what}", suggestion="use `allow` or `deny`"
            )
    for word in ("allow", "deny"):
        odd = [value for value in rule.bounds.get(word) or () if kind != pl.Null and not _fits(value, kind)]
        if odd:
            what = "a number" if numeric else "true or false" if kind == pl.Boolean else "a word"
            return Fault(f"filters.{rule.name}.{word}", f"{odd[0]!r} is no value of this fact, which is {what}")
    return None


def _fits(value: Any, kind: pl.DataType) -> bool:
    if kind == pl.Boolean:
        return isinstance(value, bool)
    if kind.is_numeric():
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _verdict(rule: Rule, bounds: Mapping[str, Any]) -> pl.Expr:
    """How a record fails the rule, or 0. A fact without a value fails: it never passes in silence."""
    low, high = pl.col(rule.low), pl.col(rule.high)
    verdict = pl.when(low.is_null() | high.is_null()).then(_broken(Reason.UNMEASURED))
    if "min" in bounds:
        verdict = verdict.when(low.cast(pl.Float64) < bounds["min"]).then(_broken(Reason.BELOW_MIN))
    if "max" in bounds:
        verdict = verdict.when(high.cast(pl.Float64) > bounds["max"]).then(_broken(Reason.ABOVE_MAX))
    if "allow" in bounds:
        verdict = verdict.when(~_among(low, bounds["allow"])).then(_broken(Reason.NOT_ALLOWED))
    if "deny" in bounds:
        verdict = verdict.when(_among(low, bounds["deny"])).then(_broken(Reason.DENIED))
    return verdict.otherwise(pl.lit(0, pl.UInt8))


def _broken(reason: Reason) -> pl.Expr:
    return pl.lit(BROKEN.index(reason) + 1, pl.UInt8)


def _among(column: pl.Expr, values: list[Any]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(False), *(column.eq_missing(pl.lit(value)) for value in values))
