"""Cut words through the command line: one home for what records share, told in full, and the same bytes whatever carries it out."""

from __future__ import annotations

import json
import shutil
from typing import Any

import polars as pl

from tests.conftest import Project
from tests.engine.test_curate import BOILER, build, ledger, rivers, row

CUT = {"substring": {"words": 15, "action": "cut"}}


def with_boiler(*places: int) -> list[dict[str, Any]]:
    rows = rivers()
    for one in places:
        rows[one]["messages"][1]["content"] += f" {BOILER.capitalize()}. Bye, {one}."
    return rows


def test_shared_words_are_cut_out_of_all_but_one(project: Project) -> None:
    """One record keeps them; the ledger, `why` and the manifest say which words stay where; facts are of what is left."""
    rows = [*with_boiler(2, 7, 9), row("When is it closed?", BOILER)]
    project.write({"a.jsonl": rows})
    found = build(project, dedup=CUT, filters={"response_chars": {"min": 1}}, split={"train": 1.0})
    mine = found.filter(pl.col("repeated_words") > 0)
    homes = set(range(13)).intersection((2, 7, 9, 12)) - set(mine["row"])
    assert len(homes) == 1
    home = found.row(homes.pop(), named=True)
    assert set(mine["repeats"]) == {home["id"]}
    assert set(mine["repeated_words"]) <= {24, 25}
    assert {(one["fate"], one["reason"]) for one in mine.to_dicts() if one["row"] == 12} <= {("dropped", "shared_words")}
    kept = pl.read_parquet(project.folder / "build/curated/data/train-*.parquet")
    said = {one["messages"][0]["content"]: one["messages"][1]["content"] for one in kept.to_dicts()}
    assert sum(BOILER in text.lower() for text in said.values()) == 1
    for one in mine.filter(pl.col("fate") == "kept").to_dicts():
        text = said[rows[one["row"]]["messages"][0]["content"]]
        assert text.endswith((f"-{one['row']}. Bye, {one['row']}.", f"-{one['row']}. {one['row']}."))
        assert one["response_chars.max"] == len(text)
        assert one["cleaned"] == ["shared words cut"]
        told = project.run("why", "recipe=curated", one["id"]).out
        assert f"stay in {home['id']}: a.jsonl:{home['row'] + 1}, turn 2, word " in told
        assert "of turn 2: Please note that our office" in told
    manifest = json.loads((project.folder / "build/curated/manifest.json").read_text())
    cut = mine.filter(pl.col("cleaned").list.len() > 0)
    assert manifest["cut"] == {"records": len(cut), "words": cut["repeated_words"].sum()}
    metrics = json.loads((project.folder / "build/curated/metrics.json").read_text())
    sentence = f"{cut['repeated_words'].sum()} words were cut out of {len(cut)} record"
    assert sentence in project.run("report", "recipe=curated", "--md").out
    assert sentence in (project.folder / "build/curated/report.html").read_text()
    assert metrics["cut.words"] == cut["repeated_words"].sum()


def test_the_steps_of_a_build_add_up(project: Project) -> None:
    """What ran and what came from the cache are the same steps, whichever sections the recipe has."""
    project.write({"a.jsonl": with_boiler(2, 7, 9), "b.jsonl": [row("Which river is the longest one of all?", "The Nile.")]})
    build(project, dedup=CUT, decontaminate={"against": {"b": {"path": "b.jsonl"}}})
    again = " ".join(project.run("recipe=curated", "--force").out.split())
    steps = int(again.split("(steps: 0 ran, ")[1].split(" ")[0])
    shutil.rmtree(project.folder / ".dsbuild")
    assert f"(steps: {steps} ran, 0 from the cache)" in " ".join(project.run("recipe=curated", "--force").out.split())


def test_words_that_no_kept_record_has_are_told(project: Project) -> None:
    """The record that keeps the words may be dropped by a later rule: the build warns, and says where they were cut."""
    rows = with_boiler(2, 7, 9)
    rows[7]["messages"][1]["content"] += " DROP"
    project.write({"a.jsonl": [*rows[:7], *rows[8:]], "b.jsonl": [rows[7]]})
    sources = {name: {"path": f"{name}.jsonl", "format": "messages", "priority": n} for n, name in enumerate("ab")}
    marked = {"marked": {"fact": "phrases", "patterns": ["DROP"], "max": 0}}
    build(project, sources=sources, dedup=CUT, filters=marked, split={"train": 1.0})
    warned = [one for one in json.loads((project.folder / "build/curated/manifest.json").read_text())["warnings"] if "cut" in one]
    assert [one.split(" (ledger")[0] for one in warned] == ["2 kept records were cut, and the words stand in a record that is not kept"]
    assert "the first is a.jsonl:3, of b.jsonl:1" in warned[0]
    build(project, sources=sources, dedup=CUT, split={"train": 1.0})
    assert json.loads((project.folder / "build/curated/manifest.json").read_text())["warnings"] == []


