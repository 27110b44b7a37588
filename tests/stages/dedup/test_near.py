"""Near dedup: candidates found, pairs verified exactly, clusters and survivors by a total order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.stages.dedup import near, partners
from datasetbuild.stages.dedup.partners import BEST, BUCKET_PAIRS, FIRST, LEADERS, Partners, bucket_pairs
from datasetbuild.stages.dedup.shared import LOWEST
from datasetbuild.stages.dedup.sketch import shingle_hash, shingles, signatures
from datasetbuild.stages.dedup.survivor import survivors
from datasetbuild.stages.words import word_hashes
from tests.conftest import Project


def frame_of(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"conversation": [[text] for text in texts]}, schema={"conversation": pl.List(pl.String)}).with_columns(
        user=pl.lit([], dtype=pl.List(pl.String)), assistant=pl.col("conversation")
    )


def exact(a: str, b: str, n: int = 5) -> float:
    grams = []
    for text in (a, b):
        words = text.lower().split()
        grams.append({tuple(words[k : k + n]) for k in range(max(len(words) - n + 1, 1))})
    return len(grams[0] & grams[1]) / len(grams[0] | grams[1])


@settings(max_examples=40)
@given(st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=14).map(" ".join), min_size=2, max_size=8, unique=True))
def test_similarities_are_exact(texts: list[str]) -> None:
    """The verified similarity of a pair is the Jaccard of its sets of n-grams."""
    pairs = np.array(list(combinations(range(len(texts)), 2)))
    for (a, b), found in zip(pairs, similarities(texts, pairs, 3), strict=True):
        assert found == pytest.approx(exact(texts[a], texts[b], 3))


def similarities(texts: list[str], pairs: np.ndarray, ngram: int = 5) -> np.ndarray:
    sets = near.shingle_sets(frame_of(texts), on="conversation", ngram=ngram)
    return np.concatenate([*near.jaccard(pairs, *sets)])


def candidates_of(hashes: np.ndarray, score: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    found = Partners(score)
    for band in hashes:
        for packed in bucket_pairs(band):
            found.add(packed)
    return found.pairs()[0]


def planted(count: int, changes: int) -> list[str]:
    """Texts of 90 words in pairs, the second with some words changed."""
    generator = np.random.default_rng(5)
    texts = []
    for n in range(count):
        words = [f"w{k}" for k in generator.integers(0, 4000, 90)]
        texts.append(" ".join(words))
        for place in generator.choice(90, changes, replace=False):
            words[place] = f"x{n}"
        texts.append(" ".join(words))
    return texts


@pytest.mark.parametrize(("changes", "threshold"), [(1, 0.8), (2, 0.7), (1, 0.85)])
def test_at_most_one_in_a_hundred_pairs_is_missed(changes: int, threshold: float) -> None:
    """Of the planted pairs at or above the threshold at most 1 % are no candidates, at the default of 128 permutations."""
    texts = planted(600, changes)
    sketches = signatures(shingles(*word_hashes(pl.Series(texts)), 5), 128)
    floor = near.floor_of(threshold)
    bands, rows = near.bands_for(floor, 128)
    hashes = near.band_hashes(sketches, bands, rows)
    worth = candidates_of(hashes, lambda pairs: near.alike(sketches.astype(np.uint8), pairs, floor))
    found = set(map(tuple, worth.tolist()))
    true = [(2 * n, 2 * n + 1) for n in range(600) if exact(texts[2 * n], texts[2 * n + 1]) >= threshold]
    assert len(true) > 300
    assert sum(pair not in found for pair in true) <= len(true) / 100


def test_large_buckets_cost_no_square() -> None:
    """A bucket of m equal bands gives at most LEADERS pairs per member, and still joins them all."""
    pairs = candidates_of(np.zeros((1, 3000), np.uint32), lambda pairs: np.zeros(len(pairs)))
    assert len(pairs) <= 3000 * LEADERS
    assert (near.components(3000, pairs) == 0).all()


def compared(band: np.ndarray, text: int) -> np.ndarray:
    bucket = np.flatnonzero(band == band[text])
    return bucket if len(bucket) <= BUCKET_PAIRS else bucket[:LEADERS]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4000))
def test_crowded_texts_keep_the_first_and_the_best_wherever_a_block_ends(seed: int, at_once: int) -> None:
    """Of a text's smaller-numbered partners that are worth it stay the FIRST, and of the others the BEST by score, then by
    number: for any blocks."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-1, 4, (100, 100))
    hashes = rng.integers(0, 2, (5, 100)).astype(np.uint32)
    expected = []
    for j in range(100):
        met = {int(i) for band in hashes for i in compared(band, j)}
        worth = sorted(i for i in met if i < j and scores[i, j] >= 0)
        best = sorted(worth[FIRST:], key=lambda i: (-scores[i, j], i))[:BEST]
        expected += [(i, j) for i in sorted([*worth[:FIRST], *best])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partners, "AT_ONCE", at_once)
        found = candidates_of(hashes, lambda pairs: scores[pairs[:, 0], pairs[:, 1]])
    assert [tuple(pair) for pair in found.tolist()] == expected


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=20))
def test_components_have_the_label_of_their_smallest_member(edges: list[tuple[int, int]]) -> None:
    """Components do not depend on the order of edges and are named by their smallest node."""
    label = near.components(13, np.array(edges, np.int64).reshape(-1, 2))
    back = near.components(13, np.array([(b, a) for a, b in reversed(edges)], np.int64).reshape(-1, 2))
    assert np.array_equal(label, back)
    for node, found in enumerate(label):
        assert found <= node
        assert label[found] == found
    assert all(label[a] == label[b] for a, b in edges)


