"""What an export writes, our own reader of that format reads as the same record, wherever the profile can carry it."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

import datasetbuild.builtin  # noqa: F401
from datasetbuild.op import find
from datasetbuild.record import MESSAGE_FIELDS, messages_dtype
from datasetbuild.stages.normalize.conversation import settled
from datasetbuild.stages.write.carry import Lines
from datasetbuild.stages.write.lines import encode
from datasetbuild.stages.write.lower import lower

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=16).filter(
    lambda text: not text.isspace()
)
WEIGHT = st.none() | st.floats(0, 1, width=32)
SYSTEM = st.none() | TEXT
ARGUMENTS = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), st.integers(0, 99) | st.text("xyz", max_size=4), max_size=2
)


def one(role: str, content: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **{name: value for name, value in more.items() if value is not None}}


@st.composite
def pairs(draw: st.DrawFn, most: int = 3) -> list[dict[str, Any]]:
    """Questions and answers, with or without a system turn."""
    system = draw(SYSTEM)
    turns = [one("system", system)] if system is not None else []
    for _ in range(draw(st.integers(1, most))):
        turns += [one("user", draw(TEXT)), one("assistant", draw(TEXT))]
    return turns


@st.composite
def calls(draw: st.DrawFn, ids: bool) -> list[dict[str, Any]]:
    """A conversation with a tool call, its result and an answer."""
    call = {"type": "function", "function": {"name": "f", "arguments": orjson.dumps(draw(ARGUMENTS)).decode()}}
    made = {"id": "c1", **call} if ids else call
    asked = one("assistant", "", tool_calls=orjson.dumps([made]).decode())
    return [
        one("user", draw(TEXT)),
        asked,
        one("tool", draw(TEXT), tool_call_id="c1" if ids else None),
        one("assistant", draw(TEXT)),
    ]


@st.composite
def rich(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Turns with all that a record can hold."""
    turns = draw(pairs())
    for turn in turns:
        turn |= {k: v for k, v in {"weight": draw(WEIGHT), "name": draw(st.none() | TEXT)}.items() if v is not None}
        if turn["role"] == "assistant" and draw(st.booleans()):
            turn["reasoning_content"] = draw(TEXT)
    return [*turns, *draw(calls(ids=True))] if draw(st.booleans()) else turns


def again(
    profile: str, messages: list[dict[str, Any]], tools: str | None = None, **params: Any
) -> tuple[list[dict[str, Any]], str | None]:
    """The record, exported and read again."""
    op, reader = find("profile", profile), find("format", profile)
    export = op.function(**op.fill(params))
    assert isinstance(export.form, Lines)
    full = [{name: turn.get(name) for name in MESSAGE_FIELDS} for turn in messages]
    frame = pl.DataFrame(
        {
            "at": [0],
            "file": ["f"],
            "line": [1],
            "id": ["0"],
            "messages": pl.Series([full], dtype=messages_dtype()),
            "tools": pl.Series([tools], dtype=pl.String),
        }
    )
    fields = frozenset({f"messages.{name}" for turn in messages for name in turn} | ({"tools"} if tools else set()))
    found = lower(frame, export, fields)
    assert not found.refusals, found.refused
    row = orjson.loads(encode(found.frame, export.form, fields))
    read = settled(reader.function(**reader.fill({}))(row))
    return [dict(turn) for turn in read.messages], read.tools


@settings(max_examples=60, deadline=None)
@given(messages=rich(), tools=st.none() | st.just('[{"type":"function","function":{"name":"f"}}]'))
def test_messages_carry_all_of_a_record(messages: list[dict[str, Any]], tools: str | None) -> None:
    """Weights to their 32 bits, names, thinking, calls with ids and arguments to the character, and tools."""
    assert again("messages", messages, tools) == (messages, tools)


@settings(max_examples=60, deadline=None)
@given(messages=pairs())
def test_alpaca_carries_questions_and_answers(messages: list[dict[str, Any]]) -> None:
    """One or many pairs, with or without a system turn."""
    assert again("alpaca", messages) == (messages, None)


@settings(max_examples=60, deadline=None)
@given(messages=pairs() | calls(ids=False), tools=st.none() | st.just('[{"type":"function","function":{"name":"f"}}]'))
def test_sharegpt_carries_conversations_and_calls(messages: list[dict[str, Any]], tools: str | None) -> None:
    """Turns to the character; calls by name and arguments."""
    assert again("sharegpt", messages, tools) == (messages, tools)


@settings(max_examples=60, deadline=None)
@given(messages=pairs(most=1) | calls(ids=True))
def test_prompt_completion_carries_what_trains_its_last_turn(messages: list[dict[str, Any]]) -> None:
    """As lists of turns; what stands before the last answer is context, and is not trained."""
    read, _ = again("prompt_completion", messages, on_answers="last")
    assert read == messages


@settings(max_examples=30, deadline=None)
@given(question=TEXT, answer=TEXT)
def test_prompt_completion_carries_a_pair_of_texts(question: str, answer: str) -> None:
    """As texts, a question and its answer come back as they were."""
    messages = [one("user", question), one("assistant", answer)]
    assert again("prompt_completion", messages, turns="text") == (messages, None)
