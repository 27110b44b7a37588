"""The traps of YAML 1.1: what was written is not what is read, and the sentence that says so.

A language named `no` is read as false, a duration `12:30:45` as 45045, `010` as 8. The first is found by the schema
(false is no text); the other two are numbers where numbers may be allowed, so they are faults wherever they stand.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from datasetbuild.recipe.yaml_text import Loader

_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")


def misread(node: yaml.Node | None) -> str | None:
    """The sentence for a plain scalar that YAML does not read as the text that was written; None for all others."""
    if not isinstance(node, yaml.ScalarNode) or node.style in ("'", '"', "|", ">"):
        return None
    value = value_of(node)
    if isinstance(value, str) or node.value == json.dumps(value):
        return None
    if value is None:
        return "an empty value is read as null by YAML" if not node.value else _quote(node.value, "null")
    return _quote(node.value, json.dumps(value))


def never_meant(node: yaml.Node) -> str | None:
    """The sentence for a number that nobody writes on purpose, octal (`010`) or base 60 (`12:30:45`); else None."""
    if not isinstance(node, yaml.ScalarNode) or node.style in ("'", '"', "|", ">"):
        return None
    value = value_of(node)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and _OCTAL.fullmatch(node.value):
        plain = re.sub(r"^([-+]?)0+(?=.)", r"\1", node.value.replace("_", ""))
        return (
            f'`{node.value}` is read as {value} by YAML (base 8): write {plain} for a number or "{node.value}" for text'
        )
    if _SEXAGESIMAL.fullmatch(node.value):
        return f'`{node.value}` is read as {value} by YAML (base 60): write "{node.value}" in quotes'
    return None


def value_of(node: yaml.ScalarNode) -> Any:
    """What YAML reads from a scalar node."""
    loader = Loader("")
    try:
        return loader.construct_object(node)
    finally:
        loader.dispose()


def _quote(written: str, read: str) -> str:
    return f'`{written}` is read as {read} by YAML: write "{written}" in quotes'
