"""Versions compared in a real git and DVC repository with a real remote: every row that differs, and its cause."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasetbuild.artifact.diff.document import file_changes
from datasetbuild.artifact.diff.tables import edits
from tests.conftest import ROOT, Project
from tests.laws.conversations import pair

RECIPE = """\
name: small
sources:
  faq: {path: faq.jsonl, format: messages}
  chat: {path: chat.jsonl, format: messages, key: id}
filters:
  response_chars: {min: 20}
  words: {min: 4}
dedup: {exact: {on: conversation}, near: {threshold: 0.9}}
split: {train: 0.8, validation: 0.2, stratify: []}
mix: {weights: {faq: 0.5, chat: 0.5}, max_repeat: 3}
export: [messages]
"""

NAMES = [f"{a}{b}" for a in ("lamp", "hub", "ring", "bulb", "cable", "plug") for b in range(10)]


def answer(place: int, length: int) -> str:
    return " ".join(f"{NAMES[(place * 7 + k * k) % 60]}x{place}" for k in range(length)) + "."


def rows(first: int, count: int, **more: Any) -> list[dict[str, Any]]:
    """Conversations whose answers have from 30 to over 200 characters."""
    return [
        pair(f"What of {NAMES[n % 60]} number {n}?", answer(n, 3 + n % 20), **({"id": f"c{n}"} if more else {}))
        for n in range(first, first + count)
    ]


class Repository:
    """A project under git and DVC, whose remote is a folder beside it."""

    def __init__(self, project: Project) -> None:
        self.project, self.folder = project, project.folder

    def run(self, *words: str, folder: Path | None = None) -> str:
        environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(ROOT), "GIT_CONFIG_GLOBAL": os.devnull}
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_NAME": "a", f"GIT_{role}_EMAIL": "a@example.com"}
        done = subprocess.run(
            words, cwd=folder or self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def dvc(self, *words: str) -> None:
        self.run(sys.executable, "-m", "dvc", *words)

    def build(self, tag: str) -> None:
        assert self.project.run("recipe=small", "--quiet").code == 0
        if (self.folder / "dvc.yaml").exists():
            self.dvc("commit", "--force", "--quiet")
        self.run("git", "add", "-A")
        self.run("git", "commit", "--quiet", "-m", f"Build {tag}")
        self.run("git", "tag", tag)


@pytest.fixture
def repository(project: Project) -> Repository:
    """Not yet built. Only git."""
    made = Repository(project)
    faq, chat = rows(0, 30), rows(100, 40, key=True)
    project.write(
        {
            "recipes/small.yaml": RECIPE,
            "faq.jsonl": faq,
            "chat.jsonl": chat,
            ".gitignore": ".dsbuild/\n/build/*/ledger.parquet\n/build/*/data/\n",
        }
    )
    made.run("git", "init", "--quiet")
    return made


def edit(project: Project) -> None:
    """Three rows edited, five added, two removed; a filter raised; a weight changed."""
    faq = rows(0, 30)
    faq[14]["messages"][1]["content"] += " And one more word."
    faq[11]["messages"][1]["content"] = (
        "Quite another answer, which is long enough to stay in all of the data we have here."
    )
    added = [pair(f"A new question {n}?", answer(300 + n, 25)) for n in range(5)]
    faq[20:20] = added[:2]
    del faq[8]
    chat = rows(100, 40, key=True)
    chat[15]["messages"][1]["content"] += " And one more word."
    del chat[2]
    chat += [row | {"id": f"new{n}"} for n, row in enumerate(added[2:])]
    text = RECIPE.replace("response_chars: {min: 20}", "response_chars: {min: 90}").replace("faq: 0.5", "faq: 0.7")
    project.write({"recipes/small.yaml": text, "faq.jsonl": faq, "chat.jsonl": chat})


def counted(document: dict[str, Any], cause: str) -> int:
    return sum(line["rows"] for line in document["causes"] if line["cause"] == cause)


@pytest.mark.slow
def test_two_versions_and_every_row_that_differs(repository: Repository, tmp_path: Path) -> None:
    """v1 and v2 from a clone that has nothing but git and a DVC remote: all rows accounted for, each with its cause."""
    if importlib.util.find_spec("dvc") is None:
        pytest.skip("dvc is not installed")
    project = repository.project
    project.write({".gitignore": ".dsbuild/\n"})
    repository.dvc("init", "--quiet")
    repository.dvc("remote", "add", "--quiet", "--default", "store", str(tmp_path / "store"))
    assert project.run("dvc", "sync").code == 0
    repository.build("v1")
    first = project.ledger()
    edit(project)
    repository.build("v2")
    repository.dvc("push", "--quiet", "--all-tags")
    second = project.ledger()
    clone = Project(tmp_path / "clone", project._capture)
    repository.run("git", "clone", "--quiet", str(repository.folder), str(clone.folder))
    (document,) = clone.run("diff", "v1", "v2", "--json", "--records", "--limit", "0").json["artifacts"]
    assert [(one["path"], one["old"], one["new"]) for one in document["recipe"]] == [
        ("filters.response_chars.min", 20, 90),
        ("mix.weights.faq", 0.5, 0.7),
    ]
    assert {"unknown", "code_changed"}.isdisjoint(line["cause"] for line in document["causes"])
    assert (counted(document, "row_added"), counted(document, "row_removed"), counted(document, "row_edited")) == (
        5,
        2,
        3,
    )
    # What the raised filter drops, told from the ledgers alone: rows in both, in the data before, too short now.
    both = first.join(second, on="id", suffix="_now")
    dropped = both.filter((pl.col("fate") == "kept") & (pl.col("rule_now") == "response_chars"))
    by_filter = [row for row in document["rows"] if row["detail"] == "filters.response_chars.min"]
    assert len(dropped) > 5
    assert {row["a"]["id"] for row in by_filter if row["kind"] == "removed"} == set(dropped["id"])
    moved = both.filter(
        (pl.col("fate") == "kept") & (pl.col("fate_now") == "kept") & (pl.col("copies") != pl.col("copies_now"))
    )
    assert len(moved)
    assert {row["a"]["id"] for row in document["rows"] if row["kind"] == "moved"} == set(moved["id"])
    assert {row["cause"] for row in document["rows"] if row["kind"] == "moved"} <= {"recipe_changed", "mix_shifted"}
    assert {row["detail"] for row in document["rows"] if row["cause"] == "recipe_changed"} <= {
        "filters.response_chars.min",
        "mix.weights.faq",
    }
    assert len(document["rows"]) == sum(line["rows"] for line in document["causes"]) == document["rows_in_all"]
    changed = [row for row in document["rows"] if row["cause"] == "row_edited"]
    assert all(
        "".join(text for what, text in row["text"] if what == "new") for row in changed if row["kind"] == "changed"
    )
    told = clone.run("why", "recipe=small", changed[0]["a"]["id"], "--at", "v1")
    assert told.code == 0
    assert told.out.startswith(f"{changed[0]['a']['id']}: kept in ")


def test_the_last_commit_against_the_workspace(repository: Repository) -> None:
    """Without sides: HEAD against what lies here. Nothing differs, then a bound does; `--check` tells CI."""
    project = repository.project
    repository.project.write({".gitignore": ".dsbuild/\n"})
    repository.build("v1")
    assert "every record is" in project.run("diff").out
    assert project.run("diff", "--check").code == 0
    project.write({"recipes/small.yaml": RECIPE.replace("min: 20", "min: 120")})
    assert project.run("recipe=small", "--quiet").code == 0
    said = project.run("diff")
    assert said.code == 0
    assert "~ filters.response_chars.min  20 -> 120" in said.out
    assert project.run("diff", "--check").code == 10
    assert "filters.response_chars.min 20 → 120" in project.run("diff", "recipe=small", "v1", "--md").out
    assert "% the same" in project.run("diff", "HEAD..workspace", "--stat").out
    shown = project.run("diff", "--records", "--filter", "removed", "--source", "faq", "--limit", "2").out
    assert "2 of " in shown
    assert "faq.jsonl:" in shown
    assert "chat.jsonl" not in shown
    log = project.run("log").out
    assert "the first version" in log


def test_a_variant_and_a_page(repository: Repository) -> None:
    """A build with overrides is compared with the workspace; the page escapes what rows say and asks for nothing."""
    project = repository.project
    project.write({"faq.jsonl": [pair("<script>alert(1)</script> & what?", "<b>" + answer(1, 20)), *rows(0, 20)]})
    repository.project.write({".gitignore": ".dsbuild/\n"})
    repository.build("v1")
    assert project.run("recipe=small", "filters.words.min=15", "--quiet").code == 0
    (variant,) = (project.folder / ".dsbuild" / "variants").iterdir()
    document = project.run("diff", f".dsbuild/variants/{variant.name}", "--json").json["artifacts"][0]
    assert document["a"]["label"] == "workspace"
    assert document["totals"]["removed"] > 0
    page = project.folder / "diff.html"
    assert project.run("diff", str(variant), "--html", str(page)).code == 0
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert (
        project.run("diff", "build/small", str(variant), "--json").json["artifacts"][0]["causes"] == document["causes"]
    )


def test_textconv_and_git_diff(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After `textconv --install` plain `git diff` of a manifest shows values with their paths."""
    project = repository.project
    project.write({".gitignore": ".dsbuild/\n"})
    assert project.run("textconv", "--install").code == 0
    assert project.run("textconv", "--install").err.startswith(".gitattributes: 0 lines added")
    command = tmp_path / "bin" / "dsbuild"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m datasetbuild "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    repository.build("v1")
    project.write({"recipes/small.yaml": RECIPE.replace("min: 20", "min: 120")})
    assert project.run("recipe=small", "--quiet").code == 0
    shown = repository.run("git", "diff", "--", "build/small/manifest.json")
    assert "-bounds.response_chars.min = 20\n+bounds.response_chars.min = 120\n" in shown
    ledger = repository.run("git", "diff", "--", "build/small/ledger.parquet")
    assert "+" in ledger
    assert "dropped filter below_min response_chars" in ledger


