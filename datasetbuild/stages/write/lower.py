"""What a consumer cannot carry: refused with the rows named, or lowered by the rule that the recipe gives.

A scan over columns finds the few records that could hold such a thing; those alone become Python objects and pass the
steps below one after the other, each of which asks the same three things: is it there, what does the rule say, what is
left of the record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from datasetbuild.record import MESSAGE_FIELDS, flatten_turns, messages_dtype
from datasetbuild.stages.write.carry import Carries, Export, Lines, Row
from datasetbuild.stages.write.lines import records

SHOWN = 5
"""Refused rows that a part names."""


@dataclass(frozen=True)
class Refusal:
    """A record that an export cannot hold. aspect: which rule would lower it."""

    file: str
    line: int
    aspect: str
    detail: str


@dataclass
class Lowered:
    """frame: what is to be written, in order. counts: `on_ASPECT.RULE` -> rows. refused: the first records; refusals: file and line of all.
    A record of which several rows are refused, its copies or one for each turn, is one of them."""

    frame: pl.DataFrame
    counts: dict[str, int] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    refusals: frozenset[tuple[str, int]] = frozenset()


class _RefusedError(Exception):
    def __init__(self, aspect: str, detail: str) -> None:
        super().__init__(detail)
        self.aspect = aspect


class _DroppedError(Exception):
    def __init__(self, aspect: str) -> None:
        super().__init__(aspect)
        self.aspect = aspect


def lower(frame: pl.DataFrame, export: Export, fields: frozenset[str]) -> Lowered:
    """The records that an export can hold. frame: `at`, `file`, `line`, `messages`, `tools` and more, in order.

    fields: optional fields that some record of the build fills; what none fills is not looked for.
    """
    suspects = _suspects(frame, export.carries, fields)
    if not suspects.any():
        return Lowered(frame)
    kept: list[tuple[int, Row]] = []
    counts: Counter[str] = Counter()
    refused: dict[tuple[str, int], Refusal] = {}
    for place, row in zip(suspects.arg_true().to_list(), records(frame.filter(suspects)), strict=True):
        found: Counter[str] = Counter()
        try:
            kept += [(place, one) for one in _lowered(row, export.carries, export.rules, found)]
        except _DroppedError as drop:
            found = Counter([f"on_{drop.aspect}.drop_row"])
        except _RefusedError as refusal:
            refused.setdefault((row["file"], row["line"]), Refusal(row["file"], row["line"], refusal.aspect, str(refusal)))
        counts += found
    left = _put_back(frame, suspects, kept, isinstance(export.form, Lines))
    return Lowered(left, dict(sorted(counts.items())), list(refused.values())[:SHOWN], frozenset(refused))


def _lowered(row: Row, carries: Carries, rules: Mapping[str, str], counts: Counter[str]) -> list[Row]:
    """The rows that a record becomes: one, but for `on_answers: each`."""
    for step in STEPS:
        row = step(row, carries, rules, counts)
    return _answers(row, carries, rules, counts)


def _rule(rules: Mapping[str, str], aspect: str, detail: str, counts: Counter[str]) -> str:
    """The rule for something that cannot be carried, counted; refuses or drops the record where it says so."""
    rule = rules.get(aspect, "error")
    if rule == "error":
        raise _RefusedError(aspect, detail)
    if rule == "drop_row":
        raise _DroppedError(aspect)
    counts[f"on_{aspect}.{rule}"] += 1
    return rule


def _reasoning(row: Row, carries: Carries, rules: Mapping[str, str], counts: Counter[str]) -> Row:
    turn = _first(row, lambda one: "reasoning_content" in one)
    if carries.reasoning or turn is None:
        return row
    rule = _rule(rules, "reasoning", f"turn {turn} has reasoning_content", counts)
    return {**row, "messages": [_without_reasoning(one, rule) for one in row["messages"]]}


def _without_reasoning(turn: dict[str, Any], rule: str) -> dict[str, Any]:
    if "reasoning_content" not in turn:
        return turn
    left = {name: value for name, value in turn.items() if name != "reasoning_content"}
    if rule == "inline":
        left["content"] = f"<think>\n{turn['reasoning_content']}\n</think>\n\n{turn['content']}"
    return left


def _tools(row: Row, carries: Carries, rules: Mapping[str, str], counts: Counter[str]) -> Row:
    if carries.tools == "openai":
        return row
    if carries.tools == "calls":
        return _calls(row, rules, counts)
    turn = _first(row, lambda one: one["role"] == "tool" or "tool_calls" in one or "tool_call_id" in one)
    if turn is None and not row["tools"]:
        return row
    what = f"turn {turn} calls a tool or is its result" if turn else "the record has tools"
    _rule(rules, "tools", what, counts)
    bare = [{k: v for k, v in one.items() if k not in ("tool_calls", "tool_call_id")} for one in row["messages"]]
    spoken = [one for one in bare if one["role"] != "tool" and one["content"].strip()]
    if not any(one["role"] == "assistant" for one in spoken):
        raise _RefusedError("tools", "without its tool calls no answer is left; only drop_row can lower that")
    return {**row, "messages": spoken, "tools": None}


def _calls(row: Row, rules: Mapping[str, str], counts: Counter[str]) -> Row:
    """Calls are text there, and take the place of the turn's own text; ids are left out, calls and results pair by order."""
    turn = _first(row, lambda one: "tool_calls" in one and bool(one["content"].strip()))
    messages = row["messages"]
    if turn is not None:
        _rule(rules, "tools", f"turn {turn} has text beside its tool calls", counts)
        messages = [{**one, "content": ""} if "tool_calls" in one else one for one in messages]
    if any("tool_call_id" in one for one in messages):
        counts["tool_call_ids.by_order"] += 1
        messages = [{name: value for name, value in one.items() if name != "tool_call_id"} for one in messages]
    return {**row, "messages": messages}


