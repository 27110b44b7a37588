"""A dataset whose every field tries to be markup, built once, and a browser to read its report with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

EVIL = "<script>window.hacked = 1</script>"
BREAKOUT = "</script><script>window.hacked = 2</script><img src=x onerror='window.hacked = 3'>"
BIDI = "left \u202eright\u202c \x07 bell"

RECIPE = """\
name: hostile
description: "<script>window.hacked = 4</script> & sons"
sources:
  rows: {path: "r<b>ows.jsonl", format: messages, license: MIT, group: customer, category: topic, on_bad_row: {max: 3}}
  more: {path: more.jsonl, format: messages, license: CC0-1.0, category: topic}
filters:
  response_chars: {min: 12}
  words: {max: 400}
  evil: {fact: phrases, patterns: ["<b>never</b>"], max: 0}
  prompt_restated: {deny: [true]}
dedup: {exact: {on: conversation}, near: {threshold: 0.7, ngram: 3}}
contradictions: {}
split: {train: 0.8, validation: 0.2}
mix: {weights: {rows: 0.7, more: 0.3}}
template: {tokenizer: tokenizer, chat_template: chatml, max_tokens: 900, prompt_weight: 0.1}
export: [messages]
checks:
  licenses: {allow: [MIT], severity: warn}
  top_share: {max: 0.1, severity: warn}
  rows_enough: {check: row_count, min: 10}
"""


def _row(question: str, answer: str, topic: str, customer: str = EVIL) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns, "topic": topic, "customer": customer + question}


def rows(count: int = 60) -> list[Any]:
    """Conversations with hostile text in every field."""
    topics = ("lamps", EVIL, "shipping & <b>returns</b>")
    found = [
        _row(f"Question {n} {EVIL if n % 3 == 0 else ''} about lamp {n * 7}?", f"Answer {n}: turn it {n} times. {BREAKOUT if n % 4 == 0 else ''} {'word ' * (n % 30)}", topics[n % 3], customer=f"c{n}")
        for n in range(count)
    ]
    found += [
        _row("May the lamp hang outside in the rain of the garden?", said + EVIL, "lamps")
        for said in ("Yes, its housing is sealed and it was made for gardens in any weather.", "No, water ruins the driver and voids what we promise you for five years.")
    ]
    found += [_row("Is it short?", "Yes.", "lamps"), _row(BIDI, f"{BIDI} {EVIL} it is said", EVIL)]
    found += [_row("How do I reset the bedside lamp at home today?", f"Hold the button for ten seconds until it blinks {n} times, then let it go." + EVIL, "lamps") for n in ("two", "three", "four")]
    return found


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact's folder."""
    import datasetbuild.builtin  # noqa: F401
    from datasetbuild.cli import main

    folder = tmp_path_factory.mktemp("hostile")
    (folder / "recipes").mkdir()
    (folder / "recipes" / "hostile.yaml").write_text(RECIPE)
    lines = [json.dumps(row) for row in rows()]
    lines.insert(5, '{"messages": "' + EVIL + '"')
    (folder / "r<b>ows.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "more.jsonl").write_text("".join(json.dumps(_row(f"And the other lamp {n}?", f"It is number {n}, on the shelf.", "more")) + "\n" for n in range(25)))
    shutil.copytree(ROOT / "examples" / "tokenizer", folder / "tokenizer")
    assert main(["recipe=hostile", "-q", "-C", str(folder)]) == 0
    return folder / "build" / "hostile"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a network of its own; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install 'datasetbuild[browser]')")
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    with playwright.sync_playwright() as started:
        try:
            opened = started.chromium.launch(
                executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            )
        except playwright.Error as error:
            pytest.skip(f"no browser can be started: {str(error).splitlines()[0]}")
        yield opened
        opened.close()
