"""Law 1: every input row ends in exactly one place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasetbuild.engine.ids import id_numbers
from datasetbuild.engine.ledger import balance, funnel
from datasetbuild.errors import ConservationError
from tests.conftest import Project
from tests.laws.conversations import CONVERSATIONS, RECIPE, RUBBISH, numbered

STAGES = """\
filters:
  response_chars: {min: 3, max: q0.95}
  words: {min: 2}
dedup: {exact: {on: first_user}, near: {threshold: 0.6, ngram: 2}}
split: {train: 0.7, test: 0.3}
mix: {weights: {rows: 1}, total: 7}
"""

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(st.lists(st.one_of(CONVERSATIONS.map(json.dumps), RUBBISH), min_size=1, max_size=25), st.integers(1, 9))
def test_every_line_ends_in_one_place(new_project: Callable[[], Project], lines: list[str], shard_rows: int) -> None:
    """Rows in = kept + dropped + quarantined, whatever the rows are, and each stands in the ledger once."""
    lines = [line for line in lines if line.strip()]
    project = new_project().write({"rows.jsonl": "\n".join(lines), "recipes/small.yaml": RECIPE + STAGES})
    ran = project.run("recipe=small", f"engine.shard_rows={shard_rows}")
    if ran.code:
        left = ("no row is left", "the split train is empty") if lines else ("no source holds a row",)
        assert any(said in ran.err for said in left)
        return
    ledger = project.ledger()
    assert len(ledger) == len(lines)
    assert ledger["line"].to_list() == list(range(1, len(lines) + 1)), "one ledger row per line, in their order"
    fates = dict(ledger.group_by("fate").len().iter_rows())
    assert sum(fates.values()) == len(lines)
    quarantined = (project.artifact() / "quarantine.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(quarantined) == fates.get("quarantined", 0)
    raws = {row["line"]: row["raw"] for row in map(json.loads, quarantined)}
    assert all(raws[line] == lines[line - 1] for line in raws), "what could not be used is kept as it was"
    written = sum(len(project.rows(split)) for split in ("train", "test") if project.manifest()["splits"][split]["rows"])
    assert written == ledger["copies"].sum()


def test_the_funnel_balances_per_source_and_stage(project: Project) -> None:
    """Per source and in all: in = lost at each stage + kept."""
    files: dict[str, Any] = {"a.jsonl": numbered(40), "b.jsonl": numbered(25)}
    sources = "name: small\nsources:\n  a: {path: a.jsonl, format: messages}\n  b: {path: b.jsonl, format: messages}\n"
    project.write({**files, "recipes/small.yaml": sources + STAGES.replace("{rows: 1}", "{a: 1, b: 2}")})
    assert project.run("recipe=small").code == 0
    for line in funnel(project.ledger(), ["a", "b"]):
        name = line.pop("source")
        assert line.pop("in") == sum(line.values()), name


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda ledger: ledger.head(len(ledger) - 1), "stand in the ledger"),
        (lambda ledger: pl.concat([ledger.head(len(ledger) - 1), ledger.head(1)]), "same id"),
        (lambda ledger: ledger.with_columns(fate=pl.lit("lost")), "no single fate"),
        (lambda ledger: ledger.with_columns(split=pl.lit(None, dtype=pl.String)), "no single fate"),
        (lambda ledger: ledger.with_columns(copies=pl.lit(0, dtype=pl.UInt32)), "no single fate"),
    ],
)
def test_an_imbalance_fails_the_build(project: Project, spoil: Callable[[pl.DataFrame], pl.DataFrame], complaint: str) -> None:
    """A ledger that does not balance is an error, not a warning."""
    project.write({"rows.jsonl": numbered(5), "recipes/small.yaml": RECIPE})
    assert project.run("recipe=small").code == 0
    ledger = project.ledger().with_columns(id_numbers("id"))
    balance(ledger, {"rows": 5})
    with pytest.raises(ConservationError, match=complaint):
        balance(spoil(ledger), {"rows": 5})
