"""List the operators that a recipe can name, or print the manual of those with a name."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from datasetbuild.cli.project import find_project

if TYPE_CHECKING:
    from datasetbuild.op import Operator

TITLES = {"format": "formats (sources.NAME.format)", "fact": "facts (filters.NAME)", "check": "checks (checks.NAME)", "profile": "profiles (export)", "section": "sections of a recipe"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="NAME|recipe=NAME", help="an operator; a recipe, for those of its plugins")


def run(args: argparse.Namespace) -> int:
    import datasetbuild.builtin  # noqa: F401
    from datasetbuild.errors import UsageError
    from datasetbuild.op import did_you_mean, operators

    overrides = [word for word in args.words if "=" in word]
    names = [word for word in args.words if word not in overrides]
    if overrides:
        from datasetbuild.recipe import load

        load(overrides, project=find_project(args.directory))  # registers the plugins that the recipe names
    known = [op.name for op in operators()]
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"no operator {unknown[0]!r}", hint=did_you_mean(unknown[0], sorted({*known})))
    chosen = [op for op in operators() if not names or op.name in names]
    if args.json:
        sys.stdout.write(json.dumps([_document(op) for op in chosen], indent=1) + "\n")
    elif names:
        sys.stdout.write("\n".join(manual(op) for op in chosen))
    else:
        sys.stdout.write(_list(chosen))
    return 0


def _list(found: list[Operator]) -> str:
    lines = []
    for kind, title in TITLES.items():
        lines.append(f"{title}:")
        lines += [f"  {op.name:<22} {op.summary.split('. ')[0].rstrip('.')}" for op in found if op.kind == kind]
        lines.append("")
    return "\n".join([*lines, "`dsbuild ops NAME` prints the manual of one.", ""])


def manual(op: Operator) -> str:
    """The manual of an operator: its docstring, and its parameters with kinds and defaults."""
    lines = [f"{op.kind} {op.name} (version {op.version})", "", op.manual, ""]
    if op.parameters:
        lines.append("parameters:")
    for parameter in op.parameters.values():
        default = "required" if parameter.required else f"default {json.dumps(parameter.default, ensure_ascii=False)}"
        lines.append(f"  {parameter.name:<18} {_kind(parameter.schema):<34} {default}")
    return "\n".join(lines) + "\n"


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    kind = schema.get("type", "any")
    return " | ".join(kind) if isinstance(kind, list) else str(kind)


def _document(op: Operator) -> dict[str, Any]:
    return {"kind": op.kind, "name": op.name, "version": op.version, "manual": op.manual, "schema": op.schema()}
