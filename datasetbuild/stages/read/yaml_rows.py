"""YAML: the items of a list as rows, with their lines, in the types of YAML 1.2, so that an answer `no` stays the word
no.

Integers of more than 18 digits stay text, as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

from datasetbuild.errors import SourceError
from datasetbuild.record import Reason
from datasetbuild.stages.read.container import Input
from datasetbuild.stages.read.parse import compact
from datasetbuild.stages.read.rows import Row

CORE_TYPES = {
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:null": (r"~|null|Null|NULL|", "~nN\0"),
    "tag:yaml.org,2002:int": (r"[-+]?(0|[1-9][0-9]{0,17})", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+",
        "-+.0123456789",
    ),
}


def read(input: Input, records: str | None) -> Iterator[Row]:
    """The rows of the list at the top, or at the dotted path `records`; of several documents, each is a row."""
    import yaml

    with input.text() as stream:
        text = stream.read()
    try:
        loader = _loader()(text.encode("utf-8", "surrogateescape"))
        documents = list(iter(loader.get_node, None)) if loader.check_node() else []
        for node in _row_nodes(documents, records, input.file):
            yield _row(node, loader, text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise SourceError(f"{input.file}{place}: not valid YAML: {problem}", hint="mend the file there") from error


@cache
def _loader() -> Any:
    """PyYAML's fast safe loader with the scalars of YAML 1.2: no yes/no, no dates, no base 60, no octal by a leading
    zero."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    for tag, (pattern, starts) in CORE_TYPES.items():
        first = [character.replace("\0", "") for character in starts]
        Loader.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), first)
    merge = "tag:yaml.org,2002:merge"
    Loader.add_implicit_resolver(merge, re.compile("^<<$"), ["<"])
    return Loader


def _row_nodes(documents: list[Any], records: str | None, file: str) -> list[Any]:
    import yaml

    if len(documents) != 1:
        return documents
    node = documents[0]
    for name in records.split(".") if records else []:
        inside = {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
        if name not in inside:
            raise SourceError(
                f"{file} has no {name!r} for `records: {records}`",
                hint=f"there is: {', '.join(inside) or 'no mapping'}",
            )
        node = inside[name]
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if records:
        raise SourceError(f"`records: {records}` of {file} is not a list")
    lists = (
        [key.value for key, value in node.value if isinstance(value, yaml.SequenceNode)]
        if isinstance(node, yaml.MappingNode)
        else []
    )
    hint = (
        "say where its rows are: " + " or ".join(f"`records: {name}`" for name in lists)
        if lists
        else "write its rows as a list"
    )
    raise SourceError(f"{file} is not a list of rows", hint=hint)


def _row(node: Any, loader: Any, text: str) -> Row:
    line = node.start_mark.line + 1
    try:
        return Row(line, compact(loader.construct_document(node)))
    except (TypeError, RecursionError) as error:
        raw = "\n".join(text.split("\n")[node.start_mark.line : node.end_mark.line + 1])
        return Row(
            line, raw.encode("utf-8", "surrogateescape"), (Reason.BAD_ROW.value, f"not sayable in JSON: {error}")
        )
