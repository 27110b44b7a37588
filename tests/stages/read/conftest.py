"""A file in, its rows out, with their positions in the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from datasetbuild.stages.read import cut, load


class Found(NamedTuple):
    """One row: its line in the file, its value (None when faulty), its raw text, the reason of its fault."""

    line: int
    value: Any
    raw: bytes
    reason: str | None


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., list[Found]]:
    def read(name: str, content: str | bytes | None = None, **options: Any) -> list[Found]:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = []
        for shard in cut(path, project=tmp_path, folder=tmp_path / "blobs", **options):
            loaded = load([shard], tmp_path)
            for line, raw, fault in zip(loaded.lines, loaded.raws, loaded.faults, strict=True):
                value = None if fault else orjson.loads(raw)
                found.append(Found(shard.first_line + line, value, raw, fault and fault[0]))
        return found

    return read
