"""The JSON Schema of a recipe, made from the operators' own signatures.

Two of them. The exact one is made for one composed config: each source has the keys of its format, each filter those of
its fact, and nothing else is allowed; so a message can name the key instead of saying that no alternative matches. The
published one is for editors: every format and fact at once, by if/then, and nothing required, since a recipe file may
inherit the rest. Run `python -m datasetbuild.recipe.schema` to write it again after an operator has changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from datasetbuild import op
from datasetbuild.op import Operator

PUBLISHED = Path(__file__).with_name("recipe.schema.json")
RIVER = ("sources", "clean", "filters", "dedup", "contradictions", "decontaminate", "embeddings", "topics", "select", "split", "mix", "template", "checks", "engine")
"""The order of a recipe's sections: that in which a record passes them."""
MAY_BE_OFF = frozenset({"contradictions", "decontaminate", "mix", "select", "template", "topics"})
"""Top-level sections that may be null. Nested ones, such as `dedup.near`, always may."""

NAME = "^[A-Za-z_][A-Za-z0-9_-]*$"
BOUND = {
    "type": ["number", "string", "null"],
    "pattern": r"^q(0(\.\d+)?|1(\.0+)?)$",
    "title": "a number, a quantile such as q0.01, or null",
    "default": None,
}
VALUES = {"type": ["array", "null"], "items": {"type": ["string", "boolean", "number"]}, "default": None}
FOLDER = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
    "description": "Name of the folder below `export/`, when it is not the profile's.",
}
RULE: dict[str, dict[str, Any]] = {
    "fact": {"type": "string", "description": "The fact that the rule bounds, when the rule has another name."},
    "min": {"description": "Smallest value that passes: a number, or a quantile such as q0.01.", **BOUND},
    "max": {"description": "Largest value that passes: a number, or a quantile such as q0.99.", **BOUND},
    "robust_z": {
        "description": "Largest distance from the median that passes, in robust standard deviations (3.5 is usual); each side has its own.",
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "default": None,
    },
    "by": {
        "description": "Column whose categories have quantiles and robust_z of their own: source, category, license, or a fact that is a word.",
        "type": ["string", "null"],
        "default": None,
    },
    "allow": {"description": "Values that pass; all others do not.", **VALUES},
    "deny": {"description": "Values that do not pass.", **VALUES},
}
CHECK: dict[str, dict[str, Any]] = {
    "check": {"type": "string", "description": "The check, when the entry has another name."},
    "severity": {
        "enum": ["error", "warn"],
        "default": "error",
        "description": "What a failure does: `error` keeps the dataset from being published and ends with exit code 5, "
        "`warn` is shown and recorded.",
    },
}


def register_operators() -> None:
    """Have every operator of ours registered. Not at the top of the module: it imports polars."""
    import_module("datasetbuild.builtin")


def registered(kind: op.Kind) -> dict[str, Operator]:
    """The registered operators of a kind, by name."""
    return {operator.name: operator for operator in op.operators(kind)}


def fact_of(name: str, rule: Any) -> str:
    """The name of the fact that a filter bounds."""
    given = rule.get("fact") if isinstance(rule, Mapping) else None
    return given if isinstance(given, str) else name


def check_of(name: str, entry: Any) -> str:
    """The name of the check that an entry of `checks` runs."""
    given = entry.get("check") if isinstance(entry, Mapping) else None
    return given if isinstance(given, str) else name


def profile_of(entry: Any) -> Any:
    """The profile that an entry of `export` names, by itself or as `profile`."""
    return entry.get("profile") if isinstance(entry, Mapping) else entry