def _system(row: Row, carries: Carries, rules: Mapping[str, str], counts: Counter[str]) -> Row:
    messages = row["messages"]
    if carries.system or not messages or messages[0]["role"] != "system":
        return row
    rule = _rule(rules, "system", "turn 1 is a system turn", counts)
    text, rest = messages[0]["content"], messages[1:]
    if rule == "inline":
        first = next(place for place, one in enumerate(rest) if one["role"] == "user")
        rest[first] = {**rest[first], "content": f"{text}\n\n{rest[first]['content']}"}
    return {**row, "messages": rest}


def _names(row: Row, carries: Carries, rules: Mapping[str, str], counts: Counter[str]) -> Row:
    turn = _first(row, lambda one: "name" in one)
    if carries.names or turn is None:
        return row
    _rule(rules, "name", f"turn {turn} has a name", counts)
    return {**row, "messages": [{k: v for k, v in one.items() if k != "name"} for one in row["messages"]]}


def _weights(row: Row, carries: Carries, rules: Mapping[str, str], counts: Counter[str]) -> Row:
    if carries.weights == "float" and carries.weighs == "any":
        return row
    turn = _first(row, lambda one: not _fits(one, carries))
    if turn is None:
        return {**row, "messages": [_plain_weight(one, carries) for one in row["messages"]]}
    weight = row["messages"][turn - 1]["weight"]
    where = f"turn {turn} ({row['messages'][turn - 1]['role']}) has weight {weight:.6g}"
    rule = _rule(rules, "weight", where, counts)
    if rule == "full":
        return {**row, "messages": [{k: v for k, v in one.items() if k != "weight"} for one in row["messages"]]}
    return {**row, "messages": [_plain_weight(_rounded(one), carries) for one in row["messages"]]}


def _fits(turn: dict[str, Any], carries: Carries) -> bool:
    """Whether a turn's weight can be written, or is what the consumer does without it."""
    weight = turn.get("weight")
    default = 1 if turn["role"] == "assistant" else 0
    if weight is None or weight == default:
        return True
    has_place = carries.weighs == "any" or turn["role"] == "assistant"
    return has_place and (carries.weights == "float" or (carries.weights == "binary" and weight in (0, 1)))


def _rounded(turn: dict[str, Any]) -> dict[str, Any]:
    return turn if turn.get("weight") is None else {**turn, "weight": 1 if turn["weight"] >= 0.5 else 0}