FAULTS: dict[str, tuple[tuple[str, ...], int, str, str]] = {
    "revision": (("diff", "v9"), 6, "no revision 'v9'", "v1"),
    "recipe": (("diff", "recipe=other"), 2, "no recipe 'other' was ever built", "known: small"),
    "never": (("diff", "recipe=later", "v1"), 6, "recipe later has no artifact at v1", "dsbuild log recipe=later"),
    "sides": (("diff", "a", "b", "c"), 2, "two sides are compared, not 3", "dsbuild diff"),
    "ledger": (
        ("diff", "v1", "--records"),
        6,
        "ledger.parquet of v1 is neither in git nor in DVC",
        "version-with-dvc.md",
    ),
    "at": (("why", "recipe=small", "0123", "--at", "v9"), 6, "no revision 'v9'", "v1"),
    "log": (("log", "recipe=other"), 2, "no recipe 'other'", "small"),
    "file": (("textconv", "nothing.json"), 2, "there is no file", ""),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_faults(repository: Repository, name: str) -> None:
    """What cannot be compared is told in a sentence, with what to do."""
    words, code, message, hint = FAULTS[name]
    repository.build("v1")
    repository.project.write({"recipes/later.yaml": RECIPE.replace("name: small", "name: later")})
    repository.project.write({"recipes/small.yaml": RECIPE.replace("min: 20", "min: 60")})
    assert repository.project.run("recipe=small", "--quiet").code == 0
    ran = repository.project.run(*words)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert hint in ran.err
    assert "Traceback" not in ran.err


def test_a_summary_without_ledgers(repository: Repository) -> None:
    """Without DVC the manifests still tell what was edited and how many rows there are; that rows are not compared is said."""
    repository.build("v1")
    repository.project.write({"recipes/small.yaml": RECIPE.replace("min: 20", "min: 60")})
    assert repository.project.run("recipe=small", "--quiet").code == 0
    ran = repository.project.run("diff", "v1")
    assert ran.code == 0
    assert "rows are not compared: build/small/ledger.parquet of v1 is neither in git nor in DVC" in ran.out
    assert "filters.response_chars.min  20 -> 60" in ran.out
    assert "below_min" in ran.out


def test_a_damaged_ledger_and_one_of_another_build(repository: Repository) -> None:
    """Neither is compared as if it were right: the file is named, and what to do. `git diff` goes on."""
    project = repository.project
    project.write({".gitignore": ".dsbuild/\n"})
    repository.build("v1")
    ledger = project.folder / "build" / "small" / "ledger.parquet"
    old = ledger.read_bytes()
    project.write({"recipes/small.yaml": RECIPE.replace("min: 20", "min: 80")})
    assert project.run("recipe=small", "--quiet").code == 0
    ledger.unlink()
    ledger.write_bytes(old[: len(old) // 2])
    ran = project.run("diff", "v1", "--stat")
    assert ran.code == 6
    assert "ledger.parquet is damaged" in ran.err
    assert "build recipe small again" in ran.err
    assert project.run("textconv", "build/small/ledger.parquet").out.startswith("damaged: ")
    ledger.unlink()
    project.write({"recipes/small.yaml": RECIPE.replace("min: 20", "min: 120")})
    assert project.run("recipe=small", "--quiet").code == 0
    ledger.unlink()
    ledger.write_bytes(old)
    repository.run("git", "add", "-A")
    repository.run("git", "commit", "--quiet", "--message", "Another ledger")
    project.write({"recipes/small.yaml": RECIPE.replace("min: 20", "min: 60")})
    assert project.run("recipe=small", "--quiet").code == 0
    ran = project.run("diff", "HEAD", "--stat")
    assert ran.code == 6
    assert "ledger.parquet of HEAD is of another build than the manifest beside it" in ran.err


@pytest.mark.slow
def test_a_missing_cache_names_the_path(repository: Repository, tmp_path: Path) -> None:
    """The cache is gone and nothing was pushed: the error names `dvc pull` with the path."""
    if importlib.util.find_spec("dvc") is None:
        pytest.skip("dvc is not installed")
    project = repository.project
    project.write({".gitignore": ".dsbuild/\n"})
    repository.dvc("init", "--quiet")
    assert project.run("dvc", "sync").code == 0
    repository.build("v1")
    project.write({"recipes/small.yaml": RECIPE.replace("min: 20", "min: 60")})
    repository.build("v2")
    shutil.rmtree(project.folder / ".dvc" / "cache")
    ran = project.run("diff", "v1", "v2", "--stat")
    assert ran.code == 6
    assert "build/small/ledger.parquet of v1 is neither in DVC's cache nor on its remote" in ran.err
    assert "dvc pull build/small/ledger.parquet" in ran.err


def test_without_git(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are compared without git; revisions say that there are none."""
    project.write({"recipes/small.yaml": RECIPE, "faq.jsonl": rows(0, 30), "chat.jsonl": rows(100, 40, key=True)})
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.folder.parent))
    assert project.run("recipe=small", "--quiet").code == 0
    ran = project.run("diff")
    assert ran.code == 6
    assert "is not in a git repository" in ran.err
    shutil.copytree(project.artifact(), project.folder / "kept")
    assert "every record is" in project.run("diff", "kept", "build/small").out
    assert json.loads(project.run("diff", "kept", "small", "--json").out)["artifacts"][0]["causes"] == []


def test_other_bytes_that_are_as_many() -> None:
    """A file that was edited without a change of its size says what differs."""
    old, new = ({"sources": {"a": {"files": [{"file": "a.jsonl", "bytes": 9, "sha256": digit * 64}]}}} for digit in "12")
    longer = {"sources": {"a": {"files": [{"file": "a.jsonl", "bytes": 12, "sha256": "3" * 64}]}}}
    said = [edits({"recipe": [], "files": file_changes(old, other)})[0][2] for other in (new, longer, {"sources": {}})]
    assert said == ["9 bytes, SHA-256 111111111111 -> 222222222222 (source a)", "9 bytes -> 12 bytes (source a)", "9 bytes (source a)"]
