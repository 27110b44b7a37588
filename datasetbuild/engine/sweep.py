"""Sweep: many points of a recipe from one measurement. Facts, sketches, tokens and pairs are measured once for all points
that need the same; each further point costs a scan of the key plane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.decide import Decision, decide
from datasetbuild.engine.evidence import Evidence
from datasetbuild.engine.gather import KeyPlane, Piece, gather
from datasetbuild.engine.ledger import complete, decided, token_statistics
from datasetbuild.engine.local import local_engine
from datasetbuild.engine.lock import present_inputs
from datasetbuild.engine.place import placed
from datasetbuild.engine.quarantine import check_quarantine
from datasetbuild.engine.run import Progress, by_source, measure, rows_read
from datasetbuild.hashing import digest
from datasetbuild.plan import keys
from datasetbuild.plan.steps import Plan
from datasetbuild.recipe import Recipe
from datasetbuild.record import Fate


@dataclass(frozen=True)
class Point:
    """One point of a sweep. overrides: what sets it apart. kept: records in all, per source and per split. rows: of all
    splits, copies counted. tokens: as `ledger.token_statistics`. delta: kept records more than the recipe without overrides."""

    overrides: tuple[str, ...]
    kept: int
    sources: dict[str, int]
    splits: dict[str, int]
    rows: int
    tokens: dict[str, Any] | None
    delta: int


def sweep(base: Recipe, points: Sequence[Recipe], plans: Sequence[Plan], progress: Progress) -> list[Point]:
    """Every point decided. base: the recipe without overrides, whose plan is the first of `plans`."""
    recipes = [base, *points]
    counts: list[Point] = []
    for recipe, plan, decision in zip(recipes, plans, decisions(recipes, plans, progress), strict=True):
        decided(decision.rows)
        counts.append(_point(recipe, plan, decision.rows, counts[0].kept if counts else None))
    return counts[1:]


def decisions(recipes: Sequence[Recipe], plans: Sequence[Plan], progress: Progress) -> Iterator[Decision]:
    """What a build of each recipe would decide, as far as it is counted; what they have in common is measured once. All are of
    one project."""
    cache = Cache(recipes[0].project / ".dsbuild" / "cache")
    cache.sweep()
    measured: dict[str, tuple[list[Piece], KeyPlane]] = {}
    for recipe, plan in zip(recipes, plans, strict=True):
        yield _decision(recipe, plan, cache, measured, progress)


def _decision(
    recipe: Recipe, plan: Plan, cache: Cache, measured: dict[str, tuple[list[Piece], KeyPlane]], progress: Progress
) -> Decision:
    plan, files, _ = present_inputs(recipe, plan, cache)
    with placed(recipe), local_engine(plan.engine["workers"], sum(file.bytes for file in files)) as engine:
        key = _measures(keys.step_keys(plan, by_source(plan, files)))
        if key not in measured:
            pieces = measure(plan, cache, engine, recipe.project, files, progress)
            measured[key] = pieces, gather(cache, pieces)
            complete(measured[key][1].rows, rows_read(plan, pieces))
        pieces, plane = measured[key]
        evidence = Evidence(plan, cache, engine, pieces, plane, recipe.project, progress)
        decision = decide(plan, plane, evidence, counted=True)
        check_quarantine(plan, decision.plane)
    return decision


def _measures(parts: dict[str, Any]) -> str:
    """What of a key decides which measurements there are: everything but the bounds on them."""
    template = {k: v for k, v in (parts["template"] or {}).items() if k not in ("max_tokens", "overflow")}
    near = parts["dedup"]["near"]
    sketched = near and {**near, "params": {k: v for k, v in near["params"].items() if k != "threshold"}}
    sources = {name: {k: v for k, v in source.items() if k != "outside"} for name, source in parts["sources"].items()}
    licences = {name: (s["outside"]["priority"], s["outside"]["license"]) for name, s in parts["sources"].items()}
    measured = {name: parts[name] for name in ("format", "packages", "clean", "facts")}
    exact = parts["dedup"]["exact"]
    substring = parts["dedup"]["substring"]
    cut = substring if substring and substring["params"]["action"] == "cut" else None
    limits = cut and {name: s["outside"]["limit"] for name, s in parts["sources"].items()}
    return digest([measured, sources, licences, exact, sketched, template, cut, limits])


def _point(recipe: Recipe, plan: Plan, ledger: pl.DataFrame, base: int | None) -> Point:
    kept = ledger.select("source", "split", "copies").filter(ledger["fate"] == Fate.KEPT.value)
    per_source = {name: int((kept["source"] == name).sum()) for name in kept["source"].unique()}
    return Point(
        overrides=tuple(recipe.result_overrides),
        kept=len(kept),
        sources={name: per_source.get(name, 0) for name in plan.sources},
        splits={name: int((kept["split"] == name).sum()) for name in plan.fractions},
        rows=int(kept["copies"].sum()),
        tokens=token_statistics(ledger),
        delta=len(kept) - base if base is not None else 0,
    )
