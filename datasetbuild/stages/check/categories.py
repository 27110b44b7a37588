"""Checks of coverage: how evenly the values of a column are spread, which must be there, and how many rows there are."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import polars as pl

from datasetbuild.op import Bound, check
from datasetbuild.stages.check.subject import PLACES, Finding, Measure, Subject, bounds, measure, share

Share = Annotated[float, Bound(ge=0, le=1)]
Counted = Literal["rows", "records"]


def _counts(rows: pl.DataFrame, column: str, count: Counted) -> dict[str, int]:
    """Records, or rows with their copies, of each value of a column; records without a value count for none."""
    size = pl.col("copies").cast(pl.Int64).sum() if count == "rows" else pl.len().cast(pl.Int64)
    counted = rows.drop_nulls(column).group_by(pl.col(column).cast(pl.String)).agg(size.alias("n"))
    return dict(counted.sort(column).iter_rows())


@check(version=1)
def top_share(
    subject: Subject,
    /,
    *,
    column: str = "category",
    count: Counted = "rows",
    per: str | None = None,
    split: str | None = "train",
    max: Share = 0.5,
) -> Finding:
    """The share of the most frequent value of a column: a dataset that is mostly one thing teaches mostly that.

    column: `category`, `source`, or a fact whose values are words.
    count: `rows` counts what the mix repeats as often as it does; `records` counts each once.
    per: a column such as `source` or `split`: each of its values is measured by itself.
    split: look at this split alone; null: at all.
    max: the largest share that passes.
    """
    name = subject.column(column)
    measures, failing = [], []
    for of, rows in subject.groups(per, split):
        counts = _counts(rows, name, count)
        top = min(counts, key=lambda value: (-counts[value], value), default=None)
        found = measure(_of(of, top), share(counts.get(top or "", 0), sum(counts.values())), None, max)
        measures.append(found)
        if not found.passed and top is not None:
            failing += rows.filter(pl.col(name).cast(pl.String) == top)["id"].to_list()
    return Finding(bounds(None, max, "%"), tuple(measures), tuple(failing), (name,), unit="%")


def _of(group: str, value: str | None) -> str:
    return ": ".join(part for part in (group, value) if part)


@check(version=1)
def entropy(
    subject: Subject,
    /,
    *,
    column: str = "category",
    count: Counted = "rows",
    per: str | None = None,
    split: str | None = "train",
    min: Share = 0.5,
) -> Finding:
    """How evenly the values of a column are spread: the entropy over its largest possible, 1 for all alike, 0 for one value.

    column: `category`, `source`, or a fact whose values are words.
    count: `rows` counts what the mix repeats as often as it does; `records` counts each once.
    per: a column such as `source` or `split`: each of its values is measured by itself.
    split: look at this split alone; null: at all.
    min: the smallest evenness that passes.
    """
    name = subject.column(column)
    groups = subject.groups(per, split)
    measures = [measure(of, _evenness(list(_counts(rows, name, count).values())), min, None) for of, rows in groups]
    return Finding(bounds(min, None), tuple(measures), columns=(name,))


def _evenness(counts: list[int]) -> float | None:
    """Entropy of the counts over the logarithm of their number, rounded, so that a last bit of `log` decides nothing."""
    whole = sum(counts)
    if not whole:
        return None
    if len(counts) == 1:
        return 0.0
    terms = [-n / whole * math.log(n / whole) for n in counts if n]
    return round(math.fsum(terms) / math.log(len(counts)), PLACES)


@check(version=1)
def required(
    subject: Subject,
    /,
    *,
    column: str = "category",
    values: dict[str, Annotated[int, Bound(ge=1)]],
    split: str | None = None,
) -> Finding:
    """Values of a column that must be there, each with the number of records that it needs.

    column: `category`, `source`, or a fact whose values are words.
    values: the values, each with its smallest number of records: `{refund: 20, shipping: 20}`.
    split: look at this split alone.
    """
    name = subject.column(column)
    counts = _counts(subject.rows(split), name, "records")
    measures = [measure(value, counts.get(value, 0), least, None) for value, least in values.items()]
    wanted = ", ".join(f"{value} {least}" for value, least in values.items())
    return Finding(f"at least {wanted}", tuple(measures), columns=(name,))


@check(version=1)
def row_count(
    subject: Subject,
    /,
    *,
    per: str | None = None,
    split: str | None = "train",
    count: Counted = "records",
    min: Annotated[int, Bound(ge=0)] | None = None,
    max: Annotated[int, Bound(ge=0)] | None = None,
) -> Finding:
    """How many records there are, or how many of each value of a column.

    per: a column such as `source`, `category` or a fact whose values are words: each of its values needs so many.
    split: look at this split alone; null: at all.
    count: `records` counts each once; `rows` counts what the mix repeats as often as it does.
    min: the smallest number that passes.
    max: the largest number that passes.
    """
    size = pl.col("copies").cast(pl.Int64).sum() if count == "rows" else pl.len().cast(pl.Int64)
    measures = [measure(of, int(rows.select(size).item()), min, max) for of, rows in subject.groups(per, split)]
    return Finding(bounds(min, max), tuple(measures) or (Measure("", None, False),))
