"""The causes of what curation does, each by an example: shared words, meaning, contradictions, benchmarks, the budget."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.laws.conversations import pair
from tests.test_causes import between, build, built_first

BOILER = "please note that our office is closed on all public holidays and that we answer every letter in the order in which it came"
LETTERS = "the sand was wet; a gull cried twice, and far out where ships pass someone lit lamps before noon came around again"
EXAM = "A ferry crosses the lake six times a day and carries forty people each time. How many people cross in a week?"
SHOP = "Is the shop in the old town open on Sundays and on holidays?"


DAY = "2020-01-01"


def said(question: str, answer: str, key: str, day: str = DAY) -> Any:
    return pair(question, answer, id=key, day=day)


def river(n: int, name: str) -> Any:
    return said(f"Tell me about the {name}, river number {n}.", f"The {name} has {n * 37} locks, {n * 11} bridges and rises at {name}-{n}.", f"r{n}")


RIVERS = [river(n, name) for n, name in enumerate(("Rhine", "Danube", "Elbe", "Oder", "Seine", "Loire"), 1)]
FILES: dict[str, list[Any]] = {
    "rows.jsonl": [
        *RIVERS,
        said("When do you open?", f"At nine. {BOILER}. Ann", "w1"),
        said("Where are you?", f"In town. {BOILER}. Tom", "w2"),
        said("Who closes the office here?", "The porter closes the office each evening at six.", "m1"),
        said("Who closes the offices here?", "Each evening at six the porter closes the office.", "m2"),
        said(SHOP, "Yes, from nine.", "c1", "2023-01-01"),
        said(SHOP, "No, it is closed.", "c2", "2024-01-01"),
        said(f"Solve this: {EXAM}", "1680", "e1"),
    ],
    "exam.jsonl": [{"q": EXAM}],
    "more.jsonl": [said("What is it?", "It is the beginning of another file.", "x0")],
}
SOURCE = {"format": "messages", "key": "id", "date": "day"}
RECIPE: dict[str, Any] = {
    "name": "small",
    "sources": {"rows": {"path": "rows.jsonl", **SOURCE}, "more": {"path": "more.jsonl", **SOURCE}},
    "dedup": {"substring": {"words": 15}, "semantic": {"threshold": 0.85}},
    "contradictions": {"drop": "older"},
    "decontaminate": {"against": {"exam": {"path": "exam.jsonl", "fields": ["q"]}}},
    "select": {"n": 9, "by": "response_chars"},
    "split": {"train": 1.0, "group": []},
}
ADDED = ("row_added", "more.jsonl")

Edit = Callable[[dict[str, Any], dict[str, Any]], Any]


def more(*rows: Any) -> Edit:
    return lambda recipe, files: files["more.jsonl"].extend(rows)


def recipe(change: Callable[[dict[str, Any]], Any]) -> Edit:
    return lambda recipe, files: change(recipe)



CASES: dict[str, tuple[Edit, set[tuple[str, str | None]]]] = {
    "another number of words": (recipe(lambda r: r["dedup"]["substring"].update(words=100)), {("recipe_changed", "dedup.substring.words")}),
    "shared words are flagged": (recipe(lambda r: r["dedup"]["substring"].update(action="flag")), {("recipe_changed", "dedup.substring.action")}),
    "no shared words": (recipe(lambda r: r["dedup"].update(substring=None)), {("recipe_changed", "dedup.substring")}),
    "another threshold of meaning": (recipe(lambda r: r["dedup"]["semantic"].update(threshold=0.99)), {("recipe_changed", "dedup.semantic.threshold")}),
    "contradictions stay": (recipe(lambda r: r["contradictions"].update(drop="none")), {("recipe_changed", "contradictions.drop")}),
    "both contradict": (recipe(lambda r: r["contradictions"].update(drop="both")), {("recipe_changed", "contradictions.drop")}),
    "the newer one goes": (lambda r, files: files["rows.jsonl"].pop(11), {("row_removed", "rows.jsonl"), ("contradiction_moved", None)}),
    "a newer answer comes": (
        more(said(SHOP, "Yes, but from ten on.", "c3", "2025-01-01")),
        {ADDED, ("contradiction_moved", None)},
    ),
    "no benchmark": (recipe(lambda r: r.update(decontaminate=None)), {("recipe_changed", "decontaminate")}),
    "another benchmark": (lambda r, files: files["exam.jsonl"][0].update(q="Which of these rivers has most locks, and why is that so?"), {("recipe_changed", "decontaminate.against.exam.path")}),
    "a larger budget": (recipe(lambda r: r["select"].update(n=20)), {("recipe_changed", "select.n")}),
    "the shortest are best": (recipe(lambda r: r["select"].update(by="-response_chars")), {("recipe_changed", "select.by")}),
    "a better row takes a place": (more(said("What was it like?", LETTERS, "x1")), {ADDED, ("choice_shifted", None)}),
}
ALLOWED = {"choice_shifted"}
"""What the budget does when any row comes or goes before it."""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project with the base built, and a copy of its artifact."""
    return built_first(tmp_path_factory.mktemp("project"), RECIPE, FILES)


