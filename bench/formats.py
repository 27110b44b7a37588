"""Rows per CPU second from a file to records, for every format: python bench/formats.py [rows]

Each file is written from a seed: 100,000 raw rows of about 400 characters of text, 2 turns each (oasst: 25,000 trees of
4 threads; chat_table: 100,000 conversations of 2 rows; squad: 10 questions on each of 10,000 texts). Measured is what a
build does with them first: cut into shards, load, normalize. CPU seconds of one process; the best of three runs.

Slower than half of the fastest, and why: `messages` with tool calls has twice the turns and bytes, and the arguments of
every call are checked to be JSON and written as text; `faq_markdown` and `squad` look for rows inside one text, line by
line and with Python's JSON scanner, which alone tells where a value ends and on which line it began; `chat_table` reads
two rows of a TSV for each conversation (per row of the file it is as fast as `table` from CSV); `oasst` decodes, joins,
selects and encodes again the messages of every thread, and shared turns once for each thread that they are in. Files
that are not plain JSON Lines are copied once into the cache, which takes 0.2 s of each.
"""

from __future__ import annotations

import csv
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasetbuild.builtin  # noqa: F401
from datasetbuild.op import find
from datasetbuild.stages.normalize import normalize, reader_options
from datasetbuild.stages.read import cut, load

ROWS = 100_000
Row = dict[str, Any]


def texts(count: int) -> Iterator[tuple[str, str]]:
    """Questions of about 100 characters and answers of about 300."""
    draw = random.Random(17)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(2000)]
    for n in range(count):
        yield f"{n} " + " ".join(draw.choices(words, k=16)) + "?", " ".join(draw.choices(words, k=48)) + "."


def pair(question: str, answer: str) -> list[Row]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def tools(n: int, question: str, answer: str) -> Row:
    call = {"id": f"c{n}", "type": "function", "function": {"name": "look_up", "arguments": {"words": question[:40]}}}
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    turns += [
        {"role": "tool", "content": answer[:100], "tool_call_id": f"c{n}"},
        {"role": "assistant", "content": answer},
    ]
    schema = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    return {"messages": turns, "tools": [schema]}


def message(name: str, parent: str | None, role: str, text: str, **more: Any) -> Row:
    state = {
        "review_result": True,
        "deleted": False,
        "synthetic": False,
        "lang": "en",
        "tree_state": "ready_for_export",
    }
    return {"message_id": name, "parent_id": parent, "text": text, "role": role, **state, **more}


def trees(count: int) -> Iterator[list[Row]]:
    """The messages of trees with four answers to each question."""
    source = texts(count)
    for n, (question, answer) in enumerate(source):
        root = message(f"p{n}", None, "prompter", question)
        replies = [message(f"a{n}.{k}", f"p{n}", "assistant", f"{k} {answer}", rank=k) for k in range(4)]
        yield [root, *replies]


def lines(path: Path, rows: Iterator[Row]) -> None:
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def table(path: Path, rows: Iterator[Row], delimiter: str = ",") -> None:
    with open(path, "w", encoding="utf-8", newline="") as out:
        first = next(rows)
        writer = csv.DictWriter(out, list(first), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)


def squad_file(path: Path, count: int) -> None:
    pairs = list(texts(count))
    paragraphs = [
        {
            "context": pairs[n][1],
            "qas": [
                {"id": q, "question": q, "answers": [{"text": a[:60], "answer_start": 0}]} for q, a in pairs[n : n + 10]
            ],
        }
        for n in range(0, count, 10)
    ]
    path.write_text(
        json.dumps(
            {"data": [{"title": "t", "paragraphs": paragraphs[n : n + 100]} for n in range(0, len(paragraphs), 100)]}
        )
    )


def interleaved(count: int) -> Iterator[Row]:
    """The turns of conversations, a hundred of them at a time beside one another."""
    pairs = list(texts(count))
    for start in range(0, count, 100):
        for number, who in ((0, "customer"), (1, "agent")):
            for n in range(start, min(start + 100, count)):
                yield {"ticket": n, "no": number, "who": who, "said": pairs[n][number]}


TURNS = [{"role": "user", "content": "{{ q }}"}, {"role": "assistant", "content": "{{ a }}"}]
CHAT = {
    "conversation": "ticket",
    "order": "no",
    "role": "who",
    "text": "said",
    "roles": {"customer": "user", "agent": "assistant"},
}
Writer = Callable[[Path, int], None]

