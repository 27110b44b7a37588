"""`${...}` in recipes: a reference to another key, and nothing else.

OmegaConf's resolvers could read the clock, the environment or the machine, and a build must depend on none of them. A
text that means `${name}` literally, such as a shell line in a prompt, is written `\\${name}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from datasetbuild.errors import Fault
from datasetbuild.recipe import locate, yaml_text
from datasetbuild.recipe.locate import COMMAND_LINE, Layer

if TYPE_CHECKING:
    from datasetbuild.recipe.recipe import Recipe

PURE = frozenset({"oc.select", "oc.decode", "oc.create", "oc.dict.keys", "oc.dict.values"})
"""Resolvers that look at nothing but the recipe."""

_RESOLVER = re.compile(r"(?<!\\)\$\{\s*([A-Za-z_][\w.]*)\s*:")
ESCAPE = "write `\\${` when the text itself has `${` in it"


def refused(recipe: Recipe) -> Iterator[Fault]:
    """A fault for every resolver, in a file or an override, that looks at more than the recipe."""
    for layer in recipe.layers:
        for path, node in locate.scalars(layer):
            for name in _impure(node.value):
                yield _at_node(layer, recipe.project, path, node, *_refusal(name))
    for typed in recipe.overrides:
        for name in _impure(typed):
            key = typed.lstrip("+~").partition("=")[0]
            message, suggestion = _refusal(name)
            yield Fault(key, message, COMMAND_LINE, excerpt=typed, suggestion=suggestion)


def broken(layer: Layer, project: Path, readable: Callable[[str], bool]) -> list[Fault]:
    """The faults of a file whose `${` OmegaConf cannot read."""
    message = "`${` opens a reference to another key, and what follows is none"
    bad = [(path, node) for path, node in locate.scalars(layer) if "${" in node.value and not readable(node.value)]
    return [_at_node(layer, project, path, node, message, ESCAPE) for path, node in bad] or [
        Fault("", "a value cannot be read", locate.show(layer.file, project))
    ]


def unresolved(error: str) -> tuple[str, str]:
    """Message and suggestion for what OmegaConf says of a reference that it cannot follow."""
    key = re.search(r"Interpolation key '([^']*)' not found", error)
    if key:
        return f"`${{{key[1]}}}` refers to a key that is not there", ESCAPE
    resolver = re.search(r"Unsupported interpolation type (\S+)", error)
    if resolver:
        return f"`${{{resolver[1]}:...}}` is not known", ESCAPE
    if "recurs" in error.lower():
        return "the value refers to itself", ESCAPE
    return "the reference cannot be followed: " + error.splitlines()[0].strip(), ESCAPE


def _impure(text: str) -> list[str]:
    known_impure = [match[1] for match in _RESOLVER.finditer(text)]
    return [name for name in known_impure if name not in PURE]


def _refusal(name: str) -> tuple[str, str]:
    if name == "now":
        return "`${now:}` is not allowed: a build must not depend on the clock", "write the date out"
    if name in ("oc.env", "env"):
        return (
            f"`${{{name}:}}` is not allowed: a build must not depend on the environment",
            "write the value out, or override it",
        )
    return f"`${{{name}:}}` is not allowed: a recipe is data, and only refers to its own keys", ESCAPE


def _at_node(layer: Layer, project: Path, path: tuple[str, ...], node: object, message: str, suggestion: str) -> Fault:
    line = node.start_mark.line + 1  # type: ignore[attr-defined]
    shown = yaml_text.excerpt(layer.file.read_text(encoding="utf-8"), line)
    return Fault(".".join(path), message, locate.show(layer.file, project), line, shown, suggestion)
