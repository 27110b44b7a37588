"""Gather the narrow columns of all shards into the key plane: one row per input row, in the order of the input.

Positions become global here (file, row and line counted from the file's start), and ids final: the n-th exact repeat of
a record within its source gets an id of its own, whatever shard it stands in. What is put together from the shards is
kept in the cache, a few columns at a time and keyed by the shards' own digests, so that the next decision reads a
dozen files and not fifteen per shard. Hashes that are only compared become numbers of equal ones (`code`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.cuts import Cut
from datasetbuild.engine.ids import id_numbers
from datasetbuild.engine.measure import Measured
from datasetbuild.engine.rest import let_go_of_files, rest
from datasetbuild.engine.shards import Shard
from datasetbuild.errors import EmptyBuildError
from datasetbuild.hashing import digest, record_hash
from datasetbuild.plan import keys

LAYOUT = 4
"""Version of what is kept; raised when a column of it means something else."""


@dataclass(frozen=True)
class Piece:
    """One measured shard in its place: `place` counts all shards of the build in the order of the input."""

    place: int
    priority: int
    license: str | None
    shard: Shard
    measured: Measured
    cut: Cut | None = None


@dataclass
class KeyPlane:
    """rows: the table of all input rows. quarantine: position, reason and raw text of the unusable ones.

    Columns of `rows`: place, source, priority, file, license (Enum), row, line, shard_row, key and tail (the id as two
    numbers, `record.ID_ORDER`), occurrence, group, category, date, cleaned, content (a number too), tokens, trained_tokens, and a column per fact
    (`NAME`, or `NAME.min` and `NAME.max`). `pos` of a row is its position in the shard's records, null when it has none.
    `@exact`, `@first_user` and `@words` number equal texts from 0 (Int32, -1 for none), `@first_user_key` is a hash of the
    first user message. Rules may not have the name of a column (`record.RESERVED`).
    """

    rows: pl.DataFrame
    quarantine: pl.DataFrame
    _repeated: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=dict, init=False, repr=False)

    def codes(self, name: str) -> NDArray[np.int64]:
        """A column of numbers of equal texts."""
        return self.rows[name].to_numpy().astype(np.int64)

    def repeated(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows whose text others have too, and numbers of equal texts among them, from 0. name: a column of numbers of
        equal texts. Found once for all decisions."""
        if name not in self._repeated:
            text = self.codes(name)
            several = np.append(np.bincount(text[text >= 0]) > 1, False)  # the last is that of no text
            rows = np.flatnonzero(several[text])
            self._repeated[name] = rows, (np.cumsum(several) - 1)[text[rows]]
        return self._repeated[name]


def gather(cache: Cache, pieces: Sequence[Piece]) -> KeyPlane:
    """The key plane of measured shards. Raises `EmptyBuildError` when there is none."""
    if not pieces:
        raise EmptyBuildError("no source holds a row", hint="look at the `path` of each source: its files are empty")
    kept = _Kept(cache, pieces)
    measured = [kept.aligned(column) for column in _columns(pieces[0].measured)]
    parts = [kept.rows.drop("shard_line"), _places(pieces, kept.rows), *measured]
    bad = kept.quarantine
    return KeyPlane(
        pl.concat(parts, how="horizontal"),
        pl.concat([bad.drop("shard_line"), _places(pieces, bad)], how="horizontal"),
    )


@dataclass(frozen=True)
class Column:
    """A measured column, or a few that belong together. of: its digest in a shard. load: it, one row per record of the
    shard. made: what it becomes in the key plane."""

    name: str
    of: Callable[[Measured], str]
    load: Callable[[Cache, Measured], pl.DataFrame]
    made: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame


def _columns(measured: Measured) -> list[Column]:
    """The columns that this build's shards have. `tokens`, where it is a fact, is one of the counts too."""
    found = [_fact(name) for name in measured.facts if not (measured.counts and name == "tokens")]
    found.append(Column("first_user", lambda m: m.first_user, lambda c, m: _halves(c.frame(m.first_user)), _first_user))
    if measured.exact:
        found.append(Column("exact", lambda m: str(m.exact), lambda c, m: _halves(c.frame(str(m.exact))), _numbered("@exact")))
    if measured.near:
        found.append(Column("words", lambda m: str(m.near), _words, _numbered("@words")))
    if measured.contamination:
        found.append(Column("contamination", lambda m: str(m.contamination), _contamination))
    if measured.counts:
        found.append(Column("counts", lambda m: str(m.counts), _counts))
    return found


