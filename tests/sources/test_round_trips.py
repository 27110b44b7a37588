"""The law of the round trip: what an export carries, its format reads again as the same record."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import datasetbuild.builtin  # noqa: F401
from datasetbuild.op import find
from datasetbuild.stages.normalize import normalize
from datasetbuild.stages.read import RawRows
from datasetbuild.stages.write.lines import encode
from datasetbuild.stages.write.lower import lower

Turn = dict[str, Any]
OPTIONAL = frozenset({"messages.weight", "messages.name", "messages.tool_calls", "messages.tool_call_id"})
FIELDS = OPTIONAL | {"messages.reasoning_content", "tools"}
RULES = ("weight", "tools", "reasoning", "system", "name", "turns", "answers")

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)
weights = st.sampled_from([0.0, 0.25, 1.0])


@st.composite
def conversations(draw: st.DrawFn) -> Turn:
    """A conversation as OpenAI writes it: mostly plain, sometimes with everything that a record can hold."""
    rich = draw(st.booleans())
    turns: list[Turn] = [{"role": "system", "content": draw(texts)}] if draw(st.booleans()) else []
    called = False
    for number in range(draw(st.integers(1, 3))):
        turns.append({"role": "user", "content": draw(texts)})
        if rich and draw(st.booleans()):
            arguments = draw(st.dictionaries(texts, texts | st.integers(0, 9), max_size=2))
            call = {"id": f"c{number}", "function": {"name": "look_up", "arguments": arguments}}
            turns.append({"role": "assistant", "content": None, "tool_calls": [call]})
            turns.append({"role": "tool", "content": draw(texts), "tool_call_id": f"c{number}"})
            called = True
        answer = {"role": "assistant", "content": draw(texts)}
        if rich and draw(st.booleans()):
            answer |= draw(st.fixed_dictionaries({}, optional={"weight": weights, "reasoning_content": texts}))
        turns.append(answer)
    return {"messages": turns} | ({"tools": [{"type": "function", "function": {"name": "look_up"}}]} if called else {})


def read(lines: list[bytes], **source: Any) -> pl.DataFrame:
    rows = RawRows(list(range(len(lines))), lines, [None] * len(lines))
    records, quarantine = normalize(rows, name="s", source=source)
    assert quarantine.rows() == []
    return records


def told(record: dict[str, Any], *, without: tuple[str, ...] = ()) -> Any:
    """A record without empty fields, its calls as values; `without`: fields that the format has no place for."""
    turns = []
    for turn in record["messages"]:
        kept = {name: value for name, value in turn.items() if value is not None and name not in without}
        if "tool_calls" in kept:
            calls = orjson.loads(kept["tool_calls"])
            ids = [] if "tool_call_id" in without else [call.get("id") for call in calls]
            named = [(call["function"]["name"], orjson.loads(call["function"]["arguments"])) for call in calls]
            kept["tool_calls"] = (ids, named)
        turns.append(kept)
    return turns, record["tools"]


CASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "messages": ({"format": "messages"}, ()),
    "sharegpt": ({"format": "sharegpt"}, ("tool_call_id", "weight")),
    "alpaca": ({"format": "alpaca"}, ("weight",)),
    "prompt_completion": ({"format": "prompt_completion"}, ("weight",)),
    "oumi": ({"format": "messages"}, ("weight",)),
    "openai": ({"format": "messages"}, ()),
}


@pytest.mark.parametrize("name", CASES)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(conversations(), min_size=1, max_size=6))
def test_what_is_written_is_read_again(name: str, rows: list[Turn]) -> None:
    """Written by an export and read by its format, a record is the same, but for what the format has no place for; a
    record that the export cannot hold is left out by its rule, and a plain one is always held."""
    source, without = CASES[name]
    records = read([orjson.dumps(row) for row in rows], format="messages")
    size = len(records)
    columns = {"at": range(size), "id": [f"i{n}" for n in range(size)], "file": ["f"] * size}
    frame = records.with_columns(pl.Series(key, list(value)) for key, value in columns.items())
    profile = find("profile", name)
    given_rules = {f"on_{rule}": "drop_row" for rule in RULES if f"on_{rule}" in profile.parameters}
    export = profile.function(**profile.fill(given_rules))
    carried = lower(frame, export, FIELDS)
    assert not carried.refusals
    again = read(bytes(encode(carried.frame, export.form, FIELDS)).splitlines(), **source)
    wanted = [told(record, without=without) for record in carried.frame.select("messages", "tools").to_dicts()]
    assert [told(record, without=without) for record in again.select("messages", "tools").to_dicts()] == wanted
    plain = [n for n, row in enumerate(rows) if all(set(turn) == {"role", "content"} for turn in row["messages"])]
    if name != "prompt_completion":  # which trains the last answer alone
        assert set(plain) <= set(carried.frame["at"].to_list())