CASES: dict[str, tuple[str, dict[str, Any], Writer]] = {
    "messages": ("m.jsonl", {}, lambda path, n: lines(path, ({"messages": pair(q, a)} for q, a in texts(n)))),
    "messages, tool calls": (
        "c.jsonl",
        {"format": "messages"},
        lambda path, n: lines(path, (tools(i, q, a) for i, (q, a) in enumerate(texts(n)))),
    ),
    "sharegpt": (
        "s.jsonl",
        {},
        lambda path, n: lines(
            path, ({"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]} for q, a in texts(n))
        ),
    ),
    "alpaca": (
        "a.jsonl",
        {},
        lambda path, n: lines(path, ({"instruction": q, "input": "", "output": a} for q, a in texts(n))),
    ),
    "prompt_completion": (
        "p.jsonl",
        {},
        lambda path, n: lines(path, ({"prompt": q, "completion": a} for q, a in texts(n))),
    ),
    "triple": (
        "t.jsonl",
        {},
        lambda path, n: lines(path, ({"system": "Be brief.", "instruction": q, "response": a} for q, a in texts(n))),
    ),
    "completion": ("x.jsonl", {}, lambda path, n: lines(path, ({"text": f"{q} {a}"} for q, a in texts(n)))),
    "table, csv": (
        "t.csv",
        {"format": "table", "messages": TURNS},
        lambda path, n: table(path, ({"q": q, "a": a} for q, a in texts(n))),
    ),
    "table, parquet": (
        "t.parquet",
        {"format": "table", "messages": TURNS},
        lambda path, n: parquet(path, ({"q": q, "a": a} for q, a in texts(n))),
    ),
    "faq_markdown": ("f.md", {}, lambda path, n: _text(path, (f"## {q}\n\n{a}\n\n" for q, a in texts(n)))),
    "squad": ("q.json", {}, squad_file),
    "chat_table, tsv": ("l.tsv", {"format": "chat_table", **CHAT}, lambda path, n: table(path, interleaved(n), "\t")),
    "oasst, trees": (
        "o.jsonl",
        {"format": "oasst"},
        lambda path, n: lines(
            path,
            (
                {"message_tree_id": one[0]["message_id"], "prompt": one[0] | {"replies": one[1:]}}
                for one in trees(n // 4)
            ),
        ),
    ),
    "oasst, messages": (
        "h.jsonl",
        {"format": "oasst"},
        lambda path, n: lines(path, (one for tree in trees(n // 4) for one in tree)),
    ),
}


def parquet(path: Path, rows: Iterator[Row]) -> None:
    import polars as pl

    pl.DataFrame(list(rows)).write_parquet(path)


def _text(path: Path, parts: Iterator[str]) -> None:
    path.write_text("".join(parts), encoding="utf-8")


def measured(path: Path, folder: Path, source: dict[str, Any]) -> tuple[int, float, float]:
    """Records, and CPU seconds for reading and for normalizing."""
    options = {name: value for name, value in reader_options(source).items() if value is not None}
    filled = source | find("format", source["format"]).fill(source)
    start = time.process_time()
    shards = cut(path, project=folder, folder=folder / "blobs", **options)
    loaded = [load(shard, folder) for shard in shards]
    middle = time.process_time()
    count = 0
    for rows in loaded:
        records, quarantine = normalize(rows, name="s", source=filled)
        assert not len(quarantine), quarantine.row(0)
        count += len(records)
    return count, middle - start, time.process_time() - middle


def main() -> None:
    """Print the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    best: dict[str, tuple[int, float, float, int]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, (file, source, write) in CASES.items():
            path = folder / file
            write(path, rows)
            given = {"format": label, "path": file, **source}
            runs = [measured(path, folder, given) for _ in range(3)]
            count, read, convert = min(runs, key=lambda run: run[1] + run[2])
            best[label] = (count, read, convert, path.stat().st_size)
            path.unlink()
    fastest = max(count / (read + convert) for count, read, convert, _ in best.values())
    titles = ("format", "records", "MB", "read s", "convert s", "rows/s", "of fastest")
    print("{:<22}{:>9}{:>6}{:>8}{:>11}{:>10}{:>12}".format(*titles))
    for label, (count, read, convert, size) in best.items():
        speed = count / (read + convert)
        told = f"{label:<22}{count:>9}{size / 1e6:>6.0f}{read:>8.2f}{convert:>11.2f}"
        print(f"{told}{speed:>10,.0f}{speed / fastest:>12.2f}")


if __name__ == "__main__":
    main()