def _fact(name: str) -> Column:
    def load(cache: Cache, measured: Measured) -> pl.DataFrame:
        values = cache.frame(measured.facts[name])
        return values.rename({c: name if c == "value" else f"{name}.{c}" for c in values.columns})

    return Column(f"fact {name}", lambda measured: measured.facts[name], load)


def _counts(cache: Cache, measured: Measured) -> pl.DataFrame:
    """Counts of tokens; null for records that could not be rendered."""
    records, counts = cache.frame(measured.keys, ["row"]), cache.frame(str(measured.counts))
    if counts["row"].equals(records["row"]):  # all of them could
        return counts.drop("row")
    return records.join(counts, on="row", how="left", maintain_order="left").drop("row")


def _contamination(cache: Cache, measured: Measured) -> pl.DataFrame:
    """The benchmark's item that a record holds, how much of it, and whether long runs of words are the same."""
    found = cache.frame(str(measured.contamination), ["benchmark", "line", "overlap", "run"])
    item = pl.format("{}:{}", "benchmark", "line")
    return found.select(contaminated_by=item, contamination="overlap").with_columns(found["run"].alias("@run"))


def _halves(frame: pl.DataFrame) -> pl.DataFrame:
    """A shard's 128-bit hashes (`key`, Binary) as two numbers each, `high` and `low`; null where there is none."""
    return frame.select(
        pl.col("key").bin.slice(start, 8).bin.reinterpret(dtype=pl.UInt64, endianness="little").alias(name)
        for name, start in (("high", 0), ("low", 8))
    )


def _words(cache: Cache, measured: Measured) -> pl.DataFrame:
    """The hash of each record's words, in halves too."""
    words = pl.col("words")
    half = pl.when(words.is_not_null())
    return cache.frame(str(measured.near), ["words"]).select(half.then(words.struct.field(name)).alias(name) for name in ("high", "low"))


