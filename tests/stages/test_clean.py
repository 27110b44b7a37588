"""Clean: repairs what is broken, leaves what is not, drops nothing, and is done after one pass."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.record import fold_turns, flatten_turns, messages_dtype, record_schema
from datasetbuild.stages.clean import clean, fix_unicode, normalize_whitespace


def one(function, text: str) -> str:  # type: ignore[no-untyped-def]
    return str(function(pl.Series([text]))[0])


def records(*conversations: list[str]) -> pl.DataFrame:
    """Records whose turns are a user's and an assistant's in turn."""
    roles = ("user", "assistant")
    messages = [[{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)] for texts in conversations]
    frame = pl.DataFrame({"messages": pl.Series(messages, dtype=messages_dtype())}).with_row_index("row")
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in record_schema().items() if name not in frame.columns]
    return frame.with_columns(missing).with_columns(line=pl.col("row"), cleaned=pl.lit([], dtype=pl.List(pl.String))).select(
        record_schema().keys()
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("don\u00e2\u20ac\u2122t", "don’t"),
        ("caf\u00c3\u00a9", "café"),
        ("e\u0301", "é"),
        ("a\x00b\x07c\x7f", "abc"),
        ("\ufefftext", "text"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("“quotes” &amp; &lt;b&gt; ﬁ １２", "“quotes” &amp; &lt;b&gt; ﬁ １２"),
        ("naïve 日本語 👩‍🚀", "naïve 日本語 👩‍🚀"),
    ],
)
def test_unicode_is_repaired_and_nothing_else(before: str, after: str) -> None:
    """Mojibake, decomposed letters and control characters go; quotes, entities, widths and emoji stay."""
    assert one(fix_unicode, before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a  \n\t\nb", "a\n\nb"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("  one line  ", "one line"),
        ("   Hello,\n\nWorld", "Hello,\n\nWorld"),
        ("    def f():\n        return 1\n", "    def f():\n        return 1"),
        ("\n\n    x = 1\n    y = 2", "    x = 1\n    y = 2"),
        ("a\u00a0b\u2003c\u202fd", "a b c d"),
        ("a   b\tc", "a   b\tc"),
        ("日本　語", "日本　語"),
        ("", ""),
        (" \n\t ", ""),
    ],
)
def test_white_space_is_tidied_and_code_stays(before: str, after: str) -> None:
    """Line ends, odd blanks and empty lines are made one kind; indentation and blanks inside a line stay."""
    assert one(normalize_whitespace, before) == after


@given(st.text(st.characters(codec="utf-8")))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """A cleaned text is left as it is by cleaning it again."""
    once = one(normalize_whitespace, one(fix_unicode, text))
    assert one(normalize_whitespace, one(fix_unicode, once)) == once


def test_what_was_repaired_is_noted() -> None:
    """`cleaned` names the repairs that changed something, record by record."""
    found, emptied = clean(records(["Hi", "Hello"], ["Hi ", "Hello"], ["caf\u00c3\u00a9", " ok "]))
    assert found["cleaned"].to_list() == [[], ["whitespace"], ["unicode", "whitespace"]]
    assert not len(emptied)


def test_an_emptied_turn_is_quarantined_with_its_row() -> None:
    """A turn of nothing but what cleaning removes costs its record, and no other; the row is kept as it was."""
    found, emptied = clean(records(["Hi", "\ufeff \x07"], ["Hi", "Hello"]))
    assert found["row"].to_list() == [1]
    assert emptied.select("row", "stage", "reason").rows() == [(0, "clean", "emptied")]
    assert "\\u0007" in emptied["raw"][0]


def test_keep_changes_nothing() -> None:
    """With both repairs off, the records come out as they went in."""
    given = records(["  Hi \r\n", "caf\u00c3\u00a9"])
    found, _ = clean(given, unicode="keep", whitespace="keep")
    assert found.equals(given)


@given(st.lists(st.lists(st.text(max_size=4), min_size=1, max_size=4), max_size=5))
def test_turns_fold_back(texts: list[list[str]]) -> None:
    """Flattened turns folded again are the messages that they were."""
    messages = records(*texts)["messages"]
    assert fold_turns(*flatten_turns(messages)).to_list() == messages.to_list()
