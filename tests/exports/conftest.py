"""One build with every kind of record that consumers treat differently, exported for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.conftest import ROOT, Project

CALL = {"id": "call_abc", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def turn(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


ROWS: list[dict[str, Any]] = [
    *[{"messages": [turn("user", f"question {n}"), turn("assistant", f"answer {n}")]} for n in range(12)],
    {
        "messages": [
            turn("system", "Be brief."),
            turn("user", "Hi"),
            turn("assistant", "Hello!"),
            turn("user", "Bye"),
            turn("assistant", "See you"),
        ]
    },
    {
        "messages": [
            turn("user", "Grüße 🙂"),
            turn("assistant", "first", weight=0),
            turn("user", "再"),
            turn("assistant", "second", weight=1),
        ]
    },
]
TOOLED: list[dict[str, Any]] = [
    *ROWS,
    {
        "messages": [
            turn("user", "Weather in Rome?"),
            turn("assistant", "", tool_calls=[CALL]),
            turn("tool", "20 C", tool_call_id="call_abc"),
            turn("assistant", "20 degrees."),
        ],
        "tools": [TOOL],
    },
    {
        "messages": [
            turn("user", "And now?"),
            turn("assistant", "", tool_calls=[{"type": "function", "function": CALL["function"]}]),
            turn("tool", "21 C"),
            turn("assistant", "21."),
        ],
        "tools": [TOOL],
    },
]

PLAIN = """\
name: plain
sources: {{rows: {{path: rows.jsonl, format: messages}}}}
split: {{train: 0.8, validation: 0.2}}
template: {{tokenizer: {tokenizer}}}
export:
  - messages
  - {{profile: tokens, files: [parquet]}}
  - {{profile: torchtune, on_weight: full}}
  - {{profile: unsloth, on_weight: full}}
  - {{profile: together}}
  - {{profile: llama_factory, folder: llama_factory_tokens, rows: tokens}}
  - {{profile: axolotl, folder: axolotl_tokens, rows: tokens}}
"""
TOOLS = """\
name: tools
sources: {{rows: {{path: tools.jsonl, format: messages}}}}
template: {{tokenizer: {tokenizer}}}
export:
  - messages
  - openai
  - fireworks
  - mistral
  - axolotl
  - {{profile: llama_factory, on_weight: full}}
  - {{profile: oumi, on_weight: full, columns: [source, row]}}
  - {{profile: trl, on_weight: full}}
"""


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of an export, whichever of the two recipes has it."""
    from datasetbuild.cli import main

    project = Project(tmp_path_factory.mktemp("project"), lambda: None)
    recipes = {
        f"recipes/{name}.yaml": text.format(tokenizer=ROOT / "examples" / "tokenizer")
        for name, text in (("plain", PLAIN), ("tools", TOOLS))
    }
    project.write({"rows.jsonl": ROWS, "tools.jsonl": TOOLED, **recipes})
    for name in ("plain", "tools"):
        assert main([f"recipe={name}", "-q", "-C", str(project.folder)]) == 0

    def folder(profile: str, recipe: str | None = None) -> Path:
        found = [project.artifact(name) / "export" / profile for name in ([recipe] if recipe else ["tools", "plain"])]
        return next(path for path in found if path.is_dir())

    return folder


def rows_of(folder: Path, split: str = "train") -> list[dict[str, Any]]:
    return [
        orjson.loads(line) for path in sorted(folder.glob(f"{split}*.jsonl")) for line in path.read_bytes().splitlines()
    ]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")
