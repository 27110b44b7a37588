"""One build from eighteen real sources, made by the command line, that all tests of this folder look at."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import yaml

from tests.conftest import ROOT, Project
from tests.real.catalog import SOURCES, Turns, read

THRESHOLD, NGRAM = 0.7, 5


@dataclass
class Built:
    """A build of the real sources. data: the folder they come from."""

    project: Project
    name: str
    data: Path

    @property
    def folder(self) -> Path:
        return self.project.artifact(self.name)

    @property
    def manifest(self) -> dict[str, Any]:
        return self.project.manifest(self.name)

    @property
    def ledger(self) -> pl.DataFrame:
        return self.project.ledger(self.name)

    @cached_property
    def files(self) -> dict[tuple[str, str], list[Turns]]:
        """The same sources, read with the standard library only."""
        return read(self.data)

    @property
    def rows(self) -> pl.DataFrame:
        return pl.concat([self.project.rows(split, self.name) for split in self.manifest["splits"]])


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data."""
    named = os.environ.get("DSBUILD_REAL_DATA")
    if not named:
        pytest.skip("DSBUILD_REAL_DATA names no folder of real data sets")
    folder = Path(named).resolve()
    missing = [source.path for source in SOURCES.values() if not any(folder.glob(source.path))]
    assert not missing, f"{folder} lacks {missing}"
    return folder


@pytest.fixture(scope="session")
def build(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Built]:
    """Builds all sources with a tokenizer and a template, each once; they share what does not depend on either."""
    folder = tmp_path_factory.mktemp("real")
    project = Project(folder, lambda: SimpleNamespace(out="", err=""))
    done: dict[str, Built] = {}

    def make(name: str, tokenizer: Path, template: str) -> Built:
        if name not in done:
            text = yaml.safe_dump(recipe(name, data, tokenizer, template), allow_unicode=True, sort_keys=False)
            project.write({f"recipes/{name}.yaml": text})
            ran = project.spawn(f"recipe={name}", "--quiet", "-j", "2")
            assert ran.code == 0, ran.err
            done[name] = Built(project, name, data)
        return done[name]

    return make


def recipe(name: str, data: Path, tokenizer: Path, template: str) -> dict[str, Any]:
    """All sources, their texts as they stand; exact and near dedup; rendered with `template`."""
    return {
        "defaults": [
            {"override /clean": "none"},
            {"override /split": "standard"},
            {"override /template": template},
            "_self_",
        ],
        "name": name,
        "on_bad_row": {"max": 0.2},
        "sources": {key: {"path": str(data / one.path), **one.recipe} for key, one in SOURCES.items()},
        "filters": {"response_chars": {"max": 20000}},
        "dedup": {
            "keep": ["priority"],
            "exact": {"on": "conversation"},
            "near": {"threshold": THRESHOLD, "ngram": NGRAM, "on": "conversation"},
        },
        "split": {"stratify": ["source"], "group": ["group", "near_duplicates"]},
        "template": {"tokenizer": str(tokenizer)},
    }


@pytest.fixture(scope="session")
def built(build: Callable[..., Built]) -> Built:
    """The build with the example tokenizer and ChatML."""
    return build("real", ROOT / "examples" / "tokenizer", "chatml")
