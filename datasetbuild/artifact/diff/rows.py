"""Two ledgers side by side: which row of one is which row of the other, and what differs between them.

Everything works on columns: two ledgers of a million rows are paired by id in under a second. Only rows without a partner
are looked at more closely: without a `key` an edited row has another id, so it is found by its place in its file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl

from datasetbuild.artifact.diff.align import aligned
from datasetbuild.errors import VersionError
from datasetbuild.record import LEDGER_FIRST, LEDGER_LAST, Fate

OUTCOME = ("fate", "stage", "reason", "rule", "split", "copies")
LABELS = ("group", "category", "date", "license")
TOKENS = ("tokens", "trained_tokens", "rendered_tokens", "training_rows")
PLACE = ("id", "source", "file", "row", "line")
TWINS = ("duplicate_of", "twin", "similarity", "repeats")
COLUMNS = (*PLACE, *OUTCOME, *TWINS, "cleaned", "content", *LABELS, *TOKENS)
"""What is read of a ledger to compare it; a column that an older one lacks is null."""


class Kind(StrEnum):
    """What happened to a row, as somebody sees it who trains on the data: a closed list, a sentence each in `KINDS`."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"
    OUTSIDE = "outside"


KINDS: dict[Kind, str] = {
    Kind.ADDED: "in the data now, and was not",
    Kind.REMOVED: "no longer in the data",
    Kind.CHANGED: "in both, with another text, label or number of tokens",
    Kind.MOVED: "in both and the same, in another split or another number of copies",
    Kind.OUTSIDE: "in neither; it came, went, or is left out for another reason",
}
assert len(KINDS) == len(Kind)


@dataclass(frozen=True)
class Book:
    """One side: its manifest, its ledger's file, and the columns of it that are compared (`n` numbers the rows)."""

    manifest: Mapping[str, Any]
    path: Path
    rows: pl.DataFrame
    columns: tuple[str, ...]

    @property
    def facts(self) -> list[str]:
        """The columns of facts, `NAME` or `NAME.min` and `NAME.max`."""
        return [name for name in self.columns if name not in LEDGER_FIRST + LEDGER_LAST or name == "tokens"]

    def files(self) -> pl.DataFrame:
        """Digest of every file of every source: `source`, `file`, `sha256`."""
        found = [
            {"source": source, "file": file["file"], "sha256": file["sha256"]}
            for source, entry in self.manifest["sources"].items()
            for file in entry["files"]
        ]
        return pl.DataFrame(found, schema={"source": pl.String, "file": pl.String, "sha256": pl.String})

    def keyed(self) -> set[str]:
        """Sources whose rows are named by a declared `key`."""
        sources = self.manifest["parts"]["sources"]
        return {name for name, entry in sources.items() if entry.get("params", {}).get("key")}

    def take(self, columns: Sequence[str], places: pl.Series) -> pl.DataFrame:
        """Some columns of some rows, read from the file; nulls where the place is null."""
        there = [name for name in columns if name in self.columns]
        frame = pl.read_parquet(self.path, columns=there, glob=False) if there else pl.DataFrame({"_": places})
        return frame.select(pl.col(name).gather(places) for name in there) if there else frame.select([])


def read_book(path: Path, manifest: Mapping[str, Any]) -> Book:
    """A ledger as it is compared. `VersionError` when the file is damaged."""
    try:
        columns = tuple(pl.scan_parquet(path, glob=False).collect_schema())
        rows = pl.read_parquet(path, columns=[name for name in COLUMNS if name in columns], glob=False)
    except pl.exceptions.PolarsError as error:
        raise VersionError(
            f"{path} is damaged: {str(error).splitlines()[0]}",
            hint=f"build recipe {manifest['name']} again, or `dvc checkout --force` the file",
        ) from None
    lacking = [pl.lit(None).alias(name) for name in COLUMNS if name not in columns]
    return Book(manifest, path, rows.with_columns(lacking).with_row_index("n"), columns)


@dataclass
class Compared:
    """Two ledgers, paired. pairs: `a`, `b` (row numbers, null where there is none) and `how` they were found.

    rows: the rows that differ: the columns of both sides with `_a` and `_b`, `a`, `b`, `kind`, and what differs:
    `edited` (the row itself, in its file), `text`, `labels`, `counts` (of tokens). same: rows in both that do not.
    """

    a: Book
    b: Book
    rows: pl.DataFrame
    same: int
    pairs: pl.DataFrame = field(repr=False)