def _plain_weight(turn: dict[str, Any], carries: Carries) -> dict[str, Any]:
    """A turn with its weight as 0 or 1 where the format has a place for it, else without."""
    if turn.get("weight") is None:
        return turn
    if carries.weights != "none" and (carries.weighs == "any" or turn["role"] == "assistant"):
        return {**turn, "weight": turn["weight"] if carries.weights == "float" else int(turn["weight"])}
    return {name: value for name, value in turn.items() if name != "weight"}


def _turns(row: Row, carries: Carries, rules: Mapping[str, str], counts: Counter[str]) -> Row:
    fault = order_fault(row["messages"], carries)
    if fault is None:
        return row
    _rule(rules, "turns", fault, counts)
    mended = _mended(row["messages"])
    if (left := order_fault(mended, carries)) is not None:
        raise _RefusedError("turns", f"{left}; mend cannot lower that, drop_row can")
    return {**row, "messages": mended}


def order_fault(messages: list[dict[str, Any]], carries: Carries) -> str | None:
    """What of the order of turns the consumer does not know, in words; None when it knows all of it."""
    if (carries.answers == "last" or carries.answer_last) and messages[-1]["role"] != "assistant":
        return f"the last turn is the {messages[-1]['role']}'s, not the assistant's"
    if carries.order == "any":
        return None
    if carries.order == "pair" and [one["role"] for one in messages] != ["user", "assistant"]:
        return f"{len(messages)} turns are not one question and its answer"
    before = "assistant"
    for place, one in enumerate(messages, 1):
        role = one["role"]
        if role == "system":
            continue
        side = role if role == "assistant" else "user"
        run_of_tools = role == "tool" and before == "tool" and carries.tools == "openai"
        same = side == (before if before == "assistant" else "user")
        if carries.order == "single_users":
            same = role == before == "user"
        if same and not run_of_tools:
            return f"turn {place} ({role}) comes where the {'user' if side == 'assistant' else 'assistant'} is expected"
        before = role
    return None


