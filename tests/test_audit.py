"""What an auditor found who read the promises line by line, from outside: each was once not so."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.laws.conversations import numbered, pair

HEAD = "name: small\nsources:\n  a: {path: a.jsonl, format: messages}\n"


def test_white_space_around_a_turn_does_not_count(project: Project) -> None:
    """`dedup.exact.on: conversation` leaves white space aside turn by turn, as `first_user` does, where `clean` keeps it."""
    rows = [pair("Is it so?", "It is."), pair(" Is  it so?\n ", "\tIt is. "), pair("Is it so? It", "is.")]
    text = "clean: {whitespace: keep}\ndedup: {exact: {on: conversation}}\n"
    project.write({"a.jsonl": rows, "recipes/small.yaml": HEAD + text})
    assert project.run("recipe=small").code == 0
    assert project.ledger()["reason"].to_list().count("exact_duplicate") == 1
    assert project.ledger()["fate"][2] == "kept"


def test_rows_beyond_a_limit_are_not_called_unusable(project: Project) -> None:
    """The warning counts the rows that are in quarantine.jsonl, and a share of bad rows is one of those that the limit takes."""
    rows = [*numbered(5), {"messages": 1}, *numbered(10)[5:], *[{"messages": 1}] * 10]
    head = HEAD.replace("messages}", "messages, limit: 10}")
    project.write({"a.jsonl": rows, "recipes/small.yaml": head + "on_bad_row: {max: 0.1}\n"})
    assert project.run("recipe=small").code == 0
    said = [warning for warning in project.manifest()["warnings"] if "could not be used" in warning]
    assert said[0].startswith("1 row could not be used (quarantine.jsonl)")
    assert len((project.artifact() / "quarantine.jsonl").read_text().splitlines()) == 1
    assert "1 of 10 rows cannot be used" in project.run("recipe=small", "on_bad_row.max=0.09").err


def test_a_card_says_where_things_are(project: Project, tokenizer: str) -> None:
    """The card of a variant names its own folder and command; tokens that are columns of `data/` are said to stand there."""
    template = f"template: {{tokenizer: {tokenizer}}}\n"
    project.write({"a.jsonl": numbered(3), "recipes/small.yaml": HEAD + template})
    assert project.run("recipe=small").code == 0
    card = (project.artifact() / "README.md").read_text()
    assert "| `data` | tokens" in card and "export/tokens" not in card
    assert 'load_dataset("build/small")' in card and "dsbuild recipe=small\n" in card
    assert project.run("recipe=small", "sources.a.limit=2").code == 0
    (folder,) = (project.folder / ".dsbuild" / "variants").iterdir()
    card = (folder / "README.md").read_text()
    assert f'load_dataset(".dsbuild/variants/{folder.name}")' in card and "dsbuild recipe=small sources.a.limit=2\n" in card


def test_a_project_may_lie_anywhere(project: Project) -> None:
    """Brackets and stars in the path of the project are no pattern: of its own globs, nor of what reads its files."""
    place = "a [1] *b=c,{d}$e%20#f'"
    inside = Project(project.folder / place, project._capture)
    checks = "checks: {split_overlap: {max: 0}, shared: {check: top_share, column: source, max: 1.0}}\n"
    rules = "decontaminate: {against: {test: {path: test/t.jsonl}}}\nsplit: {train: 0.5, validation: 0.5}\n"
    question = {"question": "Which of the seven lamps was out when the ship came in that night?"}
    recipe = HEAD.replace("a.jsonl", '"data/*.jsonl"') + checks + rules
    inside.write({"data/a.jsonl": numbered(12), "test/t.jsonl": [question], "recipes/small.yaml": recipe})
    for words in (["recipe=small"], ["check", "recipe=small"], ["why", "recipe=small", "data/a.jsonl:3"], ["verify", "recipe=small"]):
        ran = inside.run(*words)
        assert ran.code == 0, ran.err
    other = inside.run("recipe=small", "sources.a.limit=5", "engine.workers=2", "engine.shard_rows=3", "--json")
    assert other.json["manifest"]["counts"]["kept"] == 5
    told = inside.run("diff", str(inside.artifact()), str(inside.folder / ".dsbuild" / "variants" / Path(other.json["folder"]).name), "--records")
    assert told.code == 0, told.err
    assert "data/a.jsonl" in inside.run("textconv", str(inside.artifact() / "ledger.parquet")).out


@pytest.mark.skipif(sys.platform == "darwin", reason="names of files are text there")
def test_names_that_are_no_text_are_refused(project: Project) -> None:
    """A file, an argument and a folder whose name is not UTF-8 are told as such, with what to do."""
    project.write({"recipes/small.yaml": HEAD.replace("a.jsonl", '"*.jsonl"')})
    (Path(os.fsdecode(os.fsencode(project.folder) + b"/caf\xe9.jsonl"))).write_bytes(b"")
    ran = project.run("recipe=small")
    assert (ran.code, "the name of the file caf\\xe9.jsonl is not UTF-8" in ran.err) == (1, True), ran.err
    odd = os.fsdecode(b"caf\xe9")
    for words in (["recipe=small", f"description={odd}"], ["why", "recipe=small", odd], ["-C", odd, "recipe=small"]):
        ran = project.run(*words)
        assert (ran.code, "is not UTF-8" in ran.err) == (2, True), ran.err


def test_a_fact_that_says_nothing_of_any_record(project: Project) -> None:
    """A plugin's fact that gives None for every record is unmeasured, alone and in shards beside others."""
    plugin = "import polars as pl\nfrom datasetbuild import fact\n\n\n@fact(version=1)\ndef silent() -> object:\n    '''Nothing.'''\n    return lambda frame: pl.Series([None] * len(frame))\n"
    project.write({"a.jsonl": numbered(6), "my_facts.py": plugin, "recipes/small.yaml": HEAD + "plugins: [my_facts.py]\ndedup: {keep: [silent]}\n"})
    assert project.run("recipe=small", "engine.shard_rows=2").code == 0
    assert project.ledger()["silent"].to_list() == [None] * 6
    refused = project.run("recipe=small", "filters.silent.min=1")
    assert (refused.code, "unmeasured by rule 'silent'" in refused.err) == (1, True), refused.err


