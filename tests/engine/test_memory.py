"""Memory: what a build holds does not grow with what its rows have in common, nor with how long they are."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasetbuild import process
from tests.conftest import ROOT, Project

MOST = 500 << 20
"""A process that has built twenty rows has needed 220 MB, for the code of polars, pyarrow and numpy."""

RECIPE: dict[str, Any] = {
    "name": "small",
    "sources": {"a": {"path": "a.jsonl", "format": "messages"}},
    "dedup": {"near": {"threshold": 0.8}, "semantic": {"threshold": 0.95}, "keep": ["priority"]},
    "contradictions": {},
    "decontaminate": {"against": {"exam": {"path": "exam.jsonl", "fields": ["q"]}}, "ngram": None, "overlap": 1.0},
    "topics": {"k": 5},
    "select": {"n": 100, "diverse": True},
}


def words(draw: random.Random, count: int) -> str:
    return " ".join("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(3, 9))) for _ in range(count))


def row(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def long_and_alike(draw: random.Random) -> list[dict[str, Any]]:
    """120 answers of 6,000 words, each with 8 of 10 paragraphs in common with the others: 7,000 pairs of 12,000 words."""
    common = [words(draw, 50) for _ in range(120)]
    return [
        row(f"tell me about {words(draw, 3)}", " ".join(one if draw.random() < 0.9 else words(draw, 50) for one in common))
        for _ in range(120)
    ]


def short_and_alike(draw: random.Random) -> list[dict[str, Any]]:
    """2,500 answers made by one template, each with two of 45 words of its own: buckets of thousands, in every band."""
    template = words(draw, 45).split()
    rows = []
    for _ in range(2500):
        said = list(template)
        for place in draw.sample(range(45), 2):
            said[place] = words(draw, 1)
        rows.append(row("what is the policy of returns here", " ".join(said)))
    return rows


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak as Linux tells it")
@pytest.mark.parametrize("made", [long_and_alike, short_and_alike])
def test_rows_that_are_all_alike_take_no_more(made: Callable[[random.Random], list[dict[str, Any]]], project: Project) -> None:
    """Every stage that compares rows with rows is bounded: the peak of the whole build, of rows that are one crowd."""
    rows = made(random.Random(5))
    exam = [{"q": " ".join(one["messages"][1]["content"].split()[:20]) + " and what comes of it"} for one in rows[:10]]
    project.write({"a.jsonl": rows, "exam.jsonl": exam, "recipes/small.yaml": json.dumps(RECIPE)})
    code, peak = peak_of(project.folder, "recipe=small", "-j", "1")
    assert code == 0, (project.folder / "log").read_text()
    assert peak < MOST, f"{peak >> 20} MB"


def peak_of(folder: Path, *said: str) -> tuple[int, int]:
    """Exit code and peak memory in bytes of a build in a process of its own, as its parent is told: a small parent, since
    a process inherits the peak of the one that started it."""
    command = [sys.executable, "-c", WAITING, sys.executable, "-m", "datasetbuild", *said]
    with open(folder / "log", "wb") as log:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=log, check=False
        )
    return done.returncode, int(done.stdout.split()[-1]) * 1024


WAITING = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux how much it holds")
@pytest.mark.parametrize(("spare", "trimmed"), [(0, True), (1 << 20, True), (1 << 40, False)])
def test_a_small_process_keeps_its_memory(monkeypatch: pytest.MonkeyPatch, spare: int, trimmed: bool) -> None:
    """Memory goes back to the system from a process that holds more than it may spare, and from no other."""
    asked: list[int] = []
    monkeypatch.setattr(process, "_trim", lambda: asked.append)
    process.give_back(spare)
    assert bool(asked) == trimmed
