"""kill -9 at any moment of a build: whatever it leaves, the next build gives the right bytes.

A seeded sample of moments, 8 in the suite; `DSBUILD_KILLS=50 pytest tests/broken/test_killed.py` takes 50. Half of them
are counted (the n-th time that the build opens, renames, makes or removes a file of its project), so that they fall
between any two steps of publishing; half are times, so that they fall into the middle of a step too.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.broken.test_accidents import assert_clean, send
from tests.conftest import ROOT, Project
from tests.laws.conversations import numbered

Files = dict[str, str | bytes | list[object]]

KILLS = int(os.environ.get("DSBUILD_KILLS", "8"))

RECIPE = """\
name: small
sources:
  a: {path: a.jsonl, format: messages}
  b: {path: b.csv, format: prompt_completion}
filters: {response_chars: {min: 3, max: 4000}, tokens: {min: 3}}
dedup: {exact: {on: conversation}, near: {threshold: 0.7}}
split: {train: 0.8, validation: 0.2}
template: {tokenizer: tokenizer, chat_template: chatml}
export: [messages, tokens, text]
engine: {shard_rows: 60}
"""

RUN = """
import os, signal, sys
from datasetbuild.cli import main
CHANGES = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link"}
here, last, steps = os.getcwd(), int(sys.argv[1]), 0

def count(event, args):
    global steps
    if event in CHANGES and args and isinstance(args[0], (str, bytes)) and os.fsdecode(args[0]).startswith(here):
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
code = main(sys.argv[2:])
print(steps)
raise SystemExit(code)
"""


@pytest.fixture(scope="module")
def files() -> Files:
    """Rows read in place, rows kept as blobs, and a tokenizer."""
    pairs = "".join(f"What is {n}?,It is {n * n} less {n} and a bit.\n" for n in range(60))
    folder = ROOT / "examples" / "tokenizer"
    tokenizer = {f"tokenizer/{path.name}": path.read_bytes() for path in folder.glob("*.json")}
    return {"a.jsonl": numbered(120), "b.csv": "prompt,completion\n" + pairs, "recipes/small.yaml": RECIPE, **tokenizer}


def start(project: Project, last: int, *words: str) -> subprocess.Popen[str]:
    """A build that is killed when it takes its step number `last` on a file of its project; 0 for never."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(last), "recipe=small", "--quiet", *words],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def killed_after(process: subprocess.Popen[str], folder: Path, seconds: float) -> None:
    """Kill a build and its workers so long after it first made a file."""
    until = time.monotonic() + 60
    while process.poll() is None and not (folder / ".dsbuild").exists() and time.monotonic() < until:
        time.sleep(0.002)
    time.sleep(seconds)
    send(process, signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_killed_at_any_moment(new_project: Callable[[], Project], files: Files) -> None:
    """What is published is whole; run again, the bytes are those of an undisturbed build, with nothing left over. Two
    of three kills meet what the kill before has left."""
    whole = new_project().write(files)
    process, began = start(whole, 0), time.monotonic()
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    steps, seconds, right = int(out), time.monotonic() - began, whole.bytes()
    moments, project, reached = random.Random(17), whole, 0
    for kill in range(KILLS):
        if kill % 3 == 0:
            project = new_project().write(files)
        words = ["--force"] if project.artifact().exists() else []
        if kill % 2:
            process = start(project, 0, *words, "-j", str(moments.choice([1, 2])))
            killed_after(process, project.folder, moments.uniform(0, seconds / 2))
        else:
            process = start(project, moments.randrange(1, steps), *words)
            process.communicate()
        reached += process.returncode == -signal.SIGKILL
        if project.artifact().exists():
            assert project.bytes() == right, f"kill {kill}: what is published is whole"
        if kill % 3 == 2 or kill == KILLS - 1:
            ran = project.run("recipe=small")
            assert ran.code == 0, f"kill {kill}: {ran.err}"
            assert project.bytes() == right, f"kill {kill}: the next build is right"
            assert_clean(project)
    assert reached >= KILLS / 2, "most kills met a build that was still running"


@pytest.mark.slow
def test_killed_beside_another(new_project: Callable[[], Project], files: Files) -> None:
    """Two builds share a project, and one of them is killed: the other succeeds, with the right bytes."""
    whole = new_project().write(files)
    assert whole.run("recipe=small").code == 0
    right, moments = whole.bytes(), random.Random(23)
    for _ in range(max(2, KILLS // 5)):
        project = new_project().write(files)
        one, two = start(project, moments.randrange(1, 200)), start(project, 0)
        one.communicate()
        _, err = two.communicate()
        assert (two.returncode, err) == (0, "")
        assert project.bytes() == right
        assert project.run("recipe=small", "--force").code == 0
        assert project.bytes() == right
        assert_clean(project)
