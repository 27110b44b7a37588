"""Decontaminate: records that hold an item of a benchmark, word for word or lightly edited, with the evidence.

Two measures, both on words (letter case and punctuation aside). A *run* of `ngram` words that also stands in an item, the
rule of the GPT-3 paper (Brown et al. 2020, appendix C). And the *overlap*: the share of an item's word triples that stand
in one turn, which an edit of one word in ten lowers to about three quarters, where unrelated texts share a few percent.
An item of fewer words than `SHORT` proves nothing when a few of its words recur, so it counts only as a whole turn.

The items' hashes are prepared once (`index`); a shard is compared with them in numpy, 10 us a record of 90 words. Pairs
are counted on the rarer triples first, and in full only where the rest could still reach the floor.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import lists
from datasetbuild.errors import SourceError
from datasetbuild.op import Bound, File, section
from datasetbuild.stages.dedup.cut import Pieces, pieces_of
from datasetbuild.stages.dedup.sketch import Shingles, shingles
from datasetbuild.stages.read.reference import read_rows, texts_of
from datasetbuild.stages.where import said, words_said
from datasetbuild.stages.words import UNPARTED, Hashes, Ints, by_size, sequence_hashes, word_hashes

TRIPLE = 3
SHORT = 8
"""Words from which on an item is looked for inside turns."""
FLOOR = 0.3
"""Overlap from which on it is kept; a recipe's bound lies above."""
RARE = 32
"""Items that a triple may stand in and still point to them."""
TRIPLES_AT_ONCE = 1 << 20
"""Triples of all items that are compared with texts together."""
COMMON = 10
"""Items that a run of words may stand in; one that stands in more is the benchmark's own wording, not an item."""
SHOWN = 200
"""Characters of the evidence."""
BITS = 22


class Benchmark(TypedDict):
    """What is kept out: a file, and which of its fields hold what must not be seen."""

    path: Annotated[str, File()]
    fields: NotRequired[list[str]]
    records: NotRequired[str]


def index(
    *, against: dict[str, Benchmark], ngram: int | None = 13, overlap: float | None = 0.5
) -> tuple[bytes, dict[str, object]]:
    """The items of all benchmarks as one Arrow file, a row per distinct text: `benchmark`, `line`, `field`, `text`,
    `words`, and hashes: `whole`, `triples` (distinct), `runs` (distinct). The report counts items per benchmark."""
    del overlap
    items = pl.DataFrame(
        [
            (name, line, field, text)
            for name, benchmark in against.items()
            for line, field, text in _texts(name, benchmark)
        ],
        schema={"benchmark": pl.String, "line": pl.UInt32, "field": pl.String, "text": pl.String},
        orient="row",
    )
    hashes, counts = word_hashes(items["text"])
    whole, _ = sequence_hashes(hashes, counts)
    items = items.with_columns(
        words=pl.Series(counts, dtype=pl.UInt32),
        whole=pl.Series(whole, dtype=pl.UInt64),
        triples=_distinct_lists(shingles(hashes, counts, TRIPLE), counts >= SHORT),
        runs=_distinct_lists(shingles(hashes, counts, ngram or 1), counts >= (ngram or 1 << 30)),
    ).filter(pl.col("words") > 0)
    items = items.unique(["benchmark", "whole"], keep="first", maintain_order=True)
    sink = io.BytesIO()
    items.write_ipc(sink)
    return sink.getvalue(), {name: {"items": int((items["benchmark"] == name).sum())} for name in against}


@section("decontaminate", version=5, prepare=index)
def decontaminate(
    *,
    against: dict[str, Benchmark],
    ngram: Annotated[int, Bound(ge=4, le=64)] | None = 13,
    overlap: Annotated[float, Bound(ge=FLOOR, le=1)] | None = 0.5,
) -> None:
    """Drop records that hold an item of a benchmark, so that its score says something about the model.

    against: benchmarks by name: `{gsm8k: {path: gsm8k_test.jsonl, fields: [question]}}`. Without `fields` every text of a
        row counts that has at least 8 words; named fields also count when they are shorter, as whole turns.
    ngram: words in a row that a turn and an item may not share; null leaves this out.
    overlap: share of an item's word triples that may not stand in one turn; null leaves this out.
    """


