"""Embed: vectors that are the same everywhere, and pairs that are those of the definition."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasetbuild.op import find
from datasetbuild.stages.embed import cosine, hashed, topics
from datasetbuild.stages.select import choose

TEXTS = [
    "How do I reset the password of my account?",
    "How can I reset my account's password?",
    "The invoice of March is wrong: it charges me twice for one seat.",
    "Rechnung für März ist falsch, ein Platz wurde doppelt berechnet.",
    "今天的天气很好，我们去公园散步吧。",
    "",
]


def vectors(texts: list[str]) -> np.ndarray:
    series = pl.Series(texts, dtype=pl.String)
    rare = hashed.words_of(series).group_by("word").len("found").filter(pl.col("found") > 1).sort("word")
    return hashed.embed(series, rare, len(texts))


def test_golden_vectors() -> None:
    """The vectors of these texts are these bytes, on every machine: they stand in keys and decide cuts."""
    found = vectors(TEXTS)
    assert found.dtype == np.int8
    assert found.shape == (6, hashed.DIMENSIONS)
    assert hashlib.sha256(found.tobytes()).hexdigest()[:16] == "e08e1ad6539d50da"


@given(st.lists(st.lists(st.sampled_from([*"aÀb_9 -.你\u0301\n", "w" * 70]), max_size=12).map("".join), max_size=6))
@example(["w" * 200 + " ww W", "w", "", "a " + "é" * 64, "é" * 65])
def test_words_are_runs_of_64_letters_at_most(texts: list[str]) -> None:
    """A longer run is cut; each word of a text comes once, and texts in order."""
    found = hashed.words_of(pl.Series(texts, dtype=pl.String))
    wanted = [(n, word) for n, text in enumerate(texts) for word in set(pl.Series([text.lower()]).str.extract_all(r"\w{1,64}")[0])]
    assert sorted(found.rows()) == sorted(wanted)
    assert found["text"].is_sorted()


def test_long_texts_are_added_up_exactly() -> None:
    """Texts of more words than are added up at once, with the largest weights."""
    rng = np.random.default_rng(5)
    count = 2 * hashed.WORDS_AT_ONCE + 7
    vectors = np.full((count, hashed.DIMENSIONS), hashed.UNIT, np.float32) - rng.integers(0, 2, (count, hashed.DIMENSIONS)).astype(np.float32)
    weight = np.full(count, 15, np.float32)
    text = np.array([1] * count + [4], np.uint32)
    at = np.append(rng.permutation(count), 3)
    sums = np.zeros((6, hashed.DIMENSIONS), np.int32)
    hashed._add_words(sums, text, at, weight, vectors)
    whole = vectors.astype(np.int64) * 15
    assert (sums[1] == whole.sum(axis=0)).all()
    assert (sums[4] == whole[3]).all()
    assert not sums[[0, 2, 3, 5]].any()


def test_alike_texts_lie_near_and_others_do_not() -> None:
    """Two wordings of one question are nearer than two questions; a text without words is near to nothing."""
    found = vectors(TEXTS)
    squares = (found.astype(np.int32) ** 2).sum(axis=1).astype(float)
    near, far, none = cosine.cosines(found, squares, np.array([[0, 1], [0, 2], [0, 5]]))
    assert near > 0.6
    assert far < 0.3
    assert none == 0


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_pairs_are_those_of_the_definition(seed: int, threshold: float) -> None:
    """Every pair with the cosine is found, whatever the block size, and no other."""
    rng = np.random.default_rng(seed)
    base = rng.integers(-127, 128, (12, 32))
    made = np.concatenate([base, base + rng.integers(-40, 41, base.shape), base, np.zeros((2, 32))])
    given_ = np.clip(made, -127, 127).astype(np.int8)
    wide = given_.astype(np.int64)
    squares = (wide**2).sum(axis=1).astype(float)
    lengths = np.sqrt(squares[:, None] * squares[None])
    dots = wide @ wide.T
    expected = [(i, j) for i in range(len(wide)) for j in range(i + 1, len(wide)) if lengths[i, j] and dots[i, j] / lengths[i, j] >= threshold]
    pairs, found = cosine.similar_pairs(given_, threshold)
    assert [tuple(pair) for pair in pairs.tolist()] == expected
    assert (found >= threshold).all()


def test_projections_miss_few_and_invent_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the exact size at most one pair in fifty at the threshold is missed (one in 200 is expected)."""
    rng = np.random.default_rng(5)
    base = rng.normal(0, 25, (400, 128))
    made = np.clip(np.rint(np.concatenate([base, base + rng.normal(0, 9, base.shape)])), -127, 127).astype(np.int8)
    exact, _ = cosine.similar_pairs(made, 0.9)
    monkeypatch.setattr(cosine, "EXACT", 0)
    found, _ = cosine.similar_pairs(made, 0.9)
    wanted, got = ({tuple(pair) for pair in pairs.tolist()} for pairs in (exact, found))
    assert len(wanted) > 300
    assert got <= wanted
    assert len(got) >= 0.98 * len(wanted)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([0.3, 0.8, 1.0]))
