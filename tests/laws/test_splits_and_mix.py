"""Law 6, no row leaks, and the promises of split and mix: rows keep their split, weights are met."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.hashing import record_hash
from datasetbuild.stages.mix import mix_train
from datasetbuild.stages.split import assign_splits, unit_keys, unit_labels
from tests.conftest import Project
from tests.laws.conversations import numbered, pair

RECIPE = """\
name: small
sources: {rows: {path: rows.jsonl, format: messages, group: customer}}
dedup: {near: {threshold: 0.7}}
split: {train: 0.6, validation: 0.2, test: 0.2}
mix: {weights: {rows: 1}, total: 200}
"""


def test_what_belongs_together_stays_together(project: Project) -> None:
    """Records with the same group key, first user message or near-duplicate cluster never stand in two splits."""
    rows = numbered(120, group=True)
    for n in range(0, 60, 3):  # the same question with another answer
        rows.append(pair(rows[n]["messages"][0]["content"], f"quite another answer, number {n}", customer=f"d{n}"))
    project.write({"rows.jsonl": rows, "recipes/small.yaml": RECIPE})
    assert project.run("recipe=small").code == 0
    kept = project.ledger().filter(pl.col("fate") == "kept")
    assert kept.group_by("group").agg(pl.col("split").n_unique())["split"].max() == 1
    first = {}
    for split in ("train", "validation", "test"):
        for row in project.rows(split).iter_rows(named=True):
            first.setdefault(row["messages"][0]["content"].casefold(), set()).add(split)
    assert max(map(len, first.values())) == 1
    assert kept.filter(pl.col("split") != "train")["copies"].max() == 1, "only train repeats rows"


def test_no_near_duplicates_across_splits(project: Project) -> None:
    """Of answers that nearly repeat each other one is left, and no two that are left are alike, in whatever splits."""
    bases = [" ".join(f"w{n}x{k}" for k in range(40)) for n in range(12)]
    rows = [pair(f"q {n}?", f"{bases[n % 12]} {n % 5}") for n in range(60)]
    text = RECIPE.replace("group: customer", "limit: 1000").replace("0.7", "0.9, on: assistant")
    project.write({"rows.jsonl": rows, "recipes/small.yaml": text})
    assert project.run("recipe=small").code == 0
    kept = [row["messages"][1]["content"].split() for s in ("train", "validation", "test") for row in _rows(project, s)]
    kept = [list(words) for words in {tuple(words) for words in kept}]  # the mix repeats rows
    assert len(kept) == 12
    for a, b in combinations(kept, 2):
        assert _jaccard(a, b) < 0.9


def _rows(project: Project, split: str) -> list[dict[str, list[dict[str, str]]]]:
    return project.rows(split).to_dicts() if project.manifest()["splits"][split]["rows"] else []


def _jaccard(a: list[str], b: list[str]) -> float:
    grams = [{tuple(words[n : n + 5]) for n in range(len(words) - 4)} for words in (a, b)]
    return len(grams[0] & grams[1]) / len(grams[0] | grams[1])


def test_records_keep_their_split_when_others_come_or_go(new_project: Callable[[], Project]) -> None:
    """Adding rows, or taking rows away, moves no other row to another split."""
    splits = []
    for rows in (numbered(90), numbered(140), numbered(140)[50:]):
        text = RECIPE.replace(", group: customer", "").replace("mix: {weights: {rows: 1}, total: 200}\n", "")
        project = new_project().write({"rows.jsonl": rows, "recipes/small.yaml": text})
        assert project.run("recipe=small").code == 0
        kept = project.ledger().filter(pl.col("fate") == "kept")
        splits.append(dict(kept.select("id", "split").iter_rows()))
    for a, b in combinations(splits, 2):
        shared = set(a) & set(b)
        assert len(shared) > 20
        assert all(a[one] == b[one] for one in shared)


@given(st.lists(st.integers(0, 8), min_size=1, max_size=60), st.lists(st.integers(0, 8), min_size=1, max_size=60))
def test_units_are_the_components_of_the_ties(groups: list[int], questions: list[int]) -> None:
    """Two records are in one unit exactly when a chain of shared groups and questions joins them."""
    n = min(len(groups), len(questions))
    ties = [np.array(groups[:n]) - 1, np.array(questions[:n]) - 1]
    labels = unit_labels(n, ties)
    for tie in ties:
        for a, b in combinations(range(n), 2):
            if tie[a] >= 0 and tie[a] == tie[b]:
                assert labels[a] == labels[b]
    parent = list(range(n))
    for _ in range(n):
        for tie in ties:
            for a, b in combinations(range(n), 2):
                if tie[a] >= 0 and tie[a] == tie[b]:
                    parent[a] = parent[b] = min(parent[a], parent[b])
    assert len(set(labels.tolist())) == len(set(parent))


@given(st.integers(1, 400), st.integers(0, 2**32), st.sampled_from(["stable", "exact"]))
def test_splits_are_a_partition_with_the_right_shares(n: int, seed: int, assign: str) -> None:
    """Every record gets one split; `exact` meets the fractions to one unit, `stable` within five sigma."""
    keys = np.array([int(record_hash("s", b"%d" % k)[:16], 16) for k in range(n)], np.uint64)
    fractions = {"train": 0.8, "validation": 0.15, "test": 0.05}
    chosen = assign_splits(unit_keys(np.arange(n), keys), pl.Series([""] * n), fractions, seed=seed, assign=assign)
    assert set(chosen) <= set(fractions)
    assert len(chosen) == n
    for name, share in fractions.items():
        slack = 1 if assign == "exact" else 5 * (n * share * (1 - share)) ** 0.5 + 1
        assert abs((chosen == name).sum() - share * n) <= slack


def _pool(sizes: dict[str, int]) -> pl.DataFrame:
    rows = [
        (s, i := record_hash(s, b"%d" % n), int(i[:16], 16), int(i[16:], 16), 1 + n % 7)
        for s, count in sizes.items()
        for n in range(count)
    ]
    schema = {"source": pl.String, "id": pl.String, "key": pl.UInt64, "tail": pl.UInt32, "size": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


SIZES = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 80), min_size=1)


@settings(max_examples=60)
@given(SIZES, st.data())
def test_mix_hits_its_weights(sizes: dict[str, int], data: st.DataObject) -> None:
    """Rows: each source's part is its share of the total to one row, unless max_repeat caps it and says so."""
    weights = {name: data.draw(st.floats(0.05, 1)) for name in sizes}
    total = data.draw(st.one_of(st.none(), st.integers(1, 300)))
    pool = _pool(sizes).with_columns(size=pl.lit(1, pl.Int64))
    mixture = mix_train(pool, weights=weights, unit="rows", total=total, max_repeat=3, caps={}, seed=1)
    for share in mixture.shares:
        if share.capped is None:
            assert share.achieved == pytest.approx(share.requested, abs=1)
            assert share.requested == pytest.approx(share.weight * sum(s.requested for s in mixture.shares), abs=1)
        copies = mixture.copies.filter(pool["source"] == share.source)
        assert copies.max() - copies.min() <= 1, "whole passes plus a remainder without replacement"
        assert copies.max() <= 3
    if total is None:
        assert all(share.capped is None for share in mixture.shares)


