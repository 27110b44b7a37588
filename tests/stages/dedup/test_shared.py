"""Which texts can have a near-duplicate: none that has one is left out, and hardly one that has none is looked at."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.stages.dedup import shared
from datasetbuild.stages.dedup.shared import Repeated, low_shingles, possible
from datasetbuild.stages.dedup.sketch import Shingles, shingles
from datasetbuild.stages.words import word_hashes


def grams(texts: list[str], ngram: int = 5) -> Shingles:
    return shingles(*word_hashes(pl.Series(texts)), ngram)


def looked_at(texts: list[str], floor: float) -> np.ndarray:
    values, lengths = low_shingles(grams(texts))
    repeated = Repeated(len(values))
    repeated.add(values)
    return possible(values, lengths, repeated, floor)


def planted(count: int, words: int, changes: int) -> list[str]:
    """Unrelated texts, each followed by a copy with some words changed."""
    generator = np.random.default_rng(11)
    texts = []
    for n in range(count):
        found = [f"w{k}" for k in generator.integers(0, 5000, words)]
        texts.append(" ".join(found))
        for place in generator.choice(words, changes, replace=False):
            found[place] = f"x{n}"
        texts.append(" ".join(found))
    return texts


def jaccard(a: str, b: str) -> float:
    one, other = (set(grams([text]).values.tolist()) for text in (a, b))
    return len(one & other) / len(one | other)


@pytest.mark.parametrize(("words", "changes"), [(12, 0), (60, 1), (90, 2), (400, 8), (3000, 50)])
def test_a_text_with_a_near_duplicate_is_looked_at(words: int, changes: int) -> None:
    """Of texts of any length with a near-duplicate well above the floor none is left out."""
    texts = planted(300, words, changes)
    alike = np.array([jaccard(texts[2 * n], texts[2 * n + 1]) >= 0.78 for n in range(300)])
    assert alike.sum() > 100
    found = looked_at(texts, 0.7).reshape(-1, 2)
    assert found[alike].all()


@pytest.mark.parametrize("words", [60, 90, 400])
def test_hardly_a_text_without_one_is(words: int) -> None:
    """Of unrelated texts fewer than one in twenty is looked at in vain."""
    found = looked_at(planted(2000, words, 0)[::2], 0.7)
    assert found.mean() < 0.05


SHINGLE = st.integers(0, 60) | st.integers(2**15 - 4, 2**15 + 4) | st.just(2**16 - 1)


@given(st.lists(st.lists(SHINGLE, max_size=8), min_size=1, max_size=12), st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(0, 5))
def test_whatever_stands_twice_is_held(texts: list[list[int]], seed: int, at_once: int, looks: int) -> None:
    """A shingle of two texts is held, in whatever order and in however many blocks the texts come, however many are put in
    together, and whoever looks in between."""
    blocks = [np.array(text, np.uint32) for text in texts]
    whole = Repeated(1)
    whole.add(np.concatenate(blocks))
    every = np.arange(2**16, dtype=np.uint32)
    counts = np.bincount(np.concatenate(blocks).astype(np.int64), minlength=2**16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "AT_ONCE", at_once)
        patch.setattr(shared, "STRETCH", 1 << 12)
        parted = Repeated(1)
        for number, place in enumerate(np.random.default_rng(seed).permutation(len(blocks))):
            parted.add(blocks[place])
            if number == looks:
                parted.holds(every)
        assert all(np.array_equal(one.holds(every), counts > 1) for one in (whole, parted))


@settings(max_examples=30)
@given(st.lists(st.text("ab \u00e9\u4e2d.", max_size=40), max_size=30), st.integers(1, 6))
def test_low_shingles_are_each_texts_own(texts: list[str], ngram: int) -> None:
    """The low shingles of many texts are those of each alone, one after the other."""
    together = low_shingles(grams(texts, ngram)) if texts else (np.empty(0, np.uint32), np.empty(0, np.int64))
    alone = [low_shingles(grams([text], ngram)) for text in texts]
    assert together[0].tolist() == [value for values, _ in alone for value in values.tolist()]
    assert together[1].tolist() == [length for _, lengths in alone for length in lengths.tolist()]


def test_short_texts_are_looked_at() -> None:
    """A text of a few words has too few low shingles to tell; it is looked at."""
    assert looked_at(["one two three", "another text of six words here"], 0.7).all()
