"""Annotate measures facts and never changes text: one column a fact, later compared with bounds by `filter`.

A fact sees the annotate frame: the record's columns, and for each of `record.Where` a column of that name with the
texts of those turns (List[String], in order). A fact that gives a list is a fact per turn; it is kept as its smallest
and its largest value (`NAME.min`, `NAME.max`), so that a rule's `min` bounds the shortest turn and `max` the longest.
Facts that polars can say run at column speed (0.3 to 5 us a record); others are functions `DataFrame -> Series`.
"""

from __future__ import annotations

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
    values, failed = _guarded(op, function, frame)
    return _columns(values), _quarantine(frame, op, failed)


def _column(expression: pl.Expr) -> Callable[[pl.DataFrame], pl.Series]:
    return lambda frame: frame.select(expression.alias("value"))["value"]


def _checked(values: Any, frame: pl.DataFrame) -> pl.Series:
    """What a fact gave, when it is one value for each record."""
    if isinstance(values, pl.Series) and len(values) == len(frame):
        return values
    given = f"{len(values)} values" if isinstance(values, pl.Series) else f"a {type(values).__name__} and no Series"
    raise ValueError(f"it gave {given} for {len(frame)} record{'s' * (len(frame) != 1)}")


def _columns(values: pl.Series) -> pl.DataFrame:
    if isinstance(values.dtype, pl.List):
        return pl.DataFrame({"min": values.list.min(), "max": values.list.max()})
    return pl.DataFrame({"value": values})


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
