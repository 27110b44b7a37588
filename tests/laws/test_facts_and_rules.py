"""Law 4: measure apart from verdict. Law 7: a failing record is not a lost record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Project
from tests.laws.conversations import numbered

SMALL = """\
name: small
sources:
  rows: {path: rows.jsonl, format: messages}
filters:
  response_chars: {min: 3}
  refusals: {fact: phrases, patterns: [never], max: 2}
dedup: {exact: {on: first_user}, near: {threshold: 0.8}}
split: {train: 0.8, test: 0.2}
"""

FRAGILE = """\
import polars as pl
from datasetbuild import fact, turns


@fact(version=1)
def FACT():
    '''Characters of the answers; breaks on one of them.'''
    def measure(frame: pl.DataFrame) -> pl.Series:
        texts = frame.select(turns("assistant").list.join(" ").alias("text"))["text"]
        return pl.Series([len(text) // (0 if "BREAK" in text else 1) for text in texts])
    return measure
"""

ODD = """\
import polars as pl
from datasetbuild import fact


@fact(version=1)
def FACT():
    '''What one record has no number for.'''
    return lambda frame: pl.Series([{odd} if "BREAK" in texts[-1] else {usual} for texts in frame["assistant"]])
"""


@pytest.mark.parametrize(
    "override",
    [
        "filters.response_chars.min=5",
        "+filters.response_chars.max=q0.9",
        "filters.refusals.max=0",
        "dedup.near.threshold=0.9",
        "split={train: 0.5, test: 0.5}",
        "dedup.keep=[-response_chars]",
        "+mix={weights: {rows: 1}, total: 5}",
        "seed=3",
    ],
)
def test_a_changed_verdict_measures_nothing(project: Project, override: str) -> None:
    """After a build, another bound, threshold, fraction, survivor, mix or seed finds every fact in the cache."""
    project.write({"rows.jsonl": numbered(40), "recipes/small.yaml": SMALL})
    assert project.run("recipe=small").code == 0
    ran = project.run("recipe=small", override, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["steps"]["ran"] == 0


def test_a_changed_pattern_measures_one_fact(project: Project) -> None:
    """A fact's own parameter measures that fact again, once per shard, and nothing else."""
    project.write({"rows.jsonl": numbered(40), "recipes/small.yaml": SMALL})
    assert project.run("recipe=small").code == 0
    assert project.run("recipe=small", "filters.refusals.patterns=[other]", "--json").json["steps"]["ran"] == 1


def test_a_fact_that_raises_costs_one_record(project: Project, tmp_path: Path) -> None:
    """The record that makes a plugin's fact raise is quarantined with the error; all others are measured and kept."""
    rows = numbered(9)
    rows[4]["messages"][-1]["content"] += " BREAK"
    fact = "fragile_" + tmp_path.name.replace("-", "_")  # a name of its own: plugins stay registered in this process
    recipe = SMALL.split("filters:")[0] + f"plugins: [plugin.py]\nfilters:\n  {fact}: {{min: 1}}\n"
    project.write({"rows.jsonl": rows, "plugin.py": FRAGILE.replace("FACT", fact), "recipes/small.yaml": recipe})
    ran = project.run("recipe=small", "on_bad_row.max=1", "--json")
    assert ran.code == 0, ran.err
    counts = ran.json["manifest"]["counts"]
    assert (counts["kept"], counts["quarantined"], counts["dropped"]) == (8, 1, 0)
    assert [(line["stage"], line["reason"]) for line in counts["reasons"]] == [("annotate", "operator_error")]


@pytest.mark.parametrize("bounds", ["{max: 3}", "{min: 0}", "{min: q0.1}"])
@pytest.mark.parametrize("odd", ["float('nan')", "float('inf')", "[1.0, float('nan')]", "[-float('inf')]"])
def test_what_is_no_number_passes_no_bound(project: Project, odd: str, bounds: str) -> None:
    """Law 4: NaN and infinite are no values, so a record has none, whichever side the bound is on; the build and its report stand."""
    rows = numbered(9)
    rows[4]["messages"][-1]["content"] += " BREAK"
    fact = f"odd_{(odd + bounds).encode().hex()}"  # a name of its own: plugins stay registered in this process
    plugin = ODD.format(odd=odd, usual="[1.0]" if odd.startswith("[") else "1.0").replace("FACT", fact)
    recipe = SMALL.split("filters:")[0] + f"plugins: [plugin.py]\nfilters:\n  {fact}: {bounds}\n"
    project.write({"rows.jsonl": rows, "plugin.py": plugin, "recipes/small.yaml": recipe})
    ran = project.run("recipe=small", "--json")
    assert ran.code == 0, ran.err
    assert [(line["reason"], line["rows"]) for line in ran.json["manifest"]["counts"]["reasons"]] == [("unmeasured", 1)]
