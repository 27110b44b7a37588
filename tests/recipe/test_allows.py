"""The short way to say that a recipe is valid agrees with jsonschema."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from datasetbuild.recipe.allows import SAY_NOTHING, TESTS, allows

NAMES = st.sampled_from(["a", "b", "on", "-x"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([-1.0, 0.0, 0.5, 1.0, float("nan"), float("inf")]), st.sampled_from(["", "a", "on", "é", "1"])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)
KINDS = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null"])
SIZES = st.integers(0, 2)


def words(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of some of our keywords."""
    return st.fixed_dictionaries(
        {},
        optional={
            "type": KINDS | st.lists(KINDS, min_size=1, max_size=3, unique=True),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            **{name: st.integers(-1, 1) for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")},
            **dict.fromkeys(("minLength", "maxLength", "minItems", "minProperties"), SIZES),
            "pattern": st.sampled_from(["^[a-z]+$", "n", r"^\d"]),
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "items": inner,
            "required": st.lists(NAMES, max_size=2, unique=True),
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "additionalProperties": st.booleans() | inner,
            "propertyNames": st.fixed_dictionaries({"pattern": st.just("^[a-z]+$")}),
            "uniqueItems": st.just(True),
            "title": st.just("a thing"),
        },
    )


SCHEMAS = st.recursive(st.fixed_dictionaries({}, optional={"type": KINDS, "minimum": st.integers(-1, 1)}), words, max_leaves=4)


@settings(max_examples=400)
@given(SCHEMAS, VALUES)
def test_what_is_allowed_is_valid(schema: dict[str, Any], value: Any) -> None:
    """Nothing is allowed that jsonschema has a fault to find in."""
    if allows(schema, value):
        assert Draft202012Validator(schema).is_valid(value)


@settings(max_examples=150)
@given(st.sampled_from([1, 2, 3]), SCALARS.filter(lambda value: value == value), NAMES)
def test_what_is_valid_is_mostly_allowed(size: int, value: Any, name: str) -> None:
    """Jsonschema is not asked about plain things: a scalar of its kind, an entry of its mapping."""
    schema = {"properties": {name: {"enum": [value]}}, "additionalProperties": False, "minProperties": 1, "required": [name]}
    assert allows(schema, {name: value})
    assert allows({"items": schema, "minItems": size}, [{name: value}] * size)


def test_a_keyword_that_is_not_known_is_for_jsonschema() -> None:
    """A keyword that nobody here knows is never taken to hold."""
    assert not allows({"uniqueItems": True}, [1])
    assert not {"uniqueItems", "oneOf", "if", "$ref", "patternProperties"} & (TESTS.keys() | SAY_NOTHING)
