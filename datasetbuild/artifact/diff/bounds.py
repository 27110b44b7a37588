"""Rows that a rule drops on one side and lets pass on the other: is it the bound, or what was measured?

Both facts are judged by both bounds, with the filter's own judgement. A bound matters when the new fact would have met
another verdict under the old bound; it suffices when the old fact meets the new verdict under the new bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from datasetbuild.artifact.diff.changes import Change, Changes
from datasetbuild.artifact.diff.rows import Book, Compared
from datasetbuild.errors import RecipeError
from datasetbuild.record import Reason, Stage
from datasetbuild.stages.filter import Rule, verdicts

MAX_TOKENS = "template.max_tokens"
WORDS = {
    Reason.BELOW_MIN.value: "min",
    Reason.ABOVE_MAX.value: "max",
    Reason.NOT_ALLOWED.value: "allow",
    Reason.DENIED.value: "deny",
}


def filter_causes(found: Compared, changes: Changes, rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `rule_cause`, `rule_detail`, `bound_matters` and `bound_suffices` to the rows that differ: what the rule that
    drops a row on one side says of it, null for rows that no rule drops."""
    here = rows.select(
        parted=(pl.col("at") == 10 + list(Stage).index(Stage.FILTER))
        & pl.col("a").is_not_null()
        & pl.col("b").is_not_null()
    )["parted"]
    places = here.arg_true()
    told: dict[int, tuple[str, str | None, bool, bool]] = {}
    asked = rows.select("a", "b", *(f"{name}_{end}" for name in ("rule", "reason", "stage") for end in "ab")).filter(
        here
    )
    for end in "ab":
        dropped = (asked[f"stage_{end}"] == Stage.FILTER.value).fill_null(False)
        for name in asked[f"rule_{end}"].filter(dropped).drop_nulls().unique().sort():
            mine = (dropped & (asked[f"rule_{end}"] == name).fill_null(False)).arg_true()
            pairs = asked.select(pl.all().gather(mine))
            for place, verdict in zip(mine, _judged(found, changes, name, pairs, end), strict=True):
                if verdict is not None and (place not in told or told[place][0] is None):
                    told[place] = verdict
    schema = {
        "rule_cause": pl.String,
        "rule_detail": pl.String,
        "bound_matters": pl.Boolean,
        "bound_suffices": pl.Boolean,
    }
    listed = pl.DataFrame([told[place] for place in sorted(told)], schema=schema, orient="row")
    numbers = places.gather(sorted(told)) if told else places.head(0)
    listed = listed.with_columns(numbers.cast(pl.UInt32).alias("_at"))
    numbered = rows.with_row_index("_at").join(listed, on="_at", how="left", maintain_order="left")
    return numbered.drop("_at").with_columns(pl.col("bound_matters", "bound_suffices").fill_null(False))


def _judged(
    found: Compared, changes: Changes, name: str, pairs: pl.DataFrame, end: str
) -> list[tuple[str, str | None, bool, bool] | None]:
    """For each pair of rows: cause, detail, whether the bound matters, whether it suffices; None where the rule says
    the same on both sides."""
    bounds = {side: _bounds(book.manifest, name) for side, book in (("a", found.a), ("b", found.b))}
    facts = {side: _facts(book, name, bounds.values(), pairs[side]) for side, book in (("a", found.a), ("b", found.b))}
    for side, other in (("a", "b"), ("b", "a")):  # what was not measured is as on the other side
        missing = [column for column in facts[other].columns if column not in facts[side].columns]
        facts[side] = facts[side].with_columns(facts[other].select(missing)) if facts[side].width else facts[other]
    met = {(fact, bound): _verdict(facts[fact], name, bounds[bound], len(pairs)) for fact in "ab" for bound in "ab"}
    differs = met["a", "a"].ne_missing(met["b", "b"])
    matters = met["b", "a"].ne_missing(met["b", "b"])
    suffices = met["a", "b"].eq_missing(met["b", "b"])
    measured = changes.first(f"filters.{name}", "template") if name == MAX_TOKENS else _measured(changes, name)
    told: list[tuple[str, str | None, bool, bool] | None] = []
    for place, reason in enumerate(pairs[f"reason_{end}"]):
        if not differs[place]:
            told.append(None)
        elif matters[place]:
            told.append((*_of_bound(changes, name, reason), True, suffices[place]))
        elif measured is not None:
            told.append((_of_change(measured), measured.path, True, suffices[place]))
        else:
            told.append(None)
    return told


def _of_bound(changes: Changes, name: str, reason: str) -> tuple[str, str]:
    if name == MAX_TOKENS:
        change = changes.first(MAX_TOKENS, "template.overflow")
        return (_of_change(change), change.path) if change else ("unknown", name)
    path = f"filters.{name}"
    change = changes.exact(path) or changes.exact(f"{path}.{WORDS.get(reason, '')}") or _of_rule(changes, name)
    return (_of_change(change), change.path) if change else ("bound_moved", path)


def _of_rule(changes: Changes, name: str) -> Change | None:
    """Any change of a rule's bounds: the other bound may have been the one that let the row pass."""
    return next(
        (one for one in changes.recipe if one.step == "filters" and one.path.startswith(f"filters.{name}.")), None
    )


def _measured(changes: Changes, name: str) -> Change | None:
    """What changed in the measuring of a fact."""
    mine = [one for one in changes.all if one.step == "facts" and (one.path + ".").startswith(f"filters.{name}.")]
    return next(iter(mine), None) or changes.first("template") or changes.package("fact")


def _of_change(change: Change) -> str:
    return "code_changed" if change.code else "recipe_changed"


def _facts(book: Book, name: str, bounds: Iterable[Mapping[str, Any]], places: pl.Series) -> pl.DataFrame:
    """The fact that a rule looks at, and what its bounds go by."""
    by = {bound["by"]: None for bound in bounds if bound.get("by")}
    return book.take([*_columns(name, book.columns), *by], places)


def _columns(name: str, known: Sequence[str]) -> tuple[str, ...]:
    return ("tokens",) if name == MAX_TOKENS else (name,) if name in known else (f"{name}.min", f"{name}.max")


def _bounds(manifest: Any, name: str) -> dict[str, Any]:
    if name == MAX_TOKENS:
        template = manifest["parts"].get("template") or {}
        return {"max": template["max_tokens"]} if template.get("max_tokens") else {}
    return dict((manifest.get("bounds") or {}).get(name) or {})


def _verdict(facts: pl.DataFrame, name: str, bounds: dict[str, Any], count: int) -> pl.Series:
    """How each row fails the rule, as `Judged.reason` counts it; 0 where it passes or there is no such rule."""
    passes = pl.Series([0], dtype=pl.UInt8).new_from_index(0, count)
    columns = _columns(name, facts.columns)
    if not bounds or not {*columns, *([bounds["by"]] if "by" in bounds else [])} <= set(facts.columns):
        return passes
    try:
        return verdicts(facts, Rule("rule", columns[0], columns[-1], bounds))
    except RecipeError:  # the fact was of another kind then, and this bound was not made for it
        return passes
