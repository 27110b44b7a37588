"""Laws of YAML files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from datasetbuild.errors import SourceError


def test_words_stay_words(rows: Callable[..., Any]) -> None:
    """Scalars have the types of YAML 1.2: yes, no, dates, clock times and leading zeros are text or plain numbers."""
    text = (
        "- {a: no, b: Yes, c: 12:30, d: 2026-01-02, e: 010, f: true, g: ~, h: 1.5, i: 7, j: , k: 9223372036854775809}\n"
    )
    wanted = {
        "a": "no",
        "b": "Yes",
        "c": "12:30",
        "d": "2026-01-02",
        "e": "010",
        "f": True,
        "g": None,
        "h": 1.5,
        "i": 7,
        "j": None,
        "k": "9223372036854775809",
    }
    assert rows("x.yaml", text)[0].value == wanted


def test_rows_know_their_lines_and_may_be_lists(rows: Callable[..., Any]) -> None:
    """Items of any shape are rows, each with its line; anchors are resolved."""
    found = rows("x.yml", "# c\nkind: &k [x]\nrows:\n- - Hi\n  - Hello\n\n- q: *k\n", records="rows")
    assert [(row.line, row.value) for row in found] == [(4, ["Hi", "Hello"]), (7, {"q": ["x"]})]


def test_documents_are_rows(rows: Callable[..., Any]) -> None:
    """Several documents in a file are a row each."""
    assert [row.value for row in rows("x.yaml", "q: 1\n---\nq: 2\n")] == [{"q": 1}, {"q": 2}]


@pytest.mark.parametrize(
    ("text", "records", "said", "hint"),
    [
        ("rows: [1]\nother: x\n", None, "not a list of rows", "`records: rows`"),
        ("rows: [1]\n", "row", "has no 'row'", "there is: rows"),
        ("- a: [1\n- b\n", None, r"x\.yaml:3: not valid YAML", ""),
        ("- !!python/object:os.system x\n", None, r"x\.yaml:1: not valid YAML", ""),
    ],
)
def test_what_is_no_list_is_an_error(
    rows: Callable[..., Any], text: str, records: str | None, said: str, hint: str
) -> None:
    """The error names the line, or where the rows might be; no tag makes objects."""
    with pytest.raises(SourceError, match=said) as caught:
        rows("x.yaml", text, records=records)
    assert hint in str(caught.value.hint)
