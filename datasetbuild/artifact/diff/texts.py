"""What rows say, and which words of it changed: read only for the rows that are shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import polars as pl

from datasetbuild.artifact.diff.sides import Side

Run = tuple[str, str]
"""(`same`, `old` or `new`, text)."""

LARGEST = 6_000
"""Words up to which two texts are compared word by word; longer ones line by line."""

AROUND = 60
"""Characters that are shown of what is the same, on either side of a change."""


def read_texts(side: Side, wanted: Mapping[str | None, Sequence[str]]) -> dict[str, str]:
    """The conversations of kept records. wanted: split -> ids. Reads the files of these splits, and nothing else."""
    found: dict[str, str] = {}
    for split, ids in wanted.items():
        for name in side.parts(split) if split and ids else ():
            frame = pl.scan_parquet(side.file(name), glob=False)
            columns = [column for column in ("id", "messages", "tools") if column in frame.collect_schema().names()]
            rows = frame.filter(pl.col("id").is_in(list(ids))).select(columns).collect()
            for row in rows.unique("id", keep="first", maintain_order=True).iter_rows(named=True):
                found[row["id"]] = conversation(row["messages"], row.get("tools"))
    return found


def read_raw(side: Side, ids: Sequence[str]) -> dict[str, str]:
    """The raw rows in quarantine with these ids."""
    found: dict[str, str] = {}
    if ids and "quarantine.jsonl" in side.manifest["files"]:
        wanted = set(ids)
        for line in side.file("quarantine.jsonl").read_bytes().splitlines():
            row = orjson.loads(line)
            if row.get("id") in wanted:
                found[row["id"]] = str(row.get("raw", ""))
    return found


def conversation(messages: Sequence[Mapping[str, Any]], tools: str | None = None) -> str:
    """A conversation as text: `role: content`, turn by turn."""
    lines = [f"tools: {tools}"] if tools else []
    for turn in messages:
        weight = f" (weight {turn['weight']:g})" if turn.get("weight") is not None else ""
        thought = f"<think>{turn['reasoning_content']}</think>\n" if turn.get("reasoning_content") else ""
        calls = f"\n-> {turn['tool_calls']}" if turn.get("tool_calls") else ""
        lines.append(f"{turn['role']}{weight}: {thought}{turn.get('content') or ''}{calls}")
    return "\n".join(lines)


def word_runs(before: str, after: str) -> list[Run]:
    """The two texts as runs of words that are the same, old or new; joined, `same` and `old` give the first text."""
    pattern = r"\w+|\s+|[^\w\s]"
    left, right = re.findall(pattern, before), re.findall(pattern, after)
    if len(left) + len(right) > LARGEST:
        left, right = before.splitlines(keepends=True), after.splitlines(keepends=True)
    runs: list[Run] = []
    for what, i, j, k, m in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if what == "equal":
            runs.append(("same", "".join(left[i:j])))
            continue
        if j > i:
            runs.append(("old", "".join(left[i:j])))
        if m > k:
            runs.append(("new", "".join(right[k:m])))
    return runs


def shortened(runs: Sequence[Run], around: int = AROUND) -> list[Run]:
    """The runs with what is the same cut down to a little on either side of a change."""
    short: list[Run] = []
    for place, (what, text) in enumerate(runs):
        first, last = place == 0, place == len(runs) - 1
        if what != "same" or len(text) <= (around if first or last else 2 * around) + 3:
            short.append((what, text))
        elif first and last:
            short.append((what, text[: 2 * around] + " …"))
        elif first:
            short.append((what, "… " + text[-around:]))
        elif last:
            short.append((what, text[:around] + " …"))
        else:
            short.append((what, f"{text[:around]} … {text[-around:]}"))
    return short
