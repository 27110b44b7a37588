"""Filling in: what a recipe leaves out has the default of its operator, so that every later step sees every key.

Null leaves out: a child recipe writes `sources.chat: null`, `filters.tokens: null` or `split.validation: null` to be
without something that it would inherit, since a merge can only add. A fraction or weight of 0 is left in for weights,
where it means "none of this source", and out for splits, where an empty split would be a file without rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datasetbuild.op import Operator
from datasetbuild.recipe.schema import CHECK, MAY_BE_OFF, RIVER, RULE, check_of, child_of, fact_of, mapping, registered

DEFAULT_SPLIT = {"train": 1.0}
MEANS_NOTHING = ("filters", "dedup", "split", "checks")
"""Sections where null says the same as an empty mapping. Not `clean`: without keys it cleans."""


def without_nulls(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config without the sources, filters, splits, weights and caps that are null, and without splits of 0."""
    tidy = {"sources": {}} | {key: value for key, value in config.items() if key != "defaults"}
    tidy |= {name: {} for name in MEANS_NOTHING if name in tidy and tidy[name] is None}
    for name in ("sources", "filters", "checks"):
        if isinstance(tidy.get(name), Mapping):
            tidy[name] = _given(tidy[name])
    if isinstance(tidy.get("split"), Mapping):
        own = _split_parameters()
        tidy["split"] = {name: value for name, value in tidy["split"].items() if name in own or not _is_nothing(value)}
    if isinstance(tidy.get("mix"), Mapping):
        tidy["mix"] = {
            k: _given(v) if k in ("weights", "caps") and isinstance(v, Mapping) else v for k, v in tidy["mix"].items()
        }
    return tidy


def fractions(config: Mapping[str, Any]) -> dict[str, Any]:
    """The splits of a recipe with their fractions: those that it gives, or all records in train."""
    own = _split_parameters()
    given = {name: value for name, value in mapping(config.get("split")).items() if name not in own}
    return given or dict(DEFAULT_SPLIT)


def fill(config: Mapping[str, Any]) -> dict[str, Any]:
    """A valid config with every default filled in, its sections in the order in which a record passes them."""
    sections = registered("section")
    top = sections["recipe"].fill(dict(config))
    sources = {name: _fill_source(source) for name, source in mapping(config.get("sources")).items()}
    filters = {name: _fill_rule(name, rule) for name, rule in mapping(config.get("filters")).items()}
    checks = {name: _fill_check(name, entry) for name, entry in mapping(config.get("checks")).items()}
    filled: dict[str, Any] = {key: value for key, value in top.items() if key not in RIVER}
    names = [*RIVER, *sorted({name.split(".")[0] for name in sections} - {"recipe", "source", *RIVER})]
    for name in names:
        if name == "sources":
            filled[name] = sources
        elif name == "filters":
            filled[name] = filters
        elif name == "checks":
            filled[name] = checks
        elif name in sections:
            filled[name] = _fill_section(name, config.get(name), sections)
    filled["export"] = [_fill_export(entry) for entry in filled["export"]]
    filled["split"] = {key: filled["split"][key] for key in _split_parameters()} | fractions(config)
    return filled


def _fill_section(name: str, given: Any, sections: Mapping[str, Operator]) -> dict[str, Any] | None:
    if given is None and ("." in name or name in MAY_BE_OFF):
        return None
    values = dict(given or {})
    below = sorted({part for other in sections if (part := child_of(name, other))})
    filled = sections[name].fill({key: value for key, value in values.items() if key not in below})
    return filled | {part: _fill_section(f"{name}.{part}", values.get(part), sections) for part in below}


def _fill_source(source: Mapping[str, Any]) -> dict[str, Any]:
    common = registered("section")["source"]
    form = registered("format")[source["format"]]
    own = {key: value for key, value in source.items() if key not in common.parameters}
    shared = {key: source[key] for key in form.parameters if key in source}
    return common.fill(dict(source)) | {k: v for k, v in form.fill(own | shared).items() if k not in common.parameters}


def _fill_rule(name: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    fact = fact_of(name, rule)
    bounds = {key: rule.get(key) for key in RULE if key != "fact"}
    return {"fact": fact} | registered("fact")[fact].fill({k: v for k, v in rule.items() if k not in RULE}) | bounds


def _fill_check(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    check = check_of(name, entry)
    own = {key: value for key, value in entry.items() if key not in CHECK}
    severity = entry.get("severity") or CHECK["severity"]["default"]
    return {"check": check, "severity": severity} | registered("check")[check].fill(own)


def _fill_export(entry: str | Mapping[str, Any]) -> dict[str, Any]:
    given = {"profile": entry} if isinstance(entry, str) else dict(entry)
    profile, folder = given.pop("profile"), given.pop("folder", None)
    return {"profile": profile, "folder": folder or profile} | registered("profile")[profile].fill(given)


def _split_parameters() -> list[str]:
    return list(registered("section")["split"].parameters)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _is_nothing(value: Any) -> bool:
    return value is None or (value == 0 and not isinstance(value, bool))