@settings(max_examples=40)
@given(SIZES, st.integers(20, 2000))
def test_mix_by_tokens_lands_within_half_a_row(sizes: dict[str, int], total: int) -> None:
    """Tokens: a source that is not capped lands within its largest row of what was asked."""
    pool = _pool(sizes)
    mixture = mix_train(pool, weights=dict.fromkeys(sizes, 1.0), unit="tokens", total=total, max_repeat=50, caps={}, seed=1)
    for share in mixture.shares:
        if share.capped is None:
            assert abs(share.achieved - share.requested) <= 7


@settings(max_examples=80)
@given(st.dictionaries(st.sampled_from("xyz"), st.integers(1, 40), min_size=1), st.floats(0.05, 1), st.integers(1, 300), st.booleans())
def test_no_value_passes_its_cap(values: dict[str, int], cap: float, total: int, null: bool) -> None:
    """A value's copies, repeats counted, stay within its share of what was asked to half a row; others are not repeated for it."""
    kinds = [name for name, count in values.items() for _ in range(count)]
    pool = _pool({"a": len(kinds)}).with_columns(size=pl.lit(1, pl.Int64), kind=pl.Series([None if null and k == "x" else k for k in kinds], dtype=pl.String))
    given = {"weights": {"a": 1.0}, "unit": "rows", "total": total, "max_repeat": 5, "seed": 1}
    free, capped = (mix_train(pool, **given, caps=caps) for caps in ({}, {"kind": cap}))
    room = max(cap * total, 1.0) + 0.5
    counts = pool.with_columns(copies=capped.copies, free=free.copies).group_by("kind").agg(pl.col("copies", "free").sum())
    for kind, copies, unbound in counts.iter_rows():
        assert kind is None or copies <= room
        assert copies >= min(unbound, int(room - 0.5)), "what has room stays"
    assert all(mine <= max(other, 1) for mine, other in zip(capped.copies, free.copies, strict=True)), "not made up for by repeats"
    if (counts["free"] <= cap * total).all() or cap == 1:
        assert capped.copies.to_list() == free.copies.to_list()
    assert (capped.reason.is_null() == (capped.copies > 0)).all()