def test_what_is_not_there_connects_nothing() -> None:
    """A text that no eligible record has does not join two clusters; equal texts are a cluster of their own."""
    node = np.array([0, 1, 2, 3, 3, -1])
    pairs = pl.DataFrame({"a": [0, 1], "b": [1, 2], "similarity": [0.9, 0.9]})
    repeated = np.array([3, 4])
    rows, cluster = near.clusters(node, pairs, repeated, np.array([True] * 6))
    assert (rows.tolist(), cluster.tolist()) == ([0, 1, 2, 3, 4], [0, 0, 0, 3, 3])
    rows, cluster = near.clusters(node, pairs, repeated, np.array([True, False, True, True, True, True]))
    assert rows.tolist() == [3, 4]
    assert cluster[0] == cluster[1]


@given(st.lists(st.tuples(st.integers(-1, 6), st.booleans()), max_size=14), st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6))))
def test_clusters_are_what_chains_of_records_join(records: list[tuple[int, bool]], pairs: set[tuple[int, int]]) -> None:
    """Two records are in one cluster exactly when a chain of eligible ones joins them, each with the text of the next or paired with
    it; a record that is joined with none is in no cluster."""
    node = np.array([text for text, _ in records], np.int64)
    eligible = np.array([here for _, here in records], bool)
    texts = int(node.max(initial=-1)) + 1
    linked = sorted((a, b) for a, b in pairs if a < b < texts)
    frame = pl.DataFrame(linked, schema={"a": pl.Int64, "b": pl.Int64}, orient="row")
    repeated = np.array([n for n, text in enumerate(node) if text >= 0 and (node == text).sum() > 1], np.int64)
    rows, cluster = near.clusters(node, frame, repeated, eligible)
    there = [n for n in range(len(node)) if eligible[n] and node[n] >= 0]
    touching = {(a, b) for a in there for b in there if a != b and (node[a] == node[b] or (min(node[a], node[b]), max(node[a], node[b])) in linked)}
    reached = {n: {n} for n in there}
    for _ in there:
        for a, b in touching:
            reached[a] |= reached[b]
    assert rows.tolist() == [n for n in there if len(reached[n]) > 1]
    for a, b in combinations(range(len(rows)), 2):
        assert (cluster[a] == cluster[b]) == (rows[b] in reached[rows[a]])