def _first_user(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers of equal first user messages, and the leading half of their hashes, null where there is none."""
    return pl.DataFrame({"@first_user": _codes(frame), "@first_user_key": frame["high"]})


def _numbered(name: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Hashes become a column of numbers of equal ones."""
    return lambda frame: pl.DataFrame({name: _codes(frame)})


def _codes(frame: pl.DataFrame) -> NDArray[np.int32]:
    """Numbers of equal hashes (`high`, `low`)."""
    high, low = (frame[name].fill_null(0).to_numpy() for name in ("high", "low"))
    return code(high, low, frame["high"].is_not_null().to_numpy())


def code(high: NDArray[np.uint64], low: NDArray[np.uint64], some: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Equal 128-bit hashes as equal numbers, from 0 in the order of the hashes; -1 where there is none."""
    rows = np.flatnonzero(some)
    if len(rows) < len(some):
        high, low = high[rows], low[rows]
    order = np.argsort(high)
    ranked, other = high[order], low[order]
    if ((ranked[1:] == ranked[:-1]) & (other[1:] != other[:-1])).any():  # two hashes with one first half
        order = np.lexsort((low, high))
        ranked, other = high[order], low[order]
    change = np.ones(len(order), bool)
    change[1:] = (ranked[1:] != ranked[:-1]) | (other[1:] != other[:-1])
    out = np.full(len(some), -1, np.int32)
    out[rows[order]] = np.cumsum(change, dtype=np.int32) - 1
    return out


class _Kept:
    """Columns of all shards below one another, from the cache where they were put together before."""

    def __init__(self, cache: Cache, pieces: Sequence[Piece]) -> None:
        self.cache, self.pieces = cache, pieces
        self.identity = digest([[piece.shard.source, piece.measured.keys, piece.measured.quarantine[0]] for piece in pieces])

    @cached_property
    def rows(self) -> pl.DataFrame:
        """One row per input row: place, shard_row, shard_line, pos, its id and the rest of `KEY_COLUMNS`."""
        found = self._once({"rows": self.identity}, lambda: _rows(self.cache, self.pieces))
        rest(self.cache.root)  # what put them together is several times as much
        return found

    @property
    def quarantine(self) -> pl.DataFrame:
        """The unusable rows, once each."""
        digests = [piece.measured.quarantine for piece in self.pieces]
        return self._once({"quarantine": digests}, lambda: _quarantine(self.cache, self.pieces))

    def aligned(self, column: Column) -> pl.DataFrame:
        """A column for all input rows; null where there is no record."""
        key = {"column": column.name, "of": [column.of(piece.measured) for piece in self.pieces], "rows": self.identity}
        return self._once(key, lambda: column.made(self._spread(column)))

    def _spread(self, column: Column) -> pl.DataFrame:
        frame = pl.concat([column.load(self.cache, piece.measured) for piece in self.pieces], how="diagonal_relaxed")
        if not self.rows["pos"].null_count():
            return frame
        place, pos = self.rows["place"].to_numpy(), self.rows["pos"]
        records = np.bincount(place[pos.is_not_null().to_numpy()], minlength=len(self.pieces))
        return frame.select(pl.all().gather(pos.cast(pl.Int64) + (np.cumsum(records) - records)[place]))

    def _once(self, parts: dict[str, Any], make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """The frame of an action. Columns of words that no row has are not stored, as long as one is left that says how many
        rows there are."""

        def made() -> dict[str, Any]:
            frame = make()
            empty = [name for name, kind in frame.schema.items() if kind in EMPTIES and not frame[name].count()]
            empty = empty if len(empty) < frame.width else empty[1:]
            kinds = {name: "list" if frame.schema[name] == EMPTY["list"] else "word" for name in empty}
            return {"objects": {"frame": self.cache.store_frame(frame.drop(empty))}, "columns": frame.columns, "empty": kinds}

        found = self.cache.once(keys.action_key("gather", layout=LAYOUT, **parts), made)
        frame = self.cache.frame(found["objects"]["frame"])
        empty = [pl.lit(None, EMPTY[kind]).alias(name) for name, kind in found["empty"].items()]
        return frame.with_columns(empty).select(found["columns"]) if empty else frame


EMPTY: dict[str, pl.DataType] = {"word": pl.String(), "list": pl.List(pl.String)}
EMPTIES = (pl.Null(), *EMPTY.values())


def _rows(cache: Cache, pieces: Sequence[Piece]) -> pl.DataFrame:
    """All input rows in their order: the records, and those that could not be read."""
    tables = []
    frame = lru_cache(maxsize=1)(cache.frame)  # in most shards nothing is wrong, which is one object
    for piece in pieces:
        bad = frame(piece.measured.quarantine[0])
        table = cache.frame(piece.measured.keys).with_row_index("pos")
        if len(bad):
            unread = bad.select("row", "line", "base").unique("row", keep="first", maintain_order=True).drop_nulls("base")
            table = pl.concat([table, unread], how="diagonal").sort("row", maintain_order=True)
        nothing = [name for name, kind in table.schema.items() if kind == pl.String and table[name].null_count() == len(table)]
        table = table.with_columns(pl.lit(None).alias(name) for name in nothing)  # a null text takes 16 bytes, and Null none
        tables.append(table.select(pl.lit(piece.place, pl.UInt32).alias("place"), *id_numbers("base"), pl.exclude("base")))
    rows = pl.concat(tables, how="vertical_relaxed").rename({"row": "shard_row", "line": "shard_line"})
    let_go_of_files(cache.root)  # of the ids, which are numbers now
    return _identify(rows, [piece.shard.source for piece in pieces])


def _identify(rows: pl.DataFrame, sources: list[str]) -> pl.DataFrame:
    """Ids: the base, or for the n-th repeat of a base within its source (n >= 1) the hash of base and n. Adds `occurrence`,
    which is that n. sources: of each place."""
    ranked = np.sort(rows["key"].to_numpy())
    repeated = pl.Series("key", ranked[1:][ranked[1:] == ranked[:-1]]).unique()
    rows = rows.with_row_index("@at")
    some = rows.select("@at", "place", "key", "tail").join(repeated.to_frame(), on="key", how="semi", maintain_order="left")
    some = some.with_columns(pl.Series("source", sources, dtype=pl.String).gather(some["place"]))
    some = some.with_columns(n=pl.int_range(pl.len(), dtype=pl.UInt32).over("source", "key", "tail")).filter(pl.col("n") > 0)
    occurrence = np.zeros(len(rows), np.uint32)
    occurrence[some["@at"].to_numpy()] = some["n"].to_numpy()
    fresh = [
        record_hash(source, f"{key:016x}{tail:08x}".encode(), n)
        for source, key, tail, n in some.select("source", "key", "tail", "n").iter_rows()
    ]
    numbers = pl.DataFrame({"base": pl.Series(fresh, dtype=pl.String)}).select(id_numbers("base"))
    key, tail = rows["key"].to_numpy().copy(), rows["tail"].to_numpy().copy()
    key[some["@at"]], tail[some["@at"]] = numbers["key"].to_numpy(), numbers["tail"].to_numpy()
    named = {"key": pl.Series(key), "tail": pl.Series(tail), "occurrence": pl.Series(occurrence)}
    return rows.drop("@at").with_columns(**named)


def _quarantine(cache: Cache, pieces: Sequence[Piece]) -> pl.DataFrame:
    """The unusable rows of all shards, each for its first reason, in the order of the input."""
    tables = []
    frame = lru_cache(maxsize=8)(cache.frame)
    for piece in pieces:
        found = pl.concat(frame(digest) for digest in piece.measured.quarantine)
        if len(found):
            found = found.unique("row", keep="first", maintain_order=True).sort("row")
        tables.append(found.select(pl.lit(piece.place, pl.UInt32).alias("place"), pl.all()))
    return pl.concat(tables).rename({"row": "shard_row", "line": "shard_line"})


def _places(pieces: Sequence[Piece], rows: pl.DataFrame) -> pl.DataFrame:
    """Where each row comes from: what is said of its shard, and of the part of it that it stands in. rows: place, shard_row,
    shard_line."""

    def word(values: list[str | None]) -> pl.Series:
        known = pl.Enum(list(dict.fromkeys(value for value in values if value is not None)))
        return pl.Series(values, dtype=known)

    def number(values: Iterable[int]) -> pl.Series:
        return pl.Series(list(values), dtype=pl.Int64)

    parts = [(piece, file, part) for piece in pieces for file, part in zip(piece.shard.files, piece.shard.parts, strict=True)]
    counts = np.array([part.rows for *_, part in parts])
    ends = np.cumsum(counts)  # in rows of the build
    shards = np.cumsum([0, *(piece.shard.rows for piece in pieces)])  # where each begins
    columns = {
        "source": word([piece.shard.source for piece, *_ in parts]),
        "priority": number(piece.priority for piece, *_ in parts),
        "file": word([file for _, file, _ in parts]),
        "license": word([piece.license for piece, *_ in parts]),
        "row": number(part.first_row for *_, part in parts) - pl.Series(ends - counts),
        "line": number(part.first_line for *_, part in parts),
    }
    row = shards[rows["place"]] + rows["shard_row"].to_numpy()
    part = pl.Series(np.searchsorted(ends, row, side="right"))
    frame = pl.DataFrame([values.gather(part).alias(name) for name, values in columns.items()])
    return frame.with_columns(row=frame["row"] + row, line=frame["line"] + rows["shard_line"])


def placed_quarantine(pieces: Sequence[Piece], bad: pl.DataFrame, place: int) -> pl.DataFrame:
    """Unusable records of one shard as lines of the key plane's quarantine. bad: as in `record.quarantine_schema`."""
    known = bad.rename({"row": "shard_row", "line": "shard_line"})
    rows = known.with_columns(pl.lit(place, pl.UInt32).alias("place"), pl.lit(None, pl.String).alias("base"))
    return pl.concat([rows.drop("shard_line"), _places(pieces, rows)], how="horizontal")


def tally(pieces: Sequence[Piece]) -> dict[str, int]:
    """What rendering counted, over all shards."""
    counts: Counter[str] = Counter()
    for piece in pieces:
        counts.update(piece.measured.tally)
    return dict(sorted(counts.items()))