def test_choice_takes_the_best_that_differ(seed: int, n: int, bound: float) -> None:
    """Exactly n are chosen; each is unlike every better chosen one, until those that are alike have to fill the budget."""
    rng = np.random.default_rng(seed)
    given_ = rng.integers(-127, 128, (50, 4)).astype(np.int8)
    picked = choose(given_, 50, n, bound)
    assert len(picked) == min(n, 50)
    assert (np.diff(picked) > 0).all()
    wide = given_.astype(np.int64)
    lengths = np.sqrt((wide**2).sum(axis=1))

    def like(i: int, j: int) -> bool:
        return bool(lengths[i] * lengths[j] and wide[i] @ wide[j] >= bound * (lengths[i] * lengths[j]))

    greedy: list[int] = []
    for i in range(50):
        if len(greedy) < n and not any(like(i, j) for j in greedy):
            greedy.append(i)
    fill = [i for i in range(50) if i not in greedy][: n - len(greedy)] if n < 50 else []
    assert picked.tolist() == sorted(greedy + fill) if n < 50 else picked.tolist() == list(range(50))


def test_without_vectors_the_first_are_chosen() -> None:
    """No diversity asked: the best n."""
    assert choose(None, 10, 3, 0.8).tolist() == [0, 1, 2]
    assert choose(None, 2, 3, 0.8).tolist() == [0, 1]


def test_names_of_topics_are_of_one_script_and_no_stop_words() -> None:
    """Words that every text of a language has name nothing, nor do words of another script than the first; Chinese is named by
    pairs of characters."""
    bills = [f"Warum wurde diese Rechnung {n} zweimal abgebucht, und welche Rechnung дождь denn jetzt?" for n in range(20)]
    films = [f"你看过这部电影{n}吗，电影的导演和演员都很好" for n in range(20)]
    label = np.array([0] * 20 + [1] * 20)
    german, chinese = topics.names(pl.Series(bills + films), label, 2)
    assert set(german.split(", ")) == {"rechnung", "zweimal", "abgebucht"}
    assert {"电影", "导演", "演员"} >= set(chinese.split(", ")) - {"看过", "部电"}
    assert "电影" in chinese


def test_stop_words_are_data_of_their_topics() -> None:
    """Whoever edits the list raises the version of `topics`: names are kept in the cache."""
    stop, han = topics.stop_words()
    assert "which" in stop
    assert "的" in han
    assert hashlib.sha256(topics.STOP_WORDS.read_bytes()).hexdigest()[:12] == "c8e370b3e9b6"
    assert find("section", "topics").version == 2


def test_more_topics_than_records() -> None:
    """No more centres come out than there are records that differ; none without a word."""
    vectors = np.eye(3, 8, dtype=np.int8) * 100
    assert len(topics.centres(vectors, 50)) == 3
    assert len(topics.centres(np.concatenate([vectors[:1]] * 5), 2)) == 1
    assert len(topics.centres(np.zeros((4, 8), np.int8), 2)) == 0
