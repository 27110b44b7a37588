"""Laws of datasets of the Hub: one commit, one split, identified by their rows; no network here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from datasetbuild.errors import SourceError
from datasetbuild.stages.read.hub import name_of
from tests.conftest import Project

Found = Callable[..., list[Any]]
Rows = Callable[..., list[dict[str, Any]]]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = [{"q": "Why?", "a": "So.", "n": 1, "at": "x"}, {"q": "Ünï", "a": "b", "n": None, "at": None}]


@pytest.fixture
def folder(project: Project) -> Project:
    """A folder that load_dataset reads, with two splits."""
    return project.write({"faq/train.jsonl": ROWS, "faq/test.jsonl": ROWS[:1]})


def test_a_folder(found: Found, rows: Rows, folder: Project) -> None:
    """A folder needs no revision; its rows come in order, with nulls; a change of a row is seen."""
    assert rows(hub="./faq") == ROWS
    (before,) = found(hub="./faq")
    assert before.name == "hub://./faq/train"
    assert rows(hub="./faq", split="test") == ROWS[:1]
    folder.write({"faq/train.jsonl": [ROWS[1], ROWS[0]]})
    assert found(hub="./faq")[0].sha256 != before.sha256


def test_a_dataset_is_loaded_once_at_its_commit(
    found: Found, rows: Rows, folder: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`load_dataset` is asked for the very commit, once; afterwards the rows come from the cache."""
    import datasets

    real, asked = datasets.load_dataset, []

    def fake(path: str, name: str | None = None, **more: Any) -> Any:
        asked.append((path, name, more["revision"], more["split"]))
        return real(str(folder.folder / "faq"), split=more["split"], cache_dir=str(folder.folder / "hf"))

    monkeypatch.setattr(datasets, "load_dataset", fake)
    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda *_, **__: ["train", "test"])
    source = {"hub": "org/faq", "revision": COMMIT, "config": "de"}
    assert rows(**source) == ROWS
    assert found(**source)[0].name == "hub://org/faq@0123456789ab/de/train"
    assert asked == [("org/faq", "de", COMMIT, "train")]
    assert rows(**source, split="test") == ROWS[:1]
    assert len(asked) == 2


def test_a_build_from_a_folder(folder: Project) -> None:
    """The rows are a source like any other."""
    messages = "[{role: user, content: '{{ q }}'}, {role: assistant, content: '{{ a }}'}]"
    recipe = f"name: small\nsources:\n  s: {{hub: ./faq, format: table, messages: {messages}, key: q}}\n"
    folder.write({"recipes/small.yaml": recipe})
    done = folder.run("build", "recipe=small")
    assert done.code == 0, done.err
    assert folder.ledger().select("file", "line").rows() == [("hub://./faq/train", 1), ("hub://./faq/train", 2)]


def test_errors(found: Found, folder: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such folder, no such split, no such dataset, no network: each has its own sentence."""
    with pytest.raises(SourceError, match=r"no folder \./fqa"):
        found(hub="./fqa")
    with pytest.raises(SourceError, match=r"\./faq has no split 'tset'") as caught:
        found(hub="./faq", split="tset")
    assert caught.value.hint == "did you mean 'test'?"
    import datasets

    def unreachable(*_: Any, **__: Any) -> Any:
        raise ConnectionError("Couldn't reach 'org/faq' on the Hub (ConnectTimeout)")

    monkeypatch.setattr(datasets, "get_dataset_split_names", unreachable)
    with pytest.raises(SourceError, match="the Hub cannot be reached for org/faq") as caught:
        found(hub="org/faq", revision=COMMIT)
    assert "HF_ENDPOINT" in str(caught.value.hint)
    assert caught.value.path == "sources.s.hub"

    def absent(*_: Any, **__: Any) -> Any:
        raise FileNotFoundError("Dataset 'org/faq' doesn't exist on the Hub or cannot be accessed.")

    monkeypatch.setattr(datasets, "get_dataset_split_names", absent)
    with pytest.raises(SourceError, match="cannot be loaded: Dataset 'org/faq' doesn't exist"):
        found(hub="org/faq", revision=COMMIT)


def test_names() -> None:
    """A name holds what chooses the rows."""
    assert name_of("org/faq", COMMIT, None, None) == "hub://org/faq@0123456789ab/train"
