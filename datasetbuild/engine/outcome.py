"""The books of a build: ledger, quarantine, manifest, metrics and card, and the check that an artifact is still intact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from datasetbuild.artifact.manifest import MANIFEST_VERSION, make_metrics, pretty_json, read_manifest
from datasetbuild.artifact.pages import write_pages
from datasetbuild.artifact.plots import make_plots
from datasetbuild.engine import ledger as books
from datasetbuild.engine.cache import Cache
from datasetbuild.engine.checks import Checked, summary
from datasetbuild.engine.decide import Decision
from datasetbuild.engine.ids import id_texts
from datasetbuild.engine.inputs import InputFile
from datasetbuild.engine.known import known_digests, visit
from datasetbuild.engine.parts import Written
from datasetbuild.engine.quarantine import write_quarantine
from datasetbuild.errors import BuildError
from datasetbuild.hashing import digest, file_digest
from datasetbuild.plan.steps import Plan
from datasetbuild.recipe import Recipe
from datasetbuild.record import ID_ORDER, Fate
from datasetbuild.stages.dedup.cut import LABEL
from datasetbuild.stages.mix import Mixture


@dataclass(frozen=True)
class Outcome:
    """Everything that the books are written from. written: what `parts.write_artifact` returned."""

    recipe: Recipe
    plan: Plan
    parts: dict[str, Any]
    key: str
    inputs: Sequence[InputFile]
    decision: Decision
    quarantine: pl.DataFrame
    written: Written
    warnings: list[str]
    tally: dict[str, int] = field(default_factory=dict)
    checks: Sequence[Checked] = ()
    samples: Mapping[str, Any] = field(default_factory=dict)


def write_books(result: Outcome, draft: Path) -> dict[str, Any]:
    """Write everything but the data and the ledger into the draft of an artifact; returns the manifest."""
    rows = result.decision.rows
    unusable = rows.select("place", "shard_row", *ID_ORDER).filter(rows["fate"] == Fate.QUARANTINED.value)
    fate = unusable.select("place", "shard_row", id_texts(unusable))
    write_quarantine(result.quarantine, fate, draft / "quarantine.jsonl")
    files = dict(result.written.files)
    manifest = _manifest(result)
    pages = write_pages(draft, manifest, books.plain_ledger(rows), result.samples, result.recipe.config.get("description"))
    for name in (*pages, "ledger.parquet", "quarantine.jsonl", "checks.jsonl"):
        files[name] = {"sha256": file_digest(draft / name), "bytes": (draft / name).stat().st_size}
    manifest["files"] = dict(sorted(files.items()))
    (draft / "manifest.json").write_bytes(pretty_json(manifest))
    (draft / "plots").mkdir()
    for name, data in derived(manifest).items():
        (draft / name).write_bytes(data)
    return manifest


def derived(manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """The files that say again what the manifest says, for DVC."""
    made = {"metrics.json": make_metrics(manifest), **make_plots(manifest)}
    return {name: pretty_json(value) for name, value in made.items()}


def _manifest(result: Outcome) -> dict[str, Any]:
    plan, ledger = result.plan, result.decision.rows
    fates = dict(ledger.group_by("fate").len().iter_rows())
    tokens = books.token_statistics(ledger)
    return {
        "format_version": MANIFEST_VERSION,
        "name": plan.name,
        "recipe": result.recipe.choice,
        "recipe_digest": digest(_portable(result.recipe.config)),
        "overrides": result.recipe.result_overrides,
        "key": result.key,
        "parts": result.parts,
        "records": result.written.records,
        "sources": {
            name: {
                "format": params["format"],
                "license": params.get("license"),
                **({"generated_by": params["generated_by"]} if params.get("generated_by") else {}),
                "files": [{"file": f.name, "sha256": f.sha256, "bytes": f.bytes} for f in result.inputs if f.source == name],
            }
            for name, params in plan.sources.items()
        },
        "counts": {
            "sources": books.funnel(ledger, list(plan.sources)),
            "reasons": books.reasons(ledger),
            **{fate.value: fates.get(fate.value, 0) for fate in Fate},
        },
        "bounds": result.decision.bounds,
        "prepared": plan.reports,
        "splits": books.split_counts(ledger, plan.fractions),
        "mix": result.decision.mixture and mix_report(result.decision.mixture),
        "tokens": tokens and tokens | {"trained_lost_to_truncation": books.trained_lost(ledger)},
        "token_histogram": books.token_histogram(ledger),
        "near_pairs": result.decision.pairs,
        "cut": _cut(result) if plan.cut else None,
        "masks": _masks(result.tally),
        "exports": result.written.exports,
        "subsets": _subsets(result),
        "checks": summary(result.checks),
        "warnings": result.warnings,
    }


def _cut(result: Outcome) -> dict[str, int]:
    """How many records were cut, and how many words of theirs, since those stand in another record."""
    rows = result.decision.rows
    mine = rows["repeated_words"].filter(rows["cleaned"].list.contains(LABEL))
    return {"records": len(mine), "words": int(mine.sum())}


def _subsets(result: Outcome) -> dict[str, dict[str, Any]]:
    """The nested subsets of train by their share, with the records and rows of each, per source too."""
    rows = result.decision.rows
    found = {}
    for name, written in result.written.subsets.items():
        mine = rows.select("source", "copies").filter((rows["fate"] == Fate.KEPT.value) & (rows["subset"] <= float(name)))
        held = mine.group_by(pl.col("source").cast(pl.String)).agg(pl.col("copies").sum()).sort("source")
        found[name] = {
            "records": len(mine),
            **written,
            "sources": {source: int(count) for source, count in held.iter_rows()},
        }
    return found


def _masks(tally: dict[str, int]) -> dict[str, Any] | None:
    """Trained turns of all rendered records by parity class, and control tokens that came from content."""
    if not tally:
        return None
    parity = {name.removeprefix("parity."): count for name, count in tally.items() if name.startswith("parity.")}
    return {"parity": parity} | {name: count for name, count in tally.items() if not name.startswith("parity.")}


def _portable(config: dict[str, Any]) -> dict[str, Any]:
    """The recipe without what cannot change a byte."""
    return {key: value for key, value in config.items() if key != "engine"}


def mix_report(mixture: Mixture) -> dict[str, Any]:
    """Requested and achieved shares of each source in train."""
    total = sum(share.achieved for share in mixture.shares) or 1
    return {
        "unit": mixture.unit,
        "total": mixture.total,
        "shares": [
            {
                "source": share.source,
                "requested_share": round(share.weight, 4),
                "achieved_share": round(share.achieved / total, 4),
                "available": share.available,
                "requested": round(share.requested, 2),
                "achieved": share.achieved,
                "rows": share.rows,
                "passes": share.passes,
                "capped": share.capped,
            }
            for share in mixture.shares
        ],
    }


def check_owner(recipe: Recipe, folder: Path) -> None:
    """Raise when the folder holds the artifact of another recipe that is still there: two recipes have one name."""
    there = read_manifest(folder)
    other = there["recipe"] if there else recipe.choice
    if other != recipe.choice and (recipe.project / "recipes" / f"{other}.yaml").is_file():
        raise BuildError(
            f"build/{recipe.name} is the artifact of recipes/{other}.yaml, which has the same `name`",
            hint=f"give one of the two recipes another `name`, or remove build/{recipe.name}",
        )


def intact(folder: Path, key: str, cache: Cache) -> dict[str, Any] | None:
    """The manifest of an artifact that has this key and whose files all are what it says; else None."""
    manifest = read_manifest(folder)
    if manifest is None or manifest.get("key") != key:
        return None
    paths = [folder / name for name in manifest["files"]]
    said = [*manifest["files"].values()]
    if any(not path.is_file() or path.stat().st_size != file["bytes"] for path, file in zip(paths, said, strict=True)):
        return None
    if known_digests(cache, paths) != [file["sha256"] for file in said]:
        return None
    if any(path.relative_to(folder).as_posix() not in manifest["files"] for path in (folder / "data").rglob("*")):
        return None  # a loader takes what lies in data/ by its name
    sound = all((folder / name).is_file() and (folder / name).read_bytes() == data for name, data in derived(manifest).items())
    return manifest if sound else None


def remember(folder: Path, manifest: dict[str, Any], cache: Cache) -> None:
    """Note the digests of files just written, so that the next run need not read them."""
    files = manifest["files"]
    visit(cache, [folder / name for name in files], [file["sha256"] for file in files.values()])
