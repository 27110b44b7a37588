"""Laws of exact dedup: which texts are the same, letter case and runs of white space aside."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.stages.dedup.exact import NO_BLANK, RUNS, _normalized, exact_keys

BLANK = st.sampled_from([*" \t\n\v\f\r\x1c\x85\xa0\u1680\u2003\u2028\u3000\u200b\ufeff", "  ", "\r\n"])
WORD = st.sampled_from(["a", "É", "e\u0301", "中文", "😀", "."]) | st.text(st.characters(codec="utf-8"), max_size=4)
TEXT = st.lists(BLANK | WORD, max_size=12).map("".join)


@given(st.lists(st.none() | TEXT))
def test_runs_of_white_space_are_found_as_the_plain_regex_finds_them(texts: list[str | None]) -> None:
    """To pass over single blanks changes nothing but the time."""
    column = pl.Series(texts, dtype=pl.String)
    assert column.str.replace_all(RUNS, " ").equals(column.str.replace_all(r"\s+", " "), null_equal=True)


@given(st.lists(st.lists(TEXT, min_size=1, max_size=3).map(NO_BLANK.join)))
def test_blanks_around_a_turn_are_looked_for_only_where_turns_are_joined(texts: list[str]) -> None:
    """The same text as if every one were looked through."""
    column = pl.Series(texts, dtype=pl.String)
    plain = column.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    plain = plain.str.replace_all(f" {NO_BLANK}", NO_BLANK, literal=True).str.replace_all(f"{NO_BLANK} ", NO_BLANK, literal=True)
    assert _normalized(column).equals(plain)


def test_case_and_white_space_do_not_count_and_all_else_does() -> None:
    """Equal keys, 128 bits each, for the texts of a line here and of no two lines."""
    same = [["Is it?", " is  IT? ", "is\n\tit?\u3000", "IS\xa0it?"], ["is it", "is it\x85"], ["isit?"], ["", " \n"], ["中文", "中文 "]]
    texts = [text for line in same for text in line]
    keys = exact_keys(pl.DataFrame({"user": [[text] for text in texts]}), "first_user").to_list()
    lines = [number for number, line in enumerate(same) for _ in line]
    assert {len(key) for key in keys} == {16}
    assert [keys.index(key) for key in keys] == [lines.index(line) for line in lines]