FOUND = ("benchmark", "line", "overlap", "run", "span")
"""What is said of a record; see `contamination`."""


def contamination(frame: pl.DataFrame, prepared: Path, *, ngram: int | None) -> pl.DataFrame:
    """For each record of the annotate frame the item that it holds most of, null where there is none.

    Returns `benchmark`, `line` of the item in its file, `overlap` (of `FLOOR` or more, else null), `run` (whether `ngram`
    words in a row are shared, or a short item is a whole turn), and `span`: the longest words in a row that both have.
    """
    known = _opened(prepared)
    texts = said(frame).explode(empty_as_null=False)
    hashes, counts = words_said(frame)
    record = np.repeat(np.arange(len(frame)), frame["conversation"].list.len().to_numpy())
    found = pl.concat([known.overlapping(hashes, counts), known.sharing_runs(hashes, counts, ngram), known.equal(hashes, counts)])
    found = found.group_by("text", "item").agg(pl.col("overlap").max(), pl.col("run").any())
    found = found.join(known.evidence, on="item", how="left").sort("text", "item")
    sides = (pieces_of(side) for side in (texts.gather(found["text"]), found["item_text"]))
    shared = [_shared(text, item) for text, item in zip(*sides, strict=True)]
    telling = np.array([2 * words > (ngram or 0) for _, words in shared], bool)
    best = (
        found.with_columns(
            record=pl.Series(record[found["text"].to_numpy()], dtype=pl.UInt32),
            span=pl.Series([span for span, _ in shared], dtype=pl.String),
            run=pl.col("run") & (pl.Series(telling) | (pl.col("overlap") == 1.0).fill_null(False)),
        )
        .filter(pl.col("run") | pl.col("overlap").is_not_null())
        .sort("record", "run", "overlap", "item", "text", descending=[False, True, True, False, False], nulls_last=True)
        .unique("record", keep="first", maintain_order=True)
        .select("record", *FOUND)
    )
    every = pl.DataFrame({"record": pl.Series(range(len(frame)), dtype=pl.UInt32)})
    return every.join(best, on="record", how="left", maintain_order="left").drop("record")


HIT = pl.Schema({"text": pl.UInt32, "item": pl.UInt32, "overlap": pl.Float64, "run": pl.Boolean})
"""A text that holds an item. overlap: null where that was not what was measured."""


