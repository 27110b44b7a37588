"""The build, on one screen: find, cut, measure, gather, decide, balance, write, publish."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from datasetbuild.artifact.folder import check_target, publish
from datasetbuild.engine import outcome
from datasetbuild.engine.cache import Cache, mending
from datasetbuild.engine.checks import Checked, failed, run_checks, write_failing
from datasetbuild.engine.cuts import with_cuts
from datasetbuild.engine.decide import Decision, decide
from datasetbuild.engine.evidence import Evidence
from datasetbuild.engine.gather import KeyPlane, Piece, gather, tally
from datasetbuild.engine.inputs import InputFile, cut_inputs
from datasetbuild.engine.ledger import balance, ledger_lines, ledger_table, plain_ledger, write_ledger
from datasetbuild.engine.local import Engine, local_engine
from datasetbuild.engine.lock import present_inputs
from datasetbuild.engine.measure import ShardTask, measure_shard
from datasetbuild.engine.parts import write_artifact
from datasetbuild.engine.place import placed
from datasetbuild.engine.quarantine import check_kept, check_quarantine
from datasetbuild.engine.rest import rest
from datasetbuild.engine.shards import shards_of
from datasetbuild.engine.system import check_system
from datasetbuild.engine.warn import all_warnings
from datasetbuild.hashing import digest
from datasetbuild.plan.keys import step_keys
from datasetbuild.plan.steps import Plan
from datasetbuild.recipe import Recipe

T = TypeVar("T")
Progress = Callable[[str, Iterable[Any], int], Iterator[Any]]
"""Wraps an iterator of results: (what, results, how many), for a progress bar."""


@dataclass
class Built:
    """What a build did. status: "built"; "up to date" when nothing had to be done; or "rejected" when a check failed, so
    that the folder is not the published one. measured: shard steps that ran. notices: what a person should know and no
    artifact should say: that the lock is stale."""

    status: str
    folder: Path
    manifest: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    measured: int = 0
    reused: int = 0
    notices: list[str] = field(default_factory=list)


@dataclass
class Examined:
    """Everything about a build but its files: what a decision needs, and the decision, which balances."""

    plan: Plan
    files: list[InputFile]
    pieces: list[Piece]
    plane: KeyPlane
    decision: Decision

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """The ledger, as the file has it."""
        return ledger_table(self.decision.rows)

    def lines(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The ledger's lines of some rows, by number."""
        return ledger_lines(self.decision.rows, numbers)

    @cached_property
    def rows(self) -> pl.DataFrame:
        """The decided key plane, with ids as text."""
        return self.decision.rows.with_columns(self.ledger["id"])


def build(
    recipe: Recipe,
    plan: Plan,
    *,
    force: bool = False,
    accept: bool = False,
    progress: Progress | None = None,
    scratch: Path | None = None,
) -> Built:
    """Build a recipe: into `build/NAME`, or with overrides into `.dsbuild/variants/NAME-KEY`, where nothing tracked lies.

    When a check of severity `error` fails, the artifact goes to `.dsbuild/rejected/NAME` and what was published before
    stays as it is, unless `accept` is set.
    scratch: a folder to build in instead, as `scratch/artifact`, with a cache of its own: nothing is taken from earlier.
    """
    cache = Cache((scratch or recipe.project / ".dsbuild") / "cache")
    accept = accept or scratch is not None
    with placed(recipe):
        return mending(cache, lambda: _build(recipe, plan, cache, force, accept, progress or silent, scratch))


def _build(
    recipe: Recipe,
    plan: Plan,
    cache: Cache,
    force: bool,
    accept: bool,
    progress: Progress,
    scratch: Path | None = None,
) -> Built:
    check_target(cache.root, recipe.project)
    cache.sweep()
    plan, files, notices = present_inputs(recipe, plan, cache)
    parts = step_keys(plan, by_source(plan, files))
    key = digest(parts)
    folder = scratch / "artifact" if scratch else target_folder(recipe, key)
    check_target(folder, recipe.project)
    outcome.check_owner(recipe, folder)
    if not force and (done := outcome.intact(folder, key, cache)):
        return Built("up to date", folder, done, warnings=list(done["warnings"]), notices=notices)
    from datasetbuild.engine.samples import draw_samples  # which asks as `story` does, and that imports this module
    from datasetbuild.engine.story import Search

    with cache.workspace() as work:
        draft = work / "artifact"
        with local_engine(plan.engine["workers"], sum(file.bytes for file in files)) as engine:
            found = examine(plan, cache, engine, recipe.project, files, progress, strict=True)
            check_kept(plan, found.decision.rows)
            check_system(plan, found.decision.rows)
            written = write_artifact(plan, cache, engine, recipe.project, found.pieces, found.decision.rows, draft)
        rest(cache.root)  # what follows needs no workers, who have ended
        warnings = all_warnings(plan, found.plane, found.decision, found.pieces) + written.warnings
        checks = _checked(plan, found, draft)
        rejected = failed(checks) and not accept
        folder = rejected_folder(recipe) if rejected else folder
        result = outcome.Outcome(
            recipe,
            plan,
            parts=parts,
            key=key,
            inputs=files,
            decision=found.decision,
            quarantine=found.plane.quarantine,
            written=written,
            warnings=warnings,
            tally=tally(found.pieces),
            checks=checks,
            samples=draw_samples(Search(recipe, found, cache)),
        )
        write_ledger(found.decision.rows, draft / "ledger.parquet")
        rest(cache.root)
        manifest = outcome.write_books(result, draft)
        publish(draft, folder, work / "trash")
    if not (rejected or recipe.variant or scratch):  # what was set aside before is mended now
        shutil.rmtree(rejected_folder(recipe), ignore_errors=True)
    outcome.remember(folder, manifest, cache)
    ran = sum(len(piece.measured.fresh) for piece in found.pieces)
    status = "rejected" if rejected else "built"
    reused = sum(piece.measured.steps for piece in found.pieces) - ran
    return Built(status, folder, manifest, warnings, ran, reused, notices)


