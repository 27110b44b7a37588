"""A museum of broken things, met through the real command line: each folder is a project with one fault.

    recipes/, data     the project; rows.jsonl and the example tokenizer are lent to it
    command            the words after `dsbuild`, when they are not `recipe=small`
    expected.txt       the exit code, then stderr to the letter, then the warnings that a build printed

What cannot lie in git (twenty megabytes, broken bytes) is made by `made`. When a message is meant to change,
`UPDATE_MUSEUM=1 pytest tests/broken` writes the texts again; read the difference.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasetbuild import op
from tests.broken.made import MADE
from tests.conftest import ROOT, Project

HALL = Path(__file__).parent
EXHIBITS = sorted(folder.name for folder in HALL.iterdir() if folder.is_dir() and folder.name != "__pycache__")
LABELS = ("expected.txt", "command")


@pytest.fixture(autouse=True)
def operators() -> Iterator[None]:
    """The operators of an exhibit's plugin are gone after it."""
    import datasetbuild.builtin  # noqa: F401

    before = dict(op._REGISTRY)
    yield
    op._REGISTRY.clear()
    op._REGISTRY.update(before)


def hang(project: Project, exhibit: str) -> list[str]:
    """Set an exhibit up in a project; returns its command line."""
    folder = HALL / exhibit
    (project.folder / "recipes").rmdir()
    shutil.copytree(folder, project.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*LABELS))
    if not (project.folder / "rows.jsonl").exists():
        shutil.copy(HALL / "rows.jsonl", project.folder)
    (project.folder / "tokenizer").symlink_to(ROOT / "examples" / "tokenizer")
    project.write({"build/small/notes.txt": "what stood there before\n"})
    MADE.get(exhibit, lambda project: None)(project)
    command = folder / "command"
    return command.read_text(encoding="utf-8").split() if command.exists() else ["recipe=small"]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("exhibit", EXHIBITS)
def test_exhibit(project: Project, exhibit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault gets its exit code and exactly this text, without a traceback, and publishes nothing."""
    words = hang(project, exhibit)
    monkeypatch.chdir(project.folder)
    before = tree(project.folder / "build") if (project.folder / "build").is_dir() else {}
    ran = project.run(*words)
    warnings = [line for line in ran.out.splitlines() if line.startswith("warning: ")]
    shown = "\n".join([f"exit {ran.code}", ran.err.rstrip("\n"), *warnings]).strip() + "\n"
    shown = shown.replace(project.folder.as_posix(), "PROJECT")
    label = HALL / exhibit / "expected.txt"
    if os.environ.get("UPDATE_MUSEUM"):
        label.write_text(shown, encoding="utf-8")
    assert label.read_text(encoding="utf-8") == shown
    assert "Traceback" not in ran.err
    leftovers = project.folder / ".dsbuild" / "tmp"
    assert not leftovers.is_dir() or not list(leftovers.iterdir()), "the workspace is empty after every build"
    if ran.code:
        assert ran.err.startswith("dsbuild: ")
        assert "\n  -> " in ran.err, "an error ends in the next command or edit"
        if (project.folder / "build").is_dir():
            assert tree(project.folder / "build") == before, "a failed build publishes nothing"
        assert not (project.folder / ".dsbuild" / "variants").exists()
    else:
        assert project.ledger()["fate"].is_in(["kept", "dropped", "quarantined"]).all()


def test_the_museum_is_complete() -> None:
    """At least forty exhibits, each with a label; what is made is made for one that hangs."""
    assert len(EXHIBITS) >= 40
    assert all((HALL / exhibit / "expected.txt").is_file() for exhibit in EXHIBITS)
    assert set(MADE) <= set(EXHIBITS)