@given(st.permutations(range(8)))
def test_the_survivor_does_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    """The survivor is the first by `keep`, ties by id, whatever the order of the rows."""
    rows = pl.DataFrame(
        {
            "id": [f"id{n}" for n in range(8)],
            "key": pl.Series([n // 3 for n in range(8)], dtype=pl.UInt64),
            "tail": pl.Series([n % 3 for n in range(8)], dtype=pl.UInt32),
            "priority": [1, 1, 2, 2, 0, 0, 5, None],
            "response_chars.max": [10, 20, 30, 30, 5, 5, 1, 9],
            "group": [0, 0, 0, 0, 1, 1, -1, 1],
        }
    )
    shuffled = rows[order]
    members = np.flatnonzero(shuffled["group"].to_numpy() >= 0)
    found = survivors(members, shuffled["group"].to_numpy()[members], shuffled, ["priority", "-response_chars"])
    names = {shuffled["id"][int(one)]: shuffled["id"][int(at)] for one, at in zip(members, found, strict=True)}
    assert names == {**dict.fromkeys(["id0", "id1", "id2", "id3"], "id2"), **dict.fromkeys(["id4", "id5", "id7"], "id4")}


@pytest.mark.parametrize(("wish", "stays"), [("length", 1), ("-length", 0)])
def test_of_a_fact_for_each_turn_the_largest_value_counts(project: Project, wish: str, stays: int) -> None:
    """For what is preferred large and for what is preferred small, as the manual of `dedup.keep` says."""
    plugin = "import polars as pl\nfrom datasetbuild import fact, turns\n\n@fact(version=1)\ndef length() -> pl.Expr:\n"
    plugin += '    """Characters of each answer."""\n    return turns("assistant").list.eval(pl.element().str.len_chars())\n'
    answers = (("middling one", "middling two"), ("no", "a long answer to that"))
    rows = [
        {"messages": [{"role": role, "content": text} for one in pair for role, text in (("user", "q"), ("assistant", one))]}
        for pair in answers
    ]
    recipe = "name: small\nplugins: [p.py]\nsources:\n  a: {path: a.jsonl, format: messages}\nfilters: {length: {min: 1}}\n"
    recipe += f"dedup: {{keep: [{wish}], exact: {{on: first_user}}}}\nsplit: {{train: 1.0}}\n"
    ran = project.write({"p.py": plugin, "a.jsonl": rows, "recipes/small.yaml": recipe}).run("recipe=small", "-q")
    assert ran.code == 0, ran.err
    assert project.ledger().filter(pl.col("fate") == "kept")["row"].to_list() == [stays]


WISHES: list[tuple[pl.DataType, st.SearchStrategy[object]]] = [
    (pl.Int64(), st.sampled_from([-(2**63), -1, 0, 1, 2**63 - 1])),
    (pl.UInt32(), st.sampled_from([0, 1, 2**32 - 1])),
    (pl.Float64(), st.sampled_from([0.0, -0.0, 0.5, float("nan"), float("inf"), float("-inf")])),
    (pl.String(), st.sampled_from(["", "de", "en", "é"])),
    (pl.Boolean(), st.booleans()),
]
"""Types of the columns that `keep` may name, with values of each."""


@given(st.data(), st.integers(1, 12))
def test_who_stays_is_the_first_of_a_sort(data: st.DataObject, count: int) -> None:
    """Of each group the survivor is the one that sorting by all columns puts first, whatever their types, missing values last."""
    wishes = data.draw(st.lists(st.tuples(st.sampled_from(WISHES), st.booleans()), max_size=3))
    columns = {
        f"fact{n}": pl.Series(data.draw(st.lists(st.none() | values, min_size=count, max_size=count)), dtype=kind)
        for n, ((kind, values), _) in enumerate(wishes)
    }
    keys = pl.DataFrame({"key": pl.Series(data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)), dtype=pl.UInt64)})
    keys = keys.with_columns(tail=pl.int_range(pl.len(), dtype=pl.UInt32).reverse(), **columns)
    keep = [("" if larger else "-") + name for name, (_, larger) in zip(columns, wishes, strict=True)]
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, count - 1)))), np.int64)
    groups = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))), np.int64)
    found = survivors(rows, groups, keys, keep)
    ranked = keys[rows].with_columns(row=pl.Series(rows), group=pl.Series(groups))
    descending = [larger for _, larger in wishes]
    first = ranked.sort(*columns, "key", "tail", descending=[*descending, False, False], nulls_last=True).unique("group", keep="first")
    wanted = dict(first.select("group", "row").iter_rows())
    assert found.tolist() == [wanted[group] for group in groups.tolist()]


def test_sketches_hold_words_and_low_shingles() -> None:
    """Punctuation and letter case do not count; a text without words has no key and no shingles."""
    long = " ".join(f"w{n}" for n in range(200))
    found = near.sketch(frame_of(["Hello, World!", "hello world", "?", long]), on="conversation", ngram=5)
    assert found["words"][0] == found["words"][1]
    assert found["words"][2] is None
    assert found["low"][2].to_list() == []
    every = shingle_hash(shingles(*word_hashes(pl.Series([long])), 5).values)
    assert found["low"][3].to_list() == [value for value in every.tolist() if value < LOWEST]
    assert 20 < len(found["low"][3]) < 80


def test_more_texts_than_fit_together_are_verified_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts and pairs are sorted in portions; where one ends does not matter."""
    texts = planted(40, 2)
    pairs = np.array(list(combinations(range(len(texts)), 2)))
    whole = similarities(texts, pairs)
    monkeypatch.setattr(near, "AT_ONCE", 7)
    monkeypatch.setattr(near, "SHINGLES_AT_ONCE", 500)
    assert np.array_equal(whole, similarities(texts, pairs))
    monkeypatch.setattr(near, "SHINGLES_AT_ONCE", 1)
    assert np.array_equal(whole, similarities(texts, pairs))
    values, lengths = near.shingle_sets(frame_of([]), on="conversation", ngram=5)
    assert len(values) == len(lengths) == 0
