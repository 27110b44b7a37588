"""Quarantine and its limits: unusable rows are kept with their reason and raw text, and too many of them stop the build.

So does a build that would keep nothing, and, with `overflow: error`, one with a conversation that is too long.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import polars as pl

from datasetbuild.engine.gather import KeyPlane
from datasetbuild.engine.ledger import reasons
from datasetbuild.errors import BuildError, EmptyBuildError, QuarantineError
from datasetbuild.plan.steps import Plan
from datasetbuild.record import LEFT_OUT, Fate, Reason, Stage

UNFIT = (Stage.READ.value, Stage.NORMALIZE.value)
"""Stages at which rows fail that do not fit what the recipe says of them."""

SHOWN = 5
"""Rows, each unusable for another reason, that an error names."""


def counted(plan: Plan, plane: KeyPlane) -> pl.DataFrame:
    """The unusable rows that count: those within their source's `limit`, in the order of the input. Rows that the
    recipe wants out are not unusable."""
    found = plane.quarantine.filter(~pl.col("reason").is_in([reason.value for reason in LEFT_OUT]))
    limits = {name: params["limit"] for name, params in plan.sources.items() if params.get("limit")}
    if limits:
        nth = plane.rows.select("place", "shard_row", nth=pl.int_range(pl.len()).over("source"))
        found = found.join(nth, on=["place", "shard_row"], how="left", maintain_order="left")
        limit = pl.col("source").replace_strict(limits, default=None, return_dtype=pl.Int64)
        found = found.filter((pl.col("nth") < limit).fill_null(True)).drop("nth")
    return found


def check_quarantine(plan: Plan, plane: KeyPlane) -> None:
    """Raise `QuarantineError` when a source has more unusable rows than it, or else the recipe, allows: all such sources at
    once, each with what to do about it."""
    bad = counted(plan, plane)
    if not len(bad):
        return
    bad = _crowded(bad, plane.rows)
    totals = dict(plane.rows.group_by("source").len().iter_rows())
    totals = {name: min(rows, plan.sources[name].get("limit") or rows) for name, rows in totals.items()}
    found = []
    for source, params in plan.sources.items():
        mine = bad.filter(pl.col("source") == source)
        allowed = (params.get("on_bad_row") or plan.on_bad_row)["max"]
        bound = allowed * totals.get(source, 0) if 0 < allowed < 1 else allowed
        if len(mine) > bound:
            total = totals.get(source, 0)
            hint = _unfit(source, params) if len(mine) == total > 1 and mine["stage"].is_in(UNFIT).all() else _hint(source, mine)
            found.append((_sentence(source, mine, total, allowed), hint))
    if len(found) == 1:
        raise QuarantineError(found[0][0], hint=found[0][1])
    if found:
        lines = [f"{sentence}\n  {hint}" for sentence, hint in found]
        raise QuarantineError("\n".join(lines), hint="mend the rows, or allow so many in all: on_bad_row.max")


def check_kept(plan: Plan, ledger: pl.DataFrame) -> None:
    """Raise when nothing is left to write, or when a row is longer than a template that must hold every row. ledger: the
    decided key plane."""
    names = ["split", "file", "line", *(name for name in ("tokens",) if name in ledger.columns)]
    kept = ledger.select(names).filter(ledger["fate"] == Fate.KEPT.value)
    if not len(kept):
        raise EmptyBuildError("no row is left: every one was dropped or set aside", hint=_emptied(ledger))
    if "train" in plan.fractions and not len(kept.filter(pl.col("split") == "train")):
        raise EmptyBuildError(
            "the split train is empty: "
            + ("one record is left" if len(kept) == 1 else f"all {len(kept)} records that are left belong together, or are few"),
            hint="set split to {train: 1.0}, or look at split.group and dedup.near.threshold",
        )
    template = plan.template or {}
    if template.get("overflow") != "error" or not template.get("max_tokens"):
        return
    long = kept.filter(pl.col("tokens") > template["max_tokens"])
    if len(long):
        named = [f"  {row['file']}:{row['line']}: {row['tokens']} tokens" for row in long.head(SHOWN).iter_rows(named=True)]
        sentence = f"{len(long)} records are longer than template.max_tokens {template['max_tokens']}, and overflow is `error`"
        raise BuildError("\n".join([sentence, *named]), hint="set template.overflow to drop or truncate, or raise max_tokens")


def _emptied(ledger: pl.DataFrame) -> str:
    """What took most of the rows."""
    lost = reasons(ledger)
    if not lost:
        return "the sources hold no rows: look at their `path`"
    top = lost[0]
    rule = f" by rule {top['rule']!r}" if top["rule"] else ""
    return f"most were lost at {top['stage']}: {top['reason']}{rule} ({top['rows']} rows); loosen that, then run again"


def _sentence(source: str, bad: pl.DataFrame, total: int, allowed: float) -> str:
    rows = "row" if total == 1 else "rows"
    lines = [f"source {source!r}: {len(bad)} of {total} {rows} cannot be used, and `on_bad_row` allows {allowed}"]
    alike = bad.group_by("reason", "detail", maintain_order=True).agg(pl.col("file", "line", "row", "crowd", "raw").first(), pl.len())
    for row in alike.head(SHOWN).iter_rows(named=True):
        more = f" (and {row['len'] - 1} more like it)" if row["len"] > 1 else ""
        place = f"{row['file']}:{row['line']}" + (f" (row {row['row']}, from 0)" if row["crowd"] else "")
        lines.append(f"  {place}: {row['reason']}: {row['detail']}{more}")
        lines.append(f"    {_head(row['raw'])}")
    if len(alike) > SHOWN:
        lines.append(f"  ... and {alike['len'].slice(SHOWN).sum()} more")
    return "\n".join(lines)


def _crowded(bad: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Unusable rows with `crowd`: how many rows share the line, where several do, as in an array that stands on one."""
    line = ["file", "line"]
    crowds = rows.select(line).join(bad.select(line).unique(), on=line, how="semi").group_by(line).agg(crowd=pl.len())
    return bad.join(crowds.filter(pl.col("crowd") > 1), on=line, how="left", maintain_order="left")


def _hint(source: str, bad: pl.DataFrame) -> str:
    what = "operator" if set(bad["reason"]) == {Reason.OPERATOR_ERROR.value} else "rows"
    return f"mend the {what}, or allow such rows to be set aside: sources.{source}.on_bad_row.max={len(bad)}"


def _unfit(source: str, params: dict[str, Any]) -> str:
    """Not one row can be used: it is the recipe that does not fit them."""
    form = params["format"]
    return f"no row fits what sources.{source} says of them; `dsbuild ops {form}` shows what format {form} takes"


def _head(raw: str, width: int = 100) -> str:
    line = raw.replace("\n", "\\n").replace("\r", "\\r")
    return line if len(line) <= width else line[: width - 1] + "…"


def write_quarantine(rows: pl.DataFrame, ids: pl.DataFrame, path: Path) -> int:
    """`quarantine.jsonl`: one JSON object a row, with source, file, line, stage, reason, detail, raw text and id.

    rows: the quarantine of the key plane. ids: `place`, `shard_row`, `id` of the rows whose fate it is.
    """
    found = rows.join(ids, on=["place", "shard_row"], how="inner", maintain_order="left")
    names = ("id", "source", "file", "row", "line", "stage", "reason", "detail", "raw")
    with open(path, "wb") as file:
        for row in found.select(names).iter_rows(named=True):
            file.write(orjson.dumps(row) + b"\n")
    return len(found)
