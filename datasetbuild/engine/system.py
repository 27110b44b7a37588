"""Conversations with a system prompt beside ones without: a model then learns two manners. Said, or refused."""

from __future__ import annotations

import polars as pl

from datasetbuild.errors import BuildError
from datasetbuild.plan.steps import Plan
from datasetbuild.record import Fate


def check_system(plan: Plan, rows: pl.DataFrame) -> None:
    """Raise `BuildError` when the recipe forbids that only some of the kept records have a system turn."""
    if plan.system and plan.system["policy"] == "forbid_mixed" and (sentence := _mixed(rows)):
        raise BuildError(
            f"{sentence}, and template.system.policy is forbid_mixed",
            hint="template.system={policy: strip}, or {policy: default, text: ...} makes all of them alike",
        )


def system_warnings(plan: Plan, rows: pl.DataFrame) -> list[str]:
    """A sentence when only some of the kept records have a system turn."""
    sentence = _mixed(rows) if plan.system and plan.system["policy"] == "keep" else None
    return [f"{sentence}; template.system.policy says what to do"] if sentence else []


def _mixed(rows: pl.DataFrame) -> str | None:
    kept = rows.select("@system", "file", "line").filter(rows["fate"] == Fate.KEPT.value)
    having = kept.filter(pl.col("@system"))
    if not len(having) or len(having) == len(kept):
        return None
    first = kept.filter(~pl.col("@system")).row(0, named=True)
    return (
        f"{len(having)} of {len(kept)} kept conversations have a system prompt, the others have none "
        f"(the first is {first['file']}:{first['line']})"
    )
