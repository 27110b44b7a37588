"""Laws of normalizing, whatever the format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.hashing import record_hash
from datasetbuild.op import _REGISTRY, load_plugin, operators
from datasetbuild.record import ROLES, Role, canonical_bytes, quarantine_schema, record_schema
from datasetbuild.stages.normalize import TOGETHER, Reading, content_key, normalize, plain_records, reader_options
from datasetbuild.stages.normalize.chat import Chat, Turned
from datasetbuild.stages.read import RawRows

Frames = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]
HI = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}

texts = st.text(st.characters(codec="utf-8"), max_size=8)
weights = st.floats(0, 1) | st.integers(0, 1)
calls = st.lists(
    st.fixed_dictionaries(
        {"function": st.fixed_dictionaries({"name": texts, "arguments": st.dictionaries(texts, texts, max_size=2)})}
    ),
    max_size=2,
)
optional = {"weight": weights, "name": texts, "tool_calls": calls, "reasoning_content": texts, "id": texts}
turn = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "human", "assistant", "gpt", "tool", "x"]),
        "content": texts | st.none(),
    },
    optional=optional,
)
conversations = st.fixed_dictionaries(
    {"messages": st.lists(turn, max_size=5) | texts},
    optional={"tools": st.lists(st.dictionaries(texts, texts, max_size=2), max_size=2)},
)
rows_of_all_kinds = st.lists(
    conversations.map(orjson.dumps) | st.just(orjson.dumps(HI)) | st.binary(max_size=20), max_size=25
)


@settings(deadline=None)
@given(rows_of_all_kinds)
def test_conservation(raws: list[bytes]) -> None:
    """Every row is in exactly one of the frames, in order, with its line; the frames have exactly their schemas."""
    rows = RawRows(
        [3 * index for index in range(len(raws))],
        raws,
        [("too_large", "so large") if index % 7 == 6 else None for index in range(len(raws))],
    )
    records, quarantine = normalize(rows, name="s", source={"format": "messages"})
    assert dict(records.schema) == record_schema()
    assert dict(quarantine.schema) == quarantine_schema()
    positions = [*records.select("row", "line").rows(), *quarantine.select("row", "line").rows()]
    assert sorted(positions) == [(index, 3 * index) for index in range(len(raws))]
    assert records["row"].is_sorted()
    assert quarantine["row"].is_sorted()
    for row, raw in quarantine.select("row", "raw").iter_rows():
        assert raw == raws[row].decode("utf-8", "backslashreplace")


@settings(deadline=None)
@given(rows_of_all_kinds)
def test_a_record_normalized_again_is_the_same(raws: list[bytes]) -> None:
    """Records written as messages and read again are the same records, ids included; an id is that of the canonical
    bytes."""
    rows = RawRows(list(range(len(raws))), raws, [None] * len(raws))
    records, _ = normalize(rows, name="s", source={"format": "messages"})
    again = [orjson.dumps(row) for row in records.select("messages", "tools").to_dicts()]
    repeated, quarantine = normalize(
        RawRows(list(range(len(again))), again, [None] * len(again)), name="s", source={"format": "messages"}
    )
    assert quarantine.rows() == []
    assert repeated.drop("row", "line").equals(records.drop("row", "line"))
    for messages, tools, base in records.select("messages", "tools", "base").iter_rows():
        assert base == record_hash("s", canonical_bytes(messages, tools))


names = st.sampled_from(["system", "user", "human", "assistant", "gpt", "tool", "function_call", "narrator"]) | st.none() | st.lists(texts)
plain_turns = st.sampled_from([("role", "content"), ("from", "value")]).flatmap(
    lambda fields: st.lists(st.fixed_dictionaries(dict(zip(fields, (names, texts | st.none()), strict=True)), optional={"weight": weights}))
)
GOOD = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
chat_rows = st.fixed_dictionaries(
    {"messages": st.just(GOOD) | plain_turns, "conversations": st.just([{"from": "human", "value": "é"}, {"from": "gpt", "value": "e"}]) | plain_turns},
    optional={"id": st.integers(-(2**63), 2**64 - 1) | texts | st.none(), "tools": st.sampled_from([None, "", [], [{}], 0]), "system": texts | st.none(), "group": texts},
)
SOURCES = [
    {"format": "messages"},
    {"format": "messages", "key": "id", "meta": ["id", "none"]},
    {"format": "messages", "key": "{{ id }}", "group": "group"},
    {"format": "messages", "columns": {"tools": "tools", "weight": "weight"}, "roles": {"narrator": "user"}},
    {"format": "messages", "columns": {"messages": "conversations", "role": "from", "content": "value"}},
    {"format": "messages", "columns": {"messages": "a.b"}, "category": "id"},
    {"format": "messages", "system": "Be brief."},
    {"format": "sharegpt"},
    {"format": "sharegpt", "key": "id", "columns": {"system": "system"}},
]


@settings(deadline=None)
@given(st.lists(chat_rows.map(orjson.dumps) | st.sampled_from([b"7", b"[", b'{"messages": []}']), max_size=12), st.sampled_from(SOURCES))
def test_rows_read_together_are_what_they_are_one_by_one(raws: list[bytes], source: dict[str, Any]) -> None:
    """Records and quarantine, to the word, do not depend on which rows are plain enough to be read together."""
    rows = RawRows(list(range(len(raws))), raws, [None] * len(raws))
    together = normalize(rows, name="s", source=source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chat, "plain", lambda self, rows: Turned([], np.empty(0, np.int64), np.empty(0, np.uint8), []))
        one_by_one = normalize(rows, name="s", source=source)
    for found, expected in zip(together, one_by_one, strict=True):
        assert found.equals(expected)
        assert found.schema == expected.schema


def test_plain_rows_are_read_together() -> None:
    """What the law above compares is not nothing: good rows among bad ones are read together, several portions of them."""
    raws = [orjson.dumps({"id": n, **HI}) if n % 500 else b"{}" for n in range(2 * TOGETHER + 3)]
    reading = Reading("s", {"format": "messages", "key": "id"})
    plain = plain_records(reading, RawRows(list(range(len(raws))), raws, [None] * len(raws)), set())
    assert plain["row"].to_list() == [n for n in range(len(raws)) if n % 500]


def test_the_fast_key_is_the_canonical_one() -> None:
    """`content_key` gives the bytes of `canonical_bytes` for turns without None."""
    turns: list[Any] = [
        {"role": "user", "content": "ü"},
        {"content": "", "role": "assistant", "weight": 0.5, "tool_calls": "[]"},
    ]
    assert content_key(turns, None) == canonical_bytes(turns)
    assert content_key(turns, "[1]") == canonical_bytes(turns, "[1]")


@pytest.mark.parametrize(
    ("raw", "stage", "reason"),
    [
        (b'{"messages": NaN}', "read", "bad_json"),
        (b"\xff", "read", "bad_encoding"),
        (b"7", "read", "bad_row"),
        (b"[1]", "normalize", "missing_field"),
        (b'{"text": 1}', "normalize", "missing_field"),
    ],
)
def test_faults_say_where_they_were_met(frames: Frames, raw: bytes, stage: str, reason: str) -> None:
    """What cannot be read is quarantined at `read`, what can be read but not used at `normalize`."""
    _, quarantine = frames(raw)
    assert quarantine.select("stage", "reason").rows() == [(stage, reason)]


@pytest.mark.parametrize(
    ("turns", "reason", "detail"),
    [
        ([], "no_user_turn", "roles: none"),
        ([("assistant", "a")], "no_user_turn", "roles: assistant"),
        ([("system", "s"), ("user", "u")], "no_assistant_turn", "roles: system, user"),
        ([("user", " \n"), ("assistant", "a")], "empty_content", "turn 1 (user) has no text"),
        ([("user", "u"), ("assistant", "")], "empty_content", "turn 2 (assistant)"),
        ([("user", "u"), ("system", "s"), ("assistant", "a")], "bad_row", "turn 2 is a system turn"),
    ],
)
def test_rules_of_every_conversation(
    fault: Callable[..., Any], turns: list[tuple[str, str]], reason: str, detail: str
) -> None:
    """A conversation needs a user and an assistant, both with text, and a system turn only first."""
    found = fault({"messages": [{"role": role, "content": content} for role, content in turns]})
    assert found[0] == reason
    assert detail in found[1]


def test_system_is_put_first_where_there_is_none(turns: Callable[..., Any]) -> None:
    """The source's `system` fills a gap, and an empty system turn is a gap; a conversation's own stays."""
    assert turns(HI, system="Be brief.")[0] == {"role": "system", "content": "Be brief."}
    empty = {"messages": [{"role": "system", "content": " "}, *HI["messages"]]}
    assert [turn["role"] for turn in turns(empty)] == ["user", "assistant"]
    own = {"messages": [{"role": "system", "content": "Mine."}, *HI["messages"]]}
    assert [turn["content"] for turn in turns(own, system="Be brief.")] == ["Mine.", "Hi", "Hello"]


def test_labels_come_from_columns_and_templates(frames: Frames) -> None:
    """Group, category, date and meta are columns, dotted paths or templates; empty is null; numbers are as JSON writes
    them."""
    row = {**HI, "id": 7, "who": {"name": "x"}, "tags": ["a", "b"], "none": "", "day": "2026-01-02", "share": 0.1}
    source = {
        "key": "id",
        "group": "who.name",
        "category": "{{ tags[1] }}-{{ share }}",
        "date": "day",
        "meta": ["tags", "who.name", "gone"],
    }
    records, _ = frames(row, **source)
    found = records.row(0, named=True)
    assert (found["group"], found["category"], found["date"]) == ("x", "b-0.1", "2026-01-02")
    assert orjson.loads(found["meta"]) == {"tags": ["a", "b"], "who.name": "x", "gone": None}
    assert found["base"] == record_hash("s", b"7")
    assert frames(row, group="none")[0]["group"].to_list() == [None]
    assert frames(row, category="share")[0]["category"].to_list() == ["0.1"]


@pytest.mark.parametrize(
    ("source", "reason", "detail"),
    [
        ({"group": "custmer"}, "missing_field", "row has no field 'custmer'; it has: messages, none, tags"),
        ({"key": "none"}, "missing_field", "the key 'none' has no value"),
        ({"category": "tags"}, "wrong_type", "tags: expected a string or a number, found an array"),
        ({"group": "{{ gone }}"}, "missing_field", "no field 'gone'"),
    ],
)
def test_a_label_that_is_not_there_is_a_fault(
    fault: Callable[..., Any], source: dict[str, Any], reason: str, detail: str
) -> None:
    """A misspelt group would let rows leak between splits: a declared column must be there, though it may be null."""
    found = fault({**HI, "none": None, "tags": []}, **source)
    assert found[0] == reason
    assert detail in found[1]


def test_the_key_survives_a_change_of_text(frames: Frames) -> None:
    """With a key the id is the key's, without one the text's; both depend on the source's name."""
    other = {"messages": [{"role": "user", "content": "Hi!"}, HI["messages"][1]], "id": 1}
    assert frames({**HI, "id": 1}, key="id")[0]["base"][0] == frames(other, key="id")[0]["base"][0]
    assert frames(HI)[0]["base"][0] != frames(other)[0]["base"][0]


