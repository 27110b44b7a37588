"""Checks of facts: their mean, a quantile, the share of rows on the wrong side of a bound, and rows that raise a flag."""

from __future__ import annotations

from functools import reduce
from typing import Annotated, Any, Literal

import polars as pl

from datasetbuild.op import Bound, check
from datasetbuild.stages.check.subject import Finding, MissingColumn, Subject, bounds, mean, measure, quantile, share

Side = Literal["max", "min"]
Share = Annotated[float, Bound(ge=0, le=1)]


@check(version=1)
def fact_mean(
    subject: Subject,
    /,
    *,
    fact: str,
    side: Side = "max",
    per: str | None = None,
    split: str | None = None,
    min: float | None = None,
    max: float | None = None,
) -> Finding:
    """The mean of a fact over the kept records.

    fact: a rule of `filters`, or a fact, which is then measured with its defaults.
    side: of a fact per turn, each record's largest (`max`) or smallest (`min`) value.
    per: a column such as `source`, `split` or `category`: each of its values is measured by itself.
    split: look at this split alone.
    min: the smallest mean that passes.
    max: the largest mean that passes.
    """
    column = subject.column(fact, side)
    measures = [measure(of, mean(rows[column]), min, max) for of, rows in subject.groups(per, split)]
    return Finding(bounds(min, max), tuple(measures), columns=(column,))


@check(version=1)
def fact_quantile(
    subject: Subject,
    /,
    *,
    fact: str,
    q: Share = 0.95,
    side: Side = "max",
    per: str | None = None,
    split: str | None = None,
    min: float | None = None,
    max: float | None = None,
) -> Finding:
    """A quantile of a fact over the kept records: the smallest value that a share `q` of them does not exceed.

    fact: a rule of `filters`, or a fact, which is then measured with its defaults.
    q: the share: 0.5 is the median, 0.95 the 95th percentile.
    side: of a fact per turn, each record's largest (`max`) or smallest (`min`) value.
    per: a column such as `source`, `split` or `category`: each of its values is measured by itself.
    split: look at this split alone.
    min: the smallest quantile that passes.
    max: the largest quantile that passes.
    """
    column = subject.column(fact, side)
    measures = [measure(of, quantile(rows[column], q), min, max) for of, rows in subject.groups(per, split)]
    return Finding(bounds(min, max), tuple(measures), columns=(column,))


@check(version=1)
def fact_share(
    subject: Subject,
    /,
    *,
    fact: str,
    above: float | None = None,
    below: float | None = None,
    values: list[Any] | None = None,
    side: Side = "max",
    per: str | None = None,
    split: str | None = None,
    min: Share | None = None,
    max: Share | None = None,
) -> Finding:
    """The share of the kept records for which a fact is above or below a number, or one of some values.

    Too large a share names the records that make it; too small a one those that are missing from it.

    fact: a rule of `filters`, or a fact, which is then measured with its defaults.
    above: counts records whose value is larger than this.
    below: counts records whose value is smaller than this.
    values: counts records whose value is one of these.
    side: of a fact per turn, each record's largest (`max`) or smallest (`min`) value.
    per: a column such as `source`, `split` or `category`: each of its values is measured by itself.
    split: look at this split alone.
    min: the smallest share that passes.
    max: the largest share that passes.
    """
    column = subject.column(fact, side)
    counted = _counted(pl.col(column), above, below, values)
    measures, failing = [], []
    for of, rows in subject.groups(per, split):
        hit = rows.select(counted.fill_null(False).alias("hit"))["hit"]
        found = measure(of, share(int(hit.sum()), len(rows)), min, max)
        measures.append(found)
        if not found.passed:
            too_many = max is not None and found.value is not None and found.value > max
            failing += rows.filter(hit if too_many else ~hit)["id"].to_list()
    return Finding(bounds(min, max, "%"), tuple(measures), tuple(failing), (column,), unit="%")


def _counted(value: pl.Expr, above: float | None, below: float | None, values: list[Any] | None) -> pl.Expr:
    wanted = [value > above] if above is not None else []
    wanted += [value < below] if below is not None else []
    wanted += [value.cast(pl.String).is_in([_as_text(one) for one in values])] if values is not None else []
    return reduce(lambda a, b: a | b, wanted) if wanted else value.is_not_null()


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@check(version=1)
def flagged_rows(subject: Subject, /, *, facts: list[str], max: Annotated[int, Bound(ge=0)] = 0) -> Finding:
    """Kept records for which any of some facts raises a flag: a number above 0, or true.

    facts: rules of `filters`, or facts, which are then measured with their defaults.
    max: the largest number of such records that passes.
    """
    columns = [subject.column(fact) for fact in facts]
    flagged = pl.any_horizontal((pl.col(column).cast(pl.Float64) > 0).fill_null(False) for column in columns)
    failing = subject.kept.filter(flagged)["id"].to_list()
    return Finding(bounds(None, max), (measure("", len(failing), None, max),), tuple(failing), tuple(columns))


@check(version=1)
def contradictions(subject: Subject, /, *, max: Annotated[int, Bound(ge=0)] = 0) -> Finding:
    """Kept records that contradict another kept record, as the recipe's section `contradictions` finds them.

    max: the largest number of such records that passes.
    """
    if "contradicts" not in subject.ledger.columns:
        raise MissingColumn("contradicts", "write `contradictions: {}` in the recipe: it finds them")
    rows = subject.kept.select("id", other="contradicts")
    failing = rows.filter(pl.col("other").is_in(rows["id"].implode()))["id"].to_list()
    return Finding(bounds(None, max), (measure("", len(failing), None, max),), tuple(failing), ("contradicts", "contradiction"))
