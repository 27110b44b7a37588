"""Facts that read on only where it can matter: they say what they would say of every text read to its end."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datasetbuild.builtin  # noqa: F401
from datasetbuild.stages.annotate import COUNTED, holds
from datasetbuild.stages.annotate.fences import ASKED
from datasetbuild.stages.annotate.kinds import categories
from tests.stages.annotate.conversations import frame_of, values_of

WORDS = ["write", "code", "answer", "in", "JSON", "how", "many", "7", "what", "is", "the", "total", "convert", "3", "solve", "equation", "classify", "this", "positive", "\n", ".", "?", ":", ",", "(", ")", "(a)", "(b)", "a)", "b)", "identify", "who", "from", "the", "text", "say", "in", "german", "\\frac", "$", "=", "translate", "make", "it", "more", "formal", "explain", "difference", "meaning", "```json", "́", "Σ", "ς", "İ", "中", "\x00", "\x85"]
TEXT = st.lists(st.sampled_from([*WORDS, "x" * 40, "y " * 160]), max_size=24).map(" ".join) | st.text(max_size=40)
COUNTING = [pattern for pattern in [ASKED, *(pattern for _, pattern in categories())] if COUNTED.search(pattern)]


@given(st.lists(st.none() | TEXT, max_size=8), st.sampled_from(COUNTING))
def test_what_holds_a_pattern_holds_its_wider_one(texts: list[str | None], pattern: str) -> None:
    """Trying the wider pattern first changes no answer, whatever the texts."""
    column = pl.Series("text", texts, dtype=pl.String)
    assert holds(column, pattern).to_list() == column.str.contains(pattern).to_list()


@pytest.mark.parametrize(
    ("text", "fits"),
    [("7" + " y" * 140 + " how many", True), ("7" + " y" * 200 + " how many", False), ("solve " + "y" * 59 + "7", True), ("solve " + "y" * 61 + "7", False)],
)
def test_a_count_still_counts(text: str, fits: bool) -> None:
    """Where the wider pattern fits and the true one does not, the true one decides."""
    pattern = dict(categories())["math"]
    assert holds(pl.Series([text]), pattern).to_list() == [fits]
    assert pl.Series([text]).str.contains(COUNTED.sub("*", pattern)).all()


@given(st.lists(st.tuples(TEXT, TEXT, st.sampled_from(["{a}", "{q}", "{q} {a}", "...{q}!{a}"])), min_size=1, max_size=6))
def test_a_restated_prompt_is_one_whose_letters_open_the_answer(pairs: list[Any]) -> None:
    """As if all letters and digits of every question and answer were compared."""
    turns = [(question, shape.format(a=answer, q=question.swapcase())) for question, answer, shape in pairs]
    found = values_of("prompt_restated", frame_of([[("user", q), ("assistant", a)] for q, a in turns]), min_chars=2)
    bare = pl.DataFrame(turns, schema={"q": pl.String, "a": pl.String}, orient="row").select(
        pl.all().str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    )
    expected = bare.select((pl.col("q").str.len_chars() >= 2) & pl.col("a").str.starts_with(pl.col("q"))).to_series().to_list()
    assert found == expected


@given(st.lists(st.lists(TEXT, min_size=1, max_size=3), min_size=1, max_size=6))
def test_words_are_what_stands_between_white_space(records: list[list[str]]) -> None:
    """As the regex engine counts them, whose white space is that of Unicode."""
    found = values_of("words", frame_of([[("user", text) for text in texts] for texts in records]))
    assert found == [sum(pl.Series(texts).str.count_matches(r"\S+")) for texts in records]


@pytest.mark.parametrize("fact", ["task_category", "verb_object", "difficulty", "words", "prompt_restated", "ends_mid_sentence", "invalid_json", "broken_fences"])
def test_records_that_are_passed_over_keep_their_place(fact: str) -> None:
    """Each record has the value that it has alone, those without a question or an answer among them."""
    long = "the mill that stood there made flour for many years and then it was sold to the"
    some = [
        [("user", "How do I reset the printer?"), ("assistant", "How do I reset the printer? " + long)],
        [("user", "Answer in JSON."), ("assistant", "{")],
        [("user", "Go on.")],
        [("assistant", long)],
        [("user", ""), ("assistant", "")],
        [("user", "Write a function."), ("assistant", "```json\n{}")],
        [("user", f"{'x' * 300} translate {'y ' * 300} what is the total 7"), ("assistant", long)],
    ]
    together = values_of(fact, frame_of(some))
    assert together == [values_of(fact, frame_of([one]))[0] for one in some]
    assert len(set(together)) > 1
    assert values_of(fact, frame_of(some)[:0]) == []
