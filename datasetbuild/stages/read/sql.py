"""Rows of a database as JSON Lines: SQLite and DuckDB by their own modules, every other one through SQLAlchemy.

Databases are only read: SQLite and DuckDB files are opened read-only, and elsewhere the transaction is rolled back.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import orjson

from datasetbuild.errors import SourceError
from datasetbuild.stages.read.address import Address
from datasetbuild.stages.read.files import resolve

BATCH = 4096
EXTRA = "pip install 'datasetbuild[sql]'"
NOISE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
ORDER_BY = re.compile(r"\border\s+by\b", re.IGNORECASE)
OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def fetch(address: Address, query: str, project: Path, out: IO[bytes]) -> None:
    """Write the rows of a query, one JSON object a line.

    In the order of the query's own ORDER BY, or else in that of their bytes, for which they are held in memory.
    """
    lines: Iterator[bytes] = (_line(row) for row in _rows(address, query, project))
    if not is_ordered(query):
        lines = iter(sorted(lines))
    out.writelines(line + b"\n" for line in lines)


def is_ordered(query: str) -> bool:
    """Whether the query itself, and not one inside of it, has ORDER BY."""
    depth, outside = 0, []
    for character in NOISE.sub(" ", query):
        depth += (character == "(") - (character == ")")
        outside.append(character if depth <= 0 else " ")
    return bool(ORDER_BY.search("".join(outside)))


def _rows(address: Address, query: str, project: Path) -> Iterator[dict[str, Any]]:
    kind = address.used.partition("://")[0]
    if "://" not in address.used:
        raise SourceError(
            f"`sql: {address.shown}` is not the address of a database",
            hint="write it as sqlite:///support.db, duckdb:///support.duckdb or postgresql+psycopg://host/support",
        )
    if kind == "sqlite":
        return _sqlite(_file(address, project), query, address)
    if kind == "duckdb":
        return _duckdb(_file(address, project), query, address)
    return _sqlalchemy(address, query)


def _file(address: Address, project: Path) -> Path:
    """The file of an embedded database: three slashes and a path relative to the project, four for an absolute one."""
    named = re.fullmatch(r"\w+:///([^?]+)(\?.*)?", address.used)
    if not named:
        raise SourceError(
            f"{address.shown} names no file",
            hint=f"write it as {address.used.partition(':')[0]}:///support.db, relative to the project",
        )
    return resolve(named[1], project)[0]


def _sqlite(path: Path, query: str, address: Address) -> Iterator[dict[str, Any]]:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            cursor = connection.execute(query)
            yield from _named([column[0] for column in cursor.description or ()], _batches(cursor), address)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _failed(address, error) from None


def _duckdb(path: Path, query: str, address: Address) -> Iterator[dict[str, Any]]:
    try:
        import duckdb
    except ImportError:
        raise SourceError(f"{address.shown} needs duckdb, which is not installed", hint=EXTRA) from None
    try:
        with closing(duckdb.connect(str(path), read_only=True)) as connection:
            with suppress(duckdb.Error):  # without its extension icu DuckDB knows no time zones but UTC
                connection.execute("SET TimeZone = 'UTC'")
            cursor = connection.execute(query)
            yield from _named([column[0] for column in cursor.description or ()], _batches(cursor), address)
    except duckdb.Error as error:
        raise _failed(address, error) from None


def _sqlalchemy(address: Address, query: str) -> Iterator[dict[str, Any]]:
    try:
        import sqlalchemy
    except ImportError:
        raise SourceError(f"{address.shown} needs SQLAlchemy, which is not installed", hint=EXTRA) from None
    try:
        engine = sqlalchemy.create_engine(address.used)
        options = {"stream_results": True, "no_parameters": True}
        with closing(engine.connect().execution_options(**options)) as connection:
            if engine.dialect.name == "postgresql":
                for setting in ("SET TRANSACTION READ ONLY", "SET TIME ZONE 'UTC'"):
                    connection.exec_driver_sql(setting, execution_options={"stream_results": False})
            result = connection.exec_driver_sql(query)
            if not result.returns_rows:
                yield from _named([], (), address)
            yield from _named(list(result.keys()), map(tuple, result.yield_per(BATCH)), address)
    except ImportError as error:
        raise SourceError(f"{address.shown} needs a driver that is not installed: {error.name}", hint=EXTRA) from None
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise _failed(address, getattr(error, "orig", None) or error) from None
    finally:
        if "engine" in locals():
            engine.dispose()


def _batches(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while batch := cursor.fetchmany(BATCH):
        yield from batch


def _named(names: list[str], rows: Iterable[tuple[Any, ...]], address: Address) -> Iterator[dict[str, Any]]:
    if not names:
        raise SourceError(f"{address.shown}: the query gives no rows", hint="write one SELECT")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(
            f"{address.shown}: two columns of the query are named {twice[0]!r}", hint="name them apart with AS"
        )
    for row in rows:
        yield dict(zip(names, row, strict=True))


def _failed(address: Address, error: BaseException) -> SourceError:
    said = address.scrub(error).strip().splitlines()
    return SourceError(f"{address.shown}: {said[0] if said else type(error).__name__}", hint="is the `query` right?")


def _line(row: dict[str, Any]) -> bytes:
    """A row as JSON. Dates come in ISO 8601, decimals in digits, bytes as their text, or as \\x and hex digits."""
    try:
        return orjson.dumps(row, default=_said, option=OPTIONS)
    except TypeError:  # an integer beyond 64 bits, or text that is not valid, which becomes a fault of its row
        return json.dumps(row, default=_said, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogateescape"
        )


def _said(value: Any) -> Any:
    if isinstance(value, bytes | memoryview | bytearray):
        raw = bytes(value)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return "\\x" + raw.hex()
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC)  # whatever zone the session has
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
