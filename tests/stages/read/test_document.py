"""Laws of JSON documents and of the choice of a reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from datasetbuild.errors import SourceError
from datasetbuild.stages.read import document


def test_rows_know_their_lines(rows: Callable[..., Any]) -> None:
    """Each item of an array has the line where it begins, however the array is laid out."""
    found = rows("x.json", '[\n  {"n": 1},\n\n  {\n    "n": 2\n  }, {"n": 3}\n]\n')
    assert [(row.line, row.value["n"]) for row in found] == [(2, 1), (4, 2), (6, 3)]


def test_rows_may_lie_deep(rows: Callable[..., Any]) -> None:
    """`records` is a dotted path to the array, past everything before it."""
    text = '{"version": {"data": [0]}, "data":\n {"skip": [[]], "items": [{"n": 1},\n{"n": 2}]}, "more": 1}'
    assert [(row.line, row.value["n"]) for row in rows("x.json", text, records="data.items")] == [(2, 1), (3, 2)]
    with pytest.raises(SourceError, match=r"no 'rows' for `records: data\.rows`") as caught:
        rows("x.json", text, records="data.rows")
    assert "skip, items" in str(caught.value.hint)


def test_json_lines_named_json(rows: Callable[..., Any]) -> None:
    """A .json file with one object per line is read as JSON Lines."""
    assert [row.line for row in rows("x.json", '{"n": 1}\n{"n": 2}\n')] == [1, 2]


@pytest.mark.parametrize(
    ("name", "text", "said", "hint"),
    [
        ("x.json", '{\n"data": [{"n": 1}], "v": 1}', "one object, not rows", "`records: data`"),
        ("x.json", '[{"n": 1},\n{"n": 2},\n{"n" 3}]', r"x\.json:3: not valid JSON", "reader: jsonl"),
        ("x.json", '[{"n": 1}', r"expected ',' or '\]', found the end", "mend the file"),
        ("x.json", '[{"n": 1}]\n[{"n": 2}]', r"x\.json:2: not valid JSON: the array ends here", "reader: jsonl"),
        ("x.json", '"text"', "not an array of rows", "reader: jsonl"),
        ("x.jsonl", '[\n{"n": 1}\n]', "one JSON array", "reader: json"),
        ("x.data", "{}", "its name does not tell", "reader:"),
    ],
)
def test_what_is_no_list_of_rows_is_an_error(
    rows: Callable[..., Any], name: str, text: str, said: str, hint: str
) -> None:
    """Where rows cannot be told apart, none is read: the error names the place and the way on."""
    with pytest.raises(SourceError, match=said) as caught:
        rows(name, text)
    assert hint in str(caught.value.hint)


def test_strictness_is_a_matter_of_rows(rows: Callable[..., Any]) -> None:
    """NaN, an infinity, a lone surrogate and bytes that are no UTF-8 cost their own row only, in arrays as in lines."""
    bad = [b'{"n": NaN}', b'{"n": -Infinity}', b'{"n": 1e999}', b'{"n": "\\ud800"}']
    found = rows("x.json", b"[" + b",\n".join([*bad, b'{"n": "\xff"}', b'{"n": 1}']) + b"]")
    assert [row.reason for row in found] == ["bad_json"] * 4 + ["bad_encoding", None]
    assert [row.raw for row in found[:4]] == bad


def test_an_array_is_read_in_pieces(rows: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the pieces end changes nothing: numbers, strings and blanks across the ends are whole."""
    text = '[{"n": 123456, "t": "a b"},\n  {"n": [1, 2, 3]},\n 42, "x",\n\n  {"n": 7}]'
    whole = rows("x.json", text)
    for size in range(1, 9):
        monkeypatch.setattr(document, "PIECE", size)
        assert rows("x.json", text) == whole


def test_wide_integers_become_text(rows: Callable[..., Any]) -> None:
    """An integer beyond 64 bits is kept digit by digit."""
    found = rows(
        "x.json", '[{"n": 123456789012345678901234567890, "m": 18446744073709551615, "k": -9223372036854775809}]'
    )
    assert found[0].value == {
        "n": "123456789012345678901234567890",
        "m": 18446744073709551615,
        "k": "-9223372036854775809",
    }
