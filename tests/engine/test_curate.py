"""Benchmarks, shared words, meaning and the budget, through the command line: every row accounted for, with the evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.conftest import Project

RIVERS = ["Rhine", "Danube", "Elbe", "Oder", "Seine", "Loire", "Rhone", "Ebro", "Tagus", "Douro", "Tiber", "Arno"]
BOILER = "please note that our office is closed on all public holidays and that we answer every letter in the order in which it came"


def row(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def rivers() -> list[dict[str, Any]]:
    return [
        row(f"Tell me about the {name}, river number {n}.", f"The {name} has {n * 37} locks, {n * 11} bridges and rises at {name}-{n}.")
        for n, name in enumerate(RIVERS)
    ]


def ledger(project: Project, name: str = "curated") -> pl.DataFrame:
    return pl.read_parquet(project.folder / "build" / name / "ledger.parquet")


def recipe(**sections: Any) -> str:
    return json.dumps({"name": "curated", "sources": {"a": {"path": "a.jsonl", "format": "messages"}}, **sections})


def build(project: Project, **sections: Any) -> pl.DataFrame:
    project.write({"recipes/curated.yaml": recipe(**sections)})
    ran = project.run("recipe=curated")
    assert ran.code == 0, ran.err
    return ledger(project)


def test_an_item_of_a_benchmark_is_dropped_with_its_place(project: Project) -> None:
    """The ledger names benchmark and line; `why` tells the words that both have; the manifest counts."""
    exam = "A ferry crosses the lake six times a day and carries forty people each time. How many people cross in a week?"
    project.write({"a.jsonl": [*rivers(), row(f"Solve this: {exam}", "1680")], "exam.jsonl": [{"q": "short one"}, {"q": exam}]})
    found = build(project, decontaminate={"against": {"exam": {"path": "exam.jsonl", "fields": ["q"]}}})
    lost = found.filter(pl.col("fate") == "dropped").to_dicts()
    assert [(one["stage"], one["reason"], one["contaminated_by"], one["contamination"]) for one in lost] == [
        ("decontaminate", "contaminated", "exam:2", 1.0)
    ]
    manifest = json.loads((project.folder / "build/curated/manifest.json").read_text())
    assert manifest["prepared"]["decontaminate"] == {"exam": {"items": 2}}
    assert {"stage": "decontaminate", "reason": "contaminated", "rule": None, "rows": 1, "fate": "dropped"} in manifest["counts"]["reasons"]
    told = project.run("why", "recipe=curated", "Solve this").out
    assert "exam:2" in told
    assert "carries forty people each time" in told


def test_another_bound_compares_nothing_again(project: Project) -> None:
    """`overlap` is a bound on what was measured; another benchmark file is measured."""
    project.write({"a.jsonl": rivers(), "exam.jsonl": [{"q": "Which of these rivers has the most locks, and why is that so?"}]})
    sections = {"decontaminate": {"against": {"exam": {"path": "exam.jsonl"}}}}
    build(project, **sections)
    steps = lambda *words: {s["step"] for s in project.run("plan", "recipe=curated", *words, "--json").json["steps"] if s["cause"]}  # noqa: E731
    assert steps("decontaminate.overlap=0.9") == {"decide and write"}
    project.write({"exam.jsonl": [{"q": "Which of these bridges has the most arches, and why is that so?"}]})
    assert steps() == {"decontaminate", "decide and write"}


def test_shared_words_drop_or_flag(project: Project) -> None:
    """Of records with a long run of words in common one stays; `flag` keeps them and says which words and where."""
    rows = rivers()
    for one in (2, 7):
        rows[one]["messages"][1]["content"] += " " + BOILER
    project.write({"a.jsonl": rows})
    found = build(project, dedup={"substring": {"words": 15}})
    lost = found.filter(pl.col("fate") == "dropped")
    assert lost.select("stage", "reason", "repeated_words").rows() == [("dedup", "shared_words", 24)]
    assert {lost["row"][0], found.filter(pl.col("id") == lost["repeats"][0])["row"][0]} == {2, 7}
    flagged = build(project, dedup={"substring": {"words": 15, "action": "flag"}})
    assert flagged["fate"].unique().to_list() == ["kept"]
    assert flagged["repeats"].drop_nulls().to_list() == lost["repeats"].to_list()


def test_what_means_the_same_is_one(project: Project) -> None:
    """Two wordings of one answer are near by their vectors; the ledger names the one that stays and how near it is."""
    rows = [*rivers(), row("Who closes the office here?", "The porter closes the office each evening at six."),
            row("Who closes the offices here?", "Each evening at six the porter closes the office.")]  # fmt: skip
    project.write({"a.jsonl": rows})
    found = build(project, dedup={"semantic": {"threshold": 0.85}})
    lost = found.filter(pl.col("reason") == "semantic_duplicate").to_dicts()
    assert len(lost) == 1
    assert lost[0]["row"] in (12, 13)
    assert lost[0]["similarity"] >= 0.85
    assert found.filter(pl.col("id") == lost[0]["duplicate_of"])["row"][0] in (12, 13)


def test_records_are_sorted_into_topics(project: Project) -> None:
    """Questions on two matters fall into two topics, each named by its own words."""
    bills = [row(f"Why was I charged twice on invoice {n}?", f"The second charge of invoice {n} is refunded.") for n in range(12)]
    trips = [row(f"When does the ferry to island {n} leave?", f"The ferry to island {n} leaves at noon.") for n in range(12)]
    project.write({"a.jsonl": bills + trips})
    found = build(project, topics={"k": 2})
    one, two = set(found["topic"][:12]), set(found["topic"][12:])
    assert len(one) == len(two) == 1
    assert "invoice" in one.pop()
    assert "ferry" in two.pop()


@pytest.mark.parametrize("diverse", [False, True])
def test_the_budget_goes_to_the_best(project: Project, diverse: bool) -> None:
    """Exactly n are kept: the best by the fact, and with `diverse` none that is much like a better one."""
    project.write({"a.jsonl": [*rivers(), *(row(f"Say it {n} times.", f"again and ever again, as the ferryman of that old song keeps calling, {'so ' * 30}{n}") for n in range(5))]})
    found = build(project, select={"n": 6, "by": "response_chars", "diverse": diverse, "max_similarity": 0.8}, split={"train": 1.0, "group": []})
    kept = found.filter(pl.col("fate") == "kept")
    assert len(kept) == 6
    assert set(found.filter(pl.col("fate") != "kept")["reason"]) == {"not_chosen"}
    repeats = kept.filter(pl.col("row") >= 12)
    assert len(repeats) == (1 if diverse else 5)


def test_workers_and_cache_change_no_byte(project: Project, tmp_path: Path) -> None:
    """Two workers, small shards and a cold cache give the bytes of one worker and one shard."""
    project.write({"a.jsonl": [*rivers() * 3, row("Who closes the office?", f"The porter. {BOILER}"), row("When is it closed?", f"At six. {BOILER}")]})
    sections = {
        "dedup": {"semantic": {"threshold": 0.9}, "substring": {"words": 12}},
        "topics": {"k": 3},
        "select": {"n": 8, "by": ["-response_chars"], "diverse": True},
    }
    build(project, **sections)
    want = (project.folder / "build/curated/manifest.json").read_bytes()
    import shutil

    shutil.rmtree(project.folder / ".dsbuild")
    shutil.rmtree(project.folder / "build")
    assert project.spawn("recipe=curated", "engine.workers=2", "engine.shard_rows=5").code == 0
    assert (project.folder / "build/curated/manifest.json").read_bytes() == want


@pytest.mark.parametrize("diverse", [False, True])
def test_a_budget_beyond_what_is_there(project: Project, diverse: bool) -> None:
    """`n` above the number of records keeps them all, and the build says that the budget was not spent."""
    project.write({"a.jsonl": rivers()})
    found = build(project, select={"n": 50, "diverse": diverse}, topics={"k": 40})
    assert found["fate"].unique().to_list() == ["kept"]
    assert found["topic"].n_unique() <= 12
    manifest = json.loads((project.folder / "build/curated/manifest.json").read_text())
    assert "select.n is 50, and 12 records were left to choose from" in manifest["warnings"]
