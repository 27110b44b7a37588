"""One row's whole story, for `dsbuild why`: where it was read, how it was cleaned, what was measured, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from datasetbuild.artifact.story import CUT, NAMED, Story, rows_named
from datasetbuild.engine.cache import Cache, mending
from datasetbuild.engine.gather import Piece
from datasetbuild.engine.local import local_engine
from datasetbuild.engine.lock import present_inputs
from datasetbuild.engine.place import placed
from datasetbuild.engine.run import Examined, examine, silent
from datasetbuild.plan.keys import changing
from datasetbuild.plan.steps import Plan
from datasetbuild.recipe import Recipe
from datasetbuild.stages.bounds import of_row
from datasetbuild.stages.dedup.cut import pieces_of
from datasetbuild.stages.normalize import normalize
from datasetbuild.stages.read import RawRows, load
from datasetbuild.stages.render.system import apply_system


@dataclass
class Search:
    """A recipe that has been measured and decided, to be asked about its rows. notices: what a build would say of `dsbuild.lock`."""

    recipe: Recipe
    found: Examined
    cache: Cache
    notices: Sequence[str] = ()

    @property
    def ledger(self) -> pl.DataFrame:
        """One line per input row."""
        return self.found.ledger

    def matches(self, text: str) -> pl.DataFrame:
        """The ledger's lines that the text names (`rows_named`); else those whose turns hold it, letter case aside; else those
        whose raw row does."""
        ledger = self.found.ledger
        if len(found := rows_named(ledger, text, [name for name, source in self.found.plan.sources.items() if source.get("key")])):
            return found
        ids = {row_id for piece in self.found.pieces for row_id in self._holding(piece, text)}
        if not ids:
            ids = {row_id for piece in self.found.pieces for row_id in self._holding_raw(piece, text.encode())}
        return ledger.filter(pl.col("id").is_in(list(ids)))

    def tell(self, row_id: str) -> Story:
        """The story of one row, by its full id."""
        row = self.found.ledger.row(by_predicate=pl.col("id") == row_id, named=True)
        place = self.found.rows.row(by_predicate=pl.col("id") == row_id, named=True)
        piece = next(piece for piece in self.found.pieces if piece.place == place["place"])
        rows = load(piece.shard.parts, self.recipe.project)
        raw = rows.raws[place["shard_row"]].decode("utf-8", "backslashreplace")
        bad = self.found.plane.quarantine.filter(
            (pl.col("place") == place["place"]) & (pl.col("shard_row") == place["shard_row"])
        )
        messages = self._messages(piece, place["pos"])
        twins = {twin: self._line(twin) for name in NAMED if (twin := row.get(name))}
        return Story(
            row=row,
            messages=messages,
            raw=raw,
            detail=bad["detail"][0] if len(bad) else None,
            before=dict(self._before(piece, rows, place["shard_row"], messages)) if messages else {},
            bounds={name: of_row(bounds, row) for name, bounds in self.found.decision.bounds.items()},
            twins=twins,
            shared=self._shared(piece, place["pos"]) if row.get("contaminated_by") else None,
            cuts=[*self._cuts(piece, place["pos"])] if piece.cut and messages else [],
        )

    def _shared(self, piece: Piece, pos: int) -> str:
        return str(self.cache.frame(str(piece.measured.contamination), ["span"])["span"][pos])

    def _cuts(self, piece: Piece, pos: int) -> Iterator[dict[str, Any]]:
        """Each span of a record that stays in another one: which words, their text, and where they stay (`CUT`)."""
        assert piece.cut is not None
        told = self.cache.frame(piece.cut.told).filter((pl.col("place") == piece.place) & (pl.col("pos") == pos))
        turns = self.cache.rows(piece.cut.records, pl.Series([pos], dtype=pl.UInt32), ["messages"])["messages"][0] if len(told) else []
        for span in told.iter_rows(named=True):
            rows = self.found.rows
            other = rows.filter((pl.col("place") == span["other_place"]) & (pl.col("pos") == span["other_pos"])).row(0, named=True)
            text = pieces_of(pl.Series([turns[span["turn"]]["content"]]))[0].text(span["word"], span["words"])
            place = {name: other[name] for name in ("id", "source", "file", "row", "line")}
            yield {**{name: span[name] for name in CUT}, "text": text, "other": place}

    def _holding(self, piece: Piece, text: str) -> Iterator[str]:
        """Ids of a shard's rows that hold a text."""
        needle = text.lower()
        records = self.cache.frame(piece.measured.records, ["row", "messages"])
        said = pl.col("messages").list.eval(pl.element().struct.field("content")).list.join("\n")
        rows = records.filter(said.str.to_lowercase().str.contains(needle, literal=True))["row"].to_list()
        for digest in piece.measured.quarantine:
            bad = self.cache.frame(digest)
            rows += bad.filter(pl.col("raw").str.to_lowercase().str.contains(needle, literal=True))["row"].to_list()
        mine = self.found.rows.filter((pl.col("place") == piece.place) & pl.col("shard_row").is_in(rows))
        yield from mine["id"]

    def _holding_raw(self, piece: Piece, needle: bytes) -> Iterator[str]:
        """Ids of a shard's rows whose raw text holds a text: a ticket number, a file's own id."""
        rows = [row for row, raw in enumerate(load(piece.shard.parts, self.recipe.project).raws) if needle in raw]
        mine = self.found.rows.filter((pl.col("place") == piece.place) & pl.col("shard_row").is_in(rows))
        yield from mine["id"]

    def _messages(self, piece: Piece, pos: int | None) -> list[dict[str, Any]]:
        if pos is None:
            return []
        turns = self.cache.frame(piece.measured.records, ["messages"])["messages"][pos].to_list()
        return [{name: value for name, value in turn.items() if value is not None} for turn in turns]

    def _before(
        self, piece: Piece, rows: RawRows, row: int, cleaned: list[dict[str, Any]]
    ) -> Iterator[tuple[int, str]]:
        one = RawRows([rows.lines[row]], [rows.raws[row]], [rows.faults[row]])
        records, _ = normalize(one, name=piece.shard.source, source=self.found.plan.sources[piece.shard.source])
        if system := changing(self.found.plan.system):
            records, _ = apply_system(records, system)
        for number, (read, now) in enumerate(zip(records["messages"][0].to_list(), cleaned, strict=True)):
            if read["content"] != now["content"]:
                yield number, read["content"]

    def _line(self, row_id: str) -> dict[str, Any]:
        row = self.found.rows.row(by_predicate=pl.col("id") == row_id, named=True)
        piece = next(piece for piece in self.found.pieces if piece.place == row["place"])
        return {**row, "messages": self._messages(piece, row["pos"])}


def search(recipe: Recipe, plan: Plan) -> Search:
    """Measure and decide a recipe without writing its artifact; what the cache holds is not measured again."""
    cache = Cache(recipe.project / ".dsbuild" / "cache")
    with placed(recipe):
        return mending(cache, lambda: _search(recipe, plan, cache))


def _search(recipe: Recipe, plan: Plan, cache: Cache) -> Search:
    plan, files, notices = present_inputs(recipe, plan, cache)
    with local_engine(plan.engine["workers"], sum(file.bytes for file in files)) as engine:
        found = examine(plan, cache, engine, recipe.project, files, silent)
    return Search(recipe, found, cache, notices)
