"""Filter compares facts with bounds: it keeps, or drops with a reason and the rule's name; it never changes a record.

Every rule is judged for every record; the first in the recipe's order that fails gives the reason, and the others that
fail are named beside it, so that the order of rules never hides what a rule would do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.errors import Fault, RecipeError
from datasetbuild.record import Reason
from datasetbuild.stages.bounds import resolve, resolve_by

BROKEN = (Reason.UNMEASURED, Reason.BELOW_MIN, Reason.ABOVE_MAX, Reason.NOT_ALLOWED, Reason.DENIED)
"""The ways to fail a rule."""


BOUNDS = ("min", "max", "robust_z", "allow", "deny")
"""What bounds a fact."""


@dataclass(frozen=True)
class Rule:
    """A bound on a fact. `low` and `high` are the columns that `min` and `max` look at (the same for a plain fact)."""

    name: str
    low: str
    high: str
    bounds: Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """What k rules say of n records. reason: for each rule and record the place in `BROKEN` of how it fails, from 1, or 0
    (uint8, k x n). bounds: of each rule, quantiles looked up."""

    reason: NDArray[np.uint8]
    bounds: dict[str, dict[str, Any]]

    def of(self, records: NDArray[np.int64]) -> Judged:
        """What they say of some of the records."""
        return Judged(self.reason[:, records], self.bounds)

    @property
    def rule(self) -> NDArray[np.uint16]:
        """The first rule that each record fails, from 1, or 0."""
        first = np.zeros(self.reason.shape[1], np.uint16)
        for number in range(len(self.reason), 0, -1):
            first[self.reason[number - 1] > 0] = number
        return first


def judge(facts: pl.DataFrame, rules: list[Rule]) -> Judged:
    """Judge every record by every rule.

    facts: one row per record, the columns that the rules name, also those of `by`. Raises `RecipeError` for bounds of a kind that a fact
    cannot have.
    """
    resolved: dict[str, dict[str, Any]] = {}
    if faults := [fault for rule in rules if (fault := _misfit(rule, facts[rule.low]))]:
        raise RecipeError(faults)
    reasons = np.zeros((len(rules), len(facts)), np.uint8)
    for number, rule in enumerate(rules):
        resolved[rule.name] = _resolved(rule, facts)
        reasons[number] = facts.select(_verdict(rule, resolved[rule.name]).alias("reason"))["reason"].to_numpy()
    return Judged(reasons, resolved)


def verdicts(facts: pl.DataFrame, rule: Rule) -> pl.Series:
    """How each record fails a rule whose bounds are numbers already, those of its categories too: as `Judged.reason` counts it.
    Raises `RecipeError` as `judge` does."""
    if fault := _misfit(rule, facts[rule.low]):
        raise RecipeError([fault])
    return facts.select(_verdict(rule, rule.bounds).alias("reason"))["reason"]


def _resolved(rule: Rule, facts: pl.DataFrame) -> dict[str, Any]:
    """The rule's bounds with numbers for what the data decide; with `by` those of each category as `groups`."""
    low, high, by = facts[rule.low], facts[rule.high], rule.bounds.get("by")
    values = {word: rule.bounds[word] for word in ("allow", "deny") if rule.bounds.get(word) is not None}
    if low.dtype.is_numeric() or low.dtype == pl.Null:
        values = resolve(rule.bounds, low, high) | values
        if by is not None:
            values |= {"by": by, "groups": resolve_by(rule.bounds, low, high, facts[by])}
    return values


def _misfit(rule: Rule, values: pl.Series) -> Fault | None:
    """A bound of a kind that the fact's values cannot have: it would drop every record, or none."""
    kind = values.dtype
    numeric = kind.is_numeric()
    for word in ("min", "max", "robust_z"):
        if rule.bounds.get(word) is not None and not (numeric or kind == pl.Null):
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
    """How a record fails the rule, or 0. A fact without a value fails, since it never passes in silence; but nothing fails a rule
    that bounds nothing."""
    if all(rule.bounds.get(word) is None for word in BOUNDS):
        return pl.lit(0, pl.UInt8)
    low, high = pl.col(rule.low), pl.col(rule.high)
    verdict: Any = pl.when(low.is_null() | high.is_null()).then(_broken(Reason.UNMEASURED))
    if (least := _bound(bounds, "min")) is not None:
        verdict = verdict.when((low.cast(pl.Float64) < least).fill_null(False)).then(_broken(Reason.BELOW_MIN))
    if (most := _bound(bounds, "max")) is not None:
        verdict = verdict.when((high.cast(pl.Float64) > most).fill_null(False)).then(_broken(Reason.ABOVE_MAX))
    if "allow" in bounds:
        verdict = verdict.when(~_among(low, bounds["allow"])).then(_broken(Reason.NOT_ALLOWED))
    if "deny" in bounds:
        verdict = verdict.when(_among(low, bounds["deny"])).then(_broken(Reason.DENIED))
    return verdict.otherwise(pl.lit(0, pl.UInt8))


def _bound(bounds: Mapping[str, Any], word: str) -> pl.Expr | None:
    """`min` or `max` as it holds for each record: its category's, or else that of all. None where there is none at all."""
    groups = {name: own.get(word) for name, own in bounds.get("groups", {}).items()}
    of_all = pl.lit(bounds.get(word), pl.Float64)
    if not groups:
        return of_all if word in bounds else None
    by = pl.col(bounds["by"]).cast(pl.String)
    theirs = pl.Series(list(groups.values()), dtype=pl.Float64, strict=False)  # 20 beside 20.5: a recipe's number and the data's
    own = by.replace_strict(pl.Series(list(groups)), theirs, default=None, return_dtype=pl.Float64)
    return pl.when(by.is_in(list(groups))).then(own).otherwise(of_all)


def _broken(reason: Reason) -> pl.Expr:
    return pl.lit(BROKEN.index(reason) + 1, pl.UInt8)


def _among(column: pl.Expr, values: list[Any]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(False), *(column.eq_missing(pl.lit(value)) for value in values))
