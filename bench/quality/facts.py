"""What each registered fact costs: CPU microseconds a record of 500 characters, all facts by themselves.

    python -m bench.quality.facts [--records 20000] [--limit 280]

Prints a table, dearest first, and the sum; exit code 1 when the sum is above the limit. Facts that need rendered tokens,
files or a preparation (models, indexes) are named as left out. Times are the least of three rounds, in one process.
"""

from __future__ import annotations

import argparse
import os
import random
import time

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import polars as pl

import datasetbuild.builtin  # noqa: F401
from datasetbuild.op import operators
from datasetbuild.record import record_schema
from datasetbuild.stages.annotate import annotate_frame, measure

CHARACTERS = 500
LANGUAGES = {"languages": ["de", "en", "es", "fr"]}
GIVEN = {"language": LANGUAGES, "language_mix": LANGUAGES, "language_match": LANGUAGES, "phrases": {"patterns": ["as an AI", "I(?:'m| am) sorry", "cannot help"]}}
WORDS = ["the", "a", "of", "to", "and", "in", "is", "you", "that", "it", "for", "on", "with", "as", "this", "be", "can", "are", "or", "your", "from", "by", "have", "not", "will", "an", "at", "we", "if", "how", "what", "write", "explain", "list", "order", "account", "please", "password", "customer", "delivery", "function", "number", "example", "because", "between", "answer", "question", "result", "email", "12", "2024", "support", "morning", "weather", "language", "train", "city", "recipe", "history", "water", "energy", "market"]
OPENINGS = ("Write a short story about", "Explain how", "What is", "List five ideas for", "My order", "Summarize this text:", "Übersetze ins Englische:")
REASONS = {
    "language": "reads up to 200 characters of every turn through an automaton of 140 languages",
    "language_mix": "reads every paragraph of the answers through an automaton of 140 languages",
    "language_match": "reads every turn as `language` does; where both are asked alike, it is told once",
    "task_category": "fifteen patterns over the opening of the question, most of which are tried on every record",
    "repeated_spans": "sorts a hash for every byte of the answers: exact counting, where a compressor's ratio changes with its version",
    "prompt_repeated": "hashes the words of questions and answers, and sorts both sets of n-grams",
}


def corpus(records: int) -> pl.DataFrame:
    """Conversations of a question and an answer, 500 characters together, drawn from a seed."""
    chance = random.Random(7)

    def text(length: int) -> str:
        found = ""
        while len(found) < length:
            sentence = " ".join(chance.choices(WORDS, k=chance.randint(4, 14))).capitalize()
            found += ("\n- " if chance.random() < 0.05 else " ") + sentence + chance.choice(".....?!,")
        return found[:length].strip()

    rows = []
    for _ in range(records):
        question = f"{chance.choice(OPENINGS)} {text(130)}"
        answer = text(CHARACTERS - len(question)) + ("." if chance.random() < 0.9 else "")
        rows.append([{"role": "user", "content": question}, {"role": "assistant", "content": answer}])
    frame = pl.DataFrame({"messages": rows}, schema_overrides={"messages": record_schema()["messages"]})
    frame = frame.with_row_index("row").with_columns(line=pl.col("row"))
    missing = {name: kind for name, kind in record_schema().items() if name not in frame.columns}
    return annotate_frame(frame.with_columns(pl.lit(None, kind).alias(name) for name, kind in missing.items()))


def cost(frame: pl.DataFrame, fact: str, rounds: int = 3) -> float:
    """CPU microseconds a record."""
    least = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        frame = frame.clone()  # a fact may remember what it told of a frame
        _, failed = measure(frame, fact, GIVEN.get(fact, {}))
        least = min(least, time.process_time() - start)
        assert not len(failed), failed["detail"][0]
    return least / len(frame) * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--limit", type=float, default=280.0, help="microseconds of all facts together")
    asked = parser.parse_args()
    frame, left_out, found = corpus(asked.records), [], {}
    for op in operators("fact"):
        required = {name for name, parameter in op.parameters.items() if parameter.required} - set(GIVEN.get(op.name, {}))
        if op.needs == "render" or op.prepare or required:
            left_out.append(op.name)
        else:
            found[op.name] = cost(frame, op.name)
    for name, took in sorted(found.items(), key=lambda item: -item[1]):
        print(f"{name:<24} {took:8.2f} us")
    print(f"{'all ' + str(len(found)) + ' facts':<24} {sum(found.values()):8.2f} us  (limit {asked.limit:g})")
    for name in sorted(found, key=lambda one: -found[one])[:3]:
        print(f"{name}: {REASONS.get(name, 'no reason known')}")
    print("left out: " + ", ".join(left_out))
    return int(sum(found.values()) > asked.limit)


if __name__ == "__main__":
    raise SystemExit(main())
