"""The digests of records: equal for equal records, and for no others."""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.record import MESSAGE_FIELDS, content_digests, messages_dtype, records_digest
from datasetbuild.stages.write import narrow_messages, plain_table

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=4) | st.sampled_from(["", "\x00", "a\x00b", "-1"])
TURN = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXT}).flatmap(
    lambda turn: st.builds(
        lambda more, weight: turn | more | weight,
        st.dictionaries(st.sampled_from(MESSAGE_FIELDS[3:]), TEXT, max_size=1),
        st.sampled_from([{}, {}, {"weight": 0.0}, {"weight": 0.5}]),
    )
)
RECORDS = st.lists(st.tuples(st.lists(TURN, max_size=3), st.none() | TEXT), max_size=4)


def columns(records: list[tuple[list[dict[str, Any]], str | None]]) -> tuple[pl.Series, pl.Series]:
    turns = [[{name: turn.get(name) for name in MESSAGE_FIELDS} for turn in messages] for messages, _ in records]
    return pl.Series("messages", turns, dtype=messages_dtype()), pl.Series("tools", [tools for _, tools in records], dtype=pl.String)


def table_of(records: list[tuple[list[dict[str, Any]], str | None]]) -> pa.Table:
    return plain_table(pl.DataFrame(columns(records)))


def digest_of(records: list[tuple[list[dict[str, Any]], str | None]]) -> str:
    return records_digest(table_of(records))


def by_definition(records: list[tuple[list[dict[str, Any]], str | None]]) -> str:
    """The digest, value by value."""
    turns = [turn for messages, _ in records for turn in messages]
    columns = {name: [turn.get(name) for turn in turns] for name in MESSAGE_FIELDS} | {"tools": [tools for _, tools in records]}
    said = f"{len(records)}\0".encode() + b"".join(len(messages).to_bytes(8, "little") for messages, _ in records)
    for name, values in columns.items():
        if any(value is not None for value in values):
            texts = [None if value is None else str(value).encode() for value in values]
            said += f"{name}\0".encode() + b"".join((-1 if one is None else len(one)).to_bytes(8, "little", signed=True) for one in texts)
            said += b"".join(one for one in texts if one)
    return hashlib.sha256(said).hexdigest()


@given(RECORDS, RECORDS, st.integers(0, 4))
def test_records_have_one_digest_exactly_when_they_are_the_same(
    one: list[tuple[list[dict[str, Any]], str | None]], other: list[tuple[list[dict[str, Any]], str | None]], cut: int
) -> None:
    """However the table came about: from pieces, as a slice of a longer one, or without the columns that nobody fills."""
    assert (digest_of(one) == digest_of(other)) == (one == other)
    assert digest_of(one) == by_definition(one)
    table = table_of(one)
    assert records_digest(pa.concat_tables([table[:cut], table[cut:]])) == digest_of(one)
    assert records_digest(table_of([*other, *one, *other])[len(other) : len(other) + len(one)]) == digest_of(one)
    used = {name for messages, _ in one for turn in messages for name in turn}
    frame = pl.DataFrame(pl.from_arrow(table)).select(["messages", "tools"] if any(tools is not None for _, tools in one) else ["messages"])
    narrow = frame.with_columns(narrow_messages(frame["messages"], frozenset(f"messages.{name}" for name in used)))
    assert records_digest(plain_table(narrow)) == digest_of(one)


def test_a_text_that_moves_over_a_border_is_another_record() -> None:
    """Where a value, a turn or a record ends is in the digest, and an empty text is not the same as none."""

    def said(*texts: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": text} for text in texts]

    variants: list[list[tuple[list[dict[str, Any]], str | None]]] = [
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


PARTED = str.maketrans("", "", "\x1d\x1e\x1f")
"""What `clean` takes out of texts, and what a digest of content parts them by."""


@given(RECORDS)
def test_what_a_record_says_has_one_digest_whoever_stands_beside_it(records: list[tuple[list[dict[str, Any]], str | None]]) -> None:
    """Equal turns and tools have equal digests, others do not; no tools are the same as none. So a row that is read, cleaned or cut in
    another shard has the digest that it had."""
    said = [
        ([{name: value.translate(PARTED) if isinstance(value, str) else value for name, value in turn.items()} for turn in turns], tools and tools.translate(PARTED))
        for turns, tools in records
    ]
    found = content_digests(*columns(said)).to_list()
    assert found == [content_digests(*columns([one]))[0] for one in said]
    same = [(turns, tools or None) for turns, tools in said]
    assert [found.index(one) for one in found] == [same.index(one) for one in same]
