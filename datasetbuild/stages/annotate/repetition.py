"""Facts about repetition: words, lines and spans of bytes that come again, counted exactly.

A compression ratio says the same in one number, but it changes with the version of the compressor; these do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import buffers, fold
from datasetbuild.op import Bound, fact
from datasetbuild.record import Where
from datasetbuild.stages.dedup.sketch import shingles
from datasetbuild.stages.where import words_of
from datasetbuild.stages.words import Hashes, Ints, mix, portions, word_portions

AT_ONCE = 1 << 14
"""Texts that are sorted together: their number stands above 48 bits of each hash."""


@fact(version=3, needs="words")
def repeated_ngrams(
    *, where: Where = "assistant", n: Annotated[int, Bound(ge=1, le=32)] = 5, min_words: Annotated[int, Bound(ge=1)] = 20
) -> Callable[[pl.DataFrame], pl.Series]:
    """Share of the n-grams of words of each `where` turn that stand in it before: 0 when nothing repeats, near 1 for a
    loop. Letter case and punctuation do not count.

    where: whose turns are measured.
    n: words of an n-gram.
    min_words: turns of fewer words count as 0.
    """
    return lambda frame: _of_words(frame, where, lambda hashes, counts: _ngram_share(hashes, counts, n, min_words, most=False))


@fact(version=3, needs="words")
def top_ngram(
    *, where: Where = "assistant", n: Annotated[int, Bound(ge=1, le=32)] = 3, min_words: Annotated[int, Bound(ge=1)] = 20
) -> Callable[[pl.DataFrame], pl.Series]:
    """Share of the n-grams of words of each `where` turn that are the most frequent one; 0 where none comes twice.

    where: whose turns are measured.
    n: words of an n-gram.
    min_words: turns of fewer words count as 0.
    """
    return lambda frame: _of_words(frame, where, lambda hashes, counts: _ngram_share(hashes, counts, n, min_words, most=True))


@fact(version=1)
def repeated_spans(
    *, where: Where = "assistant", min_bytes: Annotated[int, Bound(ge=24)] = 120
) -> Callable[[pl.DataFrame], pl.Series]:
    """Share of the spans of 24 bytes of each `where` turn that stand in it before: what a compression ratio is asked for,
    in every script and also where no blank parts the words.

    where: whose turns are measured.
    min_bytes: turns of fewer bytes in UTF-8 count as 0.
    """
    return lambda frame: _of_turns(frame, where, lambda text: _span_share(text, min_bytes))


@fact(version=1)
def repeated_lines(
    *, where: Where = "assistant", min_chars: Annotated[int, Bound(ge=1)] = 12
) -> Callable[[pl.DataFrame], pl.Series]:
    """Share of the lines of each `where` turn that stand in it before, blanks around them aside.

    where: whose turns are measured.
    min_chars: shorter lines are left out: closing brackets and labels repeat in good answers too.
    """
    return lambda frame: _of_turns(frame, where, lambda text: _line_share(text, min_chars))


@fact(version=3, needs="words")
def prompt_repeated(*, n: Annotated[int, Bound(ge=1, le=32)] = 5, min_words: Annotated[int, Bound(ge=1)] = 8) -> Callable[[pl.DataFrame], pl.Series]:
    """Share of the distinct n-grams of words of the first question that stand in the first answer: 1 when the answer restates
    the whole question, wherever. Letter case and punctuation do not count. Tasks on a given text, such as correcting it,
    restate by right.

    n: words of an n-gram.
    min_words: questions of fewer words count as 0.
    """

    def measure(frame: pl.DataFrame) -> pl.Series:
        (hashes, counts), answers = first(frame, "user"), first(frame, "assistant")
        asked, said = shingles(hashes, counts, n), shingles(*answers, n)
        alone, other = _distinct(asked.values, asked.offsets), _distinct(said.values, said.offsets)
        sizes = np.diff(asked.offsets) + np.diff(said.offsets)
        bounds = np.concatenate([[0], np.cumsum(sizes)])
        both = np.empty(int(bounds[-1]), np.uint64)
        for grams, start in ((asked, bounds[:-1]), (said, bounds[:-1] + np.diff(asked.offsets))):
            each = np.diff(grams.offsets)
            both[np.arange(len(grams.values)) + np.repeat(start - grams.offsets[:-1], each)] = grams.values
        shared = alone + other - _distinct(both, bounds)
        return pl.Series("value", np.where(counts < min_words, 0.0, shared / np.maximum(alone, 1)))

    def first(frame: pl.DataFrame, where: Where) -> tuple[Hashes, Ints]:
        words = words_of(frame, where, first=True)
        return words.hashes, words.of_records

    return measure


def _of_turns(frame: pl.DataFrame, where: Where, share: Callable[[pl.Series], NDArray[np.float64]]) -> pl.Series:
    texts = frame[where]
    found = [share(portion) for portion in portions(texts.explode(empty_as_null=False))]
    return fold(pl.Series(where, np.concatenate(found)), texts.list.len())


def _of_words(frame: pl.DataFrame, where: Where, share: Callable[[Hashes, Ints], NDArray[np.float64]]) -> pl.Series:
    words = words_of(frame, where)
    found = [share(*portion) for portion in word_portions(words.hashes, words.counts)]
    return fold(pl.Series(where, np.concatenate(found)), pl.Series(words.turns))


def _ngram_share(hashes: Hashes, counts: Ints, n: int, min_words: int, *, most: bool) -> NDArray[np.float64]:
    grams = shingles(hashes, counts, n)
    total = np.diff(grams.offsets)
    found = _most(grams.values, grams.offsets) if most else total - _distinct(grams.values, grams.offsets)
    found = np.where((counts < min_words) | (found < 2 if most else found < 1), 0, found)
    return np.asarray(found / np.maximum(total, 1))


def _span_share(text: pl.Series, min_bytes: int) -> NDArray[np.float64]:
    data, offsets = buffers(text)
    sizes = np.diff(offsets)
    total = np.where(sizes >= min_bytes, sizes - 23, 0)
    bounds = np.concatenate([[0], np.cumsum(total)])
    padded = np.concatenate([data, np.zeros(24, np.uint8)])
    windows = np.ndarray((len(data) + 16,), "<u8", padded, strides=(1,))
    found = np.zeros(len(sizes), np.int64)
    for first, stop in _portions(bounds):
        part = bounds[first : stop + 1] - bounds[first]
        at = np.arange(part[-1]) + np.repeat(offsets[first:stop] - part[:-1], np.diff(part))
        values = mix(mix(mix(windows[at]) + windows[at + 8]) + windows[at + 16])
        found[first:stop] = np.diff(part) - _distinct(values, part)
    return np.asarray(found / np.maximum(total, 1))


def _portions(bounds: Ints) -> list[tuple[int, int]]:
    """Texts in portions of some two million spans, so that memory does not grow with the shard."""
    found, first = [], 0
    while first < len(bounds) - 1:
        stop = max(int(np.searchsorted(bounds, bounds[first] + (1 << 21), side="right")) - 1, first + 1)
        found.append((first, min(stop, first + AT_ONCE)))
        first = found[-1][1]
    return found


def _line_share(text: pl.Series, min_chars: int) -> NDArray[np.float64]:
    found = np.zeros(len(text))
    several = text.str.contains("\n", literal=True).arg_true()
    if len(several):
        lines = pl.DataFrame({"text": several, "line": text.gather(several).str.split("\n")}).explode("line")
        lines = lines.with_columns(pl.col("line").str.strip_chars()).filter(pl.col("line").str.len_chars() >= min_chars)
        counted = lines.group_by("text").agg(n=pl.len(), distinct=pl.col("line").n_unique())
        repeated = (counted["n"] - counted["distinct"]).to_numpy() / counted["n"].to_numpy()
        found[counted["text"].to_numpy()] = repeated
    return found


def _sorted(values: Hashes, offsets: Ints) -> list[tuple[int, NDArray[np.uint64]]]:
    """Values packed with the number of their text above 48 bits, sorted, portion by portion with its first text."""
    found = []
    for first in range(0, len(offsets) - 1, AT_ONCE):
        part = offsets[first : first + AT_ONCE + 1]
        row = np.repeat(np.arange(len(part) - 1, dtype=np.uint64), np.diff(part))
        found.append((first, np.sort((row << np.uint64(48)) | (values[part[0] : part[-1]] >> np.uint64(16)))))
    return found


def _runs(packed: NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """Of sorted values the runs of equal ones: the text of each, and its length."""
    starts = np.flatnonzero(np.concatenate([[True], packed[1:] != packed[:-1]])) if len(packed) else np.empty(0, np.int64)
    return (packed[starts] >> np.uint64(48)).astype(np.int64), np.diff(starts, append=len(packed))


def _distinct(values: Hashes, offsets: Ints) -> Ints:
    """Distinct values of each text. values: those of text i are `values[offsets[i]:offsets[i + 1]]`."""
    out = np.zeros(len(offsets) - 1, np.int64)
    for first, packed in _sorted(values, offsets):
        text, _ = _runs(packed)
        counted = np.bincount(text)
        out[first : first + len(counted)] = counted
    return out


def _most(values: Hashes, offsets: Ints) -> Any:
    """How often the most frequent value of each text stands in it."""
    out = np.zeros(len(offsets) - 1, np.int64)
    for first, packed in _sorted(values, offsets):
        text, length = _runs(packed)
        np.maximum.at(out, text + first, length)
    return out
