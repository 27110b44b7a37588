"""Dear facts: measured last, for whom every other rule lets pass, and asked once for each record."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from tests.conftest import Project

PLUGIN = '''\
import polars as pl

from datasetbuild import fact


@fact(version=1, dear=True)
def careful(*, break_on: str = "never") -> object:
    """A judge that notes whom it was asked about. Range 0..1.

    break_on: a word on which it fails.
    """

    def measure(frame: pl.DataFrame) -> pl.Series:
        texts = frame["assistant"].list.join(" ").to_list()
        if any(break_on in text for text in texts):
            raise ValueError("it broke")
        with open("asked.log", "a") as log:
            log.write("".join(text + "\\n" for text in texts))
        return pl.Series([len(text) / 100 for text in texts])

    return measure
'''

RECIPE: dict[str, Any] = {
    "name": "small",
    "plugins": ["judge.py"],
    "sources": {"a": {"path": "a.jsonl", "format": "messages"}},
    "filters": {"careful": {"max": 0.5}, "response_chars": {"min": 10}},
    "dedup": {"exact": None},
    "split": {"train": 1.0, "validation": None},
}


def rows(*answers: str) -> list[dict[str, Any]]:
    return [{"messages": [{"role": "user", "content": f"Q {n}?"}, {"role": "assistant", "content": text}]} for n, text in enumerate(answers)]


ANSWERS = ("short", "an answer of some length", "an answer of some length", "x" * 60, "another answer, long enough")


@pytest.fixture
def judged(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(project.folder)
    return project.write({"judge.py": PLUGIN, "a.jsonl": rows(*ANSWERS), "recipes/small.yaml": json.dumps(RECIPE)})


def asked(project: Project) -> list[str]:
    """Whom the judge was asked about since the last time."""
    log = project.folder / "asked.log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def fates(project: Project) -> list[tuple[Any, ...]]:
    return project.ledger().select("fate", "reason", "rule", "careful").rows()


def test_only_who_passes_the_other_rules_is_asked_about(judged: Project) -> None:
    """A record that a cheap rule drops has no value and no verdict of the dear one, whatever the order of the rules."""
    assert judged.run("recipe=small").code == 0
    assert sorted(asked(judged)) == sorted(ANSWERS[1:])
    assert fates(judged) == [
        ("dropped", "below_min", "response_chars", None),
        ("kept", None, None, 0.24),
        ("kept", None, None, 0.24),
        ("dropped", "above_max", "careful", 0.6),
        ("kept", None, None, 0.27),
    ]
    told = judged.run("why", "recipe=small", "xxxxx").out
    assert "careful 0.6  (max 0.5)" in told
    assert "careful not measured  (max 0.5)" in judged.run("why", "recipe=small", "short").out


def test_a_record_is_asked_about_once(judged: Project) -> None:
    """A changed bound, of the dear rule or of another, and a new row ask only for records that have not been asked about."""
    assert judged.run("recipe=small").code == 0
    asked(judged)
    assert judged.run("recipe=small", "filters.careful.max=0.25").code == 0
    assert asked(judged) == []
    assert judged.run("recipe=small", "filters.response_chars.min=2").code == 0
    assert asked(judged) == ["short"]
    judged.write({"a.jsonl": rows(*ANSWERS, "a last row that is new")})
    assert judged.run("recipe=small").code == 0
    assert asked(judged) == ["a last row that is new"]


def test_nothing_but_the_content_decides(judged: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks, workers and an empty memory change no byte."""
    from datasetbuild.engine import dear

    assert judged.run("recipe=small").code == 0
    before = judged.bytes()
    monkeypatch.setattr(dear, "AT_ONCE", 1)
    monkeypatch.setattr(dear, "KEPT_AFTER", 1)
    assert judged.run("cache", "clear").code in (0, 2)
    assert judged.run("recipe=small", "--force", "engine.workers=2", "engine.shard_rows=2").code == 0
    assert judged.bytes() == before


def test_a_sweep_asks_no_more_than_its_widest_point(judged: Project) -> None:
    """Points of other bounds share what was asked."""
    assert judged.run("-m", "recipe=small", "filters.response_chars.min=2,10", "filters.careful.max=0.1,0.3,0.9").code == 0
    assert sorted(asked(judged)) == sorted(ANSWERS)


