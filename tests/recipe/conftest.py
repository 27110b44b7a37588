"""A project in a folder of its own, and operators that only these tests know.

`probe_*` operators keep the tests independent of which formats and facts ship with datasetbuild.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from datasetbuild import op
from datasetbuild.op import Bound, fact, section, source_format
from datasetbuild.recipe import Recipe, load
from datasetbuild.recipe.compose import compose


class Mapping:
    """An annotation for "any mapping"."""

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}


Share = Annotated[float, Bound(ge=0)]


def stand_in_sections() -> dict[str, Callable[..., Any]]:
    """The sections of a recipe as the contract has them, for as long as a stage has not brought its own."""

    def recipe(
        *, name: str, description: str | None = None, seed: int = 17, plugins: list[str] = [],
        on_bad_row: dict[str, Share] = {"max": 0}, export: list[str] = ["messages", "tokens"],
    ) -> None:  # fmt: skip
        """A recipe."""

    def source(
        *, path: str, format: str, license: str | None = None, priority: int = 0, key: str | None = None,
        limit: Annotated[int, Bound(ge=0)] | None = None, group: str | None = None, category: str | None = None,
        date: str | None = None, meta: list[str] = [],
    ) -> None:  # fmt: skip
        """A source.

        path: the file or files, as a path or a glob.
        """

    def template(
        *, tokenizer: str | None = None, revision: str | None = None, chat_template: str = "chatml",
        max_tokens: Annotated[int, Bound(ge=1)] | None = None, overflow: Literal["drop", "error", "truncate"] = "drop",
        train_on: Literal["assistant", "last_assistant", "all"] = "assistant", date: str | None = None,
    ) -> None:  # fmt: skip
        """A template."""

    def engine(
        *, name: Literal["local", "ray"] = "local", workers: int | Literal["auto"] = "auto",
        shard_bytes: int = 8 << 20, shard_rows: int = 16384,
    ) -> None:  # fmt: skip
        """An engine."""

    return {"recipe": recipe, "source": source, "template": template, "engine": engine}


def register_all() -> None:
    """Register the real operators as far as they are there, stand-ins for the others, and the probes."""
    try:
        importlib.import_module("datasetbuild.stages.all")
    except ModuleNotFoundError:
        for name in ("clean", "dedup", "mix", "split"):
            importlib.import_module(f"datasetbuild.stages.{name}")
        sys.modules["datasetbuild.stages.all"] = types.ModuleType("datasetbuild.stages.all")
    known = {operator.name for operator in op.operators("section")}
    for name, function in stand_in_sections().items():
        if name not in known:
            section(name, version=1)(function)

    @fact(version=1)
    def probe_chars(
        *, where: Literal["assistant", "user"] = "assistant", min_words: Annotated[int, Bound(ge=1)] = 20
    ) -> None:
        """Characters, for tests."""

    @fact(version=1)
    def probe_phrases(*, patterns: list[str], where: Literal["assistant", "user"] = "assistant") -> None:
        """Occurrences of patterns, for tests."""

    @fact(version=1)
    def probe_language(*, min_confidence: Annotated[float, Bound(ge=0, le=1)] = 0.5) -> None:
        """A category, for tests."""

    @fact(version=1, needs="render")
    def probe_tokens() -> None:
        """Tokens, for tests."""

    @source_format(version=1)
    def probe_rows(*, columns: dict[str, str] = {}, system: str | None = None) -> None:
        """Rows, for tests.

        system: a system message for every row.
        """

    @source_format(version=1)
    def probe_table(*, messages: list[Annotated[Any, Mapping()]], encoding_hint: str | None = None) -> None:
        """A table, for tests."""


register_all()

MINIMAL = """\
name: tiny
sources:
  faq: {path: data/faq.jsonl, format: probe_rows}
"""


class Project:
    """A folder with recipes, and what `dsbuild` would make of a command line in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, files: dict[str, str]) -> Project:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return self

    def recipe(self, text: str, name: str = "tiny") -> Project:
        return self.write({f"recipes/{name}.yaml": text})

    def compose(self, *words: str, multirun: bool = False) -> list[Recipe]:
        return compose(list(words), project=self.root, multirun=multirun)

    def load(self, *words: str) -> Recipe:
        (recipe,) = load(list(words) or ["recipe=tiny"], project=self.root)
        return recipe

    def points(self, *words: str) -> list[Recipe]:
        return load(list(words), project=self.root, multirun=True)

    def error(self, *words: str, multirun: bool = False) -> Any:
        """The error that the words end in."""
        from datasetbuild.errors import DatasetBuildError

        with pytest.raises(DatasetBuildError) as caught:
            load(list(words) or ["recipe=tiny"], project=self.root, multirun=multirun)
        return caught.value

    def faults(self, *words: str) -> dict[str, str]:
        """The messages of all faults by path."""
        return {fault.path: fault.message for fault in self.error(*words).faults}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "recipes").mkdir()
    return Project(tmp_path)
