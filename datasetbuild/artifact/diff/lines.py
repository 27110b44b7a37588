"""A manifest or a ledger as lines of text, for `git diff`: one value a line with its whole path, one row a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

DIGEST = re.compile(r"[0-9a-f]{64}")
SHOWN = 12
"""Characters of a digest."""

ATTRIBUTES = (
    "build/*/manifest.json diff=dsbuild",
    "build/*/ledger.parquet diff=dsbuild",
    ".dsbuild/variants/*/manifest.json diff=dsbuild",
)
"""Lines of .gitattributes that ask for it."""

SETTING = ("diff.dsbuild.textconv", "dsbuild textconv")


def text_lines(path: Path) -> Iterator[str]:
    """The file as lines. A file that is neither JSON nor Parquet comes as it is."""
    with open(path, "rb") as file:
        begin = file.read(4)
    if begin == b"PAR1":
        yield from _rows(path)
        return
    data = path.read_bytes()
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        yield from data.decode("utf-8", "replace").splitlines()
        return
    yield from _leaves("", value)


def _leaves(path: str, value: Any) -> Iterator[str]:
    items: Any = value.items() if isinstance(value, dict) else None
    if items:
        for key, child in items:
            yield from _leaves(f"{path}.{key}" if path else str(key), child)
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        labelled = [(_label(child, place), place, child) for place, child in enumerate(value)]
        for (label, names), _, child in sorted(labelled, key=lambda one: (one[0][0], one[1])):
            rest = {name: inner for name, inner in child.items() if name not in names} if names else child
            if names and len(rest) == 1:
                yield f"{path}[{label}] = {_plain(next(iter(rest.values())))}"
            else:
                yield from _leaves(f"{path}[{label}]", rest)
    else:
        yield f"{path} = {_plain(value)}"


def _label(value: Any, place: int) -> tuple[str, tuple[str, ...]]:
    """What names an entry of a list, and the keys that do: so that one more entry is not a change of all that follow."""
    for names in (("fate", "stage", "reason", "rule"), ("file",), ("source",), ("op", "folder")):
        if isinstance(value, dict) and all(name in value for name in names):
            return " ".join(str(value[name]) for name in names if value[name] is not None), names
    return f"{place:03d}", ()


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return DIGEST.sub(lambda digest: digest[0][:SHOWN], value)
    return orjson.dumps(value).decode()


def _rows(path: Path) -> Iterator[str]:
    """A line for each row: where it stands, what became of it, then every other value that is not empty."""
    import polars as pl

    try:
        columns = pl.scan_parquet(path, glob=False).collect_schema().names()
    except pl.exceptions.PolarsError as error:  # a line, since a failing textconv ends the whole `git diff`
        yield f"damaged: {str(error).splitlines()[0]}"
        return
    if "fate" not in columns:
        for row in pl.read_parquet(path, glob=False).iter_rows(named=True):
            yield orjson.dumps(row, default=str).decode()
        return
    first = ("id", "file", "line", "fate", "split", "copies", "stage", "reason", "rule")
    for row in pl.read_parquet(path, glob=False).iter_rows(named=True):
        fate = (
            f"{row['split']} x{row['copies']}"
            if row["fate"] == "kept"
            else f"{row['fate']} {row['stage']} {row['reason']} {row['rule'] or ''}"
        )
        more = [
            f"{name}={_number(value)}"
            for name, value in row.items()
            if name not in (*first, "row") and value not in (None, [])
        ]
        yield "  ".join([row["id"], f"{row['file']}:{row['line']}", fate.strip(), *more])


def _number(value: Any) -> str:
    return (
        f"{value:.6g}"
        if isinstance(value, float)
        else ",".join(map(str, value))
        if isinstance(value, list)
        else str(value)
    )
