"""Filter compares facts with bounds: it keeps, or drops with a reason and the rule's name; it never changes a record.

Every rule is judged for every record; the first in the recipe's order that fails gives the reason, and the others that
fail are named beside it, so that the order of rules never hides what a rule would do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from datasetbuild.errors import Fault, RecipeError
from datasetbuild.record import Reason


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


def judge(facts: pl.DataFrame, rules: list[Rule]) -> tuple[pl.DataFrame, dict[str, dict[str, Any]]]:
    """Judge every record by every rule.

    facts: one row per record, the columns that the rules name. Returns a frame with `reason` and `rule` (null when the
    record passes) and `also` (names of further rules that fail); and each rule's bounds with quantiles looked up.
    Raises `RecipeError` for bounds of a kind that a fact cannot have.
    """
    verdicts: dict[str, pl.Expr] = {}
    resolved: dict[str, dict[str, Any]] = {}
    if faults := [fault for rule in rules if (fault := _misfit(rule, facts[rule.low]))]:
        raise RecipeError(faults)
    for rule in rules:
        bounds = {word: bound for word, bound in rule.bounds.items() if bound is not None}
        for word, column in (("min", rule.low), ("max", rule.high)):
            if word in bounds:
                bounds[word] = resolve_bound(bounds[word], facts[column])
        resolved[rule.name] = {word: bound for word, bound in bounds.items() if bound is not None}  # a quantile of nothing
        verdicts[rule.name] = _verdict(rule, resolved[rule.name])
    if not verdicts:
        nothing = {"reason": pl.String, "rule": pl.String, "also": pl.List(pl.String)}
        return pl.DataFrame({name: pl.Series([None] * len(facts), dtype=dtype) for name, dtype in nothing.items()}), {}
    failed = facts.select(verdict.alias(name) for name, verdict in verdicts.items())
    named = [pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in verdicts]
    every = failed.select(
        reason=pl.coalesce(pl.col(name) for name in verdicts),
        rule=pl.coalesce(named),
        also=pl.concat_list(named).list.drop_nulls().list.slice(1),
    )
    return every.with_columns(pl.when(pl.col("rule").is_not_null()).then(pl.col("also")).alias("also")), resolved


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
    """The reason for which a record fails the rule, or null. A fact without a value fails: it never passes in silence."""
    low, high = pl.col(rule.low), pl.col(rule.high)
    verdict = pl.when(low.is_null() | high.is_null()).then(pl.lit(Reason.UNMEASURED.value))
    if "min" in bounds:
        verdict = verdict.when(low.cast(pl.Float64) < bounds["min"]).then(pl.lit(Reason.BELOW_MIN.value))
    if "max" in bounds:
        verdict = verdict.when(high.cast(pl.Float64) > bounds["max"]).then(pl.lit(Reason.ABOVE_MAX.value))
    if "allow" in bounds:
        verdict = verdict.when(~_among(low, bounds["allow"])).then(pl.lit(Reason.NOT_ALLOWED.value))
    if "deny" in bounds:
        verdict = verdict.when(_among(low, bounds["deny"])).then(pl.lit(Reason.DENIED.value))
    return verdict.otherwise(None)


def _among(column: pl.Expr, values: list[Any]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(False), *(column.eq_missing(pl.lit(value)) for value in values))
