"""Annotate measures facts and never changes text: one column a fact, later compared with bounds by `filter`.

A fact sees the annotate frame: the record's columns, and for each of `record.Where` a column of that name with the
texts of those turns (List[String], in order). A fact that gives a list is a fact per turn; it is kept as its smallest
and its largest value (`NAME.min`, `NAME.max`), so that a rule's `min` bounds the shortest turn and `max` the longest.
Facts that polars can say run at column speed (0.3 to 5 us a record); others are functions `DataFrame -> Series`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from datasetbuild.errors import BuildError
from datasetbuild.op import PLUGIN, Operator, find
from datasetbuild.record import Reason, Stage, Where, canonical_bytes, no_quarantine, quarantine_schema
from datasetbuild.stages.where import annotate_frame as annotate_frame

Fact = pl.Expr | Callable[[pl.DataFrame], pl.Series]

WORDS = (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Null)
"""What a value may be that is no number. Null: no record of the shard has one."""

PLACES = ("row", "line")
"""Columns that count from the begin of a shard: no plugin's fact sees them, since they say nothing of the record."""

ALONE = 4
"""Records of a shard that a plugin's fact measures twice."""


def turns(where: Where) -> pl.Expr:
    """The texts of the `where` turns of each record: List[String], empty when there are none."""
    return pl.col(where)


COUNTED = re.compile(r"\{\d+,\d{2,}\}")


def holds(texts: pl.Series, pattern: str) -> pl.Series:
    """Whether each text holds the pattern, null for none.

    A part that may stand up to ten times and more makes an automaton of so many states that the engine goes back to a way
    20 times as slow. So a wider pattern is tried first, in which such a part may stand any number of times.
    """
    wide = COUNTED.sub("*", pattern)
    found = texts.str.contains(wide)
    likely = found.arg_true()
    return found if wide == pattern or not len(likely) else found.scatter(likely, texts.gather(likely).str.contains(pattern))


def with_counts(frame: pl.DataFrame, rendered: pl.DataFrame) -> pl.DataFrame:
    """The annotate frame with `tokens` and `trained_tokens` of the records that could be rendered."""
    return frame.join(rendered.select("row", "tokens", "trained_tokens"), on="row", how="left", maintain_order="left")


def measure(
    frame: pl.DataFrame, name: str, params: Mapping[str, Any], prepared: Path | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One fact for every record of the frame. prepared: the file with what the fact's `prepare` made.

    Returns a frame with the columns `value`, or `min` and `max` for a fact per turn, in the order of `frame`; and the
    quarantine of the records for which a function raised an error (their value is null).
    """
    op = find("fact", name)
    measured = op.made(*([prepared] if prepared else []), given=dict(params))
    function = _column(measured) if isinstance(measured, pl.Expr) else measured
    if not callable(function):
        raise BuildError(f"fact {name!r} gave a {type(measured).__name__}, and neither a polars expression nor a function", hint=PLUGIN)
    seen = frame.drop(PLACES) if op.code else frame
    values, failed = _guarded(op, function, seen)
    if op.code and not op.dear and not failed:
        _same_alone(op, function, seen, values)
    return _columns(values), _quarantine(frame, op, failed)


def _column(expression: pl.Expr) -> Callable[[pl.DataFrame], pl.Series]:
    return lambda frame: frame.select(expression.alias("value"))["value"]


def _checked(values: Any, frame: pl.DataFrame) -> pl.Series:
    """What a fact gave, when it is one value for each record."""
    if not isinstance(values, pl.Series):
        raise ValueError(f"it gave a {type(values).__name__} and no Series for {_records(frame)}")
    if len(values) != len(frame):
        raise ValueError(f"it gave {len(values)} values for {_records(frame)}")
    kind = values.dtype.inner if isinstance(values.dtype, pl.List) else values.dtype
    if not (kind.is_numeric() or kind in WORDS):
        raise ValueError(f"it gave values of the type {values.dtype}; a fact is a number, a word, or true or false, or a list of these")
    return values


def _records(frame: pl.DataFrame) -> str:
    return f"{len(frame)} record{'s' * (len(frame) != 1)}"


def _same_alone(op: Operator, function: Callable[[pl.DataFrame], pl.Series], frame: pl.DataFrame, values: pl.Series) -> None:
    """Measure some records once more, each by itself. Raises `BuildError` when one has another value then: a fact that looks at its
    neighbours (a mean, a rank, a counter) would change with the shards that records happen to be in, and nobody would see it."""
    for place in sorted({len(frame) * step // ALONE for step in range(ALONE if len(frame) else 0)}):
        one = frame.slice(place, 1)
        try:
            again = _checked(function(one), one)[0]
        except (Exception, SystemExit) as error:
            again = error
        if not _alike(values[place], again):
            told = f"fact {op.name!r} is not of the record alone: {values[place]!r} among {_records(frame)}, {again!r} by itself"
            raise BuildError(told, hint="a fact may look at its own record only: no mean, rank or counter over all of them, and no chance")


def _alike(a: Any, b: Any) -> bool:
    """Whether two values are the same, for numbers to the last digits, which the way of summing up may move."""
    if isinstance(a, pl.Series) or isinstance(b, pl.Series):
        return isinstance(a, pl.Series) and isinstance(b, pl.Series) and len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) or a == b or (a != a and b != b)
    return bool(a == b)


def _columns(values: pl.Series) -> pl.DataFrame:
    """NaN and infinite are no values: no bound, mean or quantile could be said of them."""
    kind = values.dtype.inner if isinstance(values.dtype, pl.List) else values.dtype
    if isinstance(values.dtype, pl.List):
        found = pl.DataFrame({"min": values.list.min(), "max": values.list.max()})
        odd = values.list.eval(~pl.element().is_finite()).list.any() if kind.is_float() else None
    else:
        found, odd = pl.DataFrame({"value": values}), ~values.is_finite() if kind.is_float() else None
    return found if odd is None else found.with_columns(pl.when(~odd.fill_null(False)).then(pl.all()))


def _guarded(
    op: Operator, function: Callable[[pl.DataFrame], pl.Series], frame: pl.DataFrame
) -> tuple[pl.Series, dict[int, str]]:
    """Run a function on the whole frame, and record by record only when that fails: one bad record costs one record."""
    try:
        return _checked(function(frame), frame), {}
    except (Exception, SystemExit):  # a plugin may raise anything; the records that make it raise are named below
        found: list[pl.Series | None] = []
        failed: dict[int, str] = {}
    for index in range(len(frame)):
        try:
            one = frame.slice(index, 1)
            found.append(_checked(function(one), one))
        except (Exception, SystemExit) as error:  # recorded with the record, never swallowed
            failed[index] = f"fact {op.name!r} raised {type(error).__name__}: {error}{op.place_of(error)}"
            found.append(None)
    dtype = next((one.dtype for one in found if one is not None), pl.Float64)
    return pl.concat([pl.Series([None], dtype=dtype) if one is None else one.cast(dtype) for one in found]), failed


def _quarantine(frame: pl.DataFrame, op: Operator, failed: dict[int, str]) -> pl.DataFrame:
    if not failed:
        return no_quarantine()
    bad = frame[list(failed)]
    return pl.DataFrame(
        {
            "row": bad["row"],
            "line": bad["line"],
            "stage": [Stage.ANNOTATE.value] * len(bad),
            "reason": [Reason.OPERATOR_ERROR.value] * len(bad),
            "detail": list(failed.values()),
            "raw": [canonical_bytes(one.to_list()).decode() for one in bad["messages"]],
        },
        schema=quarantine_schema(),
    )
