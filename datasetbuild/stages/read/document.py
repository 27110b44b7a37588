"""JSON documents: the rows of an array, decoded one after the other, each with its line; never the whole file at
once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import orjson

from datasetbuild.errors import RecordError, SourceError
from datasetbuild.record import Reason
from datasetbuild.stages.read.container import Input
from datasetbuild.stages.read.parse import compact, exact, strict
from datasetbuild.stages.read.rows import Row

PIECE = 1 << 20
BLANK = " \t\r\n"
JSON_LINES = "is it one JSON value per line? then say `reader: jsonl`"


def is_json_lines(input: Input) -> bool:
    """Whether the file's first line that is not blank is an object by itself."""
    with input.text() as stream:
        for line in stream:
            if line.strip():
                if not line.lstrip().startswith("{"):
                    return False
                try:
                    orjson.loads(line.encode("utf-8", "surrogateescape"))
                except orjson.JSONDecodeError:
                    return False
                return True
    return True


def is_array(input: Input) -> bool:
    """Whether the file opens an array that does not end on its first line."""
    with input.text() as stream:
        line = next((line for line in stream if line.strip()), "")
    return line.strip() == "["


def read(input: Input, records: str | None) -> Iterator[Row]:
    """The rows of the array at the top, or at the dotted path `records` of an object."""
    with input.text() as stream:
        scanner = Scanner(input.file, stream)
        if records:
            _descend(scanner, records.split("."), records)
        elif scanner.peek() == "{":
            raise SourceError(f"{input.file} holds one object, not rows", hint=_where_rows_are(scanner))
        if scanner.peek() != "[":
            wanted = f"`records: {records}` of {input.file}" if records else input.file
            raise SourceError(f"{wanted} is not an array of rows: it starts with {scanner.peek()!r}", hint=JSON_LINES)
        for line, raw, value in _items(scanner):
            yield _row(line, raw, value)
        if not records and scanner.peek():
            scanner.fail(f"the array ends here, and {scanner.peek()!r} follows")


class Scanner:
    """A place in a JSON text that is read piece by piece. line: 1-based."""

    def __init__(self, file: str, stream: Any) -> None:
        self.file, self._stream = file, stream
        self._text, self._at, self._counted, self._line = "", 0, 0, 1
        self._decode = json.JSONDecoder().raw_decode

    @property
    def line(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """The next character that is not blank, or "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in BLANK:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, expected: str) -> str:
        """Pass one of the expected characters."""
        found = self.peek()
        if not found or found not in expected:
            wanted = " or ".join(repr(mark) for mark in expected)
            self.fail(f"expected {wanted}, found " + (repr(found) if found else "the end of the file"))
        self._at += 1
        return found

    def value(self) -> tuple[int, str, Any]:
        """The next value: its line, its text, itself."""
        self.peek()
        line, start = self.line, self._at
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._more():
                    self.fail(getattr(error, "msg", "nested too deeply").lower(), line)
                start = self._at
                continue
            if end < len(self._text) or not self._more():
                break
            start = self._at
        self._at = end
        return line, self._text[start:end], value

    def fail(self, why: str, line: int | None = None) -> NoReturn:
        raise SourceError(
            f"{self.file}:{line or self.line}: not valid JSON: {why}; the rows after it cannot be told apart",
            hint=f"mend the file, or, {JSON_LINES}",
        )

    def _more(self) -> bool:
        """Read on: as much as is waiting, so that a huge value costs its size, not its square."""
        piece = self._stream.read(max(PIECE, len(self._text) - self._at))
        if piece:
            self._line = self.line
            self._text, self._at, self._counted = self._text[self._at :] + piece, 0, 0
        return bool(piece)


def _items(scanner: Scanner) -> Iterator[tuple[int, str, Any]]:
    scanner.take("[")
    if scanner.peek() == "]":
        scanner.take("]")
        return
    while True:
        yield scanner.value()
        if scanner.take(",]") == "]":
            return


def _descend(scanner: Scanner, path: list[str], whole: str) -> None:
    """Pass everything before the value at the path."""
    for name in path:
        found = []
        scanner.take("{")
        while scanner.peek() == '"':
            key = scanner.value()[2]
            scanner.take(":")
            if key == name:
                break
            found.append(key)
            scanner.value()
            if scanner.take(",}") == "}":
                raise _no_records(scanner.file, whole, name, found)
        else:
            raise _no_records(scanner.file, whole, name, found)


def _no_records(file: str, path: str, name: str, found: list[str]) -> SourceError:
    held = ", ".join(found[:8]) or "nothing"
    return SourceError(f"{file} has no {name!r} for `records: {path}`", hint=f"the object there has: {held}")


def _where_rows_are(scanner: Scanner) -> str:
    value = scanner.value()[2]
    arrays = [key for key, inside in value.items() if isinstance(inside, list)]
    if arrays:
        return "say where its rows are: " + " or ".join(f"`records: {key}`" for key in arrays[:3])
    return f"say where its rows are with `records: dotted.path`; it has: {', '.join(list(value)[:8])}"


def _row(line: int, text: str, value: Any) -> Row:
    raw = text.encode("utf-8", "surrogateescape")
    try:
        strict(raw)
        return Row(line, _compact(raw, value))
    except RecordError as fault:
        return Row(line, raw, (str(fault.reason), fault.detail))


def _compact(raw: bytes, value: Any) -> bytes:
    try:
        return compact(value)
    except TypeError:  # an integer beyond 64 bits, or nesting beyond what orjson writes
        pass
    try:
        return compact(exact(raw))
    except TypeError:
        raise RecordError(Reason.BAD_JSON, "the row is nested too deeply") from None
