"""Bounds that the data decide: one of the values or a robust distance, the same in any order, each category by itself."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.stages.bounds import FEW, MAD_OF_SIGMA, of_row, resolve, resolve_by, robust_bounds
from datasetbuild.stages.filter import Rule, judge
from tests.conftest import Project
from tests.laws.conversations import pair

NUMBERS = st.floats(-1e6, 1e6)


def test_robust_bounds_are_those_of_the_double_mad() -> None:
    """Each side has the median distance of its own values."""
    values = pl.Series([10, 20, 30, 40, 100, 200, None])
    low, high = robust_bounds(values, 2)
    assert low == 30 - 2 * 10 / MAD_OF_SIGMA
    assert high == 30 + 2 * 10 / MAD_OF_SIGMA


def test_an_outlier_is_found_and_does_not_hide_itself() -> None:
    """One huge value among ordinary ones is outside, whatever its size; the ordinary ones are not."""
    for huge in (1000.0, 1e12):
        low, high = robust_bounds(pl.Series([*map(float, range(100, 140)), huge]), 3.5)
        assert low is not None
        assert high is not None
        assert low < 100 < 139 < high < 1000


@pytest.mark.parametrize("values", [[], [None, None], [5, 5, 5, 5], [5, 5, 5, 9]])
def test_no_spread_no_bound(values: list[int | None]) -> None:
    """Where more than half are equal there is nothing to measure a distance by: nobody is an outlier."""
    assert robust_bounds(pl.Series(values, dtype=pl.Int64), 3.5) == (None, None)


@given(st.lists(NUMBERS, min_size=1, max_size=60), st.floats(0.5, 6), st.randoms())
def test_order_does_not_matter(values: list[float], z: float, chance: object) -> None:
    """The same values in any order give the same bounds, to the bit."""
    mixed = list(values)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert robust_bounds(pl.Series(values), z) == robust_bounds(pl.Series(mixed), z)


def test_the_tighter_bound_holds() -> None:
    """A number and a robust distance together: both hold."""
    values = pl.Series(range(100))
    alone = resolve({"robust_z": 1.0}, values, values)
    assert resolve({"robust_z": 1.0, "min": 40}, values, values) == {"min": 40, "max": alone["max"]}
    assert resolve({"robust_z": 1.0, "max": 99}, values, values) == alone


def test_each_category_has_its_own() -> None:
    """A length that is usual among essays is an outlier among labels; small categories have the bounds of all."""
    labels, essays = list(range(10, 10 + FEW)), list(range(1000, 1000 + FEW))
    facts = pl.DataFrame({"n": [*labels, 500, *essays, 500, 7], "kind": ["label"] * (FEW + 1) + ["essay"] * (FEW + 1) + ["rare"]})
    rule = Rule("n", "n", "n", {"robust_z": 3.5, "by": "kind"})
    judged = judge(facts, [rule])
    assert facts["n"].filter(pl.Series(judged.reason[0] > 0)).to_list() == [500, 500]
    bounds = judged.bounds["n"]
    assert set(bounds["groups"]) == {"label", "essay"}
    assert of_row(bounds, {"kind": "label"}) == bounds["groups"]["label"]
    assert of_row(bounds, {"kind": "rare"}) == {word: bounds[word] for word in ("min", "max")}


@pytest.mark.parametrize(("label", "essay"), [("a", "b"), ("b", "a")])
def test_a_whole_number_of_the_recipe_beside_one_of_the_data(label: str, essay: str) -> None:
    """`min: 20` and `robust_z` by category: one category is bounded by the recipe's whole number, the other by a fraction from its data."""
    facts = pl.DataFrame({"n": [*range(10, 60), *range(1000, 1100, 2)], "kind": [label] * 50 + [essay] * 50})
    judged = judge(facts, [Rule("n", "n", "n", {"robust_z": 1.0, "min": 20, "by": "kind"})])
    groups = judged.bounds["n"]["groups"]
    assert groups[label]["min"] == 20
    assert groups[essay]["min"] != int(groups[essay]["min"])
    kept = facts.filter(pl.Series(judged.reason[0] == 0))
    for kind, own in groups.items():
        values = kept.filter(kind=kind)["n"]
        assert own["min"] <= values.min()  # type: ignore[operator]
        assert values.max() <= own["max"]  # type: ignore[operator]


def test_few_values_make_no_bound_of_their_own() -> None:
    """Below `FEW` values a category is judged with all; null is no category."""
    n = pl.Series(range(FEW))
    assert list(resolve_by({"min": "q0.5"}, n, n, pl.Series(["a"] * FEW))) == ["a"]
    assert resolve_by({"min": "q0.5"}, n, n, pl.Series(["a"] * (FEW - 1) + [None])) == {}


RECIPE = """\
name: small
sources: {rows: {path: rows.jsonl, format: messages, category: kind}}
filters:
  response_chars: {robust_z: 3.5, by: category}
split: {train: 0.5, validation: 0.5, stratify: [task_category], assign: exact}
mix: {weights: {rows: 1}, caps: {formatting: 0.9}}
"""


def test_rules_by_category_through_the_build(project: Project) -> None:
    """The ledger names the outlier, the manifest the bounds of each category, `why` those of the row's own; facts that
    are words part strata and caps."""
    rows = [pair(f"Who is number {n}?", "x" * (20 + n), kind="label") for n in range(30)]
    rows += [pair(f"Write a poem of {n} lines.", "x" * (900 + n), kind="essay") for n in range(30)]
    rows.append(pair("Who is that?", "x" * 500, kind="label"))
    project.write({"rows.jsonl": rows, "recipes/small.yaml": RECIPE})
    assert project.run("recipe=small").code == 0
    ledger = project.ledger()
    assert ledger.filter(reason="above_max")["response_chars.max"].to_list() == [500]
    assert set(project.manifest()["bounds"]["response_chars"]["groups"]) == {"essay", "label"}
    assert {"task_category", "formatting"} <= set(ledger.columns)
    kept = ledger.filter(fate="kept").group_by("task_category").agg(pl.col("split").n_unique())
    assert dict(kept.iter_rows()) == {"question": 2, "creative": 2}
    told = project.run("why", "recipe=small", "Who is that?").out
    assert "response_chars 500" in told
    assert "<- fails" in told


def test_a_fact_of_each_turn_tells_no_records_apart(project: Project) -> None:
    """It has two values for each record: said in a sentence, not in a traceback."""
    recipe = RECIPE.replace("by: category", "by: prompt_chars")
    project.write({"rows.jsonl": [pair("Who?", "You there.", kind="a")], "recipes/small.yaml": recipe})
    ran = project.run("recipe=small")
    assert ran.code == 3
    assert "filters.response_chars.by" in ran.err
    assert "cannot tell records apart" in ran.err