def test_every_stage_takes_a_row(first: tuple[Path, Path]) -> None:
    """The base has an example of each: otherwise the cases below would say nothing."""
    lost = pl.read_parquet(first[1] / "ledger.parquet").filter(pl.col("fate") == "dropped")
    assert set(lost["reason"]) == {"shared_words", "semantic_duplicate", "contradicted", "contaminated", "not_chosen"}


@pytest.mark.parametrize("case", sorted(CASES))
def test_the_cause_is_what_was_edited(first: tuple[Path, Path], case: str) -> None:
    """One edit, and every row that differs for it names it; other rows name the budget at most."""
    edit, expected = CASES[case]
    changed, files = copy.deepcopy(RECIPE), copy.deepcopy(FILES)
    edit(changed, files)
    diff = between(first[1], build(first[0], changed, files))
    causes = {(line["cause"], line["detail"]) for line in diff.document["causes"]}
    assert {one for one in causes if one[0] not in ALLOWED} == {one for one in expected if one[0] not in ALLOWED}
    assert causes >= expected


CUT = {**copy.deepcopy(RECIPE), "dedup": {"substring": {"words": 15, "action": "cut"}}, "select": None}
CUT["sources"]["more"]["priority"] = 1

CUTS: dict[str, tuple[Edit, set[tuple[str, str | None]]]] = {
    "cuts of longer runs": (recipe(lambda r: r["dedup"]["substring"].update(words=100)), {("recipe_changed", "dedup.substring.words")}),
    "dropped and not cut": (recipe(lambda r: r["dedup"]["substring"].update(action="drop")), {("recipe_changed", "dedup.substring.action")}),
    "a better home comes": (more(said("How long?", f"A week. {BOILER}. Eve", "w3")), {ADDED, ("twin_came", None)}),
}


@pytest.mark.parametrize("case", sorted(CUTS))
def test_a_cut_has_its_cause(tmp_path: Path, case: str) -> None:
    """A row whose text changed since its words were cut, or are no longer, names the recipe's key or the row that came."""
    folder, before = built_first(tmp_path, CUT, FILES)
    edit, expected = CUTS[case]
    changed, files = copy.deepcopy(CUT), copy.deepcopy(FILES)
    edit(changed, files)
    diff = between(before, build(folder, changed, files))
    assert {(line["cause"], line["detail"]) for line in diff.document["causes"]} == expected
    if case == "a better home comes":
        rows = diff.rows
        assert rows is not None
        came = rows.filter(pl.col("cause") == "row_added")["id_b"].to_list()
        lost = rows.filter(pl.col("cause") == "twin_came")
        assert lost["by"].to_list() == came * len(lost)
        assert set(lost["kind"]) == {"changed"}
    back = between(build(folder, changed, files), before)
    if case == "a better home comes":
        assert {(line["cause"], line["detail"]) for line in back.document["causes"]} == {("row_removed", "more.jsonl"), ("twin_went", None)}
