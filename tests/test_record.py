"""The digest of records: equal for equal records, and for no others."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.record import MESSAGE_FIELDS, messages_dtype, records_digest

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=4) | st.sampled_from(["", "\x00", "a\x00b", "-1"])
TURN = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXT}).flatmap(
    lambda turn: st.dictionaries(st.sampled_from(MESSAGE_FIELDS[3:]), TEXT, max_size=1).map(lambda more: turn | more)
)
RECORDS = st.lists(st.tuples(st.lists(TURN, max_size=3), st.none() | TEXT), max_size=4)


def digest_of(records: list[tuple[list[dict[str, Any]], str | None]], pieces: int = 1) -> str:
    """pieces: chunks that the columns are put together from."""
    turns = [[{name: turn.get(name) for name in MESSAGE_FIELDS} for turn in messages] for messages, _ in records]
    messages = pl.Series("messages", turns, dtype=messages_dtype())
    tools = pl.Series("tools", [tools for _, tools in records], dtype=pl.String)
    cut = len(records) // pieces
    return records_digest(pl.concat([messages[:cut], messages[cut:]], rechunk=False), pl.concat([tools[:cut], tools[cut:]], rechunk=False))


@given(RECORDS, RECORDS)
def test_records_have_one_digest_exactly_when_they_are_the_same(
    one: list[tuple[list[dict[str, Any]], str | None]], other: list[tuple[list[dict[str, Any]], str | None]]
) -> None:
    assert (digest_of(one) == digest_of(other)) == (one == other)
    assert digest_of(one) == digest_of(one, pieces=2)


def test_a_text_that_moves_over_a_border_is_another_record() -> None:
    """Where a value, a turn or a record ends is in the digest, and an empty text is not the same as none."""

    def said(*texts: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": text} for text in texts]

    variants = [
        [(said("ab", "c"), None)],
        [(said("a", "bc"), None)],
        [(said("abc"), None)],
        [(said("ab"), None), (said("c"), None)],
        [(said("ab", "c"), "")],
        [([{**said("ab")[0], "name": ""}, *said("c")], None)],
        [([{**said("ab")[0], "tool_calls": ""}, *said("c")], None)],
        [([{**said("ab")[0], "weight": 1.0}, *said("c")], None)],
        [([{**said("ab")[0], "weight": 0.5}, *said("c")], None)],
    ]
    assert len({digest_of(one) for one in variants}) == len(variants)