def compare_rows(a: Book, b: Book) -> Compared:
    """Pair two ledgers and find what differs."""
    pairs = pair(a, b)
    differs = _differences(a, b, pairs)
    pairs = pairs.with_columns(differs)
    found = pairs.filter(pl.col("kind").is_not_null())
    sides = [
        side.rows.select(pl.col(name).gather(found[end]).alias(f"{name}_{end}") for name in COLUMNS)
        for end, side in (("a", a), ("b", b))
    ]
    rows = pl.concat([found, *sides], how="horizontal")
    kept = differs.select((pl.col("kept") & pl.col("kind").is_null()).sum()).item()
    return Compared(a, b, rows.drop("kept"), int(kept), pairs.select("a", "b", "how", "edited", "text"))


def pair(a: Book, b: Book) -> pl.DataFrame:
    """Which row is which: `a`, `b`, `how`: by `id`, by its `place` in a file with the same bytes, there perhaps with another `number`
    among rows of one text, or as `edited`."""
    left, right = a.rows.select("id", a="n"), b.rows.select("id", b="n")
    joined = left.join(right, on="id", how="full", coalesce=True, maintain_order="left_right").drop("id")
    pairs = joined.with_columns(how=pl.when(pl.col("a").is_not_null() & pl.col("b").is_not_null()).then(pl.lit("id")))
    pairs = _renumbered_apart(a, b, pairs)
    for find in (_by_place, _by_id, aligned):
        alone_a = pairs.filter(pl.col("b").is_null())["a"]
        alone_b = pairs.filter(pl.col("a").is_null())["b"]
        if not len(alone_a) or not len(alone_b):
            break
        found = find(a, b, pairs, alone_a, alone_b)
        taken_a, taken_b = found["a"].implode(), found["b"].implode()
        free = pairs.filter(
            ~(pl.col("b").is_null() & pl.col("a").is_in(taken_a))
            & ~(pl.col("a").is_null() & pl.col("b").is_in(taken_b))
        )
        pairs = pl.concat([free, found.select(pairs.columns)])
    return pairs


