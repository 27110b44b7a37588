"""Repetition is counted exactly: a loop is near 1, a text of its own words is 0, and a plain oracle agrees."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.annotate.conversations import frame_of, values_of

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]


def measured(fact: str, *answers: str, question: str = "Hi", **params: object) -> list[float]:
    found = frame_of([[("user", question), ("assistant", answer)] for answer in answers])
    return [value if isinstance(value, float) else value[1] for value in values_of(fact, found, **params)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS[:4]), max_size=40), min_size=1, max_size=6), st.integers(1, 6))
def test_ngrams_agree_with_counting(texts: list[list[str]], n: int) -> None:
    """The share of repeated n-grams and that of the most frequent one, counted in the plainest way."""
    answers = [" ".join(text) for text in texts]
    expected, top = [], []
    for text in texts:
        grams = [tuple(text[i : i + n]) for i in range(len(text) - n + 1)] or ([tuple(text)] if text else [])
        most = max(map(grams.count, grams), default=0)
        expected.append((len(grams) - len(set(grams))) / max(len(grams), 1))
        top.append(most / len(grams) if most > 1 else 0.0)
    assert measured("repeated_ngrams", *answers, n=n, min_words=1) == expected
    assert measured("top_ngram", *answers, n=n, min_words=1) == top


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("ab é", max_size=200), min_size=1, max_size=5))
def test_spans_agree_with_counting(answers: list[str]) -> None:
    """The share of repeated spans of 24 bytes."""
    expected = []
    for answer in answers:
        data = answer.encode()
        spans = [data[i : i + 24] for i in range(len(data) - 23)]
        expected.append((len(spans) - len(set(spans))) / len(spans) if spans else 0.0)
    assert measured("repeated_spans", *answers, min_bytes=24) == expected


def test_a_loop_is_seen_in_every_script() -> None:
    """The same sentence over and over: near 1, with blanks between words or without; a text of new words is 0."""
    loops = ["I will help you with that now. " * 30, "我会帮助你解决这个问题。" * 30, "はい、わかりました。" * 30]
    assert min(measured("repeated_spans", *loops)) > 0.9
    assert measured("repeated_ngrams", loops[0])[0] > 0.9
    fresh = " ".join(f"word{number}" for number in random.Random(0).sample(range(10**6), 200))
    assert measured("repeated_ngrams", fresh) == [0.0]


def test_lines() -> None:
    """Repeated lines count when they are long enough, blanks around them aside."""
    answers = ["a line of text\n  a line of text\nanother line here", "}\n}\n}\n}", "one line of text only", ""]
    assert measured("repeated_lines", *answers) == [1 / 3, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("What is the capital of the French Republic, you ask? What is the capital of the French Republic: Paris.", 1.0),
        ("Paris.", 0.0),
        ("", 0.0),
    ],
)
def test_prompt_repeated(answer: str, share: float) -> None:
    """The share of the question's n-grams that the answer holds, wherever, punctuation aside."""
    assert measured("prompt_repeated", answer, question="What is the capital of the French Republic?") == [share]


def test_a_short_question_is_not_repeated() -> None:
    """Below `min_words` there is nothing to restate."""
    assert measured("prompt_repeated", "Why? Because.", question="Why?") == [0.0]