def test_an_operator_that_raises_costs_one_row(frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in a format is a quarantined row with its words, not a failed build."""
    from datasetbuild.stages import normalize as stage

    def broken(row: dict[str, Any]) -> Any:
        return {}[row["n"]] if row["n"] == 2 else stage.Conversation(HI["messages"])  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "converter", lambda source: broken)
    records, quarantine = frames({"n": 1}, {"n": 2}, {"n": 3})
    assert records["row"].to_list() == [0, 2]
    assert quarantine.select("reason", "detail").rows() == [("operator_error", "KeyError: 2")]


PLUGIN = """
from datasetbuild.op import source_format
from datasetbuild.stages.normalize import Conversation

@source_format(version=1)
def shouted(*, mark: str = "!"):
    \"\"\"Rows of {say}.\"\"\"
    def convert(row):
        answer = {"role": "assistant", "content": row["say"], "name": None, "weight": row.get("weight")}
        return Conversation([{"role": "user", "content": "say" + mark}, answer])
    return convert
"""


def test_a_plugins_format_is_held_to_the_record(frames: Frames, tmp_path: Path) -> None:
    """What a plugin gives has the types of a record, or costs its row: empty fields go, wrong types are faults."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    load_plugin(str(tmp_path / "mine.py"))
    try:
        rows = [{"say": "a"}, {"say": 3}, {"say": "b", "weight": "x"}, {}, {"say": "c", "weight": 1}]
        records, quarantine = frames(*rows, format="shouted", mark="?")
    finally:
        del _REGISTRY["format", "shouted"]
    assert records["row"].to_list() == [0, 4]
    assert records["messages"][0][0]["content"] == "say?"
    assert records["base"][0] == record_hash("s", canonical_bytes(records["messages"][0].to_list()))
    assert quarantine["reason"].to_list() == ["wrong_type", "wrong_type", "operator_error"]


def test_every_format_and_key_is_documented() -> None:
    """Each format has a manual with an example, and each of its parameters, and each source key, a description."""
    formats = {op.name: op for op in operators("format")}
    assert {"messages", "sharegpt", "alpaca", "prompt_completion", "triple", "table", "faq_markdown"} <= set(formats)
    (source,) = [op for op in operators("section") if op.name == "source"]
    for op in [source, *(op for op in formats.values() if op.code is None)]:
        assert op.summary
        assert [name for name, parameter in op.parameters.items() if not parameter.description] == []
    assert source.schema()["required"] == ["format"]


def test_the_reader_hears_of_the_source() -> None:
    """A FAQ format reads Markdown and hands on its level; the others leave the reader to the file's name."""
    assert reader_options({"format": "faq_markdown", "level": 3})["reader"] == "markdown"
    assert reader_options({"format": "faq_markdown", "level": 3})["level"] == 3
    assert reader_options({"format": "table", "reader": "csv", "delimiter": ";"})["delimiter"] == ";"
    assert reader_options({"format": "table"})["reader"] is None


hostile = st.text(st.characters(codec="utf-8") | st.sampled_from('"\\/\x00\x1f\x7f\u2028\ufeff\U0001f600'), max_size=30)


@given(st.lists(st.lists(st.tuples(st.sampled_from(ROLES), hostile), min_size=1, max_size=4), max_size=5))
def test_keys_of_many_rows_are_canonical(conversations: list[list[tuple[Role, str]]]) -> None:
    """Plain rows are identified together by the bytes by which each is alone."""
    turns = [turn for turns in conversations for turn in turns]
    roles = np.array([ROLES.index(role) for role, _ in turns], np.uint8)
    turned = Turned(list(range(len(conversations))), np.array(list(map(len, conversations)), np.int64), roles, [text for _, text in turns])
    assert turned.keys() == [canonical_bytes([{"role": role, "content": text} for role, text in turns]) for turns in conversations]
