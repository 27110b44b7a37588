"""Words as hashes: the same words as the regex engine finds, and different hashes for different words."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.stages.words import BLANKS, LETTERS, Scan, distinct, sequence_hashes, word_hashes

TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
PATTERN = {LETTERS: r"\w+", BLANKS: r"\S+"}


@given(st.lists(TEXT, max_size=12), st.sampled_from([LETTERS, BLANKS]))
def test_the_words_are_those_of_the_regex(texts: list[str], scan: Scan) -> None:
    """Scanning bytes finds as many words as the regex, and equal words, letter case aside, get equal hashes."""
    column = pl.Series("text", texts, dtype=pl.String)
    hashes, counts = word_hashes(column, scan)
    words = column.str.to_lowercase().str.extract_all(PATTERN[scan])
    assert counts.tolist() == words.list.len().to_list()
    flat = words.explode(empty_as_null=False).drop_nulls().to_list()
    assert len(flat) == len(hashes)
    by_word: dict[str, set[int]] = {}
    for word, hashed in zip(flat, hashes.tolist(), strict=True):
        by_word.setdefault(word, set()).add(hashed)
    assert all(len(found) == 1 for found in by_word.values())
    assert len(set().union(*by_word.values())) == len(by_word) if by_word else True


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_a_texts_hashes_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    """A text alone gives the same hashes as among others: shards may be cut anywhere."""
    hashes, counts = word_hashes(pl.Series(texts, dtype=pl.String))
    alone = [word_hashes(pl.Series([text], dtype=pl.String))[0] for text in texts]
    assert np.array_equal(hashes, np.concatenate(alone))
    assert counts.tolist() == [len(one) for one in alone]


def test_long_words_are_read_to_their_end() -> None:
    """Words that differ only beyond the bytes that are read eight at a time have different hashes."""
    texts = ["x" * 5000, "x" * 4999 + "y", "x" * 5001, "x" * 512, "x" * 513, "x" * 8, "x" * 9, "x" * 16]
    hashes, counts = word_hashes(pl.Series(texts))
    assert counts.tolist() == [1] * len(texts)
    assert len(set(hashes.tolist())) == len(texts)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "cc", "Dd"]), max_size=6), max_size=20))
def test_sequences_are_equal_exactly_when_their_words_are(rows: list[list[str]]) -> None:
    """Two texts have the same sequence hash exactly when they have the same words in the same order."""
    hashes, counts = word_hashes(pl.Series([" ".join(row) for row in rows], dtype=pl.String))
    high, low = sequence_hashes(hashes, counts)
    seen: dict[tuple[str, ...], tuple[int, int]] = {}
    for row, key in zip(rows, zip(high.tolist(), low.tolist(), strict=True), strict=True):
        assert seen.setdefault(tuple(word.lower() for word in row), key) == key
    assert len(set(seen.values())) == len(seen)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "cc", "Dd", "dd"]), max_size=9), max_size=9))
def test_distinct_counts_distinct_words(rows: list[list[str]]) -> None:
    """`distinct` is the size of the set of a text's words."""
    hashes, counts = word_hashes(pl.Series([" ".join(row) for row in rows], dtype=pl.String))
    assert distinct(hashes, counts).tolist() == [len({word.lower() for word in row}) for row in rows]