@pytest.mark.parametrize("name", ["2024", "1e3", "true", "null", "nan"])
def test_a_recipe_may_be_called_anything(project: Project, name: str) -> None:
    """`recipe=2024` is the file recipes/2024.yaml, whatever else the word may be in YAML."""
    project.write({"a.jsonl": numbered(3), f"recipes/{name}.yaml": HEAD})
    assert project.run(f"recipe={name}").code == 0
    assert project.manifest()["recipe"] == name
    assert project.run("-m", f"recipe={name}", "seed=1,2").code == 0


def test_lines_for_git_as_json(project: Project) -> None:
    """`textconv --json` prints one document, as every verb does: the lines that it prints without."""
    project.write({"a.jsonl": numbered(3), "recipes/small.yaml": HEAD})
    assert project.run("recipe=small").code == 0
    for name in ("manifest.json", "ledger.parquet"):
        file = str(project.artifact() / name)
        assert project.run("textconv", "--json", file).json == project.run("textconv", file).out.splitlines()


def test_a_recipe_in_a_folder_is_inherited_from(project: Project) -> None:
    """A name in `defaults` is a file below `recipes/`, wherever the recipe that says it lies, and whoever inherits from that."""
    project.write(
        {
            "a.jsonl": numbered(6),
            "recipes/_base.yaml": HEAD.replace("name: small\n", "") + "seed: 5\nfilters: {turns: {max: 3}}\n",
            "recipes/team/mid.yaml": "defaults: [_base, _self_]\nname: mid\nfilters: {words: {min: 1}}\n",
            "recipes/team/deep/low.yaml": "defaults: [team/mid, {override /dedup: exact}, _self_]\nname: low\n",
            "recipes/small.yaml": "defaults: [team/deep/low, _self_]\nname: small\nseed: 6\n",
        }
    )
    for recipe, name in (("team/mid", "mid"), ("team/deep/low", "low"), ("small", "small")):
        ran = project.run(f"recipe={recipe}")
        assert ran.code == 0, ran.err
        bounds = project.manifest(name)["bounds"]
        assert set(bounds) == {"turns", "words"}
    shown = project.run("show", "recipe=small", "--origin").out
    assert "recipes/team/mid.yaml:3" in shown and "recipes/_base.yaml" in shown
    lacking = project.write({"recipes/team/mid.yaml": "defaults: [bas, _self_]\nname: mid\n"}).run("recipe=small")
    assert (lacking.code, "recipes/team/mid.yaml:1" in lacking.err, "did you mean" in lacking.err) == (3, True, True), lacking.err
