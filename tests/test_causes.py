"""Each cause by an example: one thing is edited, and the rows that differ say so."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from datasetbuild.artifact.diff.causes import RowCause
from datasetbuild.artifact.diff.document import Diff, compare
from datasetbuild.artifact.diff.sides import Side
from datasetbuild.artifact.manifest import parse_manifest, pretty_json
from tests.conftest import Project
from tests.laws.conversations import pair

RECIPE: dict[str, Any] = {
    "name": "small",
    "sources": {
        "faq": {"path": "faq.jsonl", "format": "messages", "category": "topic"},
        "chat": {"path": "chat.jsonl", "format": "messages", "key": "id", "group": "who"},
    },
    "filters": {"response_chars": {"min": 10, "max": "q0.9"}},
    "dedup": {"exact": {"on": "conversation"}, "near": {"threshold": 0.6, "ngram": 2}, "keep": ["response_chars"]},
    "split": {"train": 0.7, "test": 0.3, "stratify": []},
}

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def said(n: int, length: int = 12) -> str:
    return " ".join(f"{word}{n}" for word in WORDS[:length])


FILES: dict[str, list[Any]] = {
    "faq.jsonl": [pair(f"what of {n}?", said(n, 3 + n % 9), topic=f"t{n % 3}") for n in range(12)],
    "chat.jsonl": [pair(f"how of {n}?", said(50 + n, 3 + n % 9), id=f"c{n}", who=f"w{n}") for n in range(12)],
}
FILES["faq.jsonl"].append(
    pair("what of 5, again?", said(5, 3 + 5) + " and", topic="t0")
)  # nearly the sixth, and longer


def file(name: str, change: Callable[[list[Any]], Any]) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda recipe, files: change(files[name])


def recipe(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda recipe, files: change(recipe)


CASES: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], None], set[tuple[str, str | None]]]] = {
    "a row is new": (
        file("chat.jsonl", lambda rows: rows.append(pair("new?", said(80, 6), id="new", who="w"))),
        {("row_added", "chat.jsonl")},
    ),
    "a row is gone": (file("faq.jsonl", lambda rows: rows.pop(3)), {("row_removed", "faq.jsonl")}),
    "a row without a key is edited": (
        file("faq.jsonl", lambda rows: rows[3]["messages"][1].update(content=said(3, 6) + " truly")),
        {("row_edited", "faq.jsonl")},
    ),
    "a keyed row is edited": (
        file("chat.jsonl", lambda rows: rows[3]["messages"][1].update(content=said(53, 6) + " truly")),
        {("row_edited", "chat.jsonl")},
    ),
    "a label is edited": (file("faq.jsonl", lambda rows: rows[3].update(topic="other")), {("row_edited", "faq.jsonl")}),
    "rows change places": (file("faq.jsonl", lambda rows: rows.reverse()), set()),
    "a longer twin comes": (
        file("chat.jsonl", lambda rows: rows.append(pair("how of 4?", said(54, 7) + " then", id="new", who="w4"))),
        {("row_added", "chat.jsonl"), ("twin_came", None)},
    ),
    "the twin that stayed goes": (
        file("faq.jsonl", lambda rows: rows.pop()),
        {("row_removed", "faq.jsonl"), ("twin_went", None)},
    ),
    "a row that cannot be read": (
        lambda recipe, files: (
            files["faq.jsonl"].__setitem__(2, {"messages": "none"}),
            recipe["sources"]["faq"].update(on_bad_row={"max": 5}),
        )[0],
        {("row_edited", "faq.jsonl")},
    ),
    "a source is new": (
        lambda recipe, files: (
            files.update({"more.jsonl": [pair("more?", said(90, 6))]}),
            recipe["sources"].update(more={"path": "more.jsonl", "format": "messages"}),
        )[0],
        {("input_added", "sources.more")},
    ),
    "a source is gone": (recipe(lambda r: r["sources"].pop("chat")), {("input_removed", "sources.chat")}),
    "a bound is raised": (
        recipe(lambda r: r["filters"]["response_chars"].update(min=30)),
        {("recipe_changed", "filters.response_chars.min")},
    ),
    "a fact is measured in another way": (
        recipe(lambda r: r["filters"].update(said={"fact": "words", "where": "user", "min": 4})),
        {("recipe_changed", "filters.said")},
    ),
    "the split": (recipe(lambda r: r["split"].update(train=0.4, test=0.6)), {("recipe_changed", "split.test")}),
    "the seed": (recipe(lambda r: r.update(seed=5)), {("recipe_changed", "seed")}),
    "a limit": (
        recipe(lambda r: r["sources"]["chat"].update(limit=9)),
        {("recipe_changed", "sources.chat.limit")},
    ),
    "near-duplicates stay": (recipe(lambda r: r["dedup"].update(near=None)), {("recipe_changed", "dedup.near")}),
    "who stays of two": (
        recipe(lambda r: r["dedup"].update(keep=["-response_chars"])),
        {("recipe_changed", "dedup.keep")},
    ),
    "a label comes from elsewhere": (
        recipe(lambda r: r["sources"]["faq"].update(category=None)),
        {("recipe_changed", "sources.faq.category")},
    ),
    "other splits in another order": (
        recipe(lambda r: r.update(split={"test": 0.3, "train": 0.7, "stratify": []})),
        {("recipe_changed", "order.split")},
    ),
}

ALLOWED = {"bound_moved", "unit_changed", "mix_shifted"}
"""What other rows may suffer from any edit: the quantile moves."""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project with the base built, and a copy of its artifact."""
    return built_first(tmp_path_factory.mktemp("project"), RECIPE, FILES)


