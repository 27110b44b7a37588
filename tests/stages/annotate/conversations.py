"""Records and measured values for the tests of facts."""

from __future__ import annotations

from typing import Any

import polars as pl

import datasetbuild.builtin  # noqa: F401
from datasetbuild.record import ROLES, record_schema
from datasetbuild.stages.annotate import annotate_frame, measure

ROLE = {role[0]: role for role in ROLES}


def records(*conversations: str) -> pl.DataFrame:
    """Records of texts `role: content | role: content`; roles by their first letter."""
    rows = [[turn.split(": ", 1) for turn in conversation.split(" | ")] for conversation in conversations]
    return frame_of([[(ROLE[role], text) for role, text in turns] for turns in rows])


def frame_of(conversations: list[list[tuple[str, str]]]) -> pl.DataFrame:
    """Records of (role, content) turns."""
    rows = [{"messages": [{"role": role, "content": text} for role, text in turns]} for turns in conversations]
    return pl.DataFrame(rows, schema_overrides={"messages": record_schema()["messages"]}).with_row_index("row")


def values(fact: str, *conversations: str, **params: Any) -> list[Any]:
    """What a fact says of conversations; (smallest, largest) for a fact of each turn."""
    return values_of(fact, records(*conversations), **params)


def values_of(fact: str, found: pl.DataFrame, **params: Any) -> list[Any]:
    """What a fact says of records."""
    measured, failed = measure(annotate_frame(found.with_columns(line=pl.lit(0))), fact, params)
    assert not len(failed), failed["detail"][0]
    return measured["value"].to_list() if "value" in measured.columns else list(measured.iter_rows())
