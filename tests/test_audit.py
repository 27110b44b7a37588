"""What an auditor found who read the promises line by line, from outside: each was once not so."""

from __future__ import annotations

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
