"""Whose turns: words that were hashed once for all are the words that each operator would have hashed for itself."""

from __future__ import annotations

from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.record import ROLES, Where, record_schema
from datasetbuild.stages.annotate import measure
from datasetbuild.stages.dedup.exact import exact_keys
from datasetbuild.stages.dedup.near import sketch
from datasetbuild.stages.where import COMPARED, On, annotate_frame, said, text_of, with_words, words_of, words_on
from datasetbuild.stages.words import word_hashes

CALL = '[{"id":"call_1","type":"function","function":{"name":"seat","arguments":"{\\"row\\":\\"12A\\"}"}}]'

TURN = st.fixed_dictionaries(
    {
        "role": st.sampled_from(ROLES),
        "content": st.text(alphabet="ab Σσ.-\n你好กา́\u200d🙂1_", max_size=12),
        "tool_calls": st.sampled_from([None, None, "[]", CALL]),
    }
)


def frame_of(conversations: list[list[dict[str, Any]]]) -> pl.DataFrame:
    records = pl.DataFrame({"messages": conversations}, schema={"messages": record_schema()["messages"]})
    return annotate_frame(records.with_row_index("row").with_columns(line=pl.lit(0)))


@settings(max_examples=200)
@given(st.lists(st.lists(TURN, max_size=5), max_size=5))
def test_words_are_those_of_the_turns(conversations: list[list[dict[str, Any]]]) -> None:
    """Of any turns, the words in the frame's column are the ones that hashing these turns gives."""
    plain = frame_of(conversations)
    worded = with_words(plain)
    for where in get_args(Where):
        for first in (False, True):
            one, other = (words_of(frame, where, first=first) for frame in (plain, worded))
            assert one.hashes.tolist() == other.hashes.tolist()
            assert (one.counts.tolist(), one.turns.tolist()) == (other.counts.tolist(), other.turns.tolist())
    for on in get_args(On):
        hashes, counts = words_on(worded, on)
        known, many = word_hashes(text_of(plain, on))
        assert (hashes.tolist(), counts.tolist()) == (known.tolist(), many.tolist())


@settings(max_examples=60)
@given(st.lists(st.lists(TURN, max_size=4), max_size=4), st.booleans())
def test_what_is_compared_needs_no_other_columns(conversations: list[list[dict[str, Any]]], calls: bool) -> None:
    """The text that records are compared by is the same of a frame that has only the columns for it."""
    plain = frame_of(conversations)
    for on in get_args(On):
        narrow = annotate_frame(plain.select("messages"), COMPARED[on])
        assert text_of(narrow, on, calls=calls).equals(text_of(plain, on, calls=calls))


@settings(max_examples=50)
@given(st.lists(st.lists(TURN, min_size=1, max_size=5), min_size=1, max_size=5))
@pytest.mark.parametrize(
    ("fact", "params"),
    [
        ("repeated_ngrams", {"min_words": 1, "n": 2}),
        ("top_ngram", {"min_words": 1, "n": 1}),
        ("prompt_repeated", {"min_words": 1, "n": 1}),
    ],
)
def test_facts_say_the_same_of_shared_words(fact: str, params: dict[str, Any], conversations: list[list[dict[str, Any]]]) -> None:
    """A fact measures the same whether the words were hashed for it or for all."""
    plain = frame_of(conversations)
    (one, failed), (other, _) = (measure(frame, fact, params) for frame in (plain, with_words(plain)))
    assert not len(failed) and one.equals(other)


def turn(role: str, content: str, calls: str | None = None) -> dict[str, Any]:
    return {"role": role, "content": content, "tool_calls": calls}


def test_a_call_counts_as_an_answer_only_alone() -> None:
    """A turn that calls a tool and says nothing is left out where the assistant speaks, and stands for it where not."""
    asked, called, said = turn("user", "q"), turn("assistant", "", "[]"), turn("assistant", "a b")
    frame = frame_of([[asked, called, said], [asked, called], [asked, said]])
    assert frame["assistant"].to_list() == [["a b"], [""], ["a b"]]
    assert words_of(with_words(frame), "assistant").of_records.tolist() == [2, 0, 2]
    assert words_of(with_words(frame), "assistant").turns.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("calls", "same"),
    [
        (CALL, True),
        (CALL.replace("call_1", "call_2"), True),
        (CALL.replace("seat", "hotel"), False),
        (CALL.replace("12A", "14C"), False),
        (None, False),
    ],
)
def test_what_is_called_is_compared(calls: str | None, same: bool) -> None:
    """Two conversations of the same words are the same to exact and near dedup only when they call the same, ids aside."""
    frame = frame_of([[turn("user", "go on"), turn("assistant", "", one), turn("assistant", "done")] for one in (CALL, calls)])
    keys = exact_keys(frame, "conversation")
    assert (keys[0] == keys[1]) is same
    for on in ("conversation", "assistant"):
        for one in (frame, with_words(frame)):
            words = sketch(one, on=on, ngram=3)["words"]
            assert (words[0] == words[1]) is same, on
    assert exact_keys(frame, "first_user").n_unique() == 1


def test_calls_are_their_names_and_arguments() -> None:
    """Of several calls all, of a turn that also speaks both; a turn that calls nothing is what it says."""
    two = '[{"type":"function","function":{"name":"f","arguments":"{}"}},{"id":"x","type":"function","function":{"name":"g","arguments":"[1]"}}]'
    frame = frame_of([[turn("user", "so"), turn("assistant", "now", two)], [turn("assistant", "", CALL)]])
    assert said(frame).to_list() == [["so", "now\nf\n{}\ng\n[1]"], ['\nseat\n{"row":"12A"}']]
