"""Warnings: what a person should look at although the build went well. Sentences, in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from datasetbuild.engine.decide import Decision
from datasetbuild.engine.gather import KeyPlane, Piece, tally
from datasetbuild.engine.system import system_warnings
from datasetbuild.plan.steps import Plan
from datasetbuild.record import ID_ORDER, LEFT_OUT, Fate
from datasetbuild.stages.write.carry import Tokens

LARGE_CLUSTER = 20
"""Members from which a cluster of near-duplicates is worth a look, when it is also far larger than the next."""

FAR = 5
"""How many times larger than the next one a cluster must be to be called far larger than the rest."""


def all_warnings(plan: Plan, plane: KeyPlane, decision: Decision, pieces: Sequence[Piece]) -> list[str]:
    """Every warning of a build."""
    return [
        *sorted({warning for piece in pieces for warning in piece.measured.warnings}),
        *_quarantine(plane),
        *_repeated_keys(plan, plane),
        *_empty_sources(plan, decision),
        *_large_clusters(decision),
        *_contradictions(decision),
        *_splits(plan, decision),
        *_mix(decision),
        *_truncated(plan, decision),
        *system_warnings(plan, decision.rows),
        *_rendered(plan, pieces),
    ]


def _quarantine(plane: KeyPlane) -> list[str]:
    found = plane.quarantine.filter(~pl.col("reason").is_in([reason.value for reason in LEFT_OUT]))
    if not len(found):
        return []
    first = found.row(0, named=True)
    rows = _counted(len(found), "row")
    return [f"{rows} could not be used (quarantine.jsonl); the first is {first['file']}:{first['line']}: {first['detail']}"]


def _repeated_keys(plan: Plan, plane: KeyPlane) -> list[str]:
    lines = []
    for source, params in plan.sources.items():
        if not params.get("key"):
            continue
        repeated = plane.rows.filter((pl.col("source") == source) & (pl.col("occurrence") > 0) & pl.col("pos").is_not_null())
        if len(repeated):
            row = repeated.row(0, named=True)
            lines.append(
                f"source {source!r}: the key {params['key']!r} is not unique: {len(repeated)} rows repeat one, "
                f"the first is {row['file']}:{row['line']}"
            )
    return lines


def _empty_sources(plan: Plan, decision: Decision) -> list[str]:
    kept = set(decision.rows["source"].filter(decision.rows["fate"] == Fate.KEPT.value).unique())
    inside = dict(decision.rows.group_by("source").len().iter_rows())
    lines = []
    for source in plan.sources:
        if not inside.get(source):
            lines.append(f"source {source!r} holds no rows")
        elif source not in kept:
            lines.append(f"source {source!r}: none of its {inside[source]} rows is kept")
    return lines


def _large_clusters(decision: Decision) -> list[str]:
    near = decision.rows.select("cluster", *ID_ORDER, "file", "line").filter(pl.col("cluster").is_not_null())
    sizes = near.group_by("cluster").len().sort(["len", "cluster"], descending=[True, False])
    if not len(sizes):
        return []
    largest, size = sizes.row(0)
    second = sizes["len"][1] if len(sizes) > 1 else 1
    if size < LARGE_CLUSTER or size < FAR * second:
        return []
    members = near.filter(pl.col("cluster") == largest).sort(ID_ORDER).head(3)
    places = ", ".join(f"{row['file']}:{row['line']}" for row in members.iter_rows(named=True))
    return [
        f"one cluster of near-duplicates has {size} members, the next has {second}: look at {places}; "
        "if they are not alike, raise dedup.near.threshold"
    ]


def _contradictions(decision: Decision) -> list[str]:
    """Kept records that another kept record contradicts."""
    if "contradicts" not in decision.rows.columns:
        return []
    kept = decision.rows.filter((pl.col("fate") == Fate.KEPT.value) & pl.col("contradicts").is_not_null())
    if not len(kept):
        return []
    first = kept.row(0, named=True)
    other = decision.rows.row(first["contradicts"], named=True)
    return [
        f"{_counted(len(kept), 'record')} answer a prompt that another record answers otherwise (ledger: contradicts); "
        f"the first is {first['file']}:{first['line']}, against {other['file']}:{other['line']} ({first['contradiction']})"
    ]


def _splits(plan: Plan, decision: Decision) -> list[str]:
    columns = plan.split["stratify"]
    kept = decision.rows.select({"split", *columns}).filter(decision.rows["fate"] == Fate.KEPT.value)
    held = set(kept["split"].unique())
    lines = [f"split {name!r} is empty: {_counted(len(kept), 'record')} are few for it" for name in plan.fractions if name not in held]
    if columns and len(plan.fractions) > 1:
        strata = kept.with_columns(pl.concat_str([pl.col(c).cast(pl.String).fill_null("none") for c in columns], separator=" / ").alias("stratum"))
        for name, fraction in plan.fractions.items():
            missing = strata.group_by("stratum").agg(pl.len(), (pl.col("split") == name).sum().alias("held")).sort("stratum")
            missing = missing.filter((pl.col("held") == 0) & (pl.col("len") * fraction >= 3))
            if name in held and len(missing):
                listed = ", ".join(f"{stratum} ({count} records)" for stratum, count, _ in missing.head(3).iter_rows())
                lines.append(f"split {name!r} holds nothing of {listed}; `split.assign: exact` gives each stratum its share")
    return lines


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _mix(decision: Decision) -> list[str]:
    shares = decision.mixture.shares if decision.mixture else []
    return [
        f"mix: source {share.source!r} gives {share.achieved} of {share.requested:.0f} {decision.mixture.unit}: {share.capped}"
        for share in shares
        if share.capped and decision.mixture
    ]


def _truncated(plan: Plan, decision: Decision) -> list[str]:
    if not plan.template or "cut" not in decision.rows.columns:
        return []
    long = decision.rows.select("cut", "copies").filter((decision.rows["fate"] == Fate.KEPT.value) & pl.col("cut").is_not_null())
    if not len(long):
        return []
    lost = int(long.select((pl.col("cut").cast(pl.Int64) * pl.col("copies")).sum()).item())
    place = f"template.max_tokens {plan.template['max_tokens']}"
    return [f"{_counted(len(long), 'record')} cut off at {place}: {lost} trained tokens are lost"]


def _rendered(plan: Plan, pieces: Sequence[Piece]) -> list[str]:
    """Thoughts that the template left out, control tokens that were let in, weights that an export has no place for."""
    counts = tally(pieces)
    lines = []
    if stripped := counts.get("parity.stripped_reasoning"):
        lines.append(
            f"the template left a thought out of {stripped} trained turns, or out of the turns before them; "
            "docs/reference/masks.md says what template.expansion does about it"
        )
    if plan.template and plan.template["control_tokens"] == "allow" and counts.get("control_tokens"):
        lines.append(f"{counts['control_tokens']} control tokens of {counts['control_token_rows']} rows come from content")
    weighed = [name for name in ("prompt_weight", "expansion") if plan.template and plan.template[name] not in (0, "none")]
    for step in plan.export if weighed else ():
        form = step.open().form
        if not (isinstance(form, Tokens) and form.weights):
            lost = "loss_weights" if weighed[0] == "prompt_weight" else "row_weight"
            lines.append(f"export {step.folder!r} has no column {lost}: template.{weighed[0]} does not reach it")
    return lines
