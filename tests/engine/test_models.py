"""Models that a recipe names and that are not there: said before anything is measured, with what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Project

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def asking(project: Project, **rule: Any) -> Project:
    filters = {"toxicity": {"labels": ["toxic"], "max": 0.5, **rule}}
    recipe = {"name": "small", "sources": {"a": {"path": "a.jsonl", "format": "messages"}}, "filters": filters}
    rows = [{"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]}]
    return project.write({"a.jsonl": rows, "recipes/small.yaml": json.dumps(recipe)})


@pytest.mark.parametrize("given", [{"model": "models/none"}, {"model": "org/name"}, {"model": "none", "revision": COMMIT}])
def test_a_model_that_is_nowhere(project: Project, given: dict[str, str]) -> None:
    """Neither a folder nor a name of the Hub with its commit: a fault of the recipe, with its line."""
    ran = asking(project, **given).run("recipe=small")
    assert ran.code == 3
    assert "recipes/small.yaml:1" in ran.err
    assert f"there is no folder '{given['model']}' in the project" in ran.err
    assert "needs its commit as `revision`" in ran.err


def test_a_model_of_the_hub_that_was_never_fetched(project: Project) -> None:
    """Offline the refusal is plain and names the command to run where there is a network; the lock needs no model."""
    found = asking(project, model="org/name", revision=COMMIT)
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(project.folder / "hub")}
    ran = found.spawn("recipe=small", **offline)
    assert ran.code == 1, ran.err
    assert "the model org/name at 0123456789ab is not on this machine" in ran.err
    assert f"hf download org/name --revision {COMMIT}" in ran.err
    assert "filters.toxicity.model" in ran.err or "recipes/small.yaml:1" in ran.err
    assert "Traceback" not in ran.err
    assert found.run("lock").code == 0
    assert f"model org/name@{COMMIT}: {COMMIT}" in (project.folder / "dsbuild.lock").read_text()


def test_pickles_are_never_loaded(project: Project) -> None:
    """A folder with weights in a pickle alone is refused, and the hint says how to write them as data."""
    found = asking(project, model="models/old")
    found.write({"models/old/pytorch_model.bin": b"\x80\x04.", "models/old/config.json": "{}"})
    ran = found.run("recipe=small")
    assert ran.code == 1
    assert "weights that are pickles are never loaded" in ran.err
    assert "save_pretrained(FOLDER)" in ran.err


def test_without_torch(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torch the command that installs it is named."""
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    found = asking(project, model="models/tiny").write({"models/tiny/model.safetensors": b"x", "models/tiny/config.json": "{}"})
    ran = found.run("recipe=small")
    assert ran.code == 1
    assert "torch is not installed" in ran.err
    assert "pip install 'datasetbuild[toxicity]'" in ran.err
