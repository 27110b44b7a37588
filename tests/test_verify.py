"""Verify builds from nothing: it agrees with a true artifact, and says of any other what is not as it was."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from datasetbuild.engine.verify import compare
from tests.conftest import Project, Ran

ROWS = [
    {"messages": [{"role": "user", "content": f"Why {n}?"}, {"role": "assistant", "content": f"So {n}, and more."}]}
    for n in range(20)
]
RECIPE = "name: small\nsources:\n  a: {path: a.jsonl, format: messages}\nsplit: {train: 0.8, validation: 0.2}\n"
WHO = {f"GIT_{role}_{what}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *words: str) -> None:
    environment = {**os.environ, **WHO, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True)


@pytest.fixture
def built(project: Project) -> Project:
    project.write({"recipes/small.yaml": RECIPE, "a.jsonl": ROWS, ".gitignore": ".dsbuild/\n"})
    assert project.run("recipe=small", "-q").code == 0
    return project


def verdict(ran: Ran) -> dict[str, Any]:
    return dict(ran.json)


def test_a_true_artifact(built: Project) -> None:
    """The same bytes, from a cache of its own; nothing of the project changes."""
    before = {path: path.stat().st_mtime_ns for path in built.folder.rglob("*") if path.is_file()}
    ran = built.run("verify", "recipe=small")
    assert ran.code == 0
    assert f"all {len(built.manifest()['files'])} files have the same bytes" in ran.out
    assert {path: path.stat().st_mtime_ns for path in built.folder.rglob("*") if path.is_file()} == before


def test_the_cache_is_not_asked(built: Project) -> None:
    """Whatever the cache holds, verify neither reads nor mends it."""
    for path in (built.folder / ".dsbuild" / "cache").rglob("*"):
        if path.is_file():
            path.write_bytes(b"poison")
    assert built.run("verify", "recipe=small").code == 0
    assert {path.read_bytes() for path in (built.folder / ".dsbuild").rglob("*") if path.is_file()} == {b"poison"}


def test_an_edited_manifest(built: Project) -> None:
    """A manifest that tells of other records than a build gives is no manifest of that build."""
    manifest = built.manifest()
    manifest["records"] = "0" * 64
    built.write({"build/small/manifest.json": orjson.dumps(manifest)})
    ran = built.run("verify", "recipe=small", "--json")
    assert ran.code == 1
    assert verdict(ran)["files"] == ["manifest.json"]
    assert verdict(ran)["where"] == "the same counts, but other records or other text"


def test_a_stray_file_among_the_data_is_cleared_away(built: Project) -> None:
    """A file that nobody wrote into `data/` would be loaded with the others: the next build makes the folder anew."""
    stray = built.artifact() / "data" / "train-99999.parquet"
    stray.write_bytes(next(built.artifact().glob("data/*.parquet")).read_bytes())
    assert built.run("plan", "recipe=small", "--check").code == 10
    assert built.run("recipe=small").code == 0
    assert not stray.exists()
    assert built.run("plan", "recipe=small").out.endswith("up to date\n")


@pytest.mark.parametrize("name", ["README.md", "ledger.parquet", "data/train-00000-of-00001.parquet", "metrics.json", "plots/rows.json"])
def test_a_damaged_or_missing_file(built: Project, name: str) -> None:
    """Each file that is not what the manifest says is named."""
    path = built.artifact() / name
    path.write_bytes(path.read_bytes() + b" ")
    ran = built.run("verify", "recipe=small")
    assert ran.code == 1
    assert f"damaged: {name}" in ran.out
    path.unlink()
    assert f"missing: {name}" in built.run("verify", "recipe=small").out


def test_other_inputs_are_a_mismatch(built: Project) -> None:
    """A source or a recipe that changed since: exit code 4, and what it was."""
    built.write({"a.jsonl": ROWS[1:]})
    ran = built.run("verify", "recipe=small")
    assert ran.code == 4
    assert "input_changed: sources.a: a.jsonl" in ran.out
    built.write({"a.jsonl": ROWS, "recipes/small.yaml": RECIPE + "seed: 4\n"})
    ran = built.run("verify", "recipe=small")
    assert (ran.code, "seed" in ran.out) == (4, True)


def test_the_step_where_builds_part(built: Project) -> None:
    """Same inputs, other counts: the first stage that differs is named."""
    manifest = built.manifest()
    manifest["counts"]["sources"][0]["kept"] = 3
    manifest["files"]["ledger.parquet"]["sha256"] = "0" * 64

    class Now:
        pass

    now: Any = Now()
    now.manifest = built.manifest()
    found = compare(manifest, now, None)
    assert found.files == ["ledger.parquet"]
    assert found.where == "stage kept of source a: 3 -> 20 rows"


def test_a_variant(built: Project) -> None:
    """A build with overrides has its own artifact, which is the one that is verified."""
    assert built.run("verify", "recipe=small", "seed=5").code == 2
    assert built.run("recipe=small", "seed=5", "-q").code == 0
    assert built.run("verify", "recipe=small", "seed=5").code == 0


def test_at_a_commit(built: Project) -> None:
    """A commit is verified from its own recipe and sources, whatever the workspace holds now, and leaves no trace."""
    git(built.folder, "init", "-q")
    git(built.folder, "add", "-A")
    git(built.folder, "commit", "-q", "-m", "one")
    git(built.folder, "tag", "v1")
    built.write({"a.jsonl": ROWS[:3], "recipes/small.yaml": "broken: [\n"})
    (built.folder / "build" / "small" / "manifest.json").unlink()
    ran = built.run("verify", "recipe=small", "--at", "v1")
    assert ran.code == 0
    assert "verified small at v1" in ran.out
    unknown = built.run("verify", "recipe=small", "--at", "v2")
    assert (unknown.code, "no revision 'v2'" in unknown.err) == (6, True)
    git(built.folder, "rm", "-q", "--cached", "build/small/manifest.json")
    git(built.folder, "checkout", "-q", "v1", "--", "recipes")
    git(built.folder, "commit", "-q", "-m", "two")
    never = built.run("verify", "recipe=small", "--at", "HEAD")
    assert (never.code, "there is no build/small/manifest.json at HEAD" in never.err) == (6, True)


def test_without_git(built: Project) -> None:
    """--at says what is missing; without it nothing is."""
    ran = built.run("verify", "recipe=small", "--at", "HEAD")
    assert (ran.code, "not in a git repository" in ran.err) == (6, True)
    assert built.run("verify", "recipe=small").code == 0


def test_never_built(project: Project) -> None:
    """Without a manifest there is nothing to verify."""
    project.write({"recipes/small.yaml": RECIPE, "a.jsonl": ROWS})
    ran = project.run("verify", "recipe=small")
    assert (ran.code, "holds no manifest to verify" in ran.err) == (2, True)