def _renumbered_apart(a: Book, b: Book, pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs by id apart again where one row lies in a file that did not change, and the other elsewhere.

    Rows that repeat a text (or a key) are numbered in their order: when a file comes or goes, a number passes to another row.
    """
    ends = [book.rows.select(pl.col("source", "file", "row").gather(pairs[end])) for end, book in (("a", a), ("b", b))]
    elsewhere = ((ends[0]["file"] != ends[1]["file"]) | (ends[0]["row"] != ends[1]["row"])).fill_null(False)
    if not elsewhere.any():
        return pairs
    before, now = (book.manifest["parts"]["sources"] for book in (a, b))
    alike = [name for name in before if name in now and before[name].get("params") == now[name].get("params")]
    same = _same_files(a, b).filter(pl.col("source").is_in(alike)).with_columns(same=True)
    still = [end.join(same, on=["source", "file"], how="left", maintain_order="left")["same"].fill_null(False) for end in ends]
    apart = pairs.filter(elsewhere & (still[0] | still[1]))
    none = pl.lit(None, dtype=pl.UInt32)
    alone = [apart.with_columns(none.alias(end), how=pl.lit(None, dtype=pl.String)) for end in "ab"]
    return pl.concat([pairs.filter(~(elsewhere & (still[0] | still[1]))), *alone])


def _same_files(a: Book, b: Book) -> pl.DataFrame:
    """The files, by `source` and `file`, that have the same bytes on both sides."""
    return a.files().join(b.files(), on=["source", "file", "sha256"]).unique(["source", "file"]).select("source", "file")


def _by_place(a: Book, b: Book, pairs: pl.DataFrame, alone_a: pl.Series, alone_b: pl.Series) -> pl.DataFrame:
    """Rows at the same place of a file with the same bytes are the same row, however differently it is read or named now."""
    del pairs
    same = _same_files(a, b)
    place = ["source", "file", "row"]
    sides = [
        side.rows.select(*(pl.col(name).gather(alone) for name in (*place, "id", "n")))
        .join(same, on=["source", "file"], how="semi")
        .unique(place, keep="first", maintain_order=True)
        for side, alone in ((a, alone_a), (b, alone_b))
    ]
    found = sides[0].rename({"n": "a"}).join(sides[1].rename({"n": "b"}), on=place, maintain_order="left", suffix="_b")
    known = pl.col("id").is_in(b.rows["id"].implode()) | pl.col("id_b").is_in(a.rows["id"].implode())
    return found.select("a", "b", how=pl.when(known).then(pl.lit("number")).otherwise(pl.lit("place")))


def _by_id(a: Book, b: Book, pairs: pl.DataFrame, alone_a: pl.Series, alone_b: pl.Series) -> pl.DataFrame:
    """Rows of one id, of those that were taken apart and found no other partner."""
    del pairs
    left, right = (book.rows.select("id", "n")[alone] for book, alone in ((a, alone_a), (b, alone_b)))
    found = left.join(right, on="id", maintain_order="left", suffix="_b")
    return found.select(pl.col("n").alias("a"), pl.col("n_b").alias("b"), how=pl.lit("id"))


def _differences(a: Book, b: Book, pairs: pl.DataFrame) -> pl.DataFrame:
    """For every pair: `kept` on both sides, `edited`, `text`, `labels`, `counts`, and `kind` (null: no difference)."""

    def side(end: str, name: str) -> pl.Series:
        book = a if end == "a" else b
        return book.rows[name].gather(pairs[end])

    def other(name: str) -> pl.Series:
        return side("a", name).ne_missing(side("b", name))

    both = pairs["a"].is_not_null() & pairs["b"].is_not_null()
    kept_a = (side("a", "fate") == Fate.KEPT.value).fill_null(False)
    kept_b = (side("b", "fate") == Fate.KEPT.value).fill_null(False)
    labels, counts, outcome = (_any([other(name) for name in names]) for names in (LABELS, TOKENS, OUTCOME[:4]))
    moved = other("split") | other("copies")
    text = _text(a, b, pairs, both)
    edited = both & _file_differs(a, b, pairs) & (text | labels | (pairs["how"] == "edited").fill_null(False))
    frame = pl.DataFrame(
        {
            "both": both, "kept_a": kept_a, "kept_b": kept_b, "edited": edited, "text": text & both,
            "labels": labels & both, "counts": counts & kept_a & kept_b, "outcome": outcome, "moved": moved,
        }
    )  # fmt: skip
    changed = pl.col("edited") | pl.col("text") | pl.col("labels") | pl.col("counts")
    kind = (
        pl.when(pl.col("kept_a") & pl.col("kept_b") & changed).then(pl.lit(Kind.CHANGED.value))
        .when(pl.col("kept_a") & pl.col("kept_b") & pl.col("moved")).then(pl.lit(Kind.MOVED.value))
        .when(pl.col("kept_a") & ~pl.col("kept_b")).then(pl.lit(Kind.REMOVED.value))
        .when(~pl.col("kept_a") & pl.col("kept_b")).then(pl.lit(Kind.ADDED.value))
        .when(~pl.col("kept_a") & (~pl.col("both") | pl.col("outcome") | pl.col("edited"))).then(pl.lit(Kind.OUTSIDE.value))
    )  # fmt: skip
    return frame.select("edited", "text", "labels", "counts", kind=kind, kept=pl.col("kept_a") & pl.col("kept_b"))


def _text(a: Book, b: Book, pairs: pl.DataFrame, both: pl.Series) -> pl.Series:
    """Whether a pair's text differs: another digest; or another id, where ids are of the text. Digests of two formats say nothing."""
    told = a.manifest["parts"].get("format") == b.manifest["parts"].get("format")
    if not told or "content" not in a.columns or "content" not in b.columns:
        return both & ~pairs["how"].is_in(["id", "number"]).fill_null(False)
    one, other = (book.rows["content"].gather(pairs[end]) for end, book in (("a", a), ("b", b)))
    source = b.rows["source"].gather(pairs["b"])
    named = a.keyed() ^ b.keyed()  # another key names the rows now: neither id nor digest tells anything
    free = source.is_in(list(named)).fill_null(False) if named else pl.Series([False]).new_from_index(False, len(pairs))
    another = ~pairs["how"].is_in(["id", "number"]).fill_null(False) & (one.is_null() | other.is_null())
    return both & ~free & (one.ne_missing(other) | another)


def _file_differs(a: Book, b: Book, pairs: pl.DataFrame) -> pl.Series:
    """Whether the two rows of a pair come from files with other bytes."""
    ends = []
    for end, book in (("a", a), ("b", b)):
        digests = book.rows.select("source", "file").join(
            book.files(), on=["source", "file"], how="left", maintain_order="left"
        )
        ends.append(digests["sha256"].gather(pairs[end]))
    return ends[0].ne_missing(ends[1])


def _any(masks: list[pl.Series]) -> pl.Series:
    found = masks[0]
    for mask in masks[1:]:
        found = found | mask
    return found
