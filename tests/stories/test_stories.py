"""Stories: what a person types, one command after the other in one project, and everything that the screen then shows.

The screens lie in NAME.txt, with the commands above them. When a screen is meant to change, `UPDATE_STORIES=1 pytest
tests/stories` writes them again; read the difference. Package versions and digests over them are replaced by words.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasetbuild.cli import VERBS
from tests.conftest import ROOT, Project
from tests.laws.conversations import turn

SHELF = Path(__file__).parent

RECIPE = """\
name: small
description: Six questions about lamps.
sources:
  rows: {path: rows.jsonl, format: messages, license: CC0-1.0, on_bad_row: {max: 1}}
  faq: {path: faq.md, format: faq_markdown, license: CC0-1.0, priority: 1}
clean: {whitespace: normalize}
filters:
  response_chars: {min: 20, max: 400}
  refusals: {fact: phrases, where: assistant, patterns: [as an AI], max: 0}
dedup: {exact: {on: conversation}, near: {threshold: 0.5, ngram: 3}, keep: [priority, response_chars]}
split: {train: 0.75, validation: 0.25, stratify: []}
mix: {weights: {rows: 0.8, faq: 0.2}, max_repeat: 2}
template: {tokenizer: tokenizer, chat_template: chatml, max_tokens: 128}
"""

ROWS = [
    ("How do I reset the lamp?", "Hold the button for ten seconds until it blinks twice, then let go."),
    ("Where is my  invoice?", "It is under Account, Invoices, and it was mailed to you as well.   "),
    ("Can I return a bulb?", "Yes, within thirty days, in the box that it came in."),
    ("Why does the hub blink red?", "It has lost the network: restart the router, then the hub."),
    ("Do you ship to Norway?", "We do, and it takes about five working days."),
    ("Do you ship to Norway?", "We do, and it takes about five working days."),
    ("How do I reset this lamp?", "Hold the button for ten seconds until it blinks twice, then let go of it."),
    ("Are you a person?", "No, and as an AI I cannot hold a lamp."),
    ("Thanks!", "Welcome."),
    ("Does it dim?", "It does: turn the ring to the left, and it dims in ten steps."),
]

FAQ = """\
# Lamps

## How long does a bulb last?

About fifteen thousand hours, which is some ten years of evenings.

## May it hang outside?

Under a roof, yes. It must not get wet.
"""


@pytest.fixture
def lamps(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A small project with a row for every fate, entered as with `cd`."""
    rows: list[Any] = [{"messages": [turn("user", question), turn("assistant", answer)]} for question, answer in ROWS]
    broken = '{"messages": [{"role": "user", "content": "Is it"}\n'
    project.write(
        {
            "rows.jsonl": "".join(json.dumps(row) + "\n" for row in rows) + broken,
            "faq.md": FAQ,
            "recipes/small.yaml": RECIPE,
        }
    )
    (project.folder / "tokenizer").symlink_to(ROOT / "examples" / "tokenizer")
    monkeypatch.chdir(project.folder)
    return project


def steady(text: str, project: Project) -> str:
    """The screen without what differs between machines and versions: folders, packages, and digests over packages."""
    text = text.replace(project.folder.as_posix(), "PROJECT")
    text = re.sub(
        r'("(?:key|digest|sha256|records|recipe_digest|code|tokenizer_digest|template_digest)": )"[0-9a-f]{64}"',
        r'\1"DIGEST"',
        text,
    )
    text = re.sub(r'("packages": \{)[^}]*\}', r"\1...}", text)
    text = re.sub(r'("(?:bytes|file_bytes)": )\d+', r"\1BYTES", text)
    return re.sub(r"(small-)[0-9a-f]{10}\b", r"\1KEY", text)


