"""A new project builds at once, says what its recipe says, and nothing that was there is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datasetbuild.artifact.diff.lines import ATTRIBUTES
from datasetbuild.artifact.scaffold import FILES
from datasetbuild.cli import main
from tests.conftest import Ran


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def call(*words: str) -> Ran:
        capsys.readouterr()
        code = main(list(words))
        found = capsys.readouterr()
        return Ran(code, found.out, found.err)

    return call


def test_a_new_project_builds(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """`init`, then the commands that it names: the build gives what the recipe's head says, with the mended project
    current for DVC and for the lock."""
    folder = tmp_path / "new" / "demo project"
    made = run("init", str(folder))
    assert made.code == 0
    assert f"cd '{folder}'" in made.out
    where = ("-C", str(folder))
    built = run("recipe=demo", "--json", *where)
    assert built.code == 0
    counts = built.json["manifest"]["counts"]
    head = (folder / "recipes" / "demo.yaml").read_text()
    assert f"# Gives:    {counts['kept']} records of {counts['sources'][-1]['in']} rows" in head
    assert {line["reason"] for line in counts["reasons"]} == {"below_min", "above_max", "near_duplicate"}
    override = head.split("# Override: dsbuild ")[1].splitlines()[0].split()
    assert run(*override, *where, "-q").code == 0
    assert run("dvc", "sync", "--check", *where).out == "dvc.yaml is current\n"
    assert run("lock", *where).code == 0
    assert run("recipe=demo", "--locked", *where).code == 0
    assert (folder / ".gitattributes").read_text().splitlines() == list(ATTRIBUTES)
    assert json.loads((folder / "conf" / "recipe.schema.json").read_bytes())["properties"]["sources"]


def test_nothing_is_overwritten(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """One file that is there already, and none is written."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo.jsonl").write_text("mine")
    ran = run("init", str(tmp_path))
    assert ran.code == 2
    assert "data/demo.jsonl already; nothing was written" in ran.err
    assert [path.name for path in tmp_path.rglob("*")] == ["data", "demo.jsonl"]
    assert (tmp_path / "data" / "demo.jsonl").read_text() == "mine"


def test_a_file_is_no_folder(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A name that is a file is a usage error."""
    (tmp_path / "it").write_text("")
    assert run("init", str(tmp_path / "it")).code == 2


def test_an_existing_folder_keeps_its_other_files(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A repository with a README, say, becomes a project."""
    (tmp_path / "README.md").write_text("mine")
    assert run("init", "-C", str(tmp_path), "--json").json["files"] == [*FILES, "dvc.yaml"]
    assert (tmp_path / "README.md").read_text() == "mine"