def built_first(folder: Path, recipe: dict[str, Any], files: dict[str, Any]) -> tuple[Path, Path]:
    """A project with an artifact, and a copy of it that later builds leave alone."""
    (folder / "recipes").mkdir()
    shutil.copytree(build(folder, recipe, files), folder / "first")
    return folder, folder / "first"


def build(folder: Path, recipe: dict[str, Any], files: dict[str, Any]) -> Path:
    from datasetbuild.cli import main

    project = Project(folder, lambda: None)
    project.write({**files, "recipes/small.yaml": yaml.safe_dump(recipe, sort_keys=False)})
    assert main(["recipe=small", "--quiet", "-C", str(folder)]) == 0
    return folder / "build" / "small"


def between(old: Path, new: Path) -> Diff:
    sides = [Side(one.name, one.name, parse_manifest((one / "manifest.json").read_bytes()), one) for one in (old, new)]
    return compare(sides[0], sides[1], need_rows=True)


@pytest.mark.parametrize("case", sorted(CASES))
def test_the_cause_is_what_was_edited(first: tuple[Path, Path], case: str) -> None:
    """One edit, and every row that differs for it names it; other rows name the quantile at most."""
    edit, expected = CASES[case]
    changed, files = copy.deepcopy(RECIPE), copy.deepcopy(FILES)
    edit(changed, files)
    diff = between(first[1], build(first[0], changed, files))
    causes = {(line["cause"], line["detail"]) for line in diff.document["causes"]}
    assert {one for one in causes if one[0] not in ALLOWED} == expected
    assert "unknown" not in {cause for cause, _ in causes}


MANY: dict[str, list[Any]] = {  # enough of each source for bounds of its own, the one shorter than the other
    "faq.jsonl": [pair(f"what of {n}?", said(n, 2 + n % 6), topic=f"t{n % 3}") for n in range(24)],
    "chat.jsonl": [pair(f"how of {n}?", said(50 + n, 5 + n % 8), id=f"c{n}", who=f"w{n}") for n in range(24)],
}
BY: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "filters.words.min": recipe(lambda r: r["filters"]["words"].update(min="q0.5")),
    "filters.words.by": recipe(lambda r: r["filters"]["words"].update(by="license")),
    "filters.words": recipe(lambda r: r["filters"].pop("words")),
    "faq.jsonl": file("faq.jsonl", lambda rows: rows[3]["messages"][1].update(content=said(3, 2))),
}


