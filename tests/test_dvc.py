"""The example project under git and DVC: `dvc repro` builds it for real, and the two tools agree on what is done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dvc")]  # one worker, one repository
RECIPES = ("support_bot", "support_bot_llama2")


class Repository:
    """A git and DVC repository with the example recipes."""

    def __init__(self, folder: Path, commands: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@example.org",
        }

    def run(self, *words: str) -> str:
        done = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def git(self, *words: str) -> str:
        return self.run("git", *words)

    def dvc(self, *words: str) -> str:
        return self.run(sys.executable, "-m", "dvc", *words)

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def artifact(self, name: str) -> dict[str, bytes]:
        folder = self.folder / "build" / name
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The examples, built once by `dvc repro` and committed."""
    pytest.importorskip("dvc", reason="dvc is a dependency of the core")
    folder, commands = tmp_path_factory.mktemp("repository"), tmp_path_factory.mktemp("commands")
    for name in ("conf", "recipes", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, folder / name)
    (folder / ".gitignore").write_text(".dsbuild/\n")
    command = commands / "dsbuild"  # the command of this very checkout, whether it is installed or not
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m datasetbuild "$@"\n')
    command.chmod(0o755)
    made = Repository(folder, commands)
    made.git("init", "-q")
    made.dvc("init", "-q")
    made.dvc("repro", "-q")
    made.commit("Build both recipes")
    return made


def test_repro_builds_both_recipes_and_leaves_everything_clean(repository: Repository) -> None:
    """After `dvc repro` and a commit neither DVC nor git has anything to say: each holds its part."""
    assert json.loads(repository.dvc("status", "--json")) == {}
    assert repository.git("status", "--porcelain") == ""
    tracked = set(repository.git("ls-files").split())
    for name in RECIPES:
        small = ("manifest.json", "metrics.json", "README.md", ".gitignore")
        assert {f"build/{name}/{file}" for file in small} <= tracked
        assert not any(file.startswith((f"build/{name}/data", f"build/{name}/export")) for file in tracked)
        assert f"build/{name}/ledger.parquet" not in tracked


def test_second_repro_runs_nothing(repository: Repository) -> None:
    """What is built is not built again."""
    before = {name: repository.artifact(name) for name in RECIPES}
    said = repository.dvc("repro")
    assert "Running stage" not in said
    assert said.count("didn't change, skipping") == len(RECIPES)
    assert {name: repository.artifact(name) for name in RECIPES} == before


def test_forced_repro_finds_the_artifact_up_to_date(repository: Repository) -> None:
    """`persist` keeps the artifact, so that a stage run for nothing leaves the same bytes and a clean status."""
    before = {name: repository.artifact(name) for name in RECIPES}
    assert repository.dvc("repro", "--force").count("Running stage") == len(RECIPES)
    assert {name: repository.artifact(name) for name in RECIPES} == before
    assert json.loads(repository.dvc("status", "--json")) == {}


def test_changed_bound_shows_in_metrics_diff_and_keeps_gitignore(repository: Repository) -> None:
    """A changed recipe is built by `dvc repro` and compared with the last commit; DVC's own .gitignore, which lies in
    the artifact's folder, outlives the new artifact."""
    ignored = {name: (repository.folder / "build" / name / ".gitignore").read_bytes() for name in RECIPES}
    shown: dict[str, Any] = json.loads(repository.dvc("metrics", "show", "--json"))
    metrics = json.loads((repository.folder / "build/support_bot/metrics.json").read_bytes())
    assert shown[""]["data"]["build/support_bot/metrics.json"]["data"] == metrics
    try:
        repository.replace("recipes/support_bot.yaml", "response_chars: {min: 40,", "response_chars: {min: 80,")
        assert json.loads(repository.dvc("status", "--json")) != {}
        repository.dvc("repro", "-q")
        assert json.loads(repository.dvc("status", "--json")) == {}
        diff = json.loads(repository.dvc("metrics", "diff", "--json"))["build/support_bot/metrics.json"]
        kept = diff["rows.kept"]
        assert kept["old"] == metrics["rows.kept"] > kept["new"]
        assert {name: (repository.folder / "build" / name / ".gitignore").read_bytes() for name in RECIPES} == ignored
        assert not [line for line in repository.git("status", "--porcelain").splitlines() if line.startswith("??")]
    finally:
        repository.git("checkout", "-q", ".")
        repository.dvc("checkout", "-q", "--force")
    assert json.loads(repository.dvc("status", "--json")) == {}


def test_build_with_an_override_leaves_git_and_dvc_clean(repository: Repository) -> None:
    """An experiment never touches what is tracked, so that no `dvc commit` can record a lie."""
    repository.run("dsbuild", "recipe=support_bot", "filters.response_chars.min=120", "--quiet")
    assert json.loads(repository.dvc("status", "--json")) == {}
    assert repository.git("status", "--porcelain") == ""


def test_lost_data_comes_back_from_the_cache_of_dvc(repository: Repository) -> None:
    """What DVC restores is what dsbuild wrote: after `dvc checkout` the next build finds its artifact intact."""
    before = repository.artifact("support_bot")
    shutil.rmtree(repository.folder / "build/support_bot/data")
    repository.dvc("checkout", "-q")
    assert repository.artifact("support_bot") == before
    assert json.loads(repository.run("dsbuild", "recipe=support_bot", "--json"))["status"] == "up to date"