@dataclass(frozen=True)
class _Known:
    """The opened index: the items, tables from hashes to items, and how many distinct triples each item has."""

    items: pl.DataFrame
    triples: _Table
    runs: _Table
    whole: _Table
    size: Ints

    @property
    def evidence(self) -> pl.DataFrame:
        """Where each item stands, and its text."""
        return self.items.select("benchmark", "line", item_text="text").with_row_index("item")

    def overlapping(self, hashes: Hashes, counts: Ints) -> pl.DataFrame:
        """Texts that hold at least `FLOOR` of an item's triples."""
        text, gram = _distinct_pairs(shingles(hashes, counts, TRIPLE), self.triples)
        place = np.searchsorted(self.triples.keys, gram)
        width = self.triples.widths[place]
        rare = width <= RARE
        common_of = np.bincount(self.triples.items[np.repeat(self.triples.widths > RARE, self.triples.widths)], minlength=len(self.size))
        need = np.maximum(np.ceil(self.size * FLOOR) - common_of, 1)
        found = []
        for pair, many in _counted(text[rare], place[rare], self.triples):
            pair = pair[many >= need[pair & 0xFFFFFFFF]]
            blocks = by_size(self.size[pair & 0xFFFFFFFF], TRIPLES_AT_ONCE)
            found += [self._in_full(pair[block], text, gram) for block in blocks]
        return pl.concat([pl.DataFrame(schema=HIT), *found])

    def _in_full(self, pair: Ints, text: Ints, gram: Hashes) -> pl.DataFrame:
        """The overlap of each candidate pair (text << 32 | item), from all triples of both."""
        item = pair & 0xFFFFFFFF
        wanted = pl.DataFrame({"text": (pair >> 32).astype(np.uint32), "item": item.astype(np.uint32)})
        grams = self.items.select("triples").with_row_index("item").filter(pl.col("item").is_in(wanted["item"].unique().implode()))
        has = pl.DataFrame({"text": text.astype(np.uint32), "triples": gram})
        shared = (
            wanted.join(grams, on="item")
            .explode("triples", empty_as_null=False)
            .join(has, on=["text", "triples"], how="semi")
            .group_by("text", "item")
            .len("shared")
        )
        sized = shared.with_columns(overlap=pl.col("shared") / pl.Series(self.size[shared["item"].to_numpy()]))
        return sized.filter(pl.col("overlap") >= FLOOR).select("text", "item", "overlap", run=pl.lit(False)).cast(HIT)

    def sharing_runs(self, hashes: Hashes, counts: Ints, ngram: int | None) -> pl.DataFrame:
        """Texts that share `ngram` words in a row with an item; of several items the first."""
        if ngram is None or not len(self.runs.keys):
            return pl.DataFrame(schema=HIT)
        long = np.flatnonzero(counts >= ngram)
        text, gram = _distinct_pairs(shingles(hashes, counts, ngram), self.runs)
        telling = np.isin(text, long) & (self.runs.widths[np.searchsorted(self.runs.keys, gram)] <= COMMON)
        return self._first(text[telling], gram[telling], self.runs)

    def equal(self, hashes: Hashes, counts: Ints) -> pl.DataFrame:
        """Texts that are an item, whole."""
        whole, _ = sequence_hashes(hashes, counts)
        text = np.flatnonzero((counts > 0) & self.whole.holds(whole))
        return self._first(text, whole[text], self.whole).with_columns(overlap=pl.lit(1.0))

    def _first(self, text: Ints, gram: Hashes, table: _Table) -> pl.DataFrame:
        item = table.items[table.starts[np.searchsorted(table.keys, gram)]]
        return pl.DataFrame(
            {"text": text.astype(np.uint32), "item": item.astype(np.uint32), "overlap": None, "run": True}, schema=HIT, strict=False
        )


@dataclass(frozen=True)
class _Table:
    """Hashes and the items that have them: `items[starts[k]:starts[k] + widths[k]]` have `keys[k]`, in order."""

    keys: Hashes
    items: Ints
    starts: Ints
    widths: Ints
    bits: NDArray[np.bool_]

    def holds(self, values: Hashes) -> NDArray[np.bool_]:
        """Which values are keys. A table of 2^22 bits sends nearly all others away before they are searched for."""
        maybe = np.flatnonzero(self.bits[(values & np.uint64((1 << BITS) - 1)).astype(np.int64)])
        out = np.zeros(len(values), bool)
        if len(maybe) and len(self.keys):
            place = np.minimum(np.searchsorted(self.keys, values[maybe]), len(self.keys) - 1)
            out[maybe] = self.keys[place] == values[maybe]
        return out


@lru_cache(maxsize=4)
def _opened(prepared: Path) -> _Known:
    items = pl.read_ipc(prepared.read_bytes())
    size = items["triples"].list.len().to_numpy().astype(np.int64)
    return _Known(items, _table(items["triples"]), _table(items["runs"]), _table(items.select(pl.concat_list("whole"))["whole"]), size)


def _table(lists: pl.Series) -> _Table:
    item = np.repeat(np.arange(len(lists)), lists.list.len().to_numpy())
    value = lists.explode(empty_as_null=False).to_numpy().astype(np.uint64)
    order = np.lexsort((item, value))
    value, item = value[order], item[order]
    starts = np.flatnonzero(np.concatenate([[True], value[1:] != value[:-1]])) if len(value) else np.empty(0, np.int64)
    bits = np.zeros(1 << BITS, bool)
    bits[(value & np.uint64((1 << BITS) - 1)).astype(np.int64)] = True
    return _Table(value[starts], item, starts, np.diff(np.append(starts, len(value))), bits)


