"""Origins of rows beside files: what a test project needs to read from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.inputs import InputFile, find_inputs
from datasetbuild.plan.steps import make_plan
from datasetbuild.recipe import load
from tests.conftest import Project

Found = list[InputFile]


@pytest.fixture
def found(project: Project) -> Callable[..., Found]:
    """The input files of one source, in the fixture's project."""

    def find(**source: Any) -> Found:
        source = {"format": "table", "messages": TABLE, **source}
        project.write({"recipes/small.yaml": orjson.dumps({"name": "small", "sources": {"s": source}})})
        recipe = load(["recipe=small"], project=project.folder)[0]
        return find_inputs(make_plan(recipe.config), Cache(project.folder / ".dsbuild" / "cache"), project.folder)

    return find


@pytest.fixture
def rows(found: Callable[..., Found]) -> Callable[..., list[dict[str, Any]]]:
    """The rows of a source of one JSON Lines snapshot."""

    def read(**source: Any) -> list[dict[str, Any]]:
        (file,) = found(**source)
        return [orjson.loads(line) for line in file.path.read_bytes().splitlines()]

    return read


TABLE = [{"role": "user", "content": "{{ q }}"}, {"role": "assistant", "content": "{{ a }}"}]
