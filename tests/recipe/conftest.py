"""A project in a folder of its own, and operators that only these tests know.

`probe_*` operators keep the tests independent of which formats and facts ship with datasetbuild.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from datasetbuild import op
from datasetbuild.errors import DatasetBuildError
from datasetbuild.op import Bound, Extra, fact, source_format
from datasetbuild.recipe import Recipe, load, schema
from datasetbuild.recipe.compose import compose


def register_probes() -> None:
    """Register the operators that only these tests know."""

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
    def probe_rows(*, columns: dict[str, str] = {}, system: str | None = None) -> None:  # noqa: B006
        """Rows, for tests.

        system: a system message for every row.
        """

    @source_format(version=1)
    def probe_table(
        *, messages: list[Annotated[Any, Extra({"type": "object"})]], encoding_hint: str | None = None
    ) -> None:
        """A table, for tests."""


@pytest.fixture(autouse=True)
def probes() -> Iterator[None]:
    """The probes are there for one test, and then gone: other tests count operators."""
    schema.register_operators()
    before = dict(op._REGISTRY)
    register_probes()
    yield
    op._REGISTRY.clear()
    op._REGISTRY.update(before)


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
