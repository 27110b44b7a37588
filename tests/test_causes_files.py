"""Causes in sources of many files: a file comes or goes, and rows of the others are not said to be edited."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.laws.conversations import pair
from tests.test_causes import between, build, built_first, said

Causes = set[tuple[str, str | None]]
BAD = {"messages": [{"role": "assistant", "content": "nobody asked"}]}


def recipe(**source: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "on_bad_row": {"max": 99},
        "sources": {"all": {"path": "rows/*.jsonl", "format": "messages", "category": "of", **source}},
        "dedup": {"exact": {"on": "conversation"}, "substring": {"words": 10, "action": "cut"}},
    }


def causes(old: Path, new: Path) -> Causes:
    return {(line["cause"], line["detail"]) for line in between(old, new).document["causes"]}


@pytest.mark.parametrize("limit", [None, 6])
def test_rows_of_files_that_stay_are_not_edited(tmp_path: Path, limit: int | None) -> None:
    """Rows of one text are told apart by a number; when a file goes, or comes, the others get other numbers and are still themselves."""
    files = {f"rows/{of}.jsonl": [pair("the same?", said(9, 5), of=of), BAD, pair(f"{of}?", said(n, 5), of=of)] for n, of in enumerate("xyz")}
    project, whole = built_first(tmp_path, recipe(limit=limit), files)
    (project / "rows/x.jsonl").unlink()
    small = shutil.copytree(build(project, recipe(limit=limit), {name: files[name] for name in list(files)[1:]}), project / "second")
    shifted: Causes = {("limit_shifted", "sources.all.limit")} if limit else set()
    assert causes(whole, small) - shifted == {("input_removed", "rows/x.jsonl"), ("twin_went", None)}
    assert causes(small, whole) - shifted == {("input_added", "rows/x.jsonl"), ("twin_came", None)}


@pytest.mark.parametrize(("gone", "cause"), [("x", "twin_went"), ("w", "cut_shifted")])
def test_other_words_are_cut_when_a_file_goes(tmp_path: Path, gone: str, cause: str) -> None:
    """A keyed row of a file that stayed, cut before and now, but of other words: the row that it names went, or another did."""
    first, second = said(70), said(80)
    files = {
        "rows/w.jsonl": [pair("w?", f"{second} {said(2)}", of="w", id="w")],
        "rows/x.jsonl": [pair("x?", f"{first} {said(1)}", of="x", id="x")],  # the smallest id: it is the one that is named
        "rows/z.jsonl": [pair("z?", f"{said(3)} {second} {said(4)} {first} {said(5)} {said(6)}", of="z", id="q")],  # the largest: it is cut
    }
    keyed = {**recipe(key="id"), "split": {"train": 1.0}}
    project, both = built_first(tmp_path, keyed, files)
    (project / f"rows/{gone}.jsonl").unlink()
    one = build(project, keyed, {name: rows for name, rows in files.items() if name != f"rows/{gone}.jsonl"})
    assert causes(both, one) == {("input_removed", f"rows/{gone}.jsonl"), (cause, None)}


def test_many_files_are_counted(project: Project) -> None:
    """Of thirty edited files `plan` and `diff` name twelve and count the others; every row is still counted."""
    from datasetbuild.artifact.diff.tables import edits, tables

    files = {f"rows/{n:02}.jsonl": [pair(f"{n}?", said(n, 5), of="x")] for n in range(30)}
    (project.folder / "recipes").rmdir()
    folder, before = built_first(project.folder, recipe(), files)
    edited = {name: [pair(rows[0]["messages"][0]["content"], said(100 + n, 6), of="x")] for n, (name, rows) in enumerate(files.items())}
    told = project.write(edited).run("plan", "recipe=small").out
    assert told.count("input_changed: sources.all: rows/") == 12
    assert "input_changed: sources.all: and 18 more files" in told
    document = between(before, build(folder, recipe(), edited)).document
    assert [where for _, where, _ in edits(document)][-2:] == ["rows/11.jsonl", "and 18 more files"]
    causes = tables(document)[0]
    assert causes.rows[-2][0] == "edited in 18 more files"
    assert [int(row[3]) for row in causes.rows] == [1] * 12 + [18, 30]