def test_a_changed_weight_moves_only_as_many_rows_as_it_must() -> None:
    """The rows of a smaller share are among those of the larger one."""
    pool = _pool({"a": 60, "b": 60}).with_columns(size=pl.lit(1, pl.Int64))
    taken = []
    for weight in (0.2, 0.3, 0.4):
        mixed = mix_train(pool, weights={"a": weight, "b": 1 - weight}, unit="rows", total=60, max_repeat=1, caps={}, seed=1)
        taken.append({i for i, c, s in zip(pool["id"], mixed.copies, pool["source"], strict=True) if c and s == "a"})
    assert taken[0] < taken[1] < taken[2]


@pytest.mark.parametrize("dedup", ["", "dedup: {exact: {on: conversation}}\n"])
def test_near_duplicates_stay_together_even_when_none_is_dropped(project: Project, dedup: str) -> None:
    """A recipe without `dedup.near` keeps its near-duplicates, and still never parts them."""
    base = [" ".join(f"w{k * 7 + n * 131}" for k in range(40)) for n in range(25)]
    rows = [pair(f"q{n}-{copy}?", f"{base[n]} and {copy}") for n in range(25) for copy in range(4)]
    text = f"name: small\nsources: {{rows: {{path: rows.jsonl, format: messages}}}}\n{dedup}split: {{train: 0.5, test: 0.5}}\n"
    project.write({"rows.jsonl": rows, "recipes/small.yaml": text})
    assert project.run("recipe=small").code == 0
    ledger = project.ledger()
    assert (ledger["fate"] == "kept").all()
    of_question = {row["id"]: row["messages"][0]["content"].split("-")[0] for s in ("train", "test") for row in _rows(project, s)}
    parted = ledger.with_columns(question=pl.col("id").replace_strict(of_question)).group_by("question").agg(pl.col("split").n_unique())
    assert parted["split"].max() == 1
    assert ledger["split"].n_unique() == 2


def test_a_group_that_took_all_is_told(project: Project) -> None:
    """A split far from its share is a warning, on the screen and on the page, and names the group that did it; what a mix took out of
    train is none, and both say that it did."""
    rows = [pair(f"question {n}?", f"answer {n}", customer="big" if n < 300 else f"c{n}") for n in range(400)]
    recipe = "name: small\nsources: {rows: {path: rows.jsonl, format: messages, group: customer}}\nsplit: {train: 0.9, validation: 0.1}\n"
    project.write({"rows.jsonl": rows, "recipes/small.yaml": recipe})
    ran = project.run("recipe=small")
    held = project.manifest()["splits"]["validation"]["records"]
    assert 0 < held < 20, "the group is in train"
    sentence = f"split 'validation' has {held / 400:.1%} of the records, where 10.0% was asked for"
    (warning,) = project.manifest()["warnings"]
    assert warning.startswith(sentence) and "the largest has 300, that of rows.jsonl:1" in warning
    assert f"warning: {sentence}" in " ".join(ran.out.split())
    assert sentence in unescape((project.artifact() / "report.html").read_text())
    project.write({"recipes/small.yaml": recipe.replace("group: customer", "limit: 400") + "mix: {weights: {rows: 1}, total: 100}\n"})
    ran = project.run("recipe=small")
    note = f"achieved: of the distinct records that are left; the mix took {project.manifest()['counts']['sources'][-1]['mix']} out of train"
    assert project.manifest()["splits"]["train"]["records"] < 120
    assert project.manifest()["warnings"] == []
    assert note in " ".join(ran.out.split())
    assert note in (project.artifact() / "report.html").read_text()
