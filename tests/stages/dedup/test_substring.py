"""Substring dedup: what a plain search for shared runs of words finds, and nothing else."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.stages.dedup import substring


def frame(texts: list[str]) -> pl.DataFrame:
    turns = [[text] for text in texts]
    kind = dict.fromkeys(("assistant", "conversation", "user"), pl.List(pl.String))
    return pl.DataFrame({"assistant": turns, "conversation": turns, "user": [[] for _ in texts]}, schema=kind)


def rows_of(texts: list[str], words: int, rank: list[int] | None = None) -> pl.DataFrame:
    found = substring.runs(frame(texts), on="assistant", words=words).rename({"at": "row"})
    return substring.repeated(found, np.array(rank or range(len(texts))), words)


WORDS = st.lists(st.sampled_from("abc"), max_size=40).map(" ".join)


@settings(max_examples=150)
@given(st.lists(WORDS, min_size=2, max_size=6), st.sampled_from([2, 3, 5, 8]))
def test_every_shared_run_leaves_a_shared_fingerprint(texts: list[str], words: int) -> None:
    """Two texts that share a run of that many words share a fingerprint, wherever the run stands in them."""
    prints = substring.fingerprints(frame(texts), on="assistant", words=words)
    of = {pos: set(group["print"]) for (pos,), group in prints.group_by("pos")}
    split = [text.split() for text in texts]
    runs = [{tuple(one[i : i + words]) for i in range(len(one) - words + 1)} for one in split]
    for i in range(len(texts)):
        for j in range(i):
            if runs[i] & runs[j]:
                assert of[i] & of[j]


@settings(max_examples=150)
@given(st.lists(WORDS, min_size=1, max_size=6), st.sampled_from([2, 3, 5]), st.randoms(use_true_random=False))
def test_who_stays_shares_no_run_and_who_goes_does(texts: list[str], words: int, rng: random.Random) -> None:
    """Of those that stay no two share a run; each that goes shares one with the row that is named."""
    rank = rng.sample(range(len(texts)), len(texts))
    split = [text.split() for text in texts]
    runs = [{tuple(one[i : i + words]) for i in range(len(one) - words + 1)} for one in split]
    found = rows_of(texts, words, rank)
    lost = dict(found.select("row", "other").iter_rows())
    stay = [row for row in range(len(texts)) if row not in lost]
    assert not any(runs[i] & runs[j] for i in stay for j in stay if i < j)
    for row, other in lost.items():
        assert other in stay
        assert rank[other] < rank[row]
        assert runs[row] & runs[other]
    for one in found.iter_rows(named=True):
        mine, there = split[one["row"]], split[one["other"]]
        assert mine[one["word"] :][:words] == there[one["other_word"] :][:words]
        assert words <= one["words"] <= len(mine)


def test_the_places_of_a_shared_run() -> None:
    """The evidence says how many words are shared, and where they begin in both."""
    run = " ".join(f"w{n}" for n in range(20))
    found = rows_of([f"before it stands this {run}", f"{run} and after it comes that"], 15)
    assert found.to_dicts() == [{"row": 1, "other": 0, "words": 20, "word": 0, "other_word": 4}]


@pytest.mark.parametrize("texts", [[], [""], ["one"], ["x " * 200_000], ["q" * 1_000_000]])
def test_odd_texts(texts: list[str]) -> None:
    """No text, short texts and texts of one repeated word are neither lost nor slow; a text does not repeat itself."""
    assert not len(rows_of(texts, 50))
    assert len(substring.fingerprints(frame(texts), on="assistant", words=50)) <= 1