@pytest.mark.parametrize("edited", sorted(BY))
def test_a_bound_of_a_category_is_judged_as_it_was(tmp_path: Path, edited: str) -> None:
    """With `by`, each row meets the bound that its own category had: the one edit is named, and nothing is unknown."""
    given = {**copy.deepcopy(RECIPE), "filters": {"words": {"min": "q0.2", "by": "source"}}}
    project, first = built_first(tmp_path, given, MANY)
    changed, files = copy.deepcopy(given), copy.deepcopy(MANY)
    BY[edited](changed, files)
    diff = between(first, build(project, changed, files))
    told = {(line["cause"], line["detail"]) for line in diff.document["causes"]}
    assert edited in {detail for _, detail in told}
    assert {cause for cause, _ in told} <= {"row_edited" if edited.endswith("jsonl") else "recipe_changed", "bound_moved", "twin_went", "twin_came"}


def test_a_twin_is_named(first: tuple[Path, Path]) -> None:
    """The other row that is the cause is named by its id, and it is the one that came."""
    files = copy.deepcopy(FILES)
    files["chat.jsonl"].append(pair("how of 4?", said(54, 7) + " then", id="new", who="w4"))
    rows = between(first[1], build(first[0], RECIPE, files)).rows
    assert rows is not None
    came = rows.filter(pl.col("cause") == "row_added")["id_b"].to_list()
    lost = rows.filter(pl.col("cause") == "twin_came")
    assert lost["by"].to_list() == came
    assert lost["kind"].to_list() == ["removed"]


def changed(folder: Path, into: Path, parts: Callable[[dict[str, Any]], Any], rows: pl.Expr | None = None) -> Path:
    """A copy of an artifact whose manifest, and ledger, are as another version of the program would have left them."""
    shutil.copytree(folder, into)
    manifest = json.loads((into / "manifest.json").read_bytes())
    parts(manifest["parts"])
    if rows is not None:
        pl.read_parquet(into / "ledger.parquet").with_columns(rows).write_parquet(into / "ledger.parquet")
        manifest["files"]["ledger.parquet"]["sha256"] = "another"
    (into / "manifest.json").write_bytes(pretty_json(manifest))
    return into


OTHER_TEXT = pl.when(pl.col("line") == 2).then(pl.lit("0123456789abcdef")).otherwise("content").alias("content")
OTHER_FATE = pl.when(pl.col("line") == 2).then(pl.lit("train2")).otherwise("split").alias("split")


def test_code_and_packages_are_causes(first: tuple[Path, Path], tmp_path: Path) -> None:
    """What carries a recipe out is a cause of its own; what nothing explains is unknown, and said so."""

    def told(name: str, parts: Callable[[dict[str, Any]], Any], rows: pl.Expr) -> set[tuple[str, str | None]]:
        diff = between(first[1], changed(first[1], tmp_path / name, parts, rows))
        return {(line["cause"], line["detail"]) for line in diff.document["causes"]}

    cleaned = told("clean", lambda parts: parts["packages"].update(ftfy="0"), OTHER_TEXT)
    assert cleaned == {("code_changed", "packages.ftfy")}
    split = told("split", lambda parts: parts["split"].update(version=99), OTHER_FATE)
    assert split == {("code_changed", "split.version")}
    assert told("unknown", lambda parts: None, OTHER_FATE) == {("unknown", None)}


def test_every_cause_can_be_named() -> None:
    """Each cause has words of its own for the reader."""
    from datasetbuild.artifact.diff.tables import because

    line = {"detail": "rows.jsonl", "old": 1, "new": 2}
    assert len({because({**line, "cause": cause}) for cause in RowCause}) >= len(RowCause) - 1
