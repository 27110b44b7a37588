"""The comparison as one plain document: what `--json` prints, and what every view is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from datasetbuild.artifact.diff.causes import RowCause, with_causes
from datasetbuild.artifact.diff.changes import Changes
from datasetbuild.artifact.diff.facts import shifts
from datasetbuild.artifact.diff.rows import Kind, compare_rows, read_book
from datasetbuild.artifact.diff.sides import Side
from datasetbuild.artifact.diff.texts import read_raw, read_texts, word_runs
from datasetbuild.errors import VersionError
from datasetbuild.record import Fate

DIFF_VERSION = 1
"""Version of the document."""

KIND_NAMES = tuple(kind.value for kind in Kind)
Document = dict[str, Any]


@dataclass
class Diff:
    """Two versions of an artifact, compared. rows: the rows that differ, each with its cause; None when the ledgers
    cannot be had, for the reason that `document["lacking"]` tells."""

    a: Side
    b: Side
    document: Document
    rows: pl.DataFrame | None = None


def compare(a: Side, b: Side, *, need_rows: bool) -> Diff:
    """Compare two versions. need_rows: a ledger that cannot be had is an error, and not a gap in the summary."""
    changes = Changes(a.manifest, b.manifest)
    document = _frame(a, b, changes)
    if a.manifest["files"].get("ledger.parquet") == b.manifest["files"].get("ledger.parquet"):
        document["totals"] |= {**dict.fromkeys(KIND_NAMES, 0), "same": document["totals"]["kept"][1]}
        return Diff(a, b, document, pl.DataFrame(schema={"kind": pl.String}))
    try:
        found = compare_rows(*(read_book(side.file("ledger.parquet"), side.manifest) for side in (a, b)))
    except VersionError as error:
        if need_rows:
            raise
        document["lacking"] = str(error)
        return Diff(a, b, document)
    rows = with_causes(found, changes)
    document["totals"] |= {**_kinds(rows), "same": found.same}
    document["causes"] = _causes(rows, changes, a, b)
    document["sources"] = _by_source(rows, a.manifest, b.manifest)
    document["splits"] = _by_split(rows, document["splits"])
    document["facts"] = shifts(found.a, found.b)
    return Diff(a, b, document, rows)


def _frame(a: Side, b: Side, changes: Changes) -> Document:
    """What the manifests alone say."""
    old, new = a.manifest, b.manifest
    return {
        "format_version": DIFF_VERSION,
        "artifact": b.name,
        "a": _side(a),
        "b": _side(b),
        "same_records": old["records"] == new["records"],
        "recipe": [{"path": one.path, "old": one.old, "new": one.new, "code": one.code} for one in changes.all],
        "files": file_changes(old, new),
        "totals": {"in": _pair(old, new, "in"), "kept": _pair(old, new, "kept")},
        "causes": [],
        "sources": [],
        "splits": [
            {
                "split": name,
                **{
                    what: [side["splits"].get(name, {}).get(what, 0) for side in (old, new)]
                    for what in ("records", "rows")
                },
            }
            for name in dict.fromkeys([*new["splits"], *old["splits"]])
        ],
        "reasons": _reasons(old, new),
        "facts": [],
        "bounds": list(_bounds(old, new)),
        "tokens": {
            name: [(side.get("tokens") or {}).get(name) for side in (old, new)]
            for name in dict.fromkeys([*(new.get("tokens") or {}), *(old.get("tokens") or {})])
        },
        "mix": _mix(old, new),
        "lacking": None,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "label": side.label,
        "commit": side.commit,
        "folder": side.place,
        "key": side.manifest["key"],
        "records": side.manifest["records"],
    }


def _pair(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> list[int]:
    return [side["counts"]["sources"][-1][name] for side in (old, new)]


def file_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Source files that are new, gone, or have other bytes."""
    listed = [
        {(name, f["file"]): f for name, entry in side["sources"].items() for f in entry["files"]} for side in (old, new)
    ]
    found = []
    for source, file in dict.fromkeys([*listed[1], *listed[0]]):
        before, after = (side.get((source, file)) for side in listed)
        if before is None or after is None or before["sha256"] != after["sha256"]:
            what = "added" if before is None else "removed" if after is None else "changed"
            sides = {name: [f and f[name] for f in (before, after)] for name in ("bytes", "sha256")}
            found.append({"source": source, "file": file, "what": what, **sides})
    return found


