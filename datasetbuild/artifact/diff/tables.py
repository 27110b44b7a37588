"""The comparison in words and tables: what the terminal, the Markdown and the page all show, each in its own way."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from datasetbuild.artifact.diff.causes import ROW_CAUSES, RowCause
from datasetbuild.artifact.diff.document import KIND_NAMES, Document
from datasetbuild.plan.explain import NAMED, first_of
from datasetbuild.plan.lockfile import SHORT

SIGNS = {"added": "+", "removed": "-", "changed": "~", "moved": ">", "outside": "·"}
NONE = "·"
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
TOP = 12
"""Lines of a table of reasons or facts; the rest is counted."""

OF_FILES = {
    RowCause.ROW_ADDED: "new in {}", RowCause.ROW_REMOVED: "gone from {}", RowCause.ROW_EDITED: "edited in {}",
    RowCause.INPUT_ADDED: "{} is new", RowCause.INPUT_REMOVED: "{} is gone",
}  # fmt: skip
"""Causes whose detail is a file, or a source."""


@dataclass(frozen=True)
class Table:
    """title, head and rows as text; left: columns that are words; total: whether the last row adds up the others."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    total: bool = False


def headline(document: Document) -> str:
    """`v1 (1f6f55a) -> workspace`."""
    return f"{_label(document['a'])} -> {_label(document['b'])}"


def _label(side: Mapping[str, Any]) -> str:
    short = (side["commit"] or "")[:7]
    return f"{side['label']} ({short})" if short and not side["label"].startswith(short) else str(side["label"])


def totals(document: Document) -> list[tuple[str, str]]:
    """The one line that matters: (kind, words)."""
    found = document["totals"]
    before, after = found["kept"]
    words = [("", f"{before} -> {after} records")]
    if "added" in found:
        words += [(kind, f"{SIGNS[kind]}{found[kind]} {kind}") for kind in KIND_NAMES if found[kind]]
        words.append(("", f"{found['same']} the same"))
    return words


def edits(document: Document) -> list[tuple[str, str, str]]:
    """What was edited, a line each: sign, where, old -> new. Recipe keys, then code, then files; of many the first, and their number."""
    lines = []
    for one in sorted(document["recipe"], key=lambda one: one["code"]):
        sign = "+" if one["old"] is None else "-" if one["new"] is None else "~"
        lines.append((sign, one["path"], change(one["old"], one["new"])))
    for (what, source), group in groupby(document["files"], key=lambda file: (file["what"], file["source"])):
        sign, files = {"added": "+", "removed": "-", "changed": "~"}[what], list(group)
        named, left = first_of(files)
        for file in named:
            lines.append((sign, file["file"], f"{_sizes(file)} (source {source})"))
        if left:
            lines.append((sign, f"and {left} more files", f"(source {source})"))
    return lines


def _sizes(file: Mapping[str, Any]) -> str:
    """`812 bytes`, `812 bytes -> 904 bytes`; of other bytes that are as many, their digests."""
    before, after = file["bytes"]
    if before == after:
        return f"{after} bytes, SHA-256 {' -> '.join(digest[:SHORT] for digest in file['sha256'])}"
    return " -> ".join(f"{size} bytes" for size in file["bytes"] if size is not None)


def change(old: Any, new: Any) -> str:
    """`20 -> 30`."""
    return f"{value(old)} -> {value(new)}"


def value(given: Any, width: int = 40) -> str:
    """A value as a recipe writes it, or the beginning of it."""
    if given is None:
        return "nothing"
    text = (
        f"{given:.6g}"
        if isinstance(given, float)
        else given
        if isinstance(given, str)
        else json.dumps(given, ensure_ascii=False)
    )
    text = DIGEST.sub(lambda digest: digest[0][:12], text)
    return text if len(text) <= width else text[: width - 1] + "…"


def because(line: Mapping[str, Any]) -> str:
    """A cause in a few words: `filters.words.min 20 -> 30`, `edited in rows.jsonl`."""
    cause, detail = line["cause"], line["detail"]
    if cause in (RowCause.RECIPE_CHANGED, RowCause.CODE_CHANGED):
        return f"{detail} {change(line['old'], line['new'])}"
    if cause == RowCause.BOUND_MOVED:
        return f"{detail}: a quantile that moved, {change(line['old'], line['new'])}"
    return OF_FILES[cause].format(detail) if cause in OF_FILES else ROW_CAUSES[RowCause(cause)]


def tables(document: Document) -> list[Table]:
    """Every table that has something to say, the most telling first."""
    found = [_causes(document), _sources(document), _splits(document), _reasons(document), _bounds(document)]
    found += [_facts(document), _tokens(document), _mix(document)]
    return [table for table in found if table.rows]


def _count(number: int) -> str:
    return str(number) if number else NONE


def _shortened(causes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, int]]]:
    """Each cause in words with its counts; of a cause that many files have the first `NAMED`, and the others, added up, at the end."""
    left: dict[str, list[Mapping[str, Any]]] = {}
    seen, alike = Counter[str](), Counter(line["cause"] for line in causes)
    for line in causes:
        seen[line["cause"]] += 1
        if line["cause"] in OF_FILES and alike[line["cause"]] > NAMED + 1 and seen[line["cause"]] > NAMED:
            left.setdefault(line["cause"], []).append(line)
        else:
            yield because(line), line
    for cause, lines in left.items():
        words = OF_FILES[RowCause(cause)].format(f"{len(lines)} more files").replace(" is ", " are ")
        yield words, {kind: sum(line[kind] for line in lines) for kind in KIND_NAMES}


