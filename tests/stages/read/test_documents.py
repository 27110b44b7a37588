"""Laws of documents: text and Markdown need nothing, everything else the extra `documents`."""

from __future__ import annotations

import importlib.util
import io
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from datasetbuild.errors import SourceError

Rows = Callable[..., list[Any]]
needs_kreuzberg = pytest.mark.skipif(
    importlib.util.find_spec("kreuzberg") is None, reason="kreuzberg (the extra `documents`) is not installed"
)


@pytest.mark.parametrize(
    ("name", "text", "title", "said"),
    [
        ("a.md", "# Tea\r\n\nHot.\n", "Tea", "# Tea\n\nHot."),
        ("b.md", "---\ntitle: 'Tea time'\ntags: [x]\n---\nHot.\n", "Tea time", "Hot."),
        ("c.txt", "Hot.\n\n", None, "Hot."),
    ],
)
def test_text_as_it_is(rows: Rows, name: str, text: str, title: str | None, said: str) -> None:
    """Text and Markdown are one row, the title from the front matter or the first heading."""
    (row,) = rows(name, text, reader="documents")
    assert row.value == {"text": said, "title": title, "page": None}


def test_empty_and_broken(rows: Rows) -> None:
    """An empty document has no row; one in another encoding is a fault, or is read as declared."""
    assert rows("a.txt", " \n", reader="documents") == []
    assert rows("b.txt", "Caf\xe9".encode("cp1252"), reader="documents")[0].reason == "bad_encoding"
    assert rows("b.txt", None, reader="documents", encoding="cp1252")[0].value["text"] == "Café"


def test_the_extra_is_named(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the converter the error names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "kreuzberg", None)
    with pytest.raises(SourceError, match="nothing is installed that converts it") as caught:
        rows("a.pdf", b"%PDF-1.4")
    assert caught.value.hint == "pip install 'datasetbuild[documents]'"


@needs_kreuzberg
def test_web_page(rows: Rows) -> None:
    """HTML becomes Markdown, code with its language; the title is that of the head, of which nothing else is left."""
    page = "<html><head><title>My &amp; page</title><meta name=author content=A></head>"
    page += (
        '<body><h1>Head</h1><p>Hello <b>w</b></p><pre><code class="language-python">a = 1</code></pre></body></html>'
    )
    (row,) = rows("a.html", page)
    assert row.value["title"] == "My & page"
    assert row.value["text"] == "# Head\n\nHello **w**\n\n```python\na = 1\n```"


@needs_kreuzberg
def test_word_file(rows: Rows) -> None:
    """A Word file becomes Markdown with its headings."""
    (row,) = rows("a.docx", _docx("Head", "Hello there"))
    assert row.value["text"].lstrip("#") == " Head\n\nHello there"
    assert row.value["title"] == "Head"


@needs_kreuzberg
def test_pages(rows: Rows) -> None:
    """Each page of a PDF is a row; its number stands in the place of the line."""
    found = rows("a.pdf", _pdf("First page", "", "Third page"))
    assert [(row.line, row.value["page"], row.value["text"]) for row in found] == [
        (1, 1, "First page"),
        (3, 3, "Third page"),
    ]


@needs_kreuzberg
def test_what_is_no_pdf(rows: Rows) -> None:
    """A file that is not what its name says is an error with its name."""
    with pytest.raises(SourceError, match=r"a\.pdf cannot be converted to text"):
        rows("a.pdf", b"nothing of the kind")


def _docx(heading: str, text: str) -> bytes:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    style = '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>'
    body = f"<w:p>{style}<w:r><w:t>{heading}</w:t></w:r></w:p><w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
    office = "http://schemas.openxmlformats.org"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types"><Default Extension="rels" '
        "ContentType="
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" '
        "Type="
        f'"{office}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + content)
    return out.getvalue()


def _pdf(*pages: str) -> bytes:
    """A PDF of one line a page, written by hand."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(count))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {count} >>"]
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for n, text in enumerate(pages):
        stream = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET"
        resources = "/Resources << /Font << /F1 3 0 R >> >> /MediaBox [0 0 612 792]"
        objects.append(f"<< /Type /Page /Parent 2 0 R {resources} /Contents {5 + 2 * n} 0 R >>")
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for number, value in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{value}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    tail = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    return out + f"{tail}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n".encode()