def test_a_source_of_higher_priority_keeps_the_words(project: Project) -> None:
    """Whose words are cut is a total order: priority, then id; rows beyond a `limit` neither keep nor lose any."""
    project.write({"a.jsonl": with_boiler(1, 2), "b.jsonl": with_boiler(3), "c.jsonl": with_boiler(4)})
    sources = {name: {"path": f"{name}.jsonl", "format": "messages", "priority": n} for n, name in enumerate("abc")}
    sources["c"]["limit"] = 4
    found = build(project, dedup=CUT, sources=sources)
    lost = found.filter(pl.col("repeated_words") > 0)
    assert lost.select("source", "row").rows() == [("a", 1), ("a", 2)]
    assert found.filter(pl.col("id").is_in(lost["repeats"].unique().implode())).select("source", "row").rows() == [("b", 3)]


def test_cuts_are_measured_by_the_shard(project: Project) -> None:
    """Only what changes is measured anew, as `plan` foresees; a sweep over the words cuts for each point. Facts are of what is left:
    the home of the words may be too long for a filter, and the record that was cut is not."""
    rows = [row(f"Say {n} in words", f"This is the number {n}, and it is {n * n} when multiplied with itself.") for n in range(60)]
    rows[3]["messages"][1]["content"] += f" {BOILER}."
    project.write({"a.jsonl": rows, "b.jsonl": [row("When?", f"At six. {BOILER}."), row("Why?", "Because it is so.")]})
    sources = {name: {"path": f"{name}.jsonl", "format": "messages", "priority": n} for n, name in enumerate("ab")}
    build(project, dedup=CUT, sources=sources, filters={"response_chars": {"min": 5}})
    plan = lambda *words: [s for s in project.run("plan", "recipe=curated", *words, "--json").json["steps"] if s["cause"] and s["source"]]  # noqa: E731
    assert plan("filters.response_chars.min=6") == []
    assert {step["step"] for step in plan("dedup.substring.words=12")} >= {"dedup.substring", "fact response_chars"}
    with (project.folder / "b.jsonl").open("a") as more:
        more.write(json.dumps(row("Where?", "Nowhere at all.")) + "\n")
    assert {step["step"] for step in plan() if step["source"] == "b"} >= {"read"}
    ran = project.run("recipe=curated", "--json").json
    found = ledger(project)
    assert found.filter(pl.col("repeated_words") > 0).select("source", "row").rows() == [("a", 3)]
    assert ran["status"] == "built"
    swept = project.run("-m", "recipe=curated", "dedup.substring.words=15,200", "filters.response_chars.max=100,1000", "--json").json
    assert [point["kept"] for point in swept["points"]] == [62, 63, 61, 63]


def test_a_new_file_is_not_all_there_is_to_do(project: Project) -> None:
    """A file that was never read may share words with any other, and most others stay as they are: `plan` counts what is measured of them."""
    rows = [row(f"Say {n} in words", f"This is the number {n}, and it is {n * n} when multiplied with itself.") for n in range(60)]
    rows[3]["messages"][1]["content"] += f" {BOILER}."
    project.write({"a.jsonl": rows, "b.jsonl": [row("When?", f"At six. {BOILER}.")], "c-1.csv": "prompt,completion\nWhy?,Because it is so.\n"})
    sources = {name: {"path": f"{name}.jsonl", "format": "messages"} for name in "ab"} | {"c": {"path": "c-*.csv", "format": "prompt_completion"}}
    build(project, dedup=CUT, sources=sources, filters={"response_chars": {"min": 5}})

    def doing() -> set[tuple[str, str]]:
        steps = project.run("plan", "recipe=curated", "--json").json["steps"]
        return {(step["source"], step["step"]) for step in steps if step["cause"] and step["source"]}

    project.write({"c-2.csv": "prompt,completion\nWho?,It was nobody.\n"})
    found = doing()
    assert ("c", "read") in found and ("c", "fact response_chars") in found
    assert not {one for one in found if one[0] in "ab"}
    project.write({"c-1.csv": "prompt,completion\nWhy?,Because it was so.\n"})
    found = doing()
    assert {("a", "dedup.substring"), ("b", "dedup.substring")} <= found
    assert {name for name, step in found if step == "fact response_chars"} in ({"a", "c"}, {"b", "c"}), "of the one that was cut nobody knows"
    assert ("a", "prepare") not in found


def test_no_setting_of_the_machine_changes_a_cut(project: Project) -> None:
    """Workers, the size of shards, a cold or a warm cache: the same bytes."""
    sections = {"dedup": {**CUT, "exact": {"on": "conversation"}, "near": {"threshold": 0.8}}, "sources": {"a": {"path": "a.jsonl", "format": "messages"}}}
    other = "whoever wants to see the lake from above takes the old funicular at the harbour and walks on from there to the tower"
    rows = with_boiler(*range(12))
    for n in (3, 5, 8):
        rows[n]["messages"][1]["content"] += f" {other}. {n}"
    project.write({"a.jsonl": rows * 2})
    build(project, **sections)
    want = {path.name: path.read_bytes() for path in (project.folder / "build/curated").rglob("*") if path.is_file()}
    for words in (("engine.workers=2", "engine.shard_rows=5"), ("engine.shard_rows=3",)):
        shutil.rmtree(project.folder / ".dsbuild")
        shutil.rmtree(project.folder / "build")
        assert (project.spawn if len(words) > 1 else project.run)("recipe=curated", *words).code == 0
        assert {path.name: path.read_bytes() for path in (project.folder / "build/curated").rglob("*") if path.is_file()} == want
