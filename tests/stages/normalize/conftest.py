"""Rows in, records and quarantine out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import polars as pl
import pytest

from datasetbuild.stages.normalize import normalize
from datasetbuild.stages.read import RawRows


def shard(raws: list[bytes]) -> RawRows:
    return RawRows(list(range(len(raws))), raws, [None] * len(raws))


@pytest.fixture
def frames() -> Callable[..., tuple[pl.DataFrame, pl.DataFrame]]:
    def run(*rows: Any, **source: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
        raws = [row if isinstance(row, bytes) else orjson.dumps(row) for row in rows]
        return normalize(shard(raws), name="s", source={"path": "x", "format": "messages", **source})

    return run


@pytest.fixture
def turns(frames: Callable[..., Any]) -> Callable[..., list[dict[str, Any]]]:
    """The turns of one row, without what they do not have."""

    def run(row: Any, **source: Any) -> list[dict[str, Any]]:
        records, quarantine = frames(row, **source)
        assert quarantine.rows() == []
        return [{key: value for key, value in turn.items() if value is not None} for turn in records["messages"][0]]

    return run


@pytest.fixture
def fault(frames: Callable[..., Any]) -> Callable[..., tuple[str, str]]:
    """Reason and detail of one row that is unusable."""

    def run(row: Any, **source: Any) -> tuple[str, str]:
        records, quarantine = frames(row, **source)
        assert len(records) == 0
        return quarantine["reason"][0], quarantine["detail"][0]

    return run