@pytest.fixture
def tell(lamps: Project) -> Callable[..., None]:
    """Run commands one after the other, and compare the whole of what they print with the story's file."""

    def run(name: str, *commands: str) -> None:
        screens = []
        for command in commands:
            ran = lamps.run(*shlex.split(command))
            screen = f"$ dsbuild {command}\n{ran.out}"
            if ran.err or ran.code:
                screen += f"--- stderr, exit {ran.code}\n{ran.err}"
            screens.append("\n".join(line.rstrip() for line in steady(screen, lamps).splitlines()) + "\n")
        told = "\n".join(screens)
        book = SHELF / f"{name}.txt"
        if os.environ.get("UPDATE_STORIES"):
            book.write_text(told, encoding="utf-8")
        assert book.read_text(encoding="utf-8") == told

    return run


def test_building(tell: Callable[..., None], lamps: Project) -> None:
    """Build, build again, build with an override, write again: where the rows went, and where it lies."""
    tell(
        "building",
        "recipe=small",
        "recipe=small",
        "recipe=small filters.response_chars.min=60",
        "recipe=small filters.response_chars.min=60",
        "recipe=small -j 1",
        "build recipe=small --force -q",
    )
    assert sorted(path.name for path in (lamps.folder / "build").iterdir()) == ["small"]
    assert len(list((lamps.folder / ".dsbuild" / "variants").iterdir())) == 1


def test_building_as_json(tell: Callable[..., None], lamps: Project) -> None:
    """`--json` prints one document, the same but for its status when nothing is to do, and nothing else on stdout."""
    tell("building_as_json", "recipe=small --json")
    first, again = lamps.run("recipe=small", "--json"), lamps.run("recipe=small", "--json")
    assert first.json == again.json
    assert first.json["manifest"] == lamps.manifest()


def test_showing(tell: Callable[..., None]) -> None:
    """`show` prints the composed recipe, which composes to itself, and `--origin` who set each value."""
    tell(
        "showing",
        "show recipe=small",
        "show recipe=small split.validation=0.1 split.train=0.9 --origin",
        "show recipe=small seed=x --origin",
    )


def test_showing_composes_to_itself(lamps: Project) -> None:
    """What `show` prints is a recipe that says the same."""
    shown = lamps.run("show", "recipe=small").out
    lamps.write({"recipes/again.yaml": shown})
    assert lamps.run("show", "recipe=again").out == shown


def test_asking_why(tell: Callable[..., None]) -> None:
    """`why` tells of a row that is kept, filtered, a duplicate, set aside, repaired; and lists when several match."""
    tell(
        "asking_why",
        "why recipe=small 'does it dim'",
        "why recipe=small 'Thanks!'",
        "why recipe=small 'as an AI'",
        "why recipe=small 'reset the lamp'",
        "why recipe=small 'reset this lamp'",
        "why recipe=small Norway",
        "why recipe=small '\"Is it\"'",
        "why recipe=small invoice",
        "why recipe=small 'fifteen thousand'",
        "why recipe=small filters.response_chars.min=60 'May it hang outside'",
        "why recipe=small sunflower",
        "why recipe=small",
        "why recipe=small lamp --json",
    )


def test_why_by_id(lamps: Project) -> None:
    """A row is found by its id, and by the begin of it."""
    listed = lamps.run("why", "recipe=small", "Norway").out.splitlines()[1].split()[0]
    assert lamps.run("why", "recipe=small", listed[:10]).out == lamps.run("why", "recipe=small", listed).out
    assert lamps.run("why", "recipe=small", listed, "--json").json["row"]["id"] == listed


def test_looking_up_operators(tell: Callable[..., None]) -> None:
    """`ops` lists what a recipe can name, and `ops NAME` prints a manual."""
    tell(
        "looking_up_operators",
        "ops",
        "ops unique_word_ratio",
        "ops split",
        "ops dedup.near",
        "ops split --json",
        "ops splitt",
    )


def test_help(tell: Callable[..., None], lamps: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--help` of the program and of every verb, which needs no project and ends with 0."""
    monkeypatch.setattr(lamps, "run", lambda *words: lamps.spawn(*words, COLUMNS="100"))
    tell("help", "--help", *(f"{verb} --help" for verb in VERBS))