def test_a_record_on_which_it_fails_is_set_aside(judged: Project) -> None:
    """The failing record is in quarantine with the reason; with no room for it the build stops and names it; the others stand."""
    recipe = RECIPE | {"filters": {"careful": {"max": 0.5, "break_on": "another"}}}
    judged.write({"recipes/small.yaml": json.dumps(recipe)})
    ran = judged.run("recipe=small")
    assert ran.code == 1
    assert "a.jsonl:5: operator_error: fact 'careful' raised ValueError: it broke (judge.py:16)" in ran.err
    judged.write({"recipes/small.yaml": json.dumps(recipe | {"on_bad_row": {"max": 1}})})
    assert judged.run("recipe=small").code == 0
    assert [fate for fate, *_ in fates(judged)] == ["kept", "kept", "kept", "dropped", "quarantined"]
    aside = [json.loads(line) for line in (judged.artifact() / "quarantine.jsonl").read_text().splitlines()]
    assert [(one["line"], one["stage"], one["reason"]) for one in aside] == [(5, "annotate", "operator_error")]
    assert judged.run("recipe=small", "--force").code == 0  # a failure is not remembered as an answer


def test_a_plan_says_what_is_dear(judged: Project) -> None:
    """Before the first build the step is foreseen with its own price; after it a forced build reuses it."""
    found = judged.run("plan", "recipe=small", "--json").json["steps"]
    assert next(step for step in found if step["step"] == "fact careful")["seconds"] > 0.05
    assert judged.run("recipe=small").code == 0
    found = judged.run("plan", "recipe=small", "filters.careful.max=0.1", "--json").json["steps"]
    assert next(step for step in found if step["step"] == "fact careful")["cause"] is None


def test_no_rule_goes_by_it(judged: Project) -> None:
    """A rule with categories of a dear fact cannot be judged before the fact is known: said, with the line."""
    recipe = RECIPE | {"filters": {"careful": {}, "response_chars": {"max": "q0.9", "by": "careful"}}}
    judged.write({"recipes/small.yaml": json.dumps(recipe)})
    ran = judged.run("recipe=small")
    assert ran.code == 3
    assert "measured when the rules have been judged" in ran.err


def test_quantiles_are_of_those_who_were_asked(judged: Project) -> None:
    """A quantile of a dear fact is one of the values that were measured."""
    recipe = RECIPE | {"filters": {"careful": {"max": "q0.5"}, "response_chars": {"min": 10}}}
    judged.write({"recipes/small.yaml": json.dumps(recipe)})
    assert judged.run("recipe=small").code == 0
    assert judged.ledger().filter(pl.col("fate") == "kept")["careful"].to_list() == [0.24, 0.24]


def test_who_is_kept_may_hang_on_it(judged: Project) -> None:
    """`select.by` and `dedup.keep` may name it, and nobody else is asked for."""
    recipe = RECIPE | {"filters": {"response_chars": {"min": 10}}, "select": {"n": 1, "by": "-careful"}, "dedup": {"keep": ["careful"]}}
    judged.write({"recipes/small.yaml": json.dumps(recipe)})
    assert judged.run("recipe=small").code == 0
    assert sorted(asked(judged)) == sorted(ANSWERS[1:])
    assert judged.ledger().filter(pl.col("fate") == "kept")["careful"].to_list() == [0.24]


def test_a_dear_fact_of_each_turn(judged: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is bounded by its smallest and largest value, also where a whole block of records failed."""
    from datasetbuild.engine import dear

    monkeypatch.setattr(dear, "AT_ONCE", 1)
    plugin = PLUGIN.replace("pl.Series([len(text) / 100 for text in texts])", "pl.Series([[len(text) / 100, 0.01] for text in texts])")
    recipe = RECIPE | {"filters": {"careful": {"max": 0.5, "min": 0.01, "break_on": "another"}}, "on_bad_row": {"max": 1}}
    judged.write({"judge.py": plugin, "recipes/small.yaml": json.dumps(recipe)})
    assert judged.run("recipe=small").code == 0
    ledger = judged.ledger()
    assert "careful" not in ledger.columns
    assert ledger.select("fate", "careful.min", "careful.max").rows()[3:] == [("dropped", 0.01, 0.6), ("quarantined", None, None)]
    assert ledger["fate"].to_list()[:3] == ["kept"] * 3
