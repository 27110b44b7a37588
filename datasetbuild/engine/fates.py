"""Fates: what the stages decide of every row, in arrays of small numbers; a stage touches the rows that it ends, and no others.

A decision over a million rows is mostly rows about which nothing is said. So a fate, stage, reason or rule is a code of a
byte or two, another row is its number and not its id, and names and ids appear when the ledger is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.record import Fate, Reason, Stage

NOBODY = np.iinfo(np.uint32).max
"""The number of no row."""

Rows = NDArray[Any]
"""Rows of the plane: a mask of all of them, or their numbers."""

FATES, STAGES, REASONS = (pl.Enum([one.value for one in kind]) for kind in (Fate, Stage, Reason))

CODES: dict[type[StrEnum], dict[str, int]] = {
    kind: {one.value: code for code, one in enumerate(kind, 1)} for kind in (Fate, Stage, Reason)
}
"""Code of each fate, stage and reason among its like, from 1; 0 stands for none."""


class Fates:
    """One fate for each of n rows. A row is undecided until a stage ends it, and what is undecided at last is kept.

    rules: the names that `rule` and `also` speak of. splits: their names, in order.
    """

    def __init__(self, rows: int, rules: Sequence[str], splits: Sequence[str]) -> None:
        self.rules, self.splits = list(rules), list(splits)
        self.fate, self.stage, self.reason, self.split = (np.zeros(rows, np.uint8) for _ in range(4))
        self.rule, self.also = np.zeros(rows, np.uint16), np.zeros(rows, np.uint32)
        self.copies = np.zeros(rows, np.uint32)
        self.similarity = np.full(rows, np.nan)
        self.duplicate_of, self.twin, self.cluster = (np.full(rows, NOBODY, np.uint32) for _ in range(3))
        self._also: dict[bytes, int] = {}
        self._notes: dict[str, pl.Series] = {}

    def __len__(self) -> int:
        return len(self.fate)

    @property
    def undecided(self) -> NDArray[np.bool_]:
        """The rows that no stage has ended yet."""
        return self.fate == 0

    def end(self, rows: Rows, stage: Stage | Rows, reason: Reason | Rows, *, fate: Fate = Fate.DROPPED, **more: Any) -> Rows:
        """End those of `rows` that are still undecided; returns their numbers.

        stage, reason: one for all, or codes (`CODES`), one for each of `rows`. more: the same for other columns: `rule`
        (code, from 1), `also` (`also_codes`), `duplicate_of`, `twin`, `cluster` (numbers of rows), `similarity`.
        """
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        open_ = self.fate[rows] == 0
        mine = rows[open_]
        for name, value in {"fate": fate, "stage": stage, "reason": reason, **more}.items():
            given = CODES[type(value)][value] if isinstance(value, StrEnum) else value
            getattr(self, name)[mine] = given[open_] if isinstance(given, np.ndarray) else given
        return mine

    def keep(self) -> None:
        """Whoever is still undecided is kept."""
        self.fate[self.fate == 0] = CODES[Fate][Fate.KEPT]

    def also_codes(self, failed: NDArray[np.bool_]) -> NDArray[np.uint32]:
        """Codes for the sets of further rules that m rows fail. failed: bools, one line for each of `rules`, m columns."""
        found = np.full(failed.shape[1], self._also_code(bytes(-(-len(self.rules) // 8))), np.uint32)
        some = np.flatnonzero(failed.any(axis=0))  # most fail one rule only
        sets, which = np.unique(np.packbits(failed[:, some], axis=0), axis=1, return_inverse=True)
        found[some] = np.array([self._also_code(one.tobytes()) for one in sets.T], np.uint32)[which.ravel()]
        return found

    def _also_code(self, rules: bytes) -> int:
        return self._also.setdefault(rules, len(self._also) + 1)

    def note(self, name: str, rows: Rows, values: pl.Series) -> None:
        """One more column of the ledger (named in `record.LEDGER_LAST`): `values` at `rows`, null elsewhere."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        index = np.full(len(self), -1, np.int64)
        index[rows] = np.arange(len(rows))
        self._notes[name] = values.gather(pl.Series(index).replace(-1, None)).alias(name)

    def frame(self) -> pl.DataFrame:
        """The fates as a frame of n rows: words as Enum, rows as numbers (UInt32), null where there is nothing to say."""
        columns = [named(self.rule, pl.Enum(self.rules)).alias("rule"), self._also_names().alias("also")]
        columns.append(pl.Series("similarity", self.similarity, nan_to_null=True))
        columns += [pl.Series(name, getattr(self, name)) for name in ("duplicate_of", "twin", "cluster")]
        frame = self.counted().with_columns(*columns, *self._notes.values())
        numbers = pl.col("duplicate_of", "twin", "cluster")
        return frame.with_columns(pl.when(numbers != NOBODY).then(numbers))

    def counted(self) -> pl.DataFrame:
        """The columns of `frame` by which rows are counted: fate, stage, reason, split, copies."""
        words = {"fate": FATES, "stage": STAGES, "reason": REASONS, "split": pl.Enum(self.splits)}
        columns = [named(getattr(self, name), kind).alias(name) for name, kind in words.items()]
        return pl.DataFrame([*columns, pl.Series("copies", self.copies)])

    def _also_names(self) -> pl.Series:
        sets = [np.unpackbits(np.frombuffer(packed, np.uint8), count=len(self.rules)) for packed in self._also]
        names = [None, *([self.rules[n] for n in np.flatnonzero(one)] for one in sets)]
        return pl.Series("also", names, dtype=pl.List(pl.String)).gather(self.also)


def named(codes: NDArray[Any], kind: pl.Enum) -> pl.Series:
    """Codes as the words of an Enum: 1 is the first of them, 0 is null."""
    if not codes.any():  # an Enum may have no word at all
        return pl.repeat(None, len(codes), dtype=kind, eager=True)
    words = pl.Series("word", np.maximum(codes, 1) - 1).cat.to(kind)  # nulls come later: with them it takes twice the time
    return pl.DataFrame([words, pl.Series("code", codes)]).select(pl.when(pl.col("code") > 0).then("word"))["word"]
