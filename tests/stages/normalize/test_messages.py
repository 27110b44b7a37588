"""Laws of chat rows: `messages` and `sharegpt`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

Turns = Callable[..., list[dict[str, Any]]]
Fault = Callable[..., tuple[str, str]]
USER = {"role": "user", "content": "u"}
CALL = {"id": "c1", "function": {"name": "f", "arguments": {"b": 1, "a": "ü"}}}


def chat(*more: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"messages": [USER, *more], **fields}


def test_what_is_kept_of_a_turn(turns: Turns) -> None:
    """weight, name, tool calls, their ids and reasoning are kept; what trainers pass over is passed over."""
    answer = {
        "role": "assistant",
        "content": "a",
        "weight": 1,
        "name": "n",
        "reasoning_content": "r",
        "id": "m1",
        "timestamp": 3,
        "extra": {},
    }
    (_, found) = turns(chat(answer))
    assert found == {"role": "assistant", "content": "a", "weight": 1.0, "name": "n", "reasoning_content": "r"}


def test_content_parts_are_joined(turns: Turns, fault: Fault) -> None:
    """A list of text parts is their text; any other part is a fault with its place."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert turns(chat({"role": "assistant", "content": parts}))[1]["content"] == "ab"
    reason, detail = fault(chat({"role": "assistant", "content": [*parts, {"type": "image_url"}]}))
    assert reason == "wrong_type"
    assert detail.startswith(
        "messages[1].content[2]: expected {type: text, text: ...}, found a part of type 'image_url'"
    )


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (CALL, '{"b":1,"a":"ü"}'),
        ({"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"b": 1}'}}, '{"b": 1}'),
        ({"id": "c1", "name": "f", "arguments": None}, "{}"),
    ],
)
def test_tool_calls_have_one_shape(turns: Turns, call: dict[str, Any], arguments: str) -> None:
    """Calls become OpenAI's, arguments JSON text: verbatim where they were text, else compact in the order of the
    source."""
    found = turns(
        chat(
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "", "tool_call_id": "c1"},
        )
    )
    assert orjson.loads(found[1]["tool_calls"]) == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    ]
    assert found[1]["content"] == ""
    assert found[2] == {"role": "tool", "content": "", "tool_call_id": "c1"}


@pytest.mark.parametrize(
    ("turn", "reason", "detail"),
    [
        ({"role": "narrator", "content": "a"}, "unknown_role", "messages[1].role: 'narrator' is not a known role"),
        ({"role": 3, "content": "a"}, "wrong_type", "messages[1].role: expected a role, found a number"),
        ({"content": "a"}, "missing_field", "messages[1] has no field 'role'; it has: content"),
        ({"role": "assistant"}, "missing_field", "messages[1].content is missing"),
        ({"role": "assistant", "content": None}, "wrong_type", "messages[1].content: expected a string"),
        ({"role": "assistant", "content": 5}, "wrong_type", "found a number"),
        ("text", "wrong_type", "messages[1]: expected an object, found a string"),
        ({"role": "assistant", "content": "a", "weight": 2}, "wrong_type", "expected a weight from 0 to 1, found 2"),
        ({"role": "assistant", "content": "a", "weight": "1"}, "wrong_type", "expected a weight from 0 to 1, found a string"),
        ({"role": "assistant", "content": "a", "name": 2}, "wrong_type", "messages[1].name: expected a string"),
        (
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]},
            "wrong_type",
            "tool_calls[0].function.arguments",
        ),
        (
            {"role": "assistant", "content": "", "tool_calls": "x"},
            "wrong_type",
            "messages[1].tool_calls: expected JSON text",
        ),
        (
            {"role": "assistant", "content": "", "tool_calls": [{"function": {}}]},
            "wrong_type",
            "expected an object with a `name`",
        ),
        ({"role": "assistant", "content": "", "tool_calls": []}, "empty_content", "turn 2"),
    ],
)
def test_faults_name_their_place(fault: Fault, turn: Any, reason: str, detail: str) -> None:
    """Each fault says what was expected, what was found, and the path to it."""
    found = fault(chat(turn))
    assert found[0] == reason
    assert detail in found[1]


