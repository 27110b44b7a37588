"""Whether a schema allows a value: yes without doubt, or no answer, and then `jsonschema` is asked.

Nearly every command is given a recipe without a fault, and to import jsonschema takes 40 ms, a twelfth of a plan. So it
is left to what is faulty, where it says what and why, and to keywords that our own schemas have none of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]

SAY_NOTHING = frozenset({"title", "description", "default", "format"})
"""Keywords that are for people and editors."""


def allows(schema: Schema, value: Any) -> bool:
    """True when the schema allows the value; False when it does not, or when that is not for us to say."""
    return all(word in SAY_NOTHING or (word in TESTS and TESTS[word](schema, value)) for word in schema)


def _type(schema: Schema, value: Any) -> bool:
    kinds = schema["type"]
    return any(_is(kind, value) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _is(kind: str, value: Any) -> bool:
    if kind == "number":
        return _number(value)
    return type(value) is {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": type(None)}.get(kind)


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _one_of(value: Any, choices: list[Any]) -> bool:
    """Of scalars alone, since Python takes 1, 1.0 and true for the same, inside of lists too."""
    return any(type(value) is type(choice) and value == choice for choice in choices if not isinstance(choice, list | dict))


def _properties(schema: Schema, value: Any) -> bool:
    return type(value) is not dict or all(allows(known, value[name]) for name, known in schema["properties"].items() if name in value)


def _others(schema: Schema, value: Any) -> bool:
    others, known = schema["additionalProperties"], schema.get("properties", {})
    if type(value) is not dict or others is True:
        return True
    return all(others is not False and allows(others, one) for name, one in value.items() if name not in known)


def _names(schema: Schema, value: Any) -> bool:
    return type(value) is not dict or all(allows(schema["propertyNames"], name) for name in value)


def _items(schema: Schema, value: Any) -> bool:
    return type(value) is not list or all(allows(schema["items"], item) for item in value[len(schema.get("prefixItems", ())) :])


def _first_items(schema: Schema, value: Any) -> bool:
    return type(value) is not list or all(allows(known, item) for known, item in zip(schema["prefixItems"], value, strict=False))


TESTS: dict[str, Callable[[Schema, Any], bool]] = {
    "type": _type,
    "enum": lambda schema, value: _one_of(value, schema["enum"]),
    "const": lambda schema, value: _one_of(value, [schema["const"]]),
    "anyOf": lambda schema, value: any(allows(branch, value) for branch in schema["anyOf"]),
    "minimum": lambda schema, value: not _number(value) or value >= schema["minimum"],
    "maximum": lambda schema, value: not _number(value) or value <= schema["maximum"],
    "exclusiveMinimum": lambda schema, value: not _number(value) or value > schema["exclusiveMinimum"],
    "exclusiveMaximum": lambda schema, value: not _number(value) or value < schema["exclusiveMaximum"],
    "minLength": lambda schema, value: not isinstance(value, str) or len(value) >= schema["minLength"],
    "maxLength": lambda schema, value: not isinstance(value, str) or len(value) <= schema["maxLength"],
    "pattern": lambda schema, value: not isinstance(value, str) or bool(re.search(schema["pattern"], value)),
    "minItems": lambda schema, value: type(value) is not list or len(value) >= schema["minItems"],
    "prefixItems": _first_items,
    "items": _items,
    "minProperties": lambda schema, value: type(value) is not dict or len(value) >= schema["minProperties"],
    "required": lambda schema, value: type(value) is not dict or all(name in value for name in schema["required"]),
    "properties": _properties,
    "additionalProperties": _others,
    "propertyNames": _names,
}
