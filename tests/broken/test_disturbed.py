"""A build whose disk fills up over an artifact that stands, or whose sources change under its hands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasetbuild.engine import measure
from tests.broken.test_accidents import assert_clean, mounted
from tests.conftest import Project
from tests.laws.conversations import numbered, pair

RECIPE = """\
name: small
sources:
  a: {path: a.jsonl, format: messages}
  b: {path: b.csv, format: prompt_completion}
filters: {response_chars: {min: 3}}
dedup: {exact: {on: conversation}}
split: {train: 0.8, validation: 0.2}
"""
PAIRS = "prompt,completion\n" + "".join(f"What is {n}?,It is {n * n} less {n}.\n" for n in range(40))


def test_a_full_disk_leaves_the_artifact(new_project: Callable[[], Project]) -> None:
    """A disk that fills up while an artifact is built anew: one sentence, and the artifact stands as it was; with room
    again, the next build gives what a disk with room would have given."""
    files = {"a.jsonl": numbered(80), "b.csv": PAIRS, "recipes/small.yaml": RECIPE}
    changed = {"recipes/small.yaml": RECIPE.replace("min: 3", "min: 40")}
    roomy = new_project().write(files)
    assert roomy.run("recipe=small").code == 0
    before = roomy.bytes()
    assert roomy.write(changed).run("recipe=small").code == 0
    project = new_project()
    with mounted(project.folder, 4000):
        assert project.write(files).run("recipe=small").code == 0
        assert project.bytes() == before
        project.write(changed)
        for room in (8, 60):
            fill(project.folder / "filler", room)
            ran = project.run("recipe=small")
            assert ran.code == 1
            assert "No space left on device" in ran.err
            assert project.bytes() == before, "the artifact stands as it was"
            (project.folder / "filler").unlink()
            assert_clean(project)
        assert project.run("recipe=small").code == 0
        assert project.bytes() == roomy.bytes()


def fill(path: Path, kilobytes: int) -> None:
    """Take all room of a file system but so much."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
        file.truncate(file.tell() - kilobytes * 1024)


@pytest.mark.parametrize("file", ["a.jsonl", "b.csv"])
def test_a_source_that_changes_while_it_is_measured(
    new_project: Callable[[], Project], monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """A file written to after it was cut: rows that are read in place fail the build, rows that were copied do not
    care. No row of the other state gets into the artifact, and the next build sees the file as it is then."""
    files: dict[str, Any] = {"a.jsonl": numbered(80), "b.csv": PAIRS, "recipes/small.yaml": RECIPE}
    whole = new_project().write(files)
    assert whole.run("recipe=small").code == 0
    project, load = new_project().write(files), measure.load
    path = project.folder / file
    before = path.read_bytes()
    more = {"a.jsonl": json.dumps(pair("What is new?", "A row like no other.")), "b.csv": "What is new?,This row."}
    first, rest = before.split(b"\n", 1)

    def late(*given: Any) -> Any:
        path.write_bytes(b"\n".join([first, more[file].encode(), rest]))
        return load(*given)

    monkeypatch.setattr(measure, "load", late)
    ran = project.run("recipe=small")
    if file == "a.jsonl":
        assert (ran.code, ran.err) == (4, f"dsbuild: {file} changed while the build was reading it\n  -> run again\n")
        assert not project.artifact().exists()
    else:
        assert ran.code == 0
        assert project.bytes() == whole.bytes()
    monkeypatch.setattr(measure, "load", load)
    assert project.run("recipe=small").code == 0
    assert project.ledger().height == whole.ledger().height + 1
    path.write_bytes(before)
    assert project.run("recipe=small").code == 0
    assert project.bytes() == whole.bytes()
