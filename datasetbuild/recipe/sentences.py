"""What the schema finds wrong, in plain words: one sentence for each keyword, with the nearest known key or value.

jsonschema's own messages name its keywords ("Additional properties are not allowed"); people know keys and values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datasetbuild.op import did_you_mean

KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of keys to values",
    "null": "null",
}


@dataclass(frozen=True)
class Finding:
    """Something that the schema does not allow: where, what, and the nearest thing that it would allow."""

    path: tuple[str, ...]
    message: str
    suggestion: str | None = None


def findings(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything in the config that the schema does not allow."""
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(schema).iter_errors(config):
        yield from _of_error(error)


def describe(schema: Mapping[str, Any]) -> str:
    """What a schema allows, in words: `a whole number from 1`, `'rows' or 'tokens'`, `a list or null`."""
    if "title" in schema:
        return str(schema["title"])
    if "enum" in schema:
        return _either([_value(value) for value in schema["enum"]])
    if "const" in schema:
        return _value(schema["const"])
    if "anyOf" in schema:
        return _either([describe(branch) for branch in schema["anyOf"]])
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    words = [KINDS[kind] + (_range(schema) if kind in ("integer", "number") else "") for kind in kinds]
    return _either(words) if words else "something else"


def kind_of(value: Any) -> str:
    """A value and its kind in words: `the text 'abc'`, `true`, `a list`."""
    if isinstance(value, str):
        return f"the text {_value(value)}"
    if isinstance(value, list | dict):
        return KINDS["array" if isinstance(value, list) else "object"]
    return _value(value)


def _of_error(error: Any) -> Iterator[Finding]:
    path = tuple(str(part) for part in error.absolute_path)
    value, schema = error.instance, error.schema
    if "propertyNames" in error.absolute_schema_path:
        yield Finding(
            (*path, value), f"{value!r} is no name: a name has letters, digits, `_` and `-`, and starts with a letter"
        )
        return
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(path, value, schema)
        case "required":
            yield from _missing_keys(path, value, schema)
        case "anyOf":
            yield from _no_branch(error, path)
        case "enum":
            known = [str(choice) for choice in error.validator_value if choice is not None]
            near = did_you_mean(str(value), known) if isinstance(value, str) else None
            near = near if near and near.startswith("did") else None
            yield Finding(path, f"must be {describe(schema)}, not {kind_of(value)}", near)
        case "minItems" | "minProperties":
            yield Finding(path, _too_few(path, error.validator_value))
        case "minLength":
            yield Finding(path, "must not be empty")
        case "maxLength":
            yield Finding(path, f"must be at most {error.validator_value} long, not {kind_of(value)}")
        case "uniqueItems":
            yield Finding(path, "names the same thing twice")
        case "type" | "pattern" | "const" | "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            yield Finding(path, f"must be {describe(schema)}, not {kind_of(value)}{_because(error)}")
        case _:
            yield Finding(
                path, f"is not allowed to be {kind_of(value)}: {error.validator} {_value(error.validator_value)}"
            )


def _unknown_keys(path: tuple[str, ...], value: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Finding]:
    known = list(schema.get("properties", {}))
    where = f" in `{'.'.join(path)}`" if path else ""
    for name in value:
        if name not in known:
            yield Finding(
                (*path, name), f"there is no key {name!r}{where}", did_you_mean(name, known) if known else None
            )


def _missing_keys(path: tuple[str, ...], value: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Finding]:
    for name in schema["required"]:
        if name not in value:
            about = schema.get("properties", {}).get(name, {})
            yield Finding(
                (*path, name), f"{name!r} must be given: {about.get('description') or describe(about)}".rstrip(": .")
            )


def _no_branch(error: Any, path: tuple[str, ...]) -> Iterator[Finding]:
    """Of several alternatives, the one of the value's own kind tells what is wrong; else all are named."""
    branches: dict[int, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [
        inner for inner in branches.values() if not any(e.validator in ("type", "enum") and not e.path for e in inner)
    ]
    if len(fitting) == 1:
        for inner in fitting[0]:
            yield from _of_error(inner)
    else:
        yield Finding(path, f"must be {describe(error.schema)}, not {kind_of(error.instance)}")


def _because(error: Any) -> str:
    if error.validator == "pattern" and "title" not in error.schema:
        return f" (it must match {error.validator_value})"
    return ""


def _too_few(path: tuple[str, ...], least: int) -> str:
    if path == ("sources",):
        return "a recipe needs at least one source"
    return f"must have at least {least} {'entry' if least == 1 else 'entries'}"


def _range(schema: Mapping[str, Any]) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    words = []
    if above is not None:
        words.append(f"above {above:g}")
    if low is not None:
        words.append(f"from {low:g}")
    if high is not None:
        words.append(f"{'to' if low is not None else 'up to' if above is None else 'and up to'} {high:g}")
    if below is not None:
        words.append(f"{'and ' if words else ''}below {below:g}")
    return " " + " ".join(words) if words else ""


def _either(words: list[str]) -> str:
    unique = list(dict.fromkeys(words))
    return unique[0] if len(unique) == 1 else ", ".join(unique[:-1]) + " or " + unique[-1]


def _value(value: Any) -> str:
    return repr(value) if isinstance(value, str) else json.dumps(value)
