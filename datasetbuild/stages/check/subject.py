"""What a check looks at, and what it finds: the ledger and the data of a dataset in, measures and failing rows out.

Bounds are compared exactly: a share is two whole numbers, a mean an exact sum, a quantile one of the values. So a check
gives the same answer on every machine, and 10 of 100 rows is not less than 0.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import polars as pl

from datasetbuild.record import Fate
from datasetbuild.stages.bounds import rank

PLACES = 6
"""Decimal places of a measure as it is written down; it is compared before it is rounded."""


class MissingColumn(Exception):  # noqa: N818  (what is missing, not what went wrong)
    """The ledger has no such column: it was built before anything asked for it. hint: what puts it there, when a build alone does not."""

    def __init__(self, column: str, hint: str | None = None) -> None:
        super().__init__(column)
        self.hint = hint


@dataclass(frozen=True)
class Subject:
    """A dataset that is to be checked.

    ledger: one row per input row. folder: the artifact's, with `data/`. max_tokens: of the template, None without one.
    """

    ledger: pl.DataFrame
    folder: Path
    max_tokens: int | None = None

    @cached_property
    def kept(self) -> pl.DataFrame:
        """The ledger's lines of the records that are in the dataset."""
        return self.ledger.filter(pl.col("fate") == Fate.KEPT.value)

    @cached_property
    def openings(self) -> pl.DataFrame:
        """How every record of the dataset opens: `id`, `split`, `system` and `user` (its first turns of these roles)."""
        turn = pl.element().struct

        def first(role: str) -> pl.Expr:
            said = pl.col("messages").list.eval(pl.element().filter(turn.field("role") == role).struct.field("content"))
            return said.list.first().alias(role)

        frames = [
            pl.read_parquet(path, columns=["id", "copy", "messages"], glob=False)
            .filter(pl.col("copy") == 0)
            .select("id", first("system"), first("user"))
            .with_columns(split=pl.lit(path.name.rsplit("-", 3)[0]))
            for path in sorted((self.folder / "data").glob("*.parquet"))
        ]
        empty = dict.fromkeys(("id", "system", "user", "split"), pl.String)
        return pl.concat(frames) if frames else pl.DataFrame(schema=empty)

    def rows(self, split: str | None = None) -> pl.DataFrame:
        """The kept records, or those of one split."""
        return self.kept if split is None else self.kept.filter(pl.col("split").cast(pl.String) == split)

    def column(self, name: str, side: str = "max") -> str:
        """The ledger's column of a fact: its own, or for a fact per turn that of the largest (`max`) or smallest value."""
        for found in (name, f"{name}.{side}"):
            if found in self.ledger.columns:
                return found
        raise MissingColumn(name)

    def groups(self, per: str | None, split: str | None = None) -> Iterator[tuple[str, pl.DataFrame]]:
        """The kept records as one group without a name, or one for each value of a column, in the order of the values."""
        rows = self.rows(split)
        if per is None:
            yield split or "", rows
            return
        column = self.column(per)
        for (value,), group in sorted(rows.group_by(column), key=lambda pair: str(pair[0][0])):
            yield "none" if value is None else str(value), group


@dataclass(frozen=True)
class Measure:
    """One number that a check compared. of: what it is of (a source, a split), empty for the whole. value: None when there
    was nothing to measure, which fails."""

    of: str
    value: float | int | None
    passed: bool


@dataclass(frozen=True)
class Finding:
    """What a check found. wanted: its bounds in words. failing: ids of the rows that are at fault, where single rows are.
    columns: those of the ledger that say why. unit: `%` for shares, else what is counted."""

    wanted: str
    measures: tuple[Measure, ...]
    failing: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    unit: str = ""

    @property
    def passed(self) -> bool:
        return all(measure.passed for measure in self.measures)


def measure(of: str, value: float | Fraction | None, low: float | None, high: float | None) -> Measure:
    """A value compared with its bounds, which it may equal; shares come as fractions and are compared as such."""
    if value is None:
        return Measure(of, None, False)
    exact = Fraction(value) if isinstance(value, int | Fraction) else Fraction(repr(value))
    passed = (low is None or exact >= Fraction(repr(low))) and (high is None or exact <= Fraction(repr(high)))
    shown = int(exact) if isinstance(value, int) else round(float(exact), PLACES)
    return Measure(of, shown, passed)


def share(part: int, whole: int) -> Fraction | None:
    """A share, exactly; None of nothing."""
    return Fraction(part, whole) if whole else None


def mean(values: pl.Series) -> float | None:
    """The mean of what is known, from the exact sum (Shewchuk's, `math.fsum`), whatever the order; None of nothing."""
    known = values.cast(pl.Float64).drop_nulls().drop_nans()
    return math.fsum(known.to_list()) / len(known) if len(known) else None


def quantile(values: pl.Series, q: float) -> float | None:
    """The smallest value that at least a share `q` does not exceed; one of the values, None of nothing."""
    known = values.cast(pl.Float64).drop_nulls().drop_nans().sort()
    return known[rank(q, len(known))] if len(known) else None


def bounds(low: float | None, high: float | None, unit: str = "") -> str:
    """Two bounds in words: `10 % to 20 %`, `at most 0.8`."""
    words = [None if bound is None else said(bound, unit) for bound in (low, high)]
    if words[0] and words[1]:
        return words[0] if words[0] == words[1] else f"{words[0]} to {words[1]}"
    return f"at least {words[0]}" if words[0] else f"at most {words[1]}" if words[1] else "no bound"


def said(value: float | int | None, unit: str = "") -> str:
    """A measure in words: shares in percent."""
    if value is None:
        return "nothing to measure"
    if unit == "%":
        return f"{float(value) * 100:.4g} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
