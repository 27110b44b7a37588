"""A point of a sweep is the build of that variant: what points have in common is found once, and no point is told by another."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.inputs import find_inputs
from datasetbuild.engine.ledger import decided
from datasetbuild.engine.local import Serial
from datasetbuild.engine.resolve import resolve
from datasetbuild.engine.run import examine, silent
from datasetbuild.engine.sweep import decisions
from datasetbuild.plan.steps import make_plan
from datasetbuild.recipe import Recipe, load
from tests.conftest import Project
from tests.laws.conversations import numbered, pair

RECIPE = """\
name: small
sources:
  a: {path: a.jsonl, format: messages, group: customer, on_bad_row: {max: 1}}
  b: {path: b.jsonl, format: messages, priority: 1}
filters: {response_chars: {min: 10, max: 400}, unique_word_ratio: {min: 0.1}}
dedup: {keep: [priority], exact: {on: first_user}, near: {threshold: 0.8, ngram: 3}}
split: {train: 0.8, validation: 0.2}
mix: {weights: {a: 1, b: 1}, max_repeat: 2}
"""

OVERRIDES = st.fixed_dictionaries(
    {},
    optional={
        "filters.response_chars.min": st.sampled_from([1, 140, "q0.3"]),
        "filters.unique_word_ratio.min": st.sampled_from([0.0, 0.95]),
        "dedup.near.threshold": st.sampled_from([0.6, 0.7, 0.9]),
        "dedup.near.ngram": st.just(4),
        "dedup.exact.on": st.just("conversation"),
        "dedup.keep": st.sampled_from(["[-response_chars]", "[source,response_chars]"]),
        "split.group": st.sampled_from(["[]", "[group]", "[first_user]"]),
        "sources.a.limit": st.sampled_from([5, 30]),
        "sources.b.priority": st.just(-1),
        "mix.max_repeat": st.just(1),
        "seed": st.just(3),
    },
)
"""Bounds, thresholds, orders and shares, and some of what is measured."""


@settings(max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OVERRIDES, min_size=2, max_size=5), st.integers(0, 2))
def test_a_point_is_the_build_of_its_variant(new_project: Callable[[], Project], points: list[dict[str, Any]], sparse: int) -> None:
    """Whatever the points and their order, each row ends as in a build of the variant that shares nothing with any other."""
    rows = numbered(sparse or 50, group=True)
    rows += [row | pair(row["messages"][0]["content"], f"otherwise, {n}: " + "as was said " * n) for n, row in enumerate(rows[::5])]
    broken = "" if sparse else '{"messages": [\n'
    project = new_project().write({"a.jsonl": broken + "".join(json.dumps(row) + "\n" for row in rows[:40]), "b.jsonl": rows[40:] or rows})
    project.write({"recipes/small.yaml": RECIPE})
    recipes = [load(["recipe=small", *_words(point)], project=project.folder)[0] for point in points]
    plans = [make_plan(recipe.config) for recipe in recipes]
    for place, (recipe, found) in enumerate(zip(recipes, decisions(recipes, plans, silent), strict=True)):
        decided(found.rows)
        assert found.rows.equals(_alone(recipe, place).select(found.rows.columns)), recipe.overrides


def _words(point: dict[str, Any]) -> list[str]:
    """The overrides of a point; those that the recipe does not name are added."""
    added = {"dedup.exact.on", "seed", "split.group", "sources.a.limit"}
    return [f"{'+' * (name in added)}{name}={value}" for name, value in point.items()]


def _alone(recipe: Recipe, place: int) -> pl.DataFrame:
    """What a build of a recipe with a cache of its own decides."""
    cache = Cache(recipe.project / f"alone{place}" / "cache")
    plan = make_plan(recipe.config)
    files = find_inputs(plan, cache, recipe.project)
    return examine(resolve(plan, cache, recipe.project), cache, Serial(), recipe.project, files, silent).decision.rows
