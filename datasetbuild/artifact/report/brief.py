"""The report in short, as Markdown for a pull request: counts, what was lost, checks, splits, tokens. No text of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasetbuild.artifact.report.charts import percent

TOP = 8
"""Reasons that are listed."""

SIGNS = {"passed": "✅", "warned": "⚠️", "failed": "❌"}


def make_brief(manifest: Mapping[str, Any]) -> str:
    """The report of an artifact in about forty lines of Markdown."""
    total = manifest["counts"]["sources"][-1]
    kept = f"**{total['kept']:,}** of {total['in']:,} rows kept ({percent(total['kept'] / total['in'] if total['in'] else 0)})"
    rows = ", ".join(f"{name} {split['rows']:,}" for name, split in manifest["splits"].items())
    parts = [f"## {_cell(manifest['name'])}", f"{kept}; rows: {rows}. Key `{manifest['key'][:16]}`.", _checks(manifest), _rows(manifest)]
    parts += [_lost(manifest), _cut(manifest), _mix(manifest), _tokens(manifest), _warnings(manifest)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell(value: Any) -> str:
    """A value inside a table: no column of its own, no markup."""
    text = "" if value is None else str(value)
    for character in "\\|`*_<>[]":
        text = text.replace(character, "\\" + character) if character != "_" else text
    return text.replace("\n", " ")


def _table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    rows = [head, ["---"] * len(head), *([_cell(cell) for cell in line] for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _checks(manifest: Mapping[str, Any]) -> str:
    lines = [
        [f"{SIGNS[check['status']]} {name}", check["wanted"], check["measured"], check["failing_rows"] or ""]
        for name, check in sorted(manifest["checks"].items())
    ]
    return _table(["check", "wanted", "measured", "rows at fault"], lines) if lines else ""


def _rows(manifest: Mapping[str, Any]) -> str:
    lines = [
        [line["source"], f"{line['in']:,}", f"{line['kept']:,}", percent(line["kept"] / line["in"] if line["in"] else 0)]
        for line in manifest["counts"]["sources"]
    ]
    return _table(["source", "rows in", "kept", "share"], lines)


def _lost(manifest: Mapping[str, Any]) -> str:
    found = manifest["counts"]["reasons"]
    lines = [[line["stage"], line["reason"], line["rule"], f"{line['rows']:,}"] for line in found[:TOP]]
    if len(found) > TOP:
        lines.append(["", f"and {len(found) - TOP} more", "", f"{sum(line['rows'] for line in found[TOP:]):,}"])
    return _table(["lost at", "reason", "rule", "rows"], lines) if lines else ""


def _cut(manifest: Mapping[str, Any]) -> str:
    cut = manifest["cut"]
    return f"{cut['words']:,} words were cut out of {cut['records']:,} record{'s' * (cut['records'] != 1)}, since they stand in another one." if cut else ""


def _mix(manifest: Mapping[str, Any]) -> str:
    if not manifest["mix"]:
        return ""
    lines = [
        [one["source"], percent(one["requested_share"]), percent(one["achieved_share"]), f"{one['passes']:.2f}", one["capped"]]
        for one in manifest["mix"]["shares"]
    ]
    return _table([f"mix of train by {manifest['mix']['unit']}", "asked for", "achieved", "passes", "held back by"], lines)


def _tokens(manifest: Mapping[str, Any]) -> str:
    tokens = manifest["tokens"]
    if not tokens:
        return ""
    trained = percent(tokens["trained"] / tokens["total"] if tokens["total"] else 0)
    return (
        f"Tokens: {tokens['total']:,}, {trained} trained; median {tokens['median']:,}, p95 {tokens['p95']:,}, "
        f"max {tokens['max']:,}. `max_seq_length` {tokens['max_seq_length']:,} holds 95 % of the rows."
    )


def _warnings(manifest: Mapping[str, Any]) -> str:
    return "\n".join(f"- ⚠️ {_cell(warning)}" for warning in manifest["warnings"])
