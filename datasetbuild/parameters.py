"""What a recipe may write for a parameter: its annotation as JSON Schema, with the limits and files that a type cannot say."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

MISSING = inspect.Parameter.empty


@dataclass(frozen=True)
class Bound:
    """Limits of a number in an `Annotated` parameter: `Annotated[float, Bound(ge=0, le=1)]`."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def schema(self) -> dict[str, Any]:
        words = {"minimum": self.ge, "exclusiveMinimum": self.gt, "maximum": self.le, "exclusiveMaximum": self.lt}
        return {word: value for word, value in words.items() if value is not None}


@dataclass(frozen=True, eq=False)
class Extra:
    """Raw JSON Schema keywords of a parameter, for what a Python type cannot say."""

    keywords: dict[str, Any] = field(default_factory=dict)

    def schema(self) -> dict[str, Any]:
        return dict(self.keywords)


class File:
    """Marks a parameter that names a file of the project: `words: Annotated[str, File()]`, alone or inside lists and maps.

    The file stands in every key by its content, never by its path; what the operator is given is the path of a snapshot
    with the same suffixes, named after that content.
    """

    def schema(self) -> dict[str, Any]:
        return {"format": FILE, "minLength": 1}


FILE = "project-file"
"""The JSON Schema format by which a `File` parameter is known."""


LANGUAGE = "language-code"
"""The JSON Schema format of a parameter that names languages. Not an enum of 140 codes: that told nobody that `gr` is `el`."""


class Model:
    """Marks a parameter that names a model: a folder of the project, or a name of the Hub.

    The model stands in every key by the content of its files, never by its name or place (`engine.models`); what the
    operator is given is the folder on this machine. A `revision` beside it pins a name of the Hub to a commit.
    """

    def schema(self) -> dict[str, Any]:
        return {"format": MODEL, "minLength": 1}


MODEL = "model-folder"
"""The JSON Schema format by which a `Model` parameter is known."""


@dataclass(frozen=True)
class Parameter:
    """One key that a recipe may set: its JSON Schema, default (`MISSING` when it must be given) and description."""

    name: str
    schema: dict[str, Any]
    default: Any
    description: str

    @property
    def required(self) -> bool:
        return self.default is MISSING


_SIMPLE: dict[Any, dict[str, Any]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
    Any: {},
}


def schema_of(annotation: Any) -> dict[str, Any]:
    """JSON Schema of a parameter's annotation: simple types, Literal, list, dict, TypedDict, unions and Annotated limits."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _SIMPLE:
        return dict(_SIMPLE[annotation])
    if origin is Annotated:
        schema = schema_of(arguments[0])
        for limit in arguments[1:]:
            schema |= limit.schema()
        return schema
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is NotRequired:
        return schema_of(arguments[0])
    if is_typeddict(annotation):
        hints = get_type_hints(annotation, include_extras=True)
        properties = {name: schema_of(hint) for name, hint in hints.items()}
        # Not `__required_keys__`, which takes annotations that are still text for required.
        required = [name for name, hint in hints.items() if get_origin(hint) is not NotRequired]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    raise TypeError(f"no JSON Schema for {annotation!r}")


def _union(arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Unions of simple types become one `type` list, so that an error names all of them in one sentence."""
    schemas = [schema_of(argument) for argument in arguments]
    kinds = [schema.get("type") for schema in schemas]
    if all(isinstance(kind, str) for kind in kinds) and len(set(kinds)) == len(kinds):
        merged: dict[str, Any] = {}
        for schema in schemas:
            merged |= schema
        return merged | {"type": kinds}
    enums = [schema.get("enum", [None]) for schema in schemas]
    if all("enum" in schema or schema == {"type": "null"} for schema in schemas):
        return {"enum": [value for values in enums for value in values]}
    return {"anyOf": schemas}


def marked(schema: Mapping[str, Any], value: Any, form: str, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts inside a value whose schema has this format, with their paths. schema: of an operator, a parameter or a part of one."""
    if isinstance(value, str) and schema.get("format") == form:
        yield path, value
    for branch in schema.get("anyOf", ()):
        yield from marked(branch, value, form, path)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from marked(schema.get("items") or {}, item, form, (*path, str(index)))
    elif isinstance(value, Mapping):
        others = schema.get("additionalProperties")
        for key, child in value.items():
            known = schema.get("properties", {}).get(key, others if isinstance(others, Mapping) else {})
            yield from marked(known, child, form, (*path, str(key)))


def files_in(schema: Mapping[str, Any], value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """The files that a value names, with their paths inside it. schema: of an operator, a parameter or a part of one."""
    return marked(schema, value, FILE)


def with_files(schema: Mapping[str, Any], value: Any, file: Callable[[str], str]) -> Any:
    """The value with every file that it names replaced."""
    found = dict(files_in(schema, value))

    def replaced(part: Any, path: tuple[str, ...]) -> Any:
        if path in found:
            return file(found[path])
        if isinstance(part, list):
            return [replaced(item, (*path, str(index))) for index, item in enumerate(part)]
        if isinstance(part, Mapping):
            return {key: replaced(child, (*path, str(key))) for key, child in part.items()}
        return part

    return replaced(value, ())


def models_in(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The models that an operator's parameters name: parameter and name."""
    for name, known in schema.get("properties", {}).items():
        if known.get("format") == MODEL and isinstance(value.get(name), str):
            yield name, value[name]
