"""MinHash: bit for bit datasketch's, and short texts neither lost nor merged."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash
from datasketch.lsh import _optimal_param
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.stages.dedup import near
from datasetbuild.stages.dedup.sketch import permutations, shingle_hash, shingles, signatures
from datasetbuild.stages.words import word_hashes

WORDS = st.lists(st.sampled_from("abcdefgh"), max_size=40).map(" ".join)


def grams_of(texts: list[str], ngram: int):  # type: ignore[no-untyped-def]
    return shingles(*word_hashes(pl.Series(texts, dtype=pl.String)), ngram)


@settings(max_examples=40)
@given(st.lists(WORDS, min_size=1, max_size=6), st.integers(1, 7), st.sampled_from([16, 128, 200]))
def test_signatures_are_datasketchs(texts: list[str], ngram: int, num_perm: int) -> None:
    """Fed with the same 32-bit shingle hashes, `datasketch.MinHash` gives the same signature, bit for bit."""
    grams = grams_of(texts, ngram)
    ours = signatures(grams, num_perm)
    for text in range(len(texts)):
        oracle = MinHash(num_perm, hashfunc=int)
        for value in shingle_hash(grams.values[grams.offsets[text] : grams.offsets[text + 1]]):
            oracle.update(value)
        assert np.array_equal(oracle.hashvalues, ours[text])


def test_signatures_do_not_depend_on_blocks() -> None:
    """A text far larger than a block among small ones gets the signature that it has alone."""
    texts = ["a b c d e f", " ".join(f"w{n}" for n in range(70_000)), "a b", "", "g h i j k l m"]
    together = signatures(grams_of(texts, 5), 32)
    for text, signature in zip(texts, together, strict=True):
        assert np.array_equal(signatures(grams_of([text], 5), 32)[0], signature)


@pytest.mark.parametrize("num_perm", [16, 128, 256])
def test_permutations_are_datasketchs_own(num_perm: int) -> None:
    """The permutations are those of `MinHash(seed=1)`."""
    a, b = permutations(num_perm)
    assert np.array_equal(MinHash(num_perm).permutations, np.array([a, b]))


@pytest.mark.parametrize(("floor", "num_perm"), list(near.KNOWN_BANDS))
def test_bands_are_of_datasketchs_search(floor: float, num_perm: int) -> None:
    """The tabled bands are what datasketch's parameter search gives."""
    found = _optimal_param(floor, num_perm, near.FALSE_POSITIVE_WEIGHT, near.FALSE_NEGATIVE_WEIGHT)
    assert tuple(found) == near.KNOWN_BANDS[floor, num_perm]
    assert near.bands_for(floor, num_perm) == near.KNOWN_BANDS[floor, num_perm]


@given(st.lists(st.sampled_from("abc"), min_size=0, max_size=12), st.integers(1, 6))
def test_shingles_are_the_n_grams(words: list[str], ngram: int) -> None:
    """A text has one shingle per n-gram; shorter texts have one, and texts without words none."""
    grams = grams_of([" ".join(words)], ngram)
    expected = {tuple(words[n : n + ngram]) for n in range(len(words) - ngram + 1)} or ({tuple(words)} if words else set())
    assert len(set(grams.values.tolist())) == len(expected)


def test_short_texts_are_alike_only_to_themselves() -> None:
    """Texts below the n-gram: equal words are one text, anything else shares no shingle; no words, no shingle."""
    grams = grams_of(["reset it", "reset", "it", "Reset, it!", "", "?!", "reset it now"], 5)
    sets = [set(grams.values[grams.offsets[n] : grams.offsets[n + 1]].tolist()) for n in range(7)]
    assert sets[0] == sets[3]
    assert [len(one) for one in sets] == [1, 1, 1, 1, 0, 0, 1]
    assert len(set().union(*sets)) == 4
