"""Edited rows without a `key`: found by their place between rows that are the same on both sides.

What lies between two such neighbours in the same file is a gap. As many rows on both sides are paired in order; where
rows came or went besides, the pairing in order that is most alike in facts and labels is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from datasetbuild.record import Fate

if TYPE_CHECKING:
    from datasetbuild.artifact.diff.rows import Book

LARGEST = 250_000
"""Pairs of rows of one gap that are looked at; a larger gap (a file written anew) is paired in order."""

ALIKE = ("group", "category", "date")


def aligned(a: Book, b: Book, pairs: pl.DataFrame, alone_a: pl.Series, alone_b: pl.Series) -> pl.DataFrame:
    """Pairs of rows that have no partner by id: `a`, `b`, `how` = "edited".

    Rows of a source with a declared key keep their id, so there only a row that could not be read is paired.
    """
    gaps_a = _gaps(a, "a", pairs, alone_a, a, b)
    gaps_b = _gaps(b, "b", pairs, alone_b, a, b)
    place = ["source", "file", "anchor"]
    one = gaps_a.group_by(place, maintain_order=True).agg("a", bad_a="bad")
    other = gaps_b.group_by(place, maintain_order=True).agg("b", bad_b="bad")
    gaps = one.join(other, on=place, maintain_order="left").with_columns(
        keyed=pl.col("source").is_in(list(a.keyed() & b.keyed())),
        even=pl.col("a").list.len() == pl.col("b").list.len(),
    )
    simple = gaps.filter(pl.col("even") & ~pl.col("keyed")).select("a", "b").explode("a", "b")
    hard = gaps.filter(~pl.col("even") | pl.col("keyed"))
    found = [simple, pl.DataFrame(_matched(a, b, hard), schema={"a": pl.UInt32, "b": pl.UInt32}, orient="row")]
    return pl.concat(found).with_columns(how=pl.lit("edited"))


def _gaps(book: Book, end: str, pairs: pl.DataFrame, alone: pl.Series, a: Book, b: Book) -> pl.DataFrame:
    """The rows without a partner: their number, their file, and the last row before them that has one in that file.

    A ledger holds the rows of a file below one another, so the last row with a partner is a running maximum.
    """
    partnered = pairs.filter(pl.col("a").is_not_null() & pl.col("b").is_not_null()).select("a", "b")
    files = [side.rows["file"].gather(partnered[name]) for side, name in ((a, "a"), (b, "b"))]
    partnered = partnered.filter(files[0] == files[1])
    places = np.full(len(book.rows), -1, np.int64)
    places[partnered[end].to_numpy()] = partnered["a"].to_numpy()
    last = np.maximum.accumulate(np.where(places >= 0, np.arange(len(places)), -1))
    begin = book.rows.select((pl.struct("source", "file").rle_id()).alias("run"))["run"].to_numpy()
    same = (last >= 0) & (begin[last] == begin)
    anchors = pl.Series("anchor", np.where(same, places[last], -1))
    names = ("source", "file", "n", "fate")
    lonely = (
        book.rows.select(pl.col(name).gather(alone) for name in names).with_columns(anchors.gather(alone)).sort("n")
    )
    return lonely.rename({"n": end}).with_columns(bad=pl.col("fate") == Fate.QUARANTINED.value)


def _matched(a: Book, b: Book, gaps: pl.DataFrame) -> list[tuple[int, int]]:
    if not len(gaps):
        return []
    facts = [name for name in a.facts if name in b.facts] + list(ALIKE)
    sides = []
    for book, end in ((a, "a"), (b, "b")):
        numbers = gaps[end].explode()
        values = book.take([name for name in facts if name in book.columns], numbers)
        sides.append(
            dict(zip(numbers.to_list(), values.rows(), strict=True))
            if values.width
            else dict.fromkeys(numbers.to_list(), ())
        )
    found: list[tuple[int, int]] = []
    for gap in gaps.iter_rows(named=True):
        bad = set(_bad(gap, "a")), set(_bad(gap, "b"))

        def score(left: int, right: int, keyed: bool = gap["keyed"], bad: Any = bad) -> float | None:
            if keyed and left not in bad[0] and right not in bad[1]:
                return None
            return _alike(sides[0][left], sides[1][right])

        if len(gap["a"]) * len(gap["b"]) > LARGEST:
            found += [(x, y) for x, y in zip(gap["a"], gap["b"], strict=False) if score(x, y) is not None]
        else:
            found += _best(gap["a"], gap["b"], score)
    return found


def _bad(gap: dict[str, Any], end: str) -> list[int]:
    return [number for number, bad in zip(gap[end], gap[f"bad_{end}"], strict=True) if bad]


def _alike(left: Sequence[Any], right: Sequence[Any]) -> float:
    """How alike two rows' facts are, 0 to 1."""
    if not left:
        return 1.0
    return sum(_near(x, y) for x, y in zip(left, right, strict=True)) / len(left)


def _near(x: Any, y: Any) -> float:
    if isinstance(x, int | float) and isinstance(y, int | float):
        largest = max(abs(x), abs(y))
        return 1.0 - abs(x - y) / largest if largest and x * y >= 0 else float(x == y)
    return float(x == y)


def _best(left: list[int], right: list[int], score: Any) -> list[tuple[int, int]]:
    """The pairing in order with the largest sum of scores; of equal ones that with the later rows."""
    rows, columns = len(left), len(right)
    table = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    scores = [[score(x, y) for y in right] for x in left]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            skip = max(table[i + 1][j], table[i][j + 1])
            own = scores[i][j]
            table[i][j] = skip if own is None else max(skip, table[i + 1][j + 1] + own)
    found, i, j = [], 0, 0
    while i < rows and j < columns:
        own = scores[i][j]
        if own is not None and table[i][j] == table[i + 1][j + 1] + own:
            found.append((left[i], right[j]))
            i, j = i + 1, j + 1
        elif table[i][j] == table[i + 1][j]:
            i += 1
        else:
            j += 1
    return found
