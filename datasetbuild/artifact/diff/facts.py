"""How the facts of the kept rows are distributed on both sides, and how far that has shifted."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.artifact.diff.rows import Book
from datasetbuild.record import Fate
from datasetbuild.stages.bounds import rank

GRID = 512
"""Values at which two distributions are compared."""

QUANTILES = {"p5": 0.05, "median": 0.5, "p95": 0.95}
SMALLEST = 0.001
"""Shifts below it are rounding: one row in a thousand."""


def shifts(a: Book, b: Book) -> list[dict[str, Any]]:
    """Every fact whose distribution over the kept rows differs, the largest shift first.

    shift: the largest share of rows by which the two distributions differ at any value (Kolmogorov-Smirnov); for words
    and true/false half the sum of what their shares differ by. before, after: 5 %, 50 % and 95 % of the values, or shares.
    """
    found = []
    kept = [(book, book.rows.filter(pl.col("fate") == Fate.KEPT.value)["n"]) for book in (a, b)]
    for name in [one for one in b.facts if one in a.facts]:
        one, other = (book.take([name], places).to_series().drop_nulls() for book, places in kept)
        if not len(one) or not len(other) or one.dtype.is_numeric() != other.dtype.is_numeric():
            continue
        if one.dtype.is_nested() or other.dtype.is_nested():
            continue
        told = _numbers(one, other) if one.dtype.is_numeric() else _words(one, other)
        if told["shift"] >= SMALLEST:
            found.append({"fact": name, **told})
    return sorted(found, key=lambda fact: (-fact["shift"], fact["fact"]))


def _numbers(one: pl.Series, other: pl.Series) -> dict[str, Any]:
    left, right = (values.sort().to_numpy() for values in (one, other))
    grid = np.concatenate([values[np.linspace(0, len(values) - 1, GRID).astype(np.int64)] for values in (left, right)])
    gap = np.abs(_below(left, grid) - _below(right, grid)).max()
    return {"kind": "number", "shift": round(float(gap), 4), "before": _quantiles(left), "after": _quantiles(right)}


def _below(values: NDArray[Any], grid: NDArray[Any]) -> NDArray[np.float64]:
    return np.searchsorted(values, grid, side="right") / len(values)


def _quantiles(values: NDArray[Any]) -> dict[str, float]:
    return {name: round(float(values[rank(q, len(values))]), 4) for name, q in QUANTILES.items()}


def _words(one: pl.Series, other: pl.Series) -> dict[str, Any]:
    left, right = _shares(one), _shares(other)
    gaps = {word: abs(left.get(word, 0.0) - right.get(word, 0.0)) for word in {*left, *right}}
    shown = sorted(gaps, key=lambda word: (-gaps[word], word))[:5]
    before, after = ({word: round(side.get(word, 0.0), 4) for word in shown} for side in (left, right))
    return {"kind": "word", "shift": round(sum(gaps.values()) / 2, 4), "before": before, "after": after}


def _shares(values: pl.Series) -> dict[str, float]:
    counted = values.cast(pl.String).value_counts()
    return {word: count / len(values) for word, count in counted.iter_rows()}
