"""The Jinja environment of chat templates: what transformers gives a template, with two changes that the laws ask for.

The clock of `strftime_now` stands still at a given date, so that a build of next year has the same bytes; and
`{% generation %}` blocks are noted in the very render that makes the text, so that no second render and no marker
inside the text is needed (content can hold nothing that is mistaken for a mark).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from types import CodeType
from typing import Any, NoReturn

from jinja2 import Template, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import new_context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from datasetbuild.stages.render.layout import Mark


class GenerationMarks(Extension):
    """Notes where `{% generation %}` blocks land. `length` is how much text the running render has put out so far."""

    tags = {"generation"}  # noqa: RUF012

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.length = 0
        self.noted: list[tuple[int, str]] = []

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_note"), [], [], body).set_lineno(line)

    def _note(self, caller: Callable[[], str]) -> str:
        text = caller()
        self.noted.append((self.length, text))
        return text


class _Namespace(Namespace):
    """Jinja's namespace without underscore names, as in transformers: no way to reach CPython's internals."""

    def __init__(*args: Any, **kwargs: Any) -> None:
        self, rest = args[0], args[1:]
        attributes = dict(*rest, **kwargs)
        for name in attributes:
            _refuse_private(name)
        Namespace.__init__(self, attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _refuse_private(name)
        super().__setitem__(name, value)


class _Dict:
    """`dict` for templates: callable, and nothing else of the class to be had."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args, **kwargs)


def _refuse_private(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a chat template cannot store the attribute {name!r} on a namespace")


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """JSON without Jinja's HTML escapes, as in transformers."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def compile_template(text: str, moment: datetime) -> Template:
    """The compiled template; its `strftime_now` knows no other moment."""
    environment = _environment()
    environment.globals["strftime_now"] = moment.strftime
    return Template.from_code(environment, _code(text), environment.make_globals(None))


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationMarks, loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["dict"] = _Dict()
    environment.globals["namespace"] = _Namespace
    return environment


@lru_cache(maxsize=16)
def _code(text: str) -> CodeType:
    """What Jinja makes of a source (40 ms): the same for every date, which only a call of the running template sees."""
    return _environment().compile(text)


@lru_cache(maxsize=64)
def _globals(compiled: Template) -> dict[str, Any]:
    """A template's globals as one mapping: copied for each render, five times faster than Jinja's chain of them."""
    return dict(compiled.globals)


def run(compiled: Template, variables: dict[str, Any]) -> tuple[str, list[Mark] | None]:
    """The text, and its generation marks: an empty list when there are none, None when they cannot be placed (blocks
    inside macros or `set`, whose output is moved after it was made)."""
    tracker: Any = compiled.environment.extensions[GenerationMarks.identifier]
    tracker.length, tracker.noted = 0, []
    blocks = []
    context = new_context(
        compiled.environment, compiled.name, compiled.blocks, _globals(compiled) | variables, shared=True
    )
    for block in compiled.root_render_func(context):
        blocks.append(block)
        tracker.length += len(block)
    text = "".join(blocks)
    marks = []
    for start, marked in tracker.noted:
        if not text.startswith(marked, start):
            return text, None
        marks.append(Mark(start, start + len(marked)))
    return text, marks
