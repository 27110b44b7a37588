"""Tool calls with ids, for consumers that want every call and every result to have one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from datasetbuild.stages.write.lines import parsed_calls


def paired(messages: list[dict[str, Any]], name: Callable[[str | None, int], str]) -> list[dict[str, Any]]:
    """Turns whose calls have an id each and whose results name theirs; what has none is paired by order.

    name: the id to write, of the id that was there (or None) and the number of the call in the conversation.
    """
    turns: list[dict[str, Any]] = []
    waiting: list[str] = []
    known: dict[str | None, str] = {}
    number = 0
    for one in parsed_calls(messages):
        if "tool_calls" in one:
            calls, waiting = [], []
            for call in one["tool_calls"]:
                made = name(call.get("id"), number)
                known[call.get("id")] = made
                waiting.append(made)
                calls.append({"id": made, **{key: value for key, value in call.items() if key != "id"}})
                number += 1
            one = {**one, "tool_calls": calls}
        elif one["role"] == "tool":
            given = one.get("tool_call_id")
            paired_id = known.get(given) if given is not None else None
            made = paired_id or (waiting[0] if waiting else name(given, number))
            waiting = [other for other in waiting if other != made]
            one = {**one, "tool_call_id": made}
        turns.append(one)
    return turns


def any_id(given: str | None, number: int) -> str:
    """The id that is there, else `call_N`."""
    return given or f"call_{number}"


def nine_characters(given: str | None, number: int) -> str:
    """An id of nine letters and digits: the one that is there if it is such, else one made of it."""
    if given and re.fullmatch(r"[A-Za-z0-9]{9}", given):
        return given
    return hashlib.sha256(f"{number}\0{given or ''}".encode()).hexdigest()[:9]
