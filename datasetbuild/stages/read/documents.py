"""Documents to text: {text, title, page}; a page of a PDF is a row, any other document is one.

PDF, Word, HTML and the like are converted to Markdown by kreuzberg (one wheel, no dependencies; 86 ms for a PDF of 36
pages), which comes with the extra `documents`. Plain text and Markdown need nothing. What a converter loses is lost:
kreuzberg 4 keeps the headings and tables of a Word file, and drops the bullets of its lists.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from typing import Any

from datasetbuild.errors import SourceError
from datasetbuild.stages.read.container import Input
from datasetbuild.stages.read.rows import Row
from datasetbuild.stages.read.text import text_row

Pages = list[tuple[int | None, str]]

WEB = "text/html"
CONVERTED: dict[str, str] = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".epub": "application/epub+zip",
    ".rtf": "application/rtf",
    ".html": WEB,
    ".htm": WEB,
}
"""What kreuzberg converts for us, by suffix."""

HALF = re.compile("[\ud800-\udfff]")
"""What the decoder leaves of bytes that are not valid."""

HEADING = re.compile(r"^ {0,3}#{1,6} +(.+?)[ #]*$", re.MULTILINE)
HEAD = re.compile(r"<head\b.*?</head\s*>", re.DOTALL | re.IGNORECASE)
HEAD_TITLE = re.compile(r"<title\b[^>]*>(.*?)</title\s*>", re.DOTALL | re.IGNORECASE)
FRONT_MATTER = re.compile(r"\A---\n(.*?\n)(?:---|\.\.\.)(?:\n|\Z)", re.DOTALL)


def read(input: Input) -> Iterator[Row]:
    """The rows of a document; its page number, or 1, in the place of the line. An empty page has no row."""
    kind = next((CONVERTED[one.lower()] for one in reversed(input.path.suffixes) if one.lower() in CONVERTED), None)
    if kind in (None, WEB):
        with input.text() as stream:
            text = stream.read().replace("\r\n", "\n")
        if HALF.search(text):
            yield text_row(1, {"text": text}, text)  # a fault: the file has another encoding
            return
        pages, title = _web_page(input, text) if kind else _written(text)
    else:
        pages, title = _converted(input, input.bytes(), str(kind))
    for page, text in pages:
        if text.strip():
            heading = None if title else HEADING.search(text)
            fields: dict[str, Any] = {"text": text.strip(), "title": heading[1] if heading else title, "page": page}
            yield text_row(page or 1, fields, text)


@lru_cache
def version() -> str:
    """The converter's version: the text of a document depends on it."""
    try:
        return f"kreuzberg {metadata.version('kreuzberg')}"
    except metadata.PackageNotFoundError:
        return "none"


def _written(text: str) -> tuple[Pages, str | None]:
    """Text and Markdown as they are, without their front matter, and the title that stands in it."""
    front = FRONT_MATTER.match(text)
    if not front:
        return [(None, text)], None
    named = re.search(r"^title: *(.+?) *$", front[1], re.MULTILINE)
    return [(None, text[front.end() :])], named[1].strip("\"'") if named else None


def _web_page(input: Input, text: str) -> tuple[Pages, str | None]:
    """HTML without its head, which the converter would print as a broken front matter."""
    named = HEAD_TITLE.search(text)
    title = " ".join(html.unescape(named[1]).split()) if named else None
    return _converted(input, HEAD.sub("", text, count=1).encode(), WEB)[0], title or None


def _converted(input: Input, data: bytes, kind: str) -> tuple[Pages, str | None]:
    try:
        import kreuzberg
    except ImportError:
        raise SourceError(
            f"{input.file} is a document ({kind}), and nothing is installed that converts it to text",
            hint="pip install 'datasetbuild[documents]'",
        ) from None
    paged = kind == "application/pdf"
    config = kreuzberg.ExtractionConfig(
        output_format="markdown",
        use_cache=False,
        enable_quality_processing=False,
        pages=kreuzberg.PageConfig(extract_pages=True) if paged else None,
    )
    try:
        result = kreuzberg.extract_bytes_sync(data, kind, config=config)
    except (kreuzberg.KreuzbergError, ValueError, RuntimeError, OSError) as error:
        raise SourceError(
            f"{input.file} cannot be converted to text: {error}", hint="open it: is it what its name says?"
        ) from None
    given = dict(result.metadata or {}).get("title")
    title = given if type(given) is str and given.strip() else None
    if paged and result.pages:
        return [(page["page_number"], page["content"].replace("\r\n", "\n")) for page in result.pages], title
    return [(None, result.content.replace("\r\n", "\n"))], title
