"""Conversations for the laws: drawn by Hypothesis or by number, small, varied, and with planted repeats."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

RECIPE = """\
name: small
sources:
  rows: {path: rows.jsonl, format: messages, on_bad_row: {max: 100000}}
"""

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
TEXTS = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def pair(question: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"messages": [turn("user", question), turn("assistant", answer)], **more}


CONVERSATIONS = st.builds(pair, TEXTS, TEXTS)

RUBBISH = st.one_of(
    st.sampled_from(['{"messages": [', "[]", "null", "{}", '{"messages": "no"}', '{"messages": [{"role": "narrator", "content": "x"}]}']),
    st.text(st.characters(codec="ascii", exclude_characters="\r\n"), min_size=1, max_size=30),
)
"""Lines that no format can use, or that are not even JSON."""


def numbered(count: int, *, group: bool = False) -> list[dict[str, Any]]:
    """Distinct conversations by number, every seventh a near repeat of the one before, every eleventh an exact one."""
    rows: list[dict[str, Any]] = []
    for n in range(count):
        if rows and n % 11 == 0:
            rows.append(dict(rows[-1]))
            continue
        subject = n - 1 if rows and n % 7 == 0 else n
        words = " ".join(f"w{(subject * 31 + k * 7) % 997}" for k in range(30))
        tail = " and thanks" if subject != n else ""
        row = pair(f"question {subject}{tail}: {words}", f"answer {subject}: {words} {subject}{tail}")
        rows.append(row | ({"customer": f"c{n % 13}"} if group else {}))
    return rows
