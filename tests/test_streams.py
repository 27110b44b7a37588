"""A command as a process of its own: its output that nobody reads or that has nowhere to go (`| head`, `>&-`, a full disk), and what lies in its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Project
from tests.laws.conversations import numbered

RECIPE = "name: small\nsources:\n  a: {path: a.jsonl, format: messages}\n"


@pytest.fixture
def small(project: Project) -> Path:
    return project.write({"a.jsonl": numbered(20), "recipes/small.yaml": RECIPE}).folder


def run(folder: Path, words: str, streams: str) -> subprocess.CompletedProcess[str]:
    """One command in a shell, with its streams as given."""
    command = f"{sys.executable} -m datasetbuild {words} {streams}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", ["ops", "recipe=small", "recipe=small 2>&1", "recipe=smal 2>&1", "-m recipe=small seed=1,2"])
def test_a_closed_pipe_ends_quietly(small: Path, words: str) -> None:
    """As with `git log | head`: no word on stderr, and the code that a shell gives for SIGPIPE. What was built stands."""
    ran = run(small, words, "| true; exit ${PIPESTATUS[0]}")
    assert (ran.returncode, ran.stderr) == (141, "")
    assert (small / "build" / "small" / "manifest.json").exists() == words.startswith("recipe=small")


def test_output_that_is_closed_or_full_is_no_bug(small: Path) -> None:
    """Without a stdout the work is done all the same; a disk that is full is told."""
    ran = run(small, "ops", ">&-")
    assert (ran.returncode, ran.stderr) == (0, "")
    ran = run(small, "ops", "> /dev/full")
    assert ran.returncode == 1
    assert ran.stderr.startswith("dsbuild: No space left on device\n  -> make room")


def test_modules_of_the_project_are_not_imported(small: Path) -> None:
    """`python -m` is as the command: a file there is taken for no package, and a plugin, which is one file, cannot import it."""
    (small / "polars.py").write_text("raise SystemExit('taken for polars')\n")
    assert run(small, "recipe=small", "").returncode == 0
    (small / "mine.py").write_text("import helpers_of_mine\n")
    (small / "helpers_of_mine.py").write_text("")
    (small / "recipes/small.yaml").write_text(RECIPE + "plugins: [mine.py]\n")
    ran = run(small, "recipe=small", "")
    assert ran.returncode == 3
    assert "mine.py:1 raised ModuleNotFoundError: No module named 'helpers_of_mine'" in ran.stderr
    assert "a plugin is one file" in ran.stderr
