"""A small project in a temporary folder, run through the command line: files in, exit code, output and artifact out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import settings

settings.register_profile("shared_machine", deadline=None)
settings.load_profile("shared_machine")  # what a law holds has nothing to do with how busy the machine is

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Ran:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Project:
    """A project folder. `run` calls the command line in this process; `spawn` in a new one, with its own environment."""

    def __init__(self, folder: Path, capture: Callable[[], Any]) -> None:
        self.folder = folder
        self._capture = capture

    def write(self, files: Mapping[str, str | bytes | list[Any]]) -> Project:
        """Write files: text, bytes, or a list of rows as JSON Lines."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, list):
                content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self

    def run(self, *words: str) -> Ran:
        from datasetbuild.cli import main

        self._capture()
        code = main([*words, "-C", str(self.folder)])
        captured = self._capture()
        return Ran(code, captured.out, captured.err)

    def spawn(self, *words: str, **environment: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "datasetbuild", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def artifact(self, name: str = "small") -> Path:
        return self.folder / "build" / name

    def ledger(self, name: str = "small") -> pl.DataFrame:
        return pl.read_parquet(self.artifact(name) / "ledger.parquet")

    def manifest(self, name: str = "small") -> dict[str, Any]:
        return dict(json.loads((self.artifact(name) / "manifest.json").read_bytes()))

    def rows(self, split: str = "train", name: str = "small") -> pl.DataFrame:
        return pl.read_parquet(self.artifact(name) / "data" / f"{split}-*.parquet")

    def bytes(self, name: str = "small") -> dict[str, bytes]:
        """Every file of the artifact."""
        folder = self.artifact(name)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(autouse=True)
def _operators_of_this_test_alone() -> Iterator[None]:
    """Plugins that a test registers are gone after it."""
    import datasetbuild.builtin  # noqa: F401  (ours are registered once, and stay)
    from datasetbuild import op

    before = dict(op._REGISTRY)
    yield
    op._REGISTRY.clear()
    op._REGISTRY.update(before)


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Project:
    """An empty project."""
    (tmp_path / "recipes").mkdir()
    return Project(tmp_path, capsys.readouterr)


@pytest.fixture
def new_project(tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> Callable[[], Project]:
    """Makes empty projects, for laws that compare builds or that Hypothesis repeats."""

    def make() -> Project:
        folder = tmp_path_factory.mktemp("project")
        (folder / "recipes").mkdir()
        return Project(folder, capsys.readouterr)

    return make


@pytest.fixture(scope="session")
def tokenizer() -> str:
    """The example tokenizer's folder."""
    return str(ROOT / "examples" / "tokenizer")
