"""Write the corpus of workload W: seeded conversations with planted duplicates, and the truth about them.

    python bench/corpus.py 100000 OUT.jsonl        also writes OUT.truth.jsonl

Sentences are drawn word by word from the vocabulary of `examples/` with Zipf weights, so that texts share frequent
words and hardly any 5-gram. Of 100 rows about 10 are near repeats of an earlier one (a few words changed; the truth
names the exact 5-gram Jaccard), 3 exact repeats, 1 a refusal, 2 messy (mojibake, odd blanks), 10 have a system message,
10 a second turn, 2 have an answer of 2 to 12 words, and 2 repeat themselves. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SYSTEM = "You are a helpful assistant. Answer briefly and say so when you do not know."
REFUSALS = (
    "As an AI language model, I cannot help with this request, and I would ask you to see a professional about it.",
    "I'm sorry, but I can't help with that. Please ask something else and I will gladly try to answer it for you.",
    "Sure! Here is what you asked for, although it is only a short and rather general answer to your question.",
)

Row = dict[str, Any]


def vocabulary() -> list[str]:
    """The distinct words of the example texts, most frequent first (ties in alphabetical order)."""
    text = (EXAMPLES / "support" / "faq.md").read_text(encoding="utf-8")
    for line in (EXAMPLES / "chat" / "chats.jsonl").read_text(encoding="utf-8").splitlines():
        text += "".join("\n" + turn["value"] for turn in json.loads(line)["conversations"])
    counts: dict[str, int] = {}
    for word in re.findall(r"[a-z]{2,}", text.lower()):
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=lambda word: (-counts[word], word))


class Writer:
    """Draws texts. Zipf: the k-th word has weight 1 / (k + 3)."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.words = vocabulary()
        self.cumulative = list(itertools.accumulate(1 / (k + 3) for k in range(len(self.words))))

    def word(self) -> str:
        return self.words[bisect.bisect(self.cumulative, self.random.random() * self.cumulative[-1])]

    def text(self, low: int, high: int) -> str:
        """Sentences of low to high words in all."""
        sentences, left = [], self.random.randint(low, high)
        while left > 0:
            length = min(left, self.random.randint(5, 16))
            sentences.append(" ".join(self.word() for _ in range(length)).capitalize() + self.random.choice("....?!"))
            left -= length
        return " ".join(sentences)

    def conversation(self) -> list[dict[str, str]]:
        turns = [("user", self.text(8, 30)), ("assistant", self.text(25, 90))]
        if self.random.random() < 0.1:
            turns.insert(0, ("system", SYSTEM))
        if self.random.random() < 0.1:
            turns += [("user", self.text(5, 20)), ("assistant", self.text(15, 60))]
        return [{"role": role, "content": content} for role, content in turns]

    def altered(self, turns: list[dict[str, str]]) -> list[dict[str, str]]:
        """The same turns with 1 to 3 words changed, mostly 1."""
        copy = [dict(turn) for turn in turns]
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            turn = self.random.choice([t for t in copy if t["role"] != "system"])
            words = turn["content"].split()
            words[self.random.randrange(len(words))] = self.word()
            turn["content"] = " ".join(words)
        return copy


def rows(count: int, seed: int) -> Iterator[tuple[Row, Row | None]]:
    """Rows, each with the truth about it when it was planted."""
    writer, kept = Writer(seed), []
    for n in range(count):
        draw, truth = writer.random.random(), None
        if draw < 0.13 and len(kept) > 50:
            origin = writer.random.randrange(len(kept))
            source, turns = kept[origin]
            turns = writer.altered(turns) if draw < 0.10 else turns
            kind = "near" if draw < 0.10 else "exact"
            truth = {"id": n, "of": source, "kind": kind, "jaccard": jaccard(turns, kept[origin][1])}
        else:
            turns = writer.conversation()
            turns, kind = _spoilt(writer, turns, draw)
            truth = {"id": n, "kind": kind} if kind else None
            if not kind:
                kept.append((n, turns))
                kept = kept[-20000:]
        yield {"id": n, "messages": turns}, truth


def _spoilt(writer: Writer, turns: list[dict[str, str]], draw: float) -> tuple[list[dict[str, str]], str | None]:
    if draw < 0.14:
        turns[-1] = {"role": "assistant", "content": writer.random.choice(REFUSALS)}
        return turns, "refusal"
    if draw < 0.16:
        turns[-1]["content"] = (
            turns[-1]["content"].replace(". ", ".  \r\n\r\n\r\n ").replace("e ", "\u00e2\u20ac\u2122s ", 1)
        )
        return turns, "mess"
    if draw < 0.18:
        turns[-1]["content"] = writer.text(2, 12)  # some end between 50 and 60 characters
        return turns, "short"
    if draw < 0.20:
        turns[-1]["content"] = " ".join([writer.word()] * 40)
        return turns, "repetitive"
    return turns, None


def jaccard(a: list[dict[str, str]], b: list[dict[str, str]], n: int = 5) -> float:
    """Exact Jaccard of the word n-grams of two conversations."""
    sets = []
    for turns in (a, b):
        words = re.findall(r"\w+", "\n".join(turn["content"] for turn in turns).lower())
        sets.append({tuple(words[k : k + n]) for k in range(len(words) - n + 1)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def write_corpus(count: int, path: Path, seed: int = 17) -> None:
    """Write the corpus, and the truth beside it."""
    truth_path = path.with_suffix(".truth.jsonl")
    with open(path, "w", encoding="utf-8") as out, open(truth_path, "w", encoding="utf-8") as truths:
        for row, truth in rows(count, seed):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            if truth:
                truths.write(json.dumps(truth) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=17)
    args = parser.parse_args()
    write_corpus(args.rows, args.out, args.seed)


if __name__ == "__main__":
    main()
