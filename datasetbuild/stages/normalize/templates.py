"""Templates of a source: Jinja in its immutable sandbox, without chance, files or nulls; the common ones never enter
Jinja.

A template of plain text and `{{ field }}` costs 0.3 us a row, through Jinja it would cost 7.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from datasetbuild.errors import Fault, RecipeError, RecordError
from datasetbuild.record import Reason
from datasetbuild.stages.normalize.conversation import kind
from datasetbuild.stages.normalize.fields import Raw, missing

Render = Callable[[Raw], str]
FORBIDDEN = ("Import", "FromImport", "Include", "Extends", "Block")


@cache
def template(text: str, path: str) -> Render:
    """A function that renders a row. `path`: the place in the recipe, for its faults.

    The row's columns are variables, and `row` is the whole row, for names with blanks: `{{ row["Question text"] }}`.
    """
    import jinja2
    from jinja2 import nodes

    environment = _environment()
    try:
        tree, compiled = environment.parse(text), environment.from_string(text)
    except jinja2.TemplateSyntaxError as error:
        raise RecipeError([Fault(path, f"not a template: {error.message} (its line {error.lineno})")]) from None
    for name in FORBIDDEN:
        if tree.find(getattr(nodes, name)):
            raise RecipeError([Fault(path, f"a template here cannot use {name.lower()}: it stands alone")])
    pieces = _plain_pieces(tree)
    return _joined(pieces) if pieces is not None else _through_jinja(compiled)


@cache
def _environment() -> Any:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, finalize=_finalized, autoescape=False)
    environment.filters.pop("random")  # chance is a function of the seed and the record, never of a running generator
    environment.globals.pop("lipsum")
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment


def _finalized(value: Any) -> Any:
    """What may be printed: text and numbers. Null and containers print as Python's words for them, which nobody
    means."""
    import jinja2

    if isinstance(value, (str, int, float, jinja2.Undefined)):
        return value
    if value is None:
        raise RecordError(Reason.WRONG_TYPE, "the template prints null; say what it means: {{ field or '' }}")
    raise RecordError(
        Reason.WRONG_TYPE,
        f"the template prints {kind(value)}; choose a part of it, or use `| join(', ')` or `| tojson`",
    )


def _plain_pieces(tree: Any) -> list[tuple[bool, str]] | None:
    """(is a field, text or field name) for a template of nothing else, with a single trailing newline gone as in
    Jinja."""
    from jinja2 import nodes

    pieces = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                pieces.append((False, node.data))
            elif isinstance(node, nodes.Name) and node.name not in ("row", *_environment().globals):
                pieces.append((True, node.name))
            else:
                return None
    return pieces


def _joined(pieces: list[tuple[bool, str]]) -> Render:
    def render(row: Raw) -> str:
        parts = []
        for is_field, text in pieces:
            if is_field:
                value = row.get(text, _environment)
                if type(value) is not str:
                    value = _odd(row, text, value)
                parts.append(value)
            else:
                parts.append(text)
        return "".join(parts)

    return render


def _odd(row: Raw, name: str, value: Any) -> str:
    if value is _environment:
        raise missing(row, name)
    return str(_finalized(value))


def _through_jinja(compiled: Any) -> Render:
    import jinja2

    def render(row: Raw) -> str:
        try:
            return str(compiled.render({"row": row} | row))
        except jinja2.UndefinedError as error:
            names = ", ".join(list(row)[:10]) or "no fields"
            raise RecordError(
                Reason.MISSING_FIELD, f"the template needs what the row has not: {error.message}; it has: {names}"
            ) from None
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise RecordError(Reason.TEMPLATE_ERROR, f"the template failed: {type(error).__name__}: {error}") from None

    return render