def _checked(plan: Plan, found: Examined, draft: Path) -> list[Checked]:
    """The checks on what was written, and beside it the rows at fault. Ids as text are made when somebody checks."""
    ledger = ledger_table(found.decision.rows) if plan.checks else plain_ledger(found.decision.rows)
    checks = run_checks(plan.checks, ledger, draft, plan.template)
    write_failing(checks, ledger, draft / "checks.jsonl")
    return checks


def examine(
    plan: Plan, cache: Cache, engine: Engine, project: Path, files: list[InputFile], progress: Progress, *, strict: bool = False
) -> Examined:
    """Measure what is not in the cache, and decide. plan: with its template resolved. strict: raise for more unusable rows
    than the recipe allows, before anything is decided, and once more for those that a dear fact adds."""
    pieces = measure(plan, cache, engine, project, files, progress)
    rest(cache.root)
    plane = gather(cache, pieces)
    rest(cache.root)
    if strict:
        check_quarantine(plan, plane)
    decision = decide(plan, plane, Evidence(plan, cache, engine, pieces, plane, project, progress))
    rest(cache.root)
    balance(decision.rows, rows_read(plan, pieces))
    if strict and plan.dear:
        check_quarantine(plan, decision.plane)
    return Examined(plan, files, pieces, decision.plane, decision)


def target_folder(recipe: Recipe, key: str) -> Path:
    """Where a build goes: overridden builds never land on the tracked path."""
    if recipe.variant:
        return recipe.project / ".dsbuild" / "variants" / f"{recipe.name}-{key[:10]}"
    return recipe.project / "build" / recipe.name


def rejected_folder(recipe: Recipe) -> Path:
    """Where a build goes that failed a check: one for each recipe, the last."""
    return recipe.project / ".dsbuild" / "rejected" / recipe.name


def measure(
    plan: Plan, cache: Cache, engine: Engine, project: Path, files: Sequence[InputFile], progress: Progress
) -> list[Piece]:
    """Every shard of the build, measured, in the order of the recipe, the files and the rows."""
    shards = shards_of(plan, files, cut_inputs(plan, cache, engine, project, files))
    tasks = [ShardTask(cache.root, project, plan.shard_plan(shard.source), shard) for shard in shards]
    tasks, cuts = with_cuts(plan, cache, engine, tasks)
    measured = list(progress("measure", engine.map(measure_shard, tasks), len(tasks)))
    engine.rest()
    return [
        Piece(
            place=place,
            priority=plan.sources[shard.source].get("priority") or 0,
            license=plan.sources[shard.source].get("license"),
            shard=shard,
            measured=replace(one, fresh=(*cut.fresh, *one.fresh)) if cut else one,
            cut=cut,
        )
        for place, (shard, one, cut) in enumerate(zip(shards, measured, cuts, strict=True))
    ]


def by_source(plan: Plan, files: Sequence[InputFile]) -> dict[str, list[dict[str, Any]]]:
    """The files of each source as they stand in a key: by name and content."""
    return {name: [{"file": f.name, "sha256": f.sha256} for f in files if f.source == name] for name in plan.sources}


def rows_read(plan: Plan, pieces: Sequence[Piece]) -> dict[str, int]:
    """Rows of each source as the reader counted them."""
    return {name: sum(piece.shard.rows for piece in pieces if piece.shard.source == name) for name in plan.sources}


def silent(what: str, results: Iterable[T], count: int) -> Iterator[T]:
    """No progress bar."""
    del what, count
    return iter(results)
