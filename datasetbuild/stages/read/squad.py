"""SQuAD files: data > paragraphs > questions; one raw row for each question, with its line; never the whole file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from datasetbuild.errors import SourceError
from datasetbuild.record import Reason
from datasetbuild.stages.read.container import Input
from datasetbuild.stages.read.document import Scanner
from datasetbuild.stages.read.parse import compact
from datasetbuild.stages.read.rows import Row

Question = tuple[int, str, Any]


def has_articles(input: Input) -> bool:
    """Whether the file is an object with the key `data`, be it on one line or on many."""
    with input.text() as stream:
        scanner = Scanner(input.file, stream)
        if scanner.peek() != "{":
            return False
        try:
            for name in _members(scanner):
                if name == "data":
                    return scanner.peek() == "["
                scanner.value()
        except SourceError:
            return False  # whoever reads it will say what is wrong
    return False


def read(input: Input) -> Iterator[Row]:
    """{title, paragraph, context, ...the question's own fields} for each question; `paragraph` is a digest that the
    questions of one context share. A paragraph without questions has no row; one without the list `qas` is a fault."""
    with input.text() as stream:
        scanner = Scanner(input.file, stream)
        found = False
        for name in _members(scanner):
            if name == "data":
                found = True
                for _ in _elements(scanner):
                    yield from _article(scanner)
            else:
                scanner.value()
        if not found:
            raise SourceError(
                f"{input.file} has no key 'data', so it is no SQuAD file",
                hint="for a table of questions say how it is read, such as `reader: json`",
            )


def _article(scanner: Scanner) -> Iterator[Row]:
    line, title = scanner.line, None
    paragraphs: list[tuple[int, Any, list[Question] | None]] | None = None
    for name in _members(scanner):
        if name == "paragraphs":
            paragraphs = [_paragraph(scanner) for _ in _elements(scanner)]
        else:
            value = scanner.value()[2]
            title = value if name == "title" else title
    if paragraphs is None:
        yield _fault(line, {"title": title}, "the article has no list `paragraphs`")
    for place, context, questions in paragraphs or ():
        if questions is None:
            yield _fault(place, {"title": title, "context": context}, "the paragraph has no list `qas`")
        for number, _, question in questions or ():
            yield _row(number, title, context, question)


def _paragraph(scanner: Scanner) -> tuple[int, Any, list[Question] | None]:
    scanner.peek()
    line, context, questions = scanner.line, None, None
    for name in _members(scanner):
        if name == "qas":
            questions = [scanner.value() for _ in _elements(scanner)]
        else:
            value = scanner.value()[2]
            context = value if name == "context" else context
    return line, context, questions


def _row(line: int, title: Any, context: Any, question: Any) -> Row:
    digest = hashlib.sha256(str(context).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    value = {"title": title, "paragraph": digest, "context": context}
    if type(question) is not dict:
        return _fault(line, value | {"question": question}, "the question is not an object")
    try:
        return Row(line, compact(value | question))
    except TypeError as error:  # a lone surrogate, or an integer beyond 64 bits
        return _fault(line, value | question, f"not sayable in JSON: {error}")


def _fault(line: int, value: Any, detail: str) -> Row:
    return Row(line, repr(value).encode("utf-8", "backslashreplace"), (Reason.BAD_ROW.value, detail))


def _members(scanner: Scanner) -> Iterator[str]:
    """The keys of an object; whoever takes one passes its value."""
    scanner.take("{")
    if scanner.peek() == "}":
        scanner.take("}")
        return
    while True:
        key = scanner.value()[2]
        scanner.take(":")
        yield key
        if scanner.take(",}") == "}":
            return


def _elements(scanner: Scanner) -> Iterator[None]:
    """The places of an array; whoever takes one passes its value."""
    scanner.take("[")
    if scanner.peek() == "]":
        scanner.take("]")
        return
    while True:
        yield None
        if scanner.take(",]") == "]":
            return
