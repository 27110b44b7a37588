"""Facts that compare a record with something given: texts that must not be copied, a date that it must not be older than."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.errors import BuildError
from datasetbuild.op import Bound, Extra, File, fact
from datasetbuild.record import Where
from datasetbuild.stages.dedup.sketch import roll
from datasetbuild.stages.where import words_written
from datasetbuild.stages.words import Hashes, Ints, mix, word_hashes

Measure = Callable[[pl.DataFrame], pl.Series]
Window = Annotated[int, Bound(ge=3, le=100)]


def windows_of(*, references: list[str], window: int, where: Where) -> bytes:
    """The hashes of every run of `window` words of the references, sorted, as uint64 (little endian)."""
    texts = [Path(file).read_bytes().decode("utf-8-sig", "replace") for file in references]
    hashes, _ = _windows(*word_hashes(pl.Series(texts, dtype=pl.String)), window)
    return np.unique(hashes).astype("<u8").tobytes()


@fact(version=4, needs="words", prepare=windows_of, packages=("numpy",))
def verbatim_words(
    prepared: Path, /, *, references: list[Annotated[str, File()]], window: Window = 8, where: Where = "assistant"
) -> Measure:
    """Longest run of words that the `where` turns share with the references, word for word: 0 below `window` words.

    Case and punctuation aside. A run is one of which every `window` words in a row stand somewhere in the references; for
    what is under copyright, a run of 50 words is a copy by any measure. The texts in arguments of tool calls count as said by
    the turn that calls.

    references: files of the project, plain text in UTF-8.
    window: words that must agree in a row to count at all.
    where: whose turns are compared, each by itself.
    """

    def measure(frame: pl.DataFrame) -> pl.Series:
        known = np.fromfile(prepared, "<u8")
        words = words_written(frame, where)
        hashes, owner = _windows(words.hashes, words.counts, window)
        longest = np.zeros(len(frame), np.int64)
        if len(known) and len(hashes):
            place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
            runs, ends = _runs(known[place] == hashes, owner)
            records = np.repeat(np.arange(len(frame)), words.turns)[owner[ends]]
            np.maximum.at(longest, records, runs + window - 1)
        return pl.Series(longest)

    return measure


def _windows(hashes: Hashes, counts: Ints, window: int) -> tuple[Hashes, Ints]:
    """The hash of every run of so many words of each text, in order, and the text that it is of. hashes, counts: from
    `word_hashes`."""
    owner = np.repeat(np.arange(len(counts)), counts)
    last = len(hashes) - window + 1
    if last <= 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    whole = owner[:last] == owner[window - 1 :]
    return mix(roll(hashes, window)[whole]), owner[:last][whole]


def _runs(hit: NDArray[np.bool_], owner: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lengths of the runs of hits within one text, and where each ends."""
    same = np.diff(owner, append=-1) == 0
    goes_on = hit & np.concatenate([[False], hit[:-1] & same[:-1]])
    begins = np.flatnonzero(hit & ~goes_on)
    ends = np.flatnonzero(hit & ~np.concatenate([goes_on[1:], [False]]))
    return ends - begins + 1, ends


@fact(version=1)
def age_days(
    *,
    date: Annotated[str, Extra({"pattern": r"^\d{4}-\d{2}-\d{2}$", "title": "a day, such as 2026-01-31"})],
    format: str = "%Y-%m-%d",
) -> pl.Expr:
    """Days from a record's `date` to a day that the recipe names, never to today: the same recipe gives the same rows next year.

    A record without a date that can be read has no age, and no rule lets it pass.

    date: the day that ages are counted to.
    format: how the dates of the records are written, in strftime's words; what follows, such as a time of day, is left out.
    """
    day = pl.Series([date]).str.to_date("%Y-%m-%d", strict=False)[0]
    if day is None:
        raise BuildError(f"there is no day {date}", hint="a day is written 2026-01-31")
    own = pl.col("date").str.strip_chars().str.to_date(format, strict=False, exact=False)
    return (pl.lit(day) - own).dt.total_days()
