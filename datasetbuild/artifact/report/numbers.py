"""A ledger as counts, bins and shares, ready to be drawn. Everything here is the same on every machine: bins are counted in
whole rows, quantiles are values that occur, and nothing is summed in floats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.record import LEDGER_FIRST, LEDGER_LAST, Fate
from datasetbuild.stages.bounds import rank

BINS = 28
"""About so many bars; the step is a round number."""

CUT = 0.99
"""Values above this quantile share the last bar, so that one long row does not flatten all others."""

RARE = 0.8
"""A number that is 0 for this share of the records is a flag: how often it is not 0 says more than how large it is."""

TOP = 12
"""Values of a column that are listed."""


@dataclass(frozen=True)
class Bins:
    """Bars from `start`, each `step` wide, `count` of them; what is larger goes into one more."""

    start: float
    step: float
    count: int

    @property
    def stop(self) -> float:
        return self.start + self.step * self.count


@dataclass(frozen=True)
class Fact:
    """A measured column. kind: `number` is drawn as a histogram, `flag` as a share, `word` by its most frequent values."""

    name: str
    column: str
    side: str | None
    kind: Literal["number", "flag", "word"]


@dataclass(frozen=True)
class Spread:
    """One source's values of a fact: bars of all records and of the kept ones, and the median of the kept."""

    source: str
    every: list[int]
    kept: list[int]
    median: float | None


@dataclass(frozen=True)
class Multiple:
    """A fact, source by source, over the same bins. bounds: the rule's, looked up."""

    fact: Fact
    bins: Bins
    spreads: list[Spread]
    bounds: dict[str, float]
    over: int
    quantiles: dict[str, float | None]


@dataclass(frozen=True)
class Count:
    """A value of a column with the records kept and not kept."""

    value: str
    kept: int
    lost: int


@dataclass(frozen=True)
class Tally:
    """A column's most frequent values. rest: records of all the others; more: how many others there are."""

    name: str
    counts: list[Count]
    rest: int = 0
    more: int = 0


@dataclass(frozen=True)
class Cell:
    """A flag of one source: how many of the kept records that were measured raise it, and how many of all."""

    raised: int = 0
    measured: int = 0
    raised_before: int = 0
    measured_before: int = 0

    @property
    def share(self) -> float:
        return self.raised / self.measured if self.measured else 0.0

    @property
    def before(self) -> float:
        return self.raised_before / self.measured_before if self.measured_before else 0.0


@dataclass(frozen=True)
class Grid:
    """Flags by source: `cells[flag][source]`."""

    sources: list[str]
    flags: list[str]
    cells: list[list[Cell]] = field(default_factory=list)


NAMED = ("category", "topic", "contaminated_by")
"""Columns of words that are no facts."""

KEPT = pl.col("fate") == Fate.KEPT.value


@dataclass(frozen=True)
class Values:
    """The values of a column that are there, each once and in order (float64), with the rows that have it (int64): of a million
    rows mostly a few thousand. whole: whether they are whole numbers."""

    values: NDArray[np.float64]
    rows: NDArray[np.int64]
    whole: bool

    def __len__(self) -> int:
        return len(self.values)

    def at(self, q: float) -> float | None:
        """The smallest value that at least a share `q` of the rows does not exceed; None without any."""
        ends = np.cumsum(self.rows)
        return float(self.values[np.searchsorted(ends, rank(q, int(ends[-1])) + 1)]) if len(ends) else None


def values_of(column: pl.Series, weights: pl.Series | None = None) -> Values:
    """The values of a column. weights: rows that each of its rows stands for, one by default."""
    rows = pl.len() if weights is None else pl.col("weight").sum()
    frame = pl.DataFrame({"value": column} if weights is None else {"value": column, "weight": weights})
    found = frame.group_by("value").agg(rows.cast(pl.Int64).alias("rows")).select(pl.col("value").cast(pl.Float64), "rows")
    found = found.filter(pl.col("value").is_not_nan() & (pl.col("rows") > 0)).sort("value")
    return Values(found["value"].to_numpy() + 0.0, found["rows"].to_numpy(), not column.dtype.is_float())  # -0.0 is 0.0


