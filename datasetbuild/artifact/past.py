"""One row's story out of an artifact as it was at a revision: nothing is measured again, it tells what was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import polars as pl

from datasetbuild.artifact.diff.sides import Side
from datasetbuild.artifact.story import NAMED, Story, rows_named
from datasetbuild.stages.bounds import of_row


class Past:
    """An artifact at a revision, to be asked about its rows: the same questions as `engine.story.Search` answers."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.ledger = pl.read_parquet(side.file("ledger.parquet"), glob=False)

    def matches(self, text: str) -> pl.DataFrame:
        """The ledger's lines that the text names (`rows_named`); else those whose record or raw row holds it, letter case aside."""
        sources = self.side.manifest["parts"]["sources"]
        found = rows_named(self.ledger, text, [name for name, source in sources.items() if source["params"].get("key")])
        return found if len(found) else self.ledger.filter(pl.col("id").is_in([*self._holding(text.lower())]))

    def tell(self, row_id: str) -> Story:
        """The story of one row, by its full id, as far as an artifact tells it: the text of kept rows and the raw text of quarantined
        ones; not what was read, nor the words of benchmarks."""
        row = self.ledger.row(by_predicate=pl.col("id") == row_id, named=True)
        bad = self._quarantined().get(row_id, {}) if row["fate"] == "quarantined" else {}
        return Story(
            row=row,
            messages=self._messages(row),
            raw=str(bad.get("raw", "")),
            detail=bad.get("detail"),
            bounds={name: of_row(bounds, row) for name, bounds in self.side.manifest["bounds"].items()},
            twins={twin: self._twin(twin) for name in NAMED if (twin := row.get(name))},
        )

    def _twin(self, row_id: str) -> dict[str, Any]:
        row = self.ledger.row(by_predicate=pl.col("id") == row_id, named=True)
        return {**row, "messages": self._messages(row)}

    def _messages(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        for part in self.side.parts(row["split"]) if row["split"] else ():
            found = (
                pl.scan_parquet(self.side.file(part), glob=False)
                .filter(pl.col("id") == row["id"])
                .select("messages")
                .head(1)
                .collect()
            )
            for turns in found["messages"].to_list():
                return [{name: value for name, value in turn.items() if value is not None} for turn in turns]
        return []

    def _holding(self, needle: str) -> Iterator[str]:
        said = pl.col("messages").list.eval(pl.element().struct.field("content")).list.join("\n", ignore_nulls=True)
        for split in self.side.manifest["splits"]:
            for part in self.side.parts(split):
                holding = said.str.to_lowercase().str.contains(needle, literal=True)
                yield from pl.scan_parquet(self.side.file(part), glob=False).filter(holding).select("id").collect()["id"]
        yield from (name for name, row in self._quarantined().items() if needle in str(row.get("raw", "")).lower())

    def _quarantined(self) -> dict[str, dict[str, Any]]:
        lines = self.side.file("quarantine.jsonl").read_bytes().splitlines()
        return {row["id"]: row for row in map(orjson.loads, lines)}