def exact_schema(config: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of one composed config. Where a format or a fact is unknown, its source or filter may have any key."""
    schema = _recipe_schema()
    sources, filters = mapping(config.get("sources")), mapping(config.get("filters"))
    schema["properties"]["sources"] = {
        **_named("Where the records come from, by name."),
        "minProperties": 1,
        "properties": {name: _source_schema(mapping(source).get("format")) for name, source in sources.items()},
    }
    schema["properties"]["filters"] = {
        **_named("Rules, by name: a bound on a fact each."),
        "properties": {name: _rule_schema(fact_of(name, rule)) for name, rule in filters.items()},
    }
    schema["properties"]["checks"] = {
        **_named("Tests on the result, by name."),
        "properties": {
            name: _check_schema(check_of(name, entry)) for name, entry in mapping(config.get("checks")).items()
        },
    }
    exports = config.get("export")
    if isinstance(exports, list):
        schema["properties"]["export"]["prefixItems"] = [_export_schema(profile_of(entry)) for entry in exports]
    return schema


def published_schema() -> dict[str, Any]:
    """The schema of recipe files for editors, in the words of draft-07: nothing required, `defaults` allowed."""
    schema = _loose(_recipe_schema())
    formats, facts = registered("format"), registered("fact")
    definitions = {f"source.{name}": _loose(_source_schema(name)) for name in formats}
    definitions |= {f"rule.{name}": _loose(_rule_schema(name)) for name in facts}
    common = registered("section")["source"].schema()["properties"]
    definitions["source"] = {
        "type": ["object", "null"],
        "properties": common | {"format": {**common.get("format", {}), "enum": sorted(formats)}},
        "allOf": [_when("format", name, f"source.{name}") for name in formats],
    }
    definitions["rule"] = {
        "type": ["object", "null"],
        "properties": RULE | {"fact": {**RULE["fact"], "enum": sorted(facts)}},
        "allOf": [_when("fact", name, f"rule.{name}") for name in facts],
    }
    named = {
        name: {
            "if": {"type": "object", "required": ["fact"]},
            "then": _ref("rule"),
            "else": _nullable_ref(f"rule.{name}"),
        }
        for name in facts
    }
    definitions["check"], listed = _published_checks()
    profiles = registered("profile")
    definitions |= {f"check.{name}": _loose(_check_schema(name)) for name in listed}
    definitions |= {f"profile.{name}": _loose(_export_schema(name)) for name in profiles}
    schema["properties"]["export"]["items"] = {
        "anyOf": [
            {"enum": sorted(profiles)},
            {
                "type": "object",
                "properties": {"profile": {"enum": sorted(profiles)}},
                "required": ["profile"],
                "allOf": [_when("profile", name, f"profile.{name}") for name in profiles],
            },
        ]
    }
    schema["properties"] |= {
        "defaults": {
            "type": "array",
            "description": "Recipes to inherit from, and options of groups: `support_bot`, `override /dedup: near`.",
            "items": {"type": ["string", "object"]},
        },
        "sources": {**_named("Where the records come from, by name."), "additionalProperties": _ref("source")},
        "filters": {
            **_named("Rules, by name: a bound on a fact each."),
            "properties": {name: {"description": facts[name].summary, **rule} for name, rule in named.items()},
            "additionalProperties": _ref("rule"),
        },
        "checks": {
            **_named("Tests on the result, by name."),
            "properties": listed,
            "additionalProperties": _ref("check"),
        },
    }
    head: dict[str, Any] = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "datasetbuild recipe"}
    return head | schema | {"definitions": definitions}


def _published_checks() -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of an entry of `checks` of any name, and those of the entries that are named like a check."""
    checks = registered("check")
    entry = {
        "type": ["object", "null"],
        "properties": CHECK | {"check": {**CHECK["check"], "enum": sorted(checks)}},
        "allOf": [_when("check", name, f"check.{name}") for name in checks],
    }
    named = {"if": {"type": "object", "required": ["check"]}, "then": _ref("check")}
    return entry, {
        name: {"description": one.summary, **named, "else": _nullable_ref(f"check.{name}")} for name, one in checks.items()
    }


def published_text() -> str:
    """The published schema as the file has it."""
    register_operators()
    return json.dumps(published_schema(), indent=1, ensure_ascii=False) + "\n"


def write_published(path: Path = PUBLISHED) -> None:
    """Write the published schema."""
    path.write_text(published_text(), encoding="utf-8")


def mapping(value: Any) -> Mapping[str, Any]:
    """The value when it is a mapping, else an empty one: the schema reports wrong types, others need not."""
    return value if isinstance(value, Mapping) else {}


def _recipe_schema() -> dict[str, Any]:
    """Top-level keys and fixed sections; sources and filters, which are open, are left to the callers."""
    sections = registered("section")
    top = sections["recipe"].schema()
    open_ = {name: {"type": "object"} for name in ("sources", "filters", "checks")}
    fixed = {name: _section_schema(name, sections) for name in _tops(sections)}
    return top | {"properties": top["properties"] | open_ | fixed, "additionalProperties": False}


def _tops(sections: Mapping[str, Operator]) -> list[str]:
    return sorted({name.split(".")[0] for name in sections} - {"recipe", "source"})


def _section_schema(name: str, sections: Mapping[str, Operator]) -> dict[str, Any]:
    """A section with the sections below it: `dedup.exact` is the key `exact` of `dedup`."""
    bare: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
    schema = sections[name].schema() if name in sections else bare
    for below in sorted({part for other in sections if (part := child_of(name, other))}):
        schema["properties"][below] = _section_schema(f"{name}.{below}", sections)
    if "." in name or name in MAY_BE_OFF:
        schema["type"] = ["object", "null"]
    return schema


def child_of(name: str, other: str) -> str | None:
    """The part of a dotted section name that comes right below `name`: `exact` for `dedup` and `dedup.exact`."""
    return other[len(name) + 1 :].split(".")[0] if other.startswith(name + ".") else None


def _source_schema(form: Any) -> dict[str, Any]:
    source = registered("section")["source"].schema()
    formats = registered("format")
    required = [*dict.fromkeys([*source.get("required", []), "format"])]
    if not isinstance(form, str) or form not in formats:
        return source | {"required": required, "additionalProperties": True}
    own = formats[form].schema()
    return source | {
        "properties": own["properties"] | source["properties"],
        "required": [*dict.fromkeys([*required, *own.get("required", [])])],
        "additionalProperties": own["additionalProperties"],
    }


def _rule_schema(fact: str) -> dict[str, Any]:
    known = registered("fact").get(fact)
    if known is None:
        return {"type": "object", "properties": dict(RULE)}
    schema = known.schema()
    return schema | {"properties": schema["properties"] | RULE}


def _check_schema(check: str) -> dict[str, Any]:
    known = registered("check").get(check)
    if known is None:
        return {"type": "object", "properties": dict(CHECK)}
    schema = known.schema()
    return schema | {"properties": CHECK | schema["properties"]}


def _export_schema(name: Any) -> dict[str, Any]:
    """An entry of `export`: a profile's name, or a mapping of it with its parameters."""
    known = registered("profile").get(name) if isinstance(name, str) else None
    if known is None:
        return {}
    schema = known.schema()
    schema["properties"] = {"profile": {"enum": [name]}, "folder": FOLDER} | schema["properties"]
    return schema | {"type": ["object", "string"]}


def _named(description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "propertyNames": {"pattern": NAME}}


def _when(key: str, value: str, definition: str) -> dict[str, Any]:
    return {
        "if": {"type": "object", "properties": {key: {"const": value}}, "required": [key]},
        "then": _ref(definition),
    }


def _ref(definition: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{definition}"}


def _nullable_ref(definition: str) -> dict[str, Any]:
    return {"anyOf": [{"type": "null"}, _ref(definition)]}


def _loose(schema: Any) -> Any:
    """The schema without `required`: a file may leave to the recipe it inherits from whatever it likes."""
    if not isinstance(schema, Mapping):
        return schema
    kept = {key: value for key, value in schema.items() if key != "required"}
    if "properties" in kept:
        kept["properties"] = {name: _loose(child) for name, child in kept["properties"].items()}
    return kept


if __name__ == "__main__":
    write_published()