def _reasons(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows per reason on both sides, those that differ, the largest difference first."""
    words = ("fate", "stage", "reason", "rule")
    listed = [
        {tuple(line[word] for word in words): line["rows"] for line in side["counts"]["reasons"]} for side in (old, new)
    ]
    found = [
        {**dict(zip(words, reason, strict=True)), "rows": [side.get(reason, 0) for side in listed]}
        for reason in dict.fromkeys([*listed[1], *listed[0]])
    ]
    differing = [line for line in found if line["rows"][0] != line["rows"][1]]
    return sorted(
        differing,
        key=lambda line: (
            -abs(line["rows"][1] - line["rows"][0]),
            str(line["stage"]),
            str(line["reason"]),
            str(line["rule"]),
        ),
    )


def _bounds(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Bounds of rules, quantiles looked up, that differ."""
    found = []
    for rule in dict.fromkeys([*new["bounds"], *old["bounds"]]):
        before, after = (side["bounds"].get(rule) or {} for side in (old, new))
        for word in dict.fromkeys([*after, *before]):
            if before.get(word) != after.get(word):
                found.append({"path": f"filters.{rule}.{word}", "old": before.get(word), "new": after.get(word)})
    return found


def _mix(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Shares of the sources in train on both sides, those that differ."""
    listed = [{share["source"]: share for share in (side["mix"] or {}).get("shares", ())} for side in (old, new)]
    words = ("requested_share", "achieved_share", "rows", "passes")
    found = [
        {"source": name, **{word: [side.get(name, {}).get(word) for side in listed] for word in words}}
        for name in dict.fromkeys([*listed[1], *listed[0]])
    ]
    return [line for line in found if any(line[word][0] != line[word][1] for word in words)]


def _kinds(rows: pl.DataFrame) -> dict[str, int]:
    counted = dict(rows.group_by("kind").len().iter_rows())
    return {name: counted.get(name, 0) for name in KIND_NAMES}


def _causes(rows: pl.DataFrame, changes: Changes, a: Side, b: Side) -> list[dict[str, Any]]:
    """Rows per cause and kind, most rows first. They add up to the rows that differ."""
    counted = rows.group_by("cause", "detail", "kind").len()
    table: dict[tuple[str, str | None], dict[str, int]] = {}
    for cause, detail, kind, count in counted.iter_rows():
        table.setdefault((cause, detail), dict.fromkeys(KIND_NAMES, 0))[kind] += count
    listed = [
        {
            "cause": cause,
            "detail": detail,
            **_values(cause, detail, changes, a, b),
            **kinds,
            "rows": sum(kinds.values()),
        }
        for (cause, detail), kinds in table.items()
    ]
    return sorted(listed, key=lambda line: (-line["rows"], line["cause"], line["detail"] or ""))


def _values(cause: str, detail: str | None, changes: Changes, a: Side, b: Side) -> dict[str, Any]:
    """What stood at the place that a cause names, and what stands there now."""
    if cause in (RowCause.RECIPE_CHANGED, RowCause.CODE_CHANGED) and detail:
        change = changes.exact(detail)
        return {"old": change and change.old, "new": change and change.new}
    if cause == RowCause.BOUND_MOVED and detail:
        rule = detail.removeprefix("filters.")
        return {"old": a.manifest["bounds"].get(rule), "new": b.manifest["bounds"].get(rule)}
    return {"old": None, "new": None}


def _by_source(rows: pl.DataFrame, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    counted = rows.with_columns(source=pl.coalesce("source_b", "source_a")).group_by("source", "kind").len()
    table = {(source, kind): count for source, kind, count in counted.iter_rows()}
    kept = [{line["source"]: line["kept"] for line in side["counts"]["sources"][:-1]} for side in (old, new)]
    return [
        {
            "source": name,
            "kept": [side.get(name, 0) for side in kept],
            **{kind: table.get((name, kind), 0) for kind in KIND_NAMES},
        }
        for name in dict.fromkeys([*new["sources"], *old["sources"]])
    ]


def _by_split(rows: pl.DataFrame, splits: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records that came into each split, went from it, or changed in it; what moved counts on both ends."""
    found = []
    for line in splits:
        before, after = ((pl.col(f"split_{end}") == line["split"]).fill_null(False) for end in "ab")
        counts = rows.select(
            added=(after & ~before).sum(), removed=(before & ~after).sum(),
            changed=(before & after & (pl.col("kind") == Kind.CHANGED.value)).sum(),
            moved=(before & after & (pl.col("kind") == Kind.MOVED.value)).sum(),
        )  # fmt: skip
        found.append({**line, **counts.row(0, named=True)})
    return found


def listed(
    diff: Diff,
    *,
    kinds: Sequence[str] = (),
    source: str | None = None,
    reason: str | None = None,
    limit: int | None = 20,
) -> tuple[list[dict[str, Any]], int]:
    """The rows that differ one by one, with their texts, and how many there are in all that fit.

    kinds: only these. source, reason: only of this source, only lost or found for this reason or cause.
    """
    assert diff.rows is not None
    rows = diff.rows
    if not len(rows):
        return [], 0
    if kinds:
        rows = rows.filter(pl.col("kind").is_in(list(kinds)))
    if source:
        rows = rows.filter(
            (pl.col("source_a") == source).fill_null(False) | (pl.col("source_b") == source).fill_null(False)
        )
    if reason:
        fits = [
            (pl.col(name) == reason).fill_null(False)
            for name in ("reason_a", "reason_b", "rule_a", "rule_b", "cause", "detail")
        ]
        rows = rows.filter(pl.any_horizontal(fits))
    order = {name: place for place, name in enumerate(KIND_NAMES)}
    rows = rows.sort(
        pl.col("kind").replace_strict(order, return_dtype=pl.Int32),
        pl.coalesce("b", "a"),
        pl.col("a"),
        maintain_order=True,
    )
    shown = rows.head(limit) if limit is not None else rows
    texts = _texts(diff, shown)
    values = {(line["cause"], line["detail"]): line for line in diff.document["causes"]}
    others = _others(diff, shown)
    return [_one(row, texts, values, others) for row in shown.iter_rows(named=True)], len(rows)


def _texts(diff: Diff, rows: pl.DataFrame) -> dict[tuple[str, str], str]:
    """(side, id) -> text, of every row shown that is kept or in quarantine there."""
    found: dict[tuple[str, str], str] = {}
    for end, side in (("a", diff.a), ("b", diff.b)):
        kept = rows.filter(pl.col(f"fate_{end}") == Fate.KEPT.value).group_by(f"split_{end}").agg(f"id_{end}")
        wanted = dict(kept.iter_rows())
        bad = rows.filter(pl.col(f"fate_{end}") == Fate.QUARANTINED.value)[f"id_{end}"].to_list()
        found |= {(end, name): text for name, text in (read_texts(side, wanted) | read_raw(side, bad)).items()}
    return found


def _others(diff: Diff, rows: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """What is known of the rows that causes name: their own cause, when they differ too."""
    assert diff.rows is not None
    wanted = rows["by"].drop_nulls().unique().implode()
    theirs = diff.rows.filter(pl.col("id_a").is_in(wanted) | pl.col("id_b").is_in(wanted))
    found: dict[str, dict[str, Any]] = {}
    for row in theirs.iter_rows(named=True):
        told = {
            "file": row["file_b"] or row["file_a"], "line": row["line_b"] or row["line_a"],
            "kind": row["kind"], "cause": row["cause"], "detail": row["detail"],
        }  # fmt: skip
        found |= {one: told for one in (row["id_a"], row["id_b"]) if one}
    return found


def _one(
    row: Mapping[str, Any], texts: Mapping[tuple[str, str], str], values: Mapping[Any, Any], others: Mapping[str, Any]
) -> dict[str, Any]:
    ends = {}
    for end in "ab":
        there = row[f"id_{end}"] is not None
        names = ("id", "file", "line", "fate", "stage", "reason", "rule", "split", "copies")
        ends[end] = {name: row[f"{name}_{end}"] for name in names} if there else None
    before, after = (texts.get((end, row[f"id_{end}"])) for end in "ab")
    if (
        row["kind"] in (Kind.CHANGED.value, Kind.OUTSIDE.value)
        and before is not None
        and after is not None
        and before != after
    ):
        runs = word_runs(before, after)
    else:
        text, what = (after, "new") if row["kind"] == Kind.ADDED.value else (before, "old")
        text = text if text is not None else after if after is not None else before
        runs = (
            [(what if row["kind"] in (Kind.ADDED.value, Kind.REMOVED.value) else "same", text)]
            if text is not None
            else []
        )
    cause = values.get((row["cause"], row["detail"]), {})
    return {
        "kind": row["kind"], "source": row["source_b"] or row["source_a"], "a": ends["a"], "b": ends["b"],
        "differs": [name for name in ("text", "labels", "counts") if row[name]],
        "cause": row["cause"], "detail": row["detail"], "old": cause.get("old"), "new": cause.get("new"),
        "by": {"id": row["by"], **others.get(row["by"], {})} if row["by"] else None,
        "text": [list(run) for run in runs],
    }  # fmt: skip
