"""No text hangs or breaks a fact: measured on texts that were made to, in time of the same order as on prose."""

from __future__ import annotations

import time
from typing import Any

import pytest

import datasetbuild.builtin  # noqa: F401
from datasetbuild.stages.annotate import annotate_frame, measure
from tests.stages.annotate.conversations import frame_of
from tests.stages.annotate.samples import measurable

MANY, SOME = 1 << 20, 1 << 17
PROSE = "The quick brown fox jumps over the lazy dog, and then it sleeps for a while.\n\n"
HOSTILE = {
    "one word of a megabyte": "a" * MANY,
    "one line of a megabyte": "word " * (MANY // 5),
    "a megabyte of digits": "1234567890" * (MANY // 10),
    "a megabyte of nines and dots": "9." * (MANY // 2),
    "fences": "```\n" * (SOME // 4),
    "back ticks": "`" * SOME,
    "line breaks": "\n" * SOME,
    "list items": "- x\n" * (SOME // 4),
    "stars": "** " * (SOME // 3),
    "brackets": "```json\n" + "[" * SOME,
    "sorry": "I'm sorry, " * (SOME // 11),
    "at signs": "a@" * (SOME // 2),
    "combining marks": "e" + "\u0301" * 10_000,
    "overrides": "\u202e\u2066abc\u2069\u202c" * 10_000,
    "nulls": "\0" * 10_000 + " a\0b",
    "wide": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 5_000,
    "no blanks": "我会帮助你解决这个问题" * (SOME // 33),
    "odd": "\ufeff\u2028\u2029\x85\x0b\x0c\x1b[31m\ufffd\U0010ffff",
    "blanks": " " * SOME,
}
SLOWER = 100
"""A hostile text may cost so many times what prose of its size does, and this much CPU besides. Dense with candidates it
costs `pii` 60 times (in proportion to its size); quadratic time would cost thousands."""
GRACE = 2.0


def cpu(fact: str, params: dict[str, Any], text: str) -> tuple[float, Any]:
    """CPU seconds of measuring one conversation of the text in every role, and the value."""
    roles = ["system", "user", "assistant"]
    frame = frame_of([[(role, text) for role in roles]])
    frame = annotate_frame(frame.with_columns(line=frame["row"]))
    start = time.process_time()
    values, failed = measure(frame, fact, params)
    assert not len(failed), failed["detail"][0]
    return time.process_time() - start, values


@pytest.mark.parametrize(("op", "params"), measurable(), ids=lambda one: getattr(one, "name", ""))
def test_no_text_hangs_a_fact(op: Any, params: dict[str, Any]) -> None:
    """Every registered fact gives one value for each hostile text, at a cost in proportion to its size."""
    ordinary, _ = cpu(op.name, params, PROSE * (MANY // len(PROSE)))
    for name, text in HOSTILE.items():
        took, values = cpu(op.name, params, text)
        assert len(values) == 1, name
        assert took <= SLOWER * ordinary + GRACE, f"{op.name}: {name} took {took:.2f} s, prose {ordinary:.2f} s"
