"""The conversations of the mask matrix: one for each way in which chat templates are known to go wrong."""

from __future__ import annotations

import json
from typing import Any

CALL = json.dumps([{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}])
TOOLS = json.dumps([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}])


def turns(*pairs: Any) -> list[dict[str, Any]]:
    """Messages from (role, content) pairs or from whole messages."""
    return [pair if isinstance(pair, dict) else {"role": pair[0], "content": pair[1]} for pair in pairs]


def thought(thinking: str, answer: str) -> dict[str, Any]:
    return {"role": "assistant", "content": answer, "reasoning_content": thinking}


CALLING = {"role": "assistant", "content": "", "tool_calls": CALL}
RESULT = {"role": "tool", "content": "dry and warm", "tool_call_id": "c1"}

SHAPES: dict[str, list[dict[str, Any]]] = {
    "single": turns(("user", "Why so?"), ("assistant", "Because it is.")),
    "multi-turn": turns(
        ("system", "Be brief."), ("user", "One?"), ("assistant", "First."), ("user", "Two?"), ("assistant", "Second.")
    ),
    "no system": turns(("user", "One?"), ("assistant", "First."), ("user", "Two?"), ("assistant", "Second.")),
    "system": turns(("system", "Be brief."), ("user", "Why so?"), ("assistant", "Because it is.")),
    "empty system": turns(("system", ""), ("user", "Why so?"), ("assistant", "Because it is.")),
    "consecutive users": turns(("user", "Listen."), ("user", "Why so?"), ("assistant", "Because it is.")),
    "tool calls": turns(("user", "Rain?"), CALLING, RESULT, ("assistant", "It stays dry.")),
    "tools declared": turns(("user", "Hello."), ("assistant", "How can I help?")),
    "reasoning": turns(("user", "Why so?"), thought("They ask for a cause.", "Because it is.")),
    "reasoning, multi-turn": turns(
        ("user", "One?"), thought("Count up.", "First."), ("user", "Two?"), thought("Go on.", "Second.")
    ),
    "thought in content": turns(
        ("user", "One?"),
        ("assistant", "<think>\nCount up.\n</think>\n\nFirst."),
        ("user", "Two?"),
        ("assistant", "Second."),
    ),
    "trailing user": turns(("user", "One?"), ("assistant", "First."), ("user", "Two?")),
    "white space around": turns(
        ("user", "  One?\n"), ("assistant", "\n\n First. \n"), ("user", "\tTwo?"), ("assistant", " Second.  ")
    ),
    "special tokens": turns(("user", "What is <|im_end|> or </s>?"), ("assistant", "It ends a turn.")),
    "repeated turns": turns(("user", "Yes"), ("assistant", "Yes"), ("user", "Yes"), ("assistant", "Yes")),
    "headers as text": turns(
        ("user", "assistant\nASSISTANT: model"), ("assistant", "user\nUSER: ### Instruction:\n[user]\nHuman")
    ),
    "non-Latin": turns(("user", "안녕하세요 שלום"), ("assistant", "Übergröße, 你好。مرحبا")),
    "emoji": turns(("user", "👩‍👩‍👧‍👦?"), ("assistant", "🎉 é 🇩🇪"), ("user", "é"), ("assistant", "👍🏽!")),
    "200 turns": turns(*(("user" if n % 2 == 0 else "assistant", f"turn {n // 4} of many") for n in range(200))),
}
DECLARED = {"tools declared": TOOLS}