def _causes(document: Document) -> Table:
    lines = [(words, *(_count(counts[kind]) for kind in KIND_NAMES)) for words, counts in _shortened(document["causes"])]
    if len(lines) > 1:
        lines.append(("total", *(_count(document["totals"][kind]) for kind in KIND_NAMES)))
    return Table("why rows differ", ("why", *KIND_NAMES), tuple(lines), total=len(lines) > 1)


def _sources(document: Document) -> Table:
    lines = [
        (line["source"], *map(str, line["kept"]), *(_count(line[kind]) for kind in KIND_NAMES))
        for line in document["sources"]
        if any(line[kind] for kind in KIND_NAMES)
    ]
    return Table("sources", ("source", "kept before", "now", *KIND_NAMES), tuple(lines))


def _splits(document: Document) -> Table:
    kinds = ("added", "removed", "changed", "moved")
    lines = [
        (
            line["split"],
            *map(str, line["records"]),
            *map(str, line["rows"]),
            *(_count(line.get(kind, 0)) for kind in kinds),
        )
        for line in document["splits"]
        if line["records"][0] != line["records"][1]
        or line["rows"][0] != line["rows"][1]
        or any(line.get(kind) for kind in kinds)
    ]
    return Table(
        "splits",
        ("split", "records before", "now", "rows before", "now", "came", "went", "changed", "copies"),
        tuple(lines),
    )


def _reasons(document: Document) -> Table:
    found = document["reasons"]
    lines = [
        (
            line["stage"] or "",
            line["reason"] or "",
            line["rule"] or "",
            *map(str, line["rows"]),
            f"{line['rows'][1] - line['rows'][0]:+d}",
        )
        for line in found[:TOP]
    ]
    if len(found) > TOP:
        lines.append((f"and {len(found) - TOP} more", "", "", "", "", ""))
    return Table("why rows are not in", ("stage", "reason", "rule", "before", "now", "change"), tuple(lines), left=3)


def _bounds(document: Document) -> Table:
    written = {one["path"] for one in document["recipe"]}
    lines = [
        (one["path"], value(one["old"]), value(one["new"])) for one in document["bounds"] if one["path"] not in written
    ]
    lines = [line for line in lines if line[0].rpartition(".")[0] not in written]
    return Table("quantiles that moved with the rows", ("bound", "before", "now"), tuple(lines))


def _facts(document: Document) -> Table:
    found = document["facts"]
    lines = []
    for fact in found[:TOP]:
        if fact["kind"] == "number":
            cells = [
                f"{value(fact['before'][name])} -> {value(fact['after'][name])}" for name in ("p5", "median", "p95")
            ]
        else:
            shares = [
                f"{word} {share:.1%} -> {fact['after'][word]:.1%}" for word, share in list(fact["before"].items())[:3]
            ]
            cells = [*shares, "", "", ""][:3]
        lines.append((fact["fact"], f"{fact['shift']:.1%}", *cells))
    if len(found) > TOP:
        lines.append((f"and {len(found) - TOP} more", "", "", "", ""))
    return Table("facts of the kept rows that shifted", ("fact", "shift", "p5", "median", "p95"), tuple(lines))


def _tokens(document: Document) -> Table:
    lines = [
        (name, value(before), value(after)) for name, (before, after) in document["tokens"].items() if before != after
    ]
    return Table("tokens", ("tokens", "before", "now"), tuple(lines))


def _mix(document: Document) -> Table:
    lines = []
    for line in document["mix"]:
        shares = [" -> ".join(_share(share) for share in line[word]) for word in ("requested_share", "achieved_share")]
        lines.append((line["source"], *shares, " -> ".join(value(rows) for rows in line["rows"])))
    return Table("mix of train", ("source", "requested", "achieved", "rows"), tuple(lines))


def _share(share: float | None) -> str:
    return "nothing" if share is None else f"{share:.1%}"


def place(side: Mapping[str, Any] | None) -> str:
    """`rows.jsonl:12`."""
    return f"{side['file']}:{side['line']}" if side else ""


def fate(side: Mapping[str, Any] | None) -> str:
    """`train`, `train x3`, `below_min words`, `not there`."""
    if side is None:
        return "not there"
    if side["fate"] == "kept":
        return f"{side['split']} x{side['copies']}" if side["copies"] > 1 else str(side["split"])
    return " ".join(str(part) for part in (side["reason"], side["rule"]) if part)


def about(row: Mapping[str, Any]) -> str:
    """Where a row stands and what became of it: `rows.jsonl:12  train -> below_min words`."""
    before, after = fate(row["a"]), fate(row["b"])
    moved = before if before == after else f"{before} -> {after}"
    if (row["kind"] == "added" and row["a"] is None) or (row["kind"] == "removed" and row["b"] is None):
        moved = after if row["kind"] == "added" else before
    what = ", ".join(
        {"text": "another text", "labels": "another label", "counts": "other tokens"}[name] for name in row["differs"]
    )
    return "  ".join(
        part for part in (place(row["b"] or row["a"]), moved, what if row["kind"] == "changed" else "") if part
    )


def why(row: Mapping[str, Any]) -> str:
    """The cause of one row, with the other row where one is the cause."""
    words = because(row)
    other = row["by"]
    if not other:
        return words
    place = f" ({other['file']}:{other['line']})" if "file" in other else ""
    return f"{words}: {other['id']}{place}"
