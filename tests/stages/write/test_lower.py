"""What a consumer cannot carry is refused, or lowered by the rule that the recipe names; never in silence."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import datasetbuild.builtin  # noqa: F401
from datasetbuild.op import find
from datasetbuild.record import MESSAGE_FIELDS, messages_dtype
from datasetbuild.stages.write.carry import Export
from datasetbuild.stages.write.lines import records
from datasetbuild.stages.write.lower import Lowered, lower

CALLS = '[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]'


def turn(role: str, content: str = "text", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


PAIR = [turn("user"), turn("assistant")]
TOOLED = [
    turn("user"),
    turn("assistant", "", tool_calls=CALLS),
    turn("tool", "7", tool_call_id="c1"),
    turn("assistant", "It is 7."),
]


def lowered(profile: str, *rows: list[dict[str, Any]], tools: str | None = None, **params: Any) -> Lowered:
    full = [[{name: one.get(name) for name in MESSAGE_FIELDS} for one in row] for row in rows]
    frame = pl.DataFrame(
        {
            "at": list(range(len(rows))),
            "file": ["rows.jsonl"] * len(rows),
            "line": list(range(1, len(rows) + 1)),
            "messages": pl.Series(full, dtype=messages_dtype()),
            "tools": pl.Series([tools] * len(rows), dtype=pl.String),
        }
    )
    used = {f"messages.{name}" for row in rows for one in row for name in one if name not in ("role", "content")}
    return lower(frame, export(profile, **params), frozenset(used | ({"tools"} if tools else set())))


def export(profile: str, **params: Any) -> Export:
    op = find("profile", profile)
    made: Export = op.function(**op.fill(params))
    return made


def left(found: Lowered) -> list[list[dict[str, Any]]]:
    return [row["messages"] for row in records(found.frame)]


@pytest.mark.parametrize(
    ("profile", "row", "aspect", "words"),
    [
        ("openai", [turn("user"), turn("assistant", weight=0.5)], "weight", "turn 2 (assistant) has weight 0.5"),
        ("openai", [turn("user", weight=1.0), turn("assistant")], "weight", "turn 1 (user) has weight 1"),
        (
            "openai",
            [turn("user"), turn("assistant", reasoning_content="hm")],
            "reasoning",
            "turn 2 has reasoning_content",
        ),
        ("trl", [turn("user"), turn("assistant", weight=0.0)], "weight", "turn 2 (assistant) has weight 0"),
        ("tokens", [turn("user", weight=1.0), turn("assistant")], "weight", "turn 1 (user) has weight 1"),
        ("unsloth", [turn("user"), turn("assistant", weight=0.5)], "weight", "turn 2 (assistant) has weight 0.5"),
        ("together", TOOLED, "tools", "turn 2 calls a tool or is its result"),
        ("together", [turn("user"), *PAIR], "turns", "turn 2 (user) comes where the assistant is expected"),
        (
            "together",
            [turn("system"), turn("assistant"), *PAIR],
            "turns",
            "turn 2 (assistant) comes where the user is expected",
        ),
        ("together", [turn("user", name="Ann"), turn("assistant")], "name", "turn 1 has a name"),
        ("mistral", [*PAIR, turn("user")], "turns", "the last turn is the user's, not the assistant's"),
        ("torchtune", [turn("user"), *PAIR], "turns", "turn 2 (user) comes where the assistant is expected"),
        (
            "llama_factory",
            [turn("user"), turn("assistant", "I look.", tool_calls=CALLS)],
            "tools",
            "turn 2 has text beside its tool calls",
        ),
        ("prompt_completion", [*PAIR, *PAIR], "answers", "turn 2 is an answer that is trained, and not the last"),
        (
            "alpaca",
            [turn("user"), turn("assistant"), turn("assistant")],
            "turns",
            "turn 3 (assistant) comes where the user is expected",
        ),
    ],
)
def test_what_cannot_be_carried_is_refused(profile: str, row: list[dict[str, Any]], aspect: str, words: str) -> None:
    """Without a rule, the record is named with its file, its line and what it holds, and nothing of it is written."""
    found = lowered(profile, PAIR, row)
    (refusal,) = found.refused
    assert (refusal.file, refusal.line, refusal.aspect, refusal.detail) == ("rows.jsonl", 2, aspect, words)
    assert found.refusals == {("rows.jsonl", 2)} and left(found) == [PAIR]


@pytest.mark.parametrize(
    ("profile", "rules", "row", "expected", "counts"),
    [
        ("openai", {"on_weight": "round"}, [turn("user", weight=0.7), turn("assistant", weight=0.5)],
         [turn("user"), turn("assistant", weight=1.0)], {"on_weight.round": 1}),
        ("trl", {"on_weight": "full"}, [turn("user"), turn("assistant", weight=0.0)], PAIR, {"on_weight.full": 1}),
        ("openai", {"on_reasoning": "strip"}, [turn("user"), turn("assistant", reasoning_content="hm")], PAIR, {"on_reasoning.strip": 1}),
        ("openai", {"on_reasoning": "inline"}, [turn("user"), turn("assistant", reasoning_content="hm")],
         [turn("user"), turn("assistant", "<think>\nhm\n</think>\n\ntext")], {"on_reasoning.inline": 1}),
        ("together", {"on_tools": "strip"}, TOOLED, [turn("user"), turn("assistant", "It is 7.")], {"on_tools.strip": 1}),
        ("together", {"on_name": "strip"}, [turn("user", name="Ann"), turn("assistant")], PAIR, {"on_name.strip": 1}),
        ("together", {"on_turns": "mend"}, [turn("user", "a"), turn("user", "b"), turn("assistant")],
         [turn("user", "a\n\nb"), turn("assistant")], {"on_turns.mend": 1}),
        ("mistral", {"on_turns": "mend"}, [*PAIR, turn("user")], PAIR, {"on_turns.mend": 1}),
        ("llama_factory", {"on_tools": "strip"}, [turn("user"), turn("assistant", "I look.", tool_calls=CALLS)],
         [turn("user"), turn("assistant", "", tool_calls=CALLS)], {"on_tools.strip": 1}),
        ("prompt_completion", {"on_answers": "last"}, [*PAIR, *PAIR], [*PAIR, *PAIR], {"on_answers.last": 1}),
        ("prompt_completion", {"turns": "text", "on_system": "inline"}, [turn("system", "Be brief."), *PAIR],
         [turn("user", "Be brief.\n\ntext"), turn("assistant")], {"on_system.inline": 1}),
        ("together", {"on_tools": "drop_row"}, TOOLED, None, {"on_tools.drop_row": 1}),
    ],
)  # fmt: skip
def test_what_a_rule_lowers_is_counted(
    profile: str,
    rules: dict[str, Any],
    row: list[dict[str, Any]],
    expected: list[dict[str, Any]] | None,
    counts: dict[str, int],
) -> None:
    """A rule does what its manual says, to the records that need it and no others, and each is counted once."""
    found = lowered(profile, PAIR, row, PAIR, **rules)
    middle = [] if expected is None else [expected]
    assert left(found) == [PAIR, *middle, PAIR]
    assert found.counts == counts and not found.refusals


@pytest.mark.parametrize(
    ("profile", "row"),
    [
        ("messages", [turn("user", weight=0.3, name="Ann"), turn("assistant", reasoning_content="hm", weight=0.1)]),
        ("openai", [*PAIR, turn("user", name="Ann"), turn("assistant", weight=0.0)]),
        ("openai", TOOLED),
        ("trl", [turn("user", weight=0.0), turn("assistant", weight=1.0)]),
        ("axolotl", [turn("user", weight=1.0), turn("assistant", weight=0.0)]),
        ("mistral", TOOLED),
        ("tokens", [*PAIR, turn("user"), turn("assistant", weight=0.0)]),
        ("prompt_completion", [turn("user"), turn("assistant", weight=0.0), *PAIR]),
        ("together", [turn("system"), *PAIR, *PAIR]),
        ("torchtune", [turn("user"), turn("assistant"), turn("assistant")]),
    ],
)
def test_what_can_be_carried_is_not_touched(profile: str, row: list[dict[str, Any]]) -> None:
    """A weight of 1 for an answer and of 0 for a question say what trainers do anyway; other things have their place."""
    found = lowered(profile, row)
    assert not found.counts and not found.refusals and len(found.frame) == 1


def test_each_answer_becomes_a_row() -> None:
    """`on_answers: each` writes the conversation up to every trained answer, and passes over those of weight 0."""
    row = [
        turn("user", "1"),
        turn("assistant", "a"),
        turn("user", "2"),
        turn("assistant", "b", weight=0.0),
        turn("user", "3"),
        turn("assistant", "c"),
    ]
    found = lowered("prompt_completion", row, on_answers="each")
    assert [len(messages) for messages in left(found)] == [2, 6]
    assert [messages[-1]["content"] for messages in left(found)] == ["a", "c"]


def test_what_no_rule_can_lower_is_refused_in_the_end() -> None:
    """A rule that leaves no answer, or an order that mending does not mend, refuses the record."""
    only_calls = [turn("user"), turn("assistant", "", tool_calls=CALLS)]
    assert "no answer is left" in lowered("together", only_calls, on_tools="strip").refused[0].detail
    opening = [turn("assistant"), *PAIR]
    assert "mend cannot lower that" in lowered("together", opening, on_turns="mend").refused[0].detail