def test_tools_keep_the_order_of_their_keys(frames: Callable[..., Any], fault: Fault) -> None:
    """Schemas are JSON text as a template would print them; an empty list is none; what is no list is a fault."""
    tools = [{"type": "function", "function": {"name": "f", "description": "d"}}]
    answer = {"role": "assistant", "content": "a"}
    for given in (tools, orjson.dumps(tools).decode()):
        assert frames(chat(answer, tools=given))[0]["tools"][0] == orjson.dumps(tools).decode()
    assert frames(chat(answer, tools=[]))[0]["tools"][0] is None
    assert fault(chat(answer, tools={"a": 1}))[0] == "wrong_type"


def test_columns_map_rows_and_turns(turns: Turns, fault: Fault) -> None:
    """Names of the row, dotted ones too, and of the turns may differ; a mapped column must be there."""
    row = {"data": {"chat": [{"who": "user", "says": "u"}, {"who": "assistant", "says": "a", "train": False}]}}
    columns = {"messages": "data.chat", "role": "who", "content": "says", "weight": "train"}
    assert turns(row, columns=columns)[1] == {"role": "assistant", "content": "a", "weight": 0.0}
    row["data"]["chat"][1]["train"] = True
    assert turns(row, columns=columns)[1] == {"role": "assistant", "content": "a", "weight": 1.0}
    reason, detail = fault({"chats": []}, columns={"messages": "chat"})
    assert (reason, detail) == (
        "missing_field",
        "row has no field 'chat'; it has: chats. Map it with columns: {messages: chats}.",
    )


def test_roles_extend_the_map(turns: Turns) -> None:
    """A role is known by the fixed map or by the source's own, never by guess."""
    assert turns(chat({"role": "Agent", "content": "a"}), roles={"Agent": "assistant"})[1]["role"] == "assistant"


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        ("human", "user"),
        ("prompter", "user"),
        ("gpt", "assistant"),
        ("bard", "assistant"),
        ("observation", "tool"),
        ("function_response", "tool"),
    ],
)
def test_sharegpt_roles(turns: Turns, role: str, wanted: str) -> None:
    """The roles of ShareGPT and its kin are mapped as documented."""
    row = {
        "conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}, {"from": role, "value": "x"}]
    }
    assert turns(row, format="sharegpt")[2] == {"role": wanted, "content": "x"}


def test_sharegpt_tools_and_system(frames: Callable[..., Any], turns: Turns) -> None:
    """LLaMA-Factory's function_call is a tool call of the assistant; `system` and `tools` stand beside the turns."""
    call = {"from": "function_call", "value": '{"name": "f", "arguments": {"x": 1}}'}
    row = {
        "conversations": [
            {"from": "human", "value": "u"},
            call,
            {"from": "observation", "value": "7"},
            {"from": "gpt", "value": "a"},
        ]
    }
    row |= {"system": "s", "tools": '[{"name": "f"}]'}
    found = turns(row, format="sharegpt")
    assert [turn["role"] for turn in found] == ["system", "user", "assistant", "tool", "assistant"]
    assert orjson.loads(found[2]["tool_calls"]) == [
        {"type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    ]
    assert frames(row, format="sharegpt")[0]["tools"][0] == '[{"name":"f"}]'


def test_sharegpt_faults_name_their_place(fault: Fault) -> None:
    """The path of a fault is in the file's own words."""
    row = {"conversations": [{"from": "human", "value": "u"}, {"from": "alien", "value": "a"}]}
    reason, detail = fault(row, format="sharegpt")
    assert reason == "unknown_role"
    assert detail.startswith("conversations[1].from: 'alien' is not a known role")