def _mended(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbours of one role joined, and nothing after the last answer. Turns with more than text are left apart."""
    last = max(place for place, one in enumerate(messages) if one["role"] == "assistant")
    joined: list[dict[str, Any]] = []
    for one in messages[: last + 1]:
        if joined and _joins(joined[-1], one):
            joined[-1] = {**joined[-1], "content": f"{joined[-1]['content']}\n\n{one['content']}"}
        else:
            joined.append(one)
    return joined


def _joins(a: dict[str, Any], b: dict[str, Any]) -> bool:
    texts = all(set(one) <= {"role", "content", "weight", "tool_call_id"} for one in (a, b))
    return texts and a["role"] == b["role"] and a.get("weight") == b.get("weight")


def _answers(row: Row, carries: Carries, rules: Mapping[str, str], counts: Counter[str]) -> list[Row]:
    """For a consumer that trains the last turn and nothing else."""
    if carries.answers == "all":
        return [row]
    answers = [place for place, one in enumerate(row["messages"]) if one["role"] == "assistant"]
    trained = [place for place in answers if row["messages"][place].get("weight") != 0]
    if trained == answers[-1:]:
        return [_until(row, answers[-1])]
    turn = trained[0] + 1 if trained else answers[-1] + 1
    what = f"turn {turn} is an answer that is trained, and not the last" if trained else f"turn {turn} is not trained"
    rule = _rule(rules, "answers", what, counts)
    return [_until(row, place) for place in (trained if rule == "each" else answers[-1:])]


def _until(row: Row, place: int) -> Row:
    turns = [{name: value for name, value in one.items() if name != "weight"} for one in row["messages"][: place + 1]]
    return {**row, "messages": turns}


Step = Callable[[Row, Carries, Mapping[str, str], "Counter[str]"], Row]
STEPS: tuple[Step, ...] = (_reasoning, _tools, _system, _names, _turns, _weights)


def _first(row: Row, holds: Callable[[dict[str, Any]], bool]) -> int | None:
    """The first turn of which something holds, counted from 1."""
    return next((place for place, one in enumerate(row["messages"], 1) if holds(one)), None)


def _suspects(frame: pl.DataFrame, carries: Carries, fields: frozenset[str]) -> pl.Series:
    """Records that could hold what cannot be carried (booleans): a scan over columns, generous where it is cheap."""
    lengths, turns = flatten_turns(frame["messages"].cast(messages_dtype()))
    row = np.repeat(np.arange(len(frame)), lengths.to_numpy())
    found = np.zeros(len(frame), bool)
    for hits in _suspicious_turns(row, turns, carries, fields):
        found[row[hits]] = True
    if carries.tools != "openai" and "tools" in fields:
        found |= frame["tools"].is_not_null().to_numpy() & (carries.tools == "no")
    if carries.answers == "last":
        answers = np.bincount(row, weights=(turns["role"] == "assistant").to_numpy(), minlength=len(frame))
        found |= answers > 1
    return pl.Series(found, dtype=pl.Boolean)


def _suspicious_turns(row: Any, turns: pl.DataFrame, carries: Carries, fields: frozenset[str]) -> Iterator[Any]:
    """For each aspect the turns (booleans) that make their record a suspect."""
    role = turns["role"]
    held = {name: turns[name].is_not_null().to_numpy() for name in MESSAGE_FIELDS if f"messages.{name}" in fields}
    if (carries.weights, carries.weighs) != ("float", "any") and "weight" in held:
        yield held["weight"]
    if not carries.reasoning and "reasoning_content" in held:
        yield held["reasoning_content"]
    if not carries.names and "name" in held:
        yield held["name"]
    if not carries.system:
        yield (role == "system").to_numpy()
    if carries.tools != "openai":
        yield from (held[name] for name in ("tool_calls", "tool_call_id") if name in held)
        yield (role == "tool").to_numpy()
    if carries.order != "any" or carries.answer_last or carries.answers == "last":
        yield from _misplaced_turns(row, role, carries)


def _misplaced_turns(row: Any, role: pl.Series, carries: Carries) -> Iterator[Any]:
    """The turns (booleans) that stand where the consumer's order has no place for them."""
    side = role.replace_strict({"system": 2, "assistant": 1}, default=0, return_dtype=pl.Int8).to_numpy()
    starts = np.append(True, row[1:] != row[:-1]) if len(row) else np.zeros(0, bool)
    before = np.where(starts, 2, np.roll(side, 1))
    if carries.order == "alternating":
        yield (side == before) | ((before == 2) & (side == 1))
    elif carries.order == "pair":
        yield ~(starts & (side == 0)) & ~(~starts & (side == 1) & np.append(starts[1:], True)[: len(row)])
    elif carries.order == "single_users":
        yield (side == 0) & (before == 0)
    if carries.answer_last or carries.answers == "last":
        yield np.append(starts[1:], True)[: len(row)] & (side != 1)


def _put_back(frame: pl.DataFrame, suspects: pl.Series, kept: list[tuple[int, Row]], said: bool) -> pl.DataFrame:
    """The frame with the suspects' rows replaced by what is left of them, in the old order. Only `messages` and `tools`
    are made anew, and only where they are to be written (`said`): other columns are wide."""
    count = len(frame)
    plain = (~suspects).arg_true().to_numpy().astype(np.int64)
    places = np.concatenate([plain, np.array([place for place, _ in kept], np.int64)])
    order = np.argsort(places, kind="stable")
    same = len(places) == count and bool((places[order] == np.arange(count)).all())
    left = frame if same else frame[places[order]]
    if not said:
        return left
    turns = [[{name: one.get(name) for name in MESSAGE_FIELDS} for one in row["messages"]] for _, row in kept]
    chosen = np.concatenate([plain, np.arange(count, count + len(kept))])[order]
    messages = pl.concat(
        [frame["messages"].cast(messages_dtype()), pl.Series("messages", turns, dtype=messages_dtype())]
    )
    tools = pl.concat([frame["tools"], pl.Series("tools", [row["tools"] for _, row in kept], dtype=pl.String)])
    return left.with_columns(messages.gather(chosen), tools.gather(chosen))
