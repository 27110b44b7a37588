"""Workload W in plain Python, for every peer: the functions that a person would write, with the cheap tests first.

All peers share this file, so that what differs between them is the tool. It needs ftfy, which all of them install.
"""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from typing import Any

Messages = list[dict[str, str]]

MIN_CHARS, MAX_CHARS = 50, 4000
MIN_UNIQUE, MIN_WORDS = 0.4, 20
MIN_TOKENS, MAX_TOKENS = 50, 2048
PERMUTATIONS, NGRAM, THRESHOLD = 128, 5, 0.8
VALIDATION = 0.1
SEED = 17

PHRASES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in ("as an AI language model", "I'm sorry,? but I (can't|cannot)", "here is what you asked for")
]
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
WORD = re.compile(r"\w+")


def clean_text(text: str) -> str:
    """Mojibake undone and NFC (only where a text is not ASCII), no control characters, tidy white space."""
    if not text.isascii():
        import ftfy

        text = unicodedata.normalize("NFC", ftfy.fix_encoding(text))
    text = CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip()


def clean(messages: Messages) -> Messages:
    """The conversation with every turn cleaned."""
    return [{"role": turn["role"], "content": clean_text(turn["content"])} for turn in messages]


def unique_word_ratio(text: str) -> float:
    """Share of distinct words; 1.0 for short texts."""
    words = text.lower().split()
    return len(set(words)) / len(words) if len(words) >= MIN_WORDS else 1.0


def good(messages: Messages, min_chars: int = MIN_CHARS) -> bool:
    """Whether every answer passes the three rules."""
    for turn in messages:
        if turn["role"] == "assistant":
            text = turn["content"]
            if not min_chars <= len(text) <= MAX_CHARS or unique_word_ratio(text) < MIN_UNIQUE:
                return False
            if any(phrase.search(text) for phrase in PHRASES):
                return False
    return True


def first_user(messages: Messages) -> str:
    """The first user message, letter case and white space aside: what exact dedup compares."""
    return " ".join(next(turn["content"] for turn in messages if turn["role"] == "user").lower().split())


def exact_key(messages: Messages) -> str:
    """md5 of the first user message."""
    return hashlib.md5(first_user(messages).encode()).hexdigest()


def joined(messages: Messages) -> str:
    """The text that near dedup compares: all turns."""
    return "\n".join(turn["content"] for turn in messages)


def shingles(text: str) -> set[str]:
    """The word 5-grams of a text; the whole text when it is shorter."""
    words = WORD.findall(text.lower())
    return {" ".join(words[k : k + NGRAM]) for k in range(max(len(words) - NGRAM + 1, 1))}


def split_of(number: int) -> str:
    """The split of a record by its id: 90 % train, 10 % validation, in any order and any process."""
    return "validation" if random.Random(SEED * 1_000_003 + number).random() < VALIDATION else "train"


def row(number: int, messages: Messages, text: str) -> dict[str, Any]:
    """What every peer writes: the conversation and its rendered text."""
    return {"id": number, "messages": messages, "text": text}
