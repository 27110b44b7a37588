"""Evidence: what a decision looks up beside the key plane, each found when it is first asked for and kept in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.cuts import TOLD
from datasetbuild.engine.dear import with_dear
from datasetbuild.engine.embedded import embed, semantic_pairs, topics_of, vectors_of
from datasetbuild.engine.gather import KeyPlane, Piece
from datasetbuild.engine.local import Engine
from datasetbuild.engine.near_pairs import verified_pairs
from datasetbuild.engine.opposed import Opposed, opposed_pairs
from datasetbuild.engine.substrings import numbered, shared_runs
from datasetbuild.plan.steps import Plan


@dataclass
class Evidence:
    """Pairs, shared runs and vectors of the records of a plane."""

    plan: Plan
    cache: Cache
    engine: Engine
    pieces: Sequence[Piece]
    plane: KeyPlane
    project: Path
    progress: Any

    def with_dear(self, rows: NDArray[np.int64]) -> KeyPlane:
        """The plane with the dear facts of these rows."""
        return with_dear(self.plan, self.plane, self.cache, self.project, self.pieces, rows, self.progress)

    def near(self) -> pl.DataFrame:
        """Verified near-duplicate pairs (`a`, `b`, `similarity`) of texts, numbered as in the plane's `@words`."""
        return verified_pairs(self.cache, self.engine, self.pieces, self.plane, self.plan.near or {})

    def runs(self) -> pl.DataFrame:
        """Runs of words that stand in two records: `row` of the plane, `word`, `run`."""
        found = shared_runs(self.cache, self.engine, [piece.measured.records for piece in self.pieces], self.plan.substring or {})
        return found.select(numbered(self.plane.rows, found), "word", "run")

    def cuts(self) -> pl.DataFrame:
        """Spans of words that were cut: `row`, `word` of a `turn`, `words`, the row that keeps them (`other`), and `whole`, of a
        row that was not cut since a turn would be left without a word."""
        told = next((self.cache.frame(piece.cut.told) for piece in self.pieces if piece.cut), pl.DataFrame(schema=TOLD))
        there = numbered(self.plane.rows, told.select(place="other_place", pos="other_pos"))
        return told.select(numbered(self.plane.rows, told), "turn", "word", "words", "whole", other=there)

    def opposed(self) -> tuple[Opposed, Opposed]:
        """Rows that answer one prompt otherwise, and rows whose system prompts have opposite rules of style."""
        return opposed_pairs(self.cache, self.engine, self.pieces, self.plane.rows, self.plan.contradictions or {})

    def semantic(self) -> pl.DataFrame:
        """Pairs of rows of the plane whose vectors point the same way: `a`, `b`, `similarity`."""
        found = semantic_pairs(self.cache, self._embedded, (self.plan.semantic or {})["threshold"])
        rows = pl.Series(self.recorded)
        return found.select(a=rows.gather(found["a"]), b=rows.gather(found["b"]), similarity="similarity")

    def topics(self) -> pl.Series:
        """The topic of each record, null where it says nothing; in the order of `recorded`."""
        keys = self.plane.rows["key"].to_numpy()[self.recorded]
        return topics_of(self.cache, self.pieces, self._embedded, keys, self.plan.embeddings, (self.plan.topics or {})["k"])

    def vectors(self, rows: NDArray[np.int64]) -> AbstractContextManager[NDArray[np.int8]]:
        """The vectors of rows of the plane that have a record, (n, d), in a file while they are looked at."""
        return vectors_of(self.cache, self._embedded, np.searchsorted(self.recorded, rows))

    @cached_property
    def _embedded(self) -> list[str]:
        return embed(self.cache, self.engine, self.pieces, self.plan.embeddings)

    @cached_property
    def recorded(self) -> NDArray[np.int64]:
        """The rows that have a record: the plane is in the order of the shards, and so are their records."""
        return np.flatnonzero(self.plane.rows["pos"].is_not_null().to_numpy())