def merged(parts: Sequence[Values]) -> Values:
    """The values of several columns as those of one."""
    values, place = np.unique(np.concatenate([one.values for one in parts]), return_inverse=True)
    rows = np.bincount(place, np.concatenate([one.rows for one in parts]), len(values))
    return Values(values, rows.astype(np.int64), all(one.whole for one in parts))


def bins_of(values: Values) -> Bins | None:
    """Round bins for some values; None without any."""
    if not len(values):
        return None
    low, high = float(values.values[0]), values.at(CUT) or 0.0
    high = high if high > low else float(values.values[-1])
    step = _round_step((high - low) / BINS) if high > low else 1.0
    step = max(step, 1.0) if values.whole else step
    start = math.floor(low / step) * step
    return Bins(start, step, max(math.floor((high - start) / step + 1e-9) + 1, 1))


def _round_step(raw: float) -> float:
    """The next number of the shape 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next((factor * power for factor in (1.0, 2.0, 2.5, 5.0) if factor * power >= raw), 10.0 * power)


def bars(values: Values, bins: Bins) -> list[int]:
    """Rows of each bin, and of what lies beyond the last: `bins.count + 1` numbers."""
    place = ((pl.Series(values.values) - bins.start) / bins.step).floor().clip(0, bins.count)
    counted = np.bincount(place.cast(pl.Int64), values.rows, bins.count + 1)
    return [int(count) for count in counted]  # sums of whole numbers, which floats hold up to 2^53


def facts(ledger: pl.DataFrame) -> list[Fact]:
    """The measured columns of a ledger, in their order."""
    outside = {*LEDGER_FIRST, *LEDGER_LAST, "cut"}
    found = []
    for column in ledger.columns:
        name, _, side = column.rpartition(".")
        name, side = (name, side) if side in ("min", "max") and name else (column, "")
        if name in outside or not (kind := _kind(ledger[column])):
            continue
        twin = f"{name}.{'max' if side == 'min' else 'min'}"
        if side and twin in ledger.columns and ledger[column].equals(ledger[twin]):
            if side == "max":
                continue  # one answer each: smallest and largest are the same
            side = ""
        found.append(Fact(name, column, side or None, kind))
    return found


def _kind(values: pl.Series) -> Literal["number", "flag", "word"] | None:
    if values.dtype == pl.Boolean:
        return "flag" if values.null_count() < len(values) else None
    if values.dtype == pl.String or isinstance(values.dtype, pl.Categorical | pl.Enum):
        return "word" if values.null_count() < len(values) else None
    if not values.dtype.is_numeric():
        return None
    there = values.drop_nulls()
    if not len(there):
        return None
    rare = int((there == 0).sum()) >= RARE * len(there) and float(there.min()) >= 0  # type: ignore[arg-type]
    return "flag" if rare else "number"


def multiples(ledger: pl.DataFrame, sources: Sequence[str], bounds: dict[str, dict[str, Any]]) -> list[Multiple]:
    """Every numeric fact as small histograms, one a source, with the bounds of its rule. sources: of all rows."""
    found = []
    for fact in facts(ledger):
        if fact.kind != "number":
            continue
        narrow = ledger.select("source", "fate", fact.column)  # a copy of it, and not of all columns
        mine = [narrow.filter(pl.col("source") == source) for source in sources]
        every = [values_of(one[fact.column]) for one in mine]
        kept = [values_of(one.filter(KEPT)[fact.column]) for one in mine]
        if (bins := bins_of(merged(every))) is None:
            continue
        spreads = [
            Spread(source, bars(before, bins), bars(after, bins), after.at(0.5))
            for source, one, before, after in zip(sources, mine, every, kept, strict=True)
            if one[fact.column].null_count() < len(one)
        ]
        rule = bounds.get(fact.name, {})
        words = [word for word in ("min", "max") if fact.side in (None, word)]
        limits = {word: float(rule[word]) for word in words if isinstance(rule.get(word), int | float)}
        quantiles = {name: merged(kept).at(q) for name, q in (("p5", 0.05), ("median", 0.5), ("p95", 0.95))}
        found.append(Multiple(fact, bins, spreads, limits, sum(one.every[-1] for one in spreads), quantiles))
    return found


def tallies(ledger: pl.DataFrame, top: int = TOP) -> list[Tally]:
    """The category and every fact of words, each with its most frequent values."""
    names = [(name, name) for name in NAMED] + [(fact.name, fact.column) for fact in facts(ledger) if fact.kind == "word"]
    found = []
    for name, column in names:
        if column in ledger.columns and ledger[column].null_count() < len(ledger):
            found.append(tally(ledger, name, column, top))
    return found


def tally(ledger: pl.DataFrame, name: str, column: str, top: int = TOP) -> Tally:
    """How often each value of a column stands in the ledger: the most frequent ones first, then by name."""
    grouped = ledger.select("fate", column).drop_nulls(column).group_by(pl.col(column).cast(pl.String).alias("value"))
    counted = grouped.agg(KEPT.sum().cast(pl.Int64).alias("kept"), pl.len().cast(pl.Int64).alias("all"))
    counted = counted.sort(["kept", "all", "value"], descending=[True, True, False])
    listed = [Count(value, kept, every - kept) for value, kept, every in counted.head(top).iter_rows()]
    others = counted.slice(top)
    return Tally(name, listed, int(others["kept"].sum()), len(others))


def grid(ledger: pl.DataFrame, sources: Sequence[str]) -> Grid | None:
    """Flags by source; None when the ledger has no flag."""
    flags = [fact for fact in facts(ledger) if fact.kind == "flag" and fact.side in (None, "max")]
    cells = []
    for fact in flags:
        raised, there = pl.col(fact.column).cast(pl.Float64) > 0, pl.col(fact.column).is_not_null()
        counts = [(raised & KEPT).sum(), (there & KEPT).sum(), raised.sum(), there.sum()]
        named = [count.cast(pl.Int64).alias(str(n)) for n, count in enumerate(counts)]
        found = {source: Cell(*numbers) for source, *numbers in ledger.group_by("source").agg(named).iter_rows()}
        cells.append([found.get(source, Cell()) for source in sources])
    return Grid(list(sources), [fact.name for fact in flags], cells) if flags else None


def pairs(ledger: pl.DataFrame, column: str = "verb_object", top: int = 10, within: int = 6) -> list[tuple[str, int, list[Count]]]:
    """Values of two words, such as `write email`, as the rings of a sunburst: (verb, records, objects); kept records."""
    if column not in ledger.columns:
        return []
    split = pl.col(column).cast(pl.String).str.splitn(" ", 2)
    kept = ledger.select("fate", column).filter(KEPT).select(verb=split.struct.field("field_0"), object=split.struct.field("field_1").fill_null(""))
    counted = kept.drop_nulls("verb").group_by("verb", "object").len().sort(["len", "verb", "object"], descending=[True, False, False])
    totals = counted.group_by("verb").agg(pl.col("len").sum()).sort(["len", "verb"], descending=[True, False]).head(top)
    found = []
    for verb, count in totals.iter_rows():
        inner = counted.filter((pl.col("verb") == verb) & ~pl.col("object").is_in(["", "?"])).head(within)
        found.append((verb, int(count), [Count(value, int(n), 0) for value, n in inner.select("object", "len").iter_rows()]))
    return found


@dataclass(frozen=True)
class Fit:
    """What a sequence length would do. rows: that fit whole; cut: tokens of the others that would be cut off."""

    length: int
    share: float
    cut: float


LENGTHS = tuple(2**n for n in range(6, 18))


def fits(ledger: pl.DataFrame, chosen: int) -> list[Fit]:
    """Sequence lengths around the chosen one, each with the share of rows that fit and of tokens that would be cut."""
    rows = ledger.select("fate", "tokens", "copies").filter(KEPT & pl.col("tokens").is_not_null())
    weight, tokens = rows["copies"].cast(pl.Int64), rows["tokens"].cast(pl.Int64)
    every, total = int(weight.sum()), int((tokens * weight).sum())
    if not every or not total:
        return []
    longest = int(tokens.max())  # type: ignore[arg-type]
    lengths = sorted({chosen, *(length for length in LENGTHS if chosen // 4 <= length <= max(2 * longest, chosen))})
    found = []
    for length in lengths:
        over = tokens > length
        lost = int(((tokens - length) * weight).filter(over).sum() or 0)
        found.append(Fit(length, round(1 - int(weight.filter(over).sum() or 0) / every, 6), round(lost / total, 6)))
        if not lost and length >= chosen:
            break
    return found
