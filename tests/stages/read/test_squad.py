"""Laws of SQuAD files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from datasetbuild.errors import SourceError
from datasetbuild.stages.normalize.source import reader_options

Rows = Callable[..., list[Any]]
OPTIONS = {key: value for key, value in reader_options({"format": "squad"}).items() if value is not None}


def question(name: str, *answers: str) -> dict[str, Any]:
    return {"id": name, "question": f"{name}?", "answers": [{"text": text, "answer_start": 0} for text in answers]}


ARTICLES = [
    {
        "title": "Tea",
        "paragraphs": [{"qas": [question("q1", "a"), question("q2")], "context": "Tea."}, {"context": "x", "qas": []}],
    },
    {"paragraphs": [{"context": "Tea.", "qas": [question("q3", "b")]}], "title": "Ünï"},
]


@pytest.mark.parametrize("indent", [None, 2])
def test_every_question_is_a_row(rows: Rows, indent: int | None) -> None:
    """A question is a row at its own line, with its context and title, wherever these stand in the file; questions of
    one context share `paragraph`."""
    text = json.dumps({"version": "1.1", "data": ARTICLES, "more": [1]}, indent=indent)
    found = rows("squad.json", text, **OPTIONS)
    assert [row.value["id"] for row in found] == ["q1", "q2", "q3"]
    assert [row.value["context"] for row in found] == ["Tea."] * 3
    assert [row.value["title"] for row in found] == ["Tea", "Tea", "Ünï"]
    assert len({row.value["paragraph"] for row in found}) == 1
    lines = text.splitlines()
    if indent:
        assert all(f'"id": "{row.value["id"]}"' in lines[row.line] for row in found)  # below its opening brace


def test_faults(rows: Rows) -> None:
    """Articles without paragraphs, paragraphs without questions, and what is no question are faults of one row each."""
    data = [{"title": "t"}, {"paragraphs": [{"context": "c"}, {"context": "c", "qas": [7, question("q", "a")]}]}]
    found = rows("squad.json", json.dumps({"data": data}), **OPTIONS)
    assert [row.reason for row in found] == ["bad_row", "bad_row", "bad_row", None]


def test_a_file_of_another_shape(rows: Rows) -> None:
    """A file without `data` is refused, by place; tables of questions are read as tables."""
    with pytest.raises(SourceError, match=r"a.json has no key 'data', so it is no SQuAD file"):
        rows("a.json", '{"rows":\n []}', reader="squad", **OPTIONS)
    with pytest.raises(SourceError, match=r"b.json:1: not valid JSON: expected '\['"):
        rows("b.json", '{"data": 7}', reader="squad", **OPTIONS)
    assert rows("c.jsonl", '{"question": "q"}', **OPTIONS)[0].value == {"question": "q"}
    assert rows("d.json", '[{"question": "q"}]', **OPTIONS)[0].value == {"question": "q"}
