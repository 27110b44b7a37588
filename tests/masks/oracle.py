"""The judge of the mask matrix, by brute force and without the program's own method.

The characters of each text are changed (all of them, or one by one where the template answers with another text) and
the conversation is rendered again: where the rendered text changes, there they land. What is trained must then be the
assistant's characters and the token that ends each of its turns, and nothing that came from another turn; and the
tokens before a turn of class `exact` must be the ones of the rendered generation prompt."""

from __future__ import annotations

import json
import re
from typing import Any

from tokenizers import Tokenizer

from datasetbuild.errors import RecordError
from datasetbuild.stages.render import PARITIES, ChatTemplate, Parity

LONG = 40
"""Turns above which only every 13th is looked at."""
OPENERS = re.compile(
    r"\s*(<think>.*</think>|<think>)?\s*(<\|channel\|>final<\|message\|>|<\|channel\|>analysis<\|message\|>)?\s*<?",
    re.DOTALL,
)


def judge(
    template: ChatTemplate,
    tokenizer: Tokenizer,
    messages: list[dict[str, Any]],
    tools: str | None,
    row: dict[str, Any],
    stops: tuple[str, ...],
) -> list[str]:
    """What is wrong with a rendered row; nothing when it is right. stops: what can end a turn in this family."""
    text = template.render(messages, tools)
    encoding = tokenizer.encode(text, add_special_tokens=False)
    if encoding.ids != row["input_ids"]:
        return ["the ids are not those of the rendered text"]
    spans = list(zip(row["spans"][::2], row["spans"][1::2], strict=True))
    trained = [False] * (len(text) + 1)
    for start, end in spans:
        for a, b in encoding.offsets[start:end]:
            trained[a:b] = [True] * (b - a)
    places = provenance(template, messages, tools, text)
    faults = []
    allowed = [False] * (len(text) + 1)
    for turn, found in places.items():
        if messages[turn]["role"] != "assistant":
            if any(trained[place] for place in found):
                faults.append(f"text of turn {turn + 1} ({messages[turn]['role']}) is trained")
            continue
        start = given(template, messages[:turn], tools, text)
        if not all(trained[place] for place in found if place >= start):
            faults.append(f"text of turn {turn + 1} is not trained")
        start, end = (
            min(place for place in found if trained[place]),
            ending(text, max(found) + 1, stops, bool(messages[turn].get("tool_calls"))),
        )
        swallowed = next((b for a, b in encoding.offsets if a < end < b and not text[end:b].strip()), end)
        if end < 0:
            faults.append(f"no stop follows turn {turn + 1}")
            continue
        while start and trained[start - 1]:
            start -= 1
        if not messages[turn].get("tool_calls") and not OPENERS.fullmatch(text, start, max(start, min(found))):
            faults.append(f"before turn {turn + 1} {text[start : min(found)]!r} is trained")
        if not all(trained[max(found) : end]):
            faults.append(f"the stop of turn {turn + 1} is not trained")
        allowed[start:swallowed] = [True] * (swallowed - start)
    if len(messages) <= LONG and any(t and not a for t, a in zip(trained, allowed, strict=True)):
        faults.append("something is trained outside of the assistant's turns")
    return faults + parity_faults(template, tokenizer, messages, tools, row, spans)


def given(template: ChatTemplate, before: list[dict[str, Any]], tools: str | None, text: str) -> int:
    """How much of the text the generation prompt gives: what of it a turn repeats is not for the model to write."""
    try:
        asked = template.render(before, tools, add_generation_prompt=True)  # type: ignore[arg-type]
    except RecordError:
        return 0
    return len(asked) if text.startswith(asked) else 0


def ending(text: str, after: int, stops: tuple[str, ...], called: bool) -> int:
    """Where the token that ends a turn ends; -1 when another text stands before it."""
    if called:
        found = [text.find(stop, after) + len(stop) for stop in stops if text.find(stop, after) >= 0]
        return min(found, default=-1)
    visible = len(text) - len(text[after:].lstrip())
    return next((visible + len(stop) for stop in stops if text.startswith(stop, visible)), -1)


def provenance(
    template: ChatTemplate, messages: list[dict[str, Any]], tools: str | None, text: str
) -> dict[int, set[int]]:
    """turn -> the places in the text at which its characters land."""
    found: dict[int, set[int]] = {}
    for turn, message in enumerate(messages):
        if len(messages) > LONG and turn % 13:
            continue
        for field in ("content", "reasoning_content", "tool_calls"):
            value = message.get(field)
            if not value:
                continue
            letters = [
                n
                for n, character in enumerate(value)
                if field != "tool_calls" or ("Paris" in value[n - 4 : n + 5] and character in "Paris")
            ]
            for at in (letters, *([n] for n in letters)):
                again = changed(template, messages, tools, turn, field, set(at))
                if len(again) == len(text):
                    found.setdefault(turn, set()).update(
                        n for n, (a, b) in enumerate(zip(text, again, strict=True)) if a != b
                    )
                    if at is letters:
                        break
    return {turn: places for turn, places in found.items() if places}


def changed(
    template: ChatTemplate, messages: list[dict[str, Any]], tools: str | None, turn: int, field: str, at: set[int]
) -> str:
    """The text after some characters of a turn were changed; empty when the template raises then."""
    copy = [*messages[:turn], dict(messages[turn]), *messages[turn + 1 :]]
    copy[turn][field] = "".join(other(c) if n in at else c for n, c in enumerate(messages[turn][field]))
    try:
        return template.render(copy, tools)  # type: ignore[arg-type]
    except (RecordError, json.JSONDecodeError):
        return ""


def other(character: str) -> str:
    """Another character of the same kind; white space and tags' characters stay."""
    if character.isspace() or character in "<>/|":
        return character
    return "x" if character != "x" else "y"


def parity_faults(
    template: ChatTemplate,
    tokenizer: Tokenizer,
    messages: list[dict[str, Any]],
    tools: str | None,
    row: dict[str, Any],
    spans: list[tuple[int, int]],
) -> list[str]:
    """Turns of class `exact` must follow the tokens of the real generation prompt, and those of other classes must
    not."""
    faults = []
    assistants = [turn for turn, message in enumerate(messages) if message["role"] == "assistant"]
    if len(spans) != len(assistants):
        return [f"{len(spans)} spans for {len(assistants)} turns"]
    for turn, (start, _), code in zip(assistants, spans, row["parity"], strict=True):
        if len(messages) > LONG and turn % 13:
            continue
        parity = list(PARITIES)[code]
        try:
            asked = template.render(messages[:turn], tools, add_generation_prompt=True)  # type: ignore[arg-type]
        except RecordError:
            if parity is Parity.EXACT:
                faults.append(f"turn {turn + 1} is called exact, and its prompt raises")
            continue
        same = tokenizer.encode(asked, add_special_tokens=False).ids == row["input_ids"][:start]
        if same != (parity is Parity.EXACT) and not (same and parity is Parity.STRIPPED_REASONING):
            faults.append(
                f"turn {turn + 1} is called {parity}, and the tokens before it are{'' if same else ' not'} the prompt's"
            )
    return faults
