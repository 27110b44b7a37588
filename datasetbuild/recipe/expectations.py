"""What a recipe expects of its result: faults in `checks` that a schema cannot see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datasetbuild.errors import Fault
from datasetbuild.op import did_you_mean
from datasetbuild.recipe.recipe import Recipe
from datasetbuild.recipe.schema import check_of, mapping, registered

COLUMNS = ("source", "file", "split", "category", "group", "license", "date", "fate", "stage", "reason", "rule", "copies")
"""Columns of every ledger that a check may look at or part its rows by."""

NAMING = ("fact", "facts", "column", "per")
"""Parameters of checks that name a fact or a column."""


def faults(recipe: Recipe, filters: Sequence[str]) -> Iterator[Fault]:
    """All faults of `checks`. filters: the names of the recipe's rules, which are columns of the ledger."""
    known = registered("check")
    for name, entry in mapping(recipe.config.get("checks")).items():
        if not isinstance(entry, Mapping):
            continue
        check = check_of(name, entry)
        if check not in known:
            path = ("checks", name, "check") if "check" in entry else ("checks", name)
            yield recipe.fault(path, f"there is no check {check!r}", did_you_mean(check, list(known)))
            continue
        if known[check].needs == "render" and not recipe.config.get("template"):
            yield unrendered(recipe, ("checks", name), f"the check {check!r} counts tokens")
        yield from _columns(recipe, name, entry, filters)
        yield from _bounds(recipe, name, entry)


def _columns(recipe: Recipe, name: str, entry: Mapping[str, Any], filters: Sequence[str]) -> Iterator[Fault]:
    facts = registered("fact")
    template = recipe.config.get("template")
    there = [*filters, *facts, *COLUMNS, *(("tokens", "trained_tokens") if template else ())]
    for key in NAMING:
        given = entry.get(key)
        for index, column in enumerate(given) if isinstance(given, list) else [(None, given)]:
            path = ("checks", name, key) + (() if index is None else (str(index),))
            if not isinstance(column, str):
                continue
            if column not in there:
                advice = did_you_mean(column, there)
                yield recipe.fault(path, f"there is no fact and no column {column!r} to look at", advice)
            elif column in facts and column not in filters and (why := unmeasurable(facts[column], template)):
                yield recipe.fault(path, f"the fact {column!r} {why}", f"measure it by a rule: `filters.{column}: {{...}}`")


def unrendered(recipe: Recipe, path: tuple[str, ...], who: str, what: str = "") -> Fault:
    """Somebody needs rendered rows, and nothing renders them. what: `its tokens`, where that is not plain."""
    message = f"{who}, and the recipe has no `template` to render {f'{what} ' if what else ''}with"
    return recipe.fault(path, message, "write `template: {tokenizer: ..., chat_template: chatml}`")


def unmeasurable(fact: Any, template: Any) -> str | None:
    """Why a fact cannot be measured with its defaults alone."""
    needed = [parameter.name for parameter in fact.parameters.values() if parameter.required]
    if needed:
        return f"needs {', '.join(f'`{one}`' for one in needed)}"
    return "counts tokens, and the recipe has no `template`" if fact.needs == "render" and not template else None


def _bounds(recipe: Recipe, name: str, entry: Mapping[str, Any]) -> Iterator[Fault]:
    low, high = entry.get("min"), entry.get("max")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        yield recipe.fault(("checks", name, "min"), f"min {low} is above max {high}: no dataset can pass")