def _distinct_pairs(grams: Shingles, table: _Table) -> tuple[Ints, Hashes]:
    """(text, hash) of every hash of a text that the table holds, each once, in order."""
    at = np.flatnonzero(table.holds(grams.values))
    text = np.searchsorted(grams.offsets, at, side="right") - 1
    order = np.lexsort((grams.values[at], text))
    text, gram = text[order], grams.values[at][order]
    new = np.ones(len(text), bool)
    new[1:] = (text[1:] != text[:-1]) | (gram[1:] != gram[:-1])
    return text[new], gram[new]


def _counted(text: Ints, place: Ints, table: _Table) -> Iterator[tuple[Ints, Ints]]:
    """(text << 32 | item), each once, and how many of the keys at `place` they share; some texts at a time. text: ascending."""
    width = table.widths[place]
    firsts = np.flatnonzero(np.concatenate([[True], text[1:] != text[:-1]])) if len(text) else np.empty(0, np.int64)
    edges = np.append(firsts, len(text))
    for block in by_size(np.add.reduceat(width, firsts) if len(firsts) else firsts, TRIPLES_AT_ONCE):
        mine = slice(edges[block.start], edges[block.stop])
        some = width[mine]
        at = np.repeat(table.starts[place[mine]] - (np.cumsum(some) - some), some) + np.arange(some.sum())
        yield np.unique((np.repeat(text[mine], some) << 32) | table.items[at], return_counts=True)


def _distinct_lists(grams: Shingles, wanted: NDArray[np.bool_]) -> pl.Series:
    """The distinct hashes of each wanted text, sorted; none for the others."""
    frame = pl.DataFrame({"grams": lists("grams", grams.values, grams.offsets), "wanted": wanted})
    return frame.select(pl.when("wanted").then(pl.col("grams").list.unique().list.sort()).otherwise(pl.col("grams").list.head(0)))["grams"]


def _texts(name: str, benchmark: Benchmark) -> Iterator[tuple[int, str, str]]:
    path, fields = Path(benchmark["path"]), benchmark.get("fields")
    known = set[str]()
    some = False
    for line, row in read_rows(path, f"the benchmark {name}", records=benchmark.get("records")):
        if isinstance(row, dict):
            known |= row.keys()
        for field, text in texts_of(row, fields):
            if fields or len(text.split()) >= SHORT or _many_signs(text):
                some = True
                yield line, field, text
    if not some:
        sought = f"has no text in {', '.join(map(repr, fields))}" if fields else f"has no text of {SHORT} words or more"
        raise SourceError(f"the benchmark {name} {sought}", hint=f"its fields are {', '.join(sorted(known))}" if known else None)


def _many_signs(text: str) -> bool:
    """Whether a text of a script without blanks has as many words, which are its signs, as an item needs."""
    return not text.isascii() and bool((pl.Series([text]).str.count_matches(f"[{UNPARTED}]") >= SHORT).any())


def _shared(text: Pieces, item: Pieces) -> tuple[str, int]:
    """The longest stretch of a text whose word triples all stand in an item, and how many of its words tell something."""
    ours, theirs = ([side.all[word].lower() for word in side.words] for side in (text, item))
    known = {*zip(theirs, theirs[1:], theirs[2:], strict=False)}
    first = best = length = 0
    for place, triple in enumerate(zip(ours, ours[1:], ours[2:], strict=False)):
        first = first if triple in known else place + 1
        if place + 1 - first > length:
            best, length = first, place + 1 - first
    if not length:
        return "".join(text.all)[:SHOWN], len(ours)
    return text.text(best, length + 2)[:SHOWN], sum(map(_tells, ours[best : best + length + 2]))


def _tells(word: str) -> bool:
    """Whether a word has three letters or more, or is a sign of another script: thirteen words of code such as
    `for i in range(2, n)` are no sign of anything."""
    return len(word.encode()) >= 3 and all(unicodedata.category(sign)[0] in "LM" for sign in word)
