"""Laws of FAQ pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from datasetbuild.errors import SourceError

PAGE = """---
title: x
# not a heading
---
# Help

Preamble.

## Account

### How do I log in? ###

Press *Log in*.

#### On a phone

```sh
# a comment, no heading
## What?
```

### Can I leave? { #leave }
Yes.

## Billing
### Refunds
Within 30 days.
"""


def test_questions_are_headings(rows: Callable[..., Any]) -> None:
    """A question runs to the next heading as high; code, deeper headings and lists are part of its answer."""
    found = rows("x.md", PAGE, reader="markdown")
    assert [(row.line, row.value["question"], row.value["section"]) for row in found] == [
        (11, "How do I log in?", "Account"),
        (22, "Can I leave?", "Account"),
        (26, "Refunds", "Billing"),
    ]
    assert found[0].value["answer"].endswith("#### On a phone\n\n```sh\n# a comment, no heading\n## What?\n```")
    assert found[1].value["answer"] == "Yes."


def test_the_level_may_be_said(rows: Callable[..., Any]) -> None:
    """`level` names the headings that are questions; one that is not used is an error."""
    assert [row.value["question"] for row in rows("x.md", PAGE, reader="markdown", level=2)] == ["Account", "Billing"]
    with pytest.raises(SourceError, match="no heading of level 5"):
        rows("x.md", PAGE, reader="markdown", level=5)


def test_without_question_marks_the_deepest_level_counts(rows: Callable[..., Any]) -> None:
    """Headings that are no sentences are questions by their depth."""
    assert [row.value["question"] for row in rows("x.md", "# A\n## B\nb\n## C\nc\n", reader="markdown")] == ["B", "C"]


def test_line_ends_do_not_matter(rows: Callable[..., Any]) -> None:
    """A page from Windows has the same rows."""
    assert rows("x.md", PAGE, reader="markdown") == rows("y.md", PAGE.replace("\n", "\r\n"), reader="markdown")


def test_a_page_without_headings_is_an_error(rows: Callable[..., Any]) -> None:
    """No heading, no question: the way on is named."""
    with pytest.raises(SourceError, match="no headings"):
        rows("x.md", "text", reader="markdown")


def test_markdown_is_plain_text_unless_said(rows: Callable[..., Any]) -> None:
    """Without a reader a .md or .txt file is one row."""
    assert [(row.line, row.value) for row in rows("x.md", "# A\r\nb\n")] == [(1, {"text": "# A\nb\n"})]
    assert [row.reason for row in rows("x.txt", b"\xff")] == ["bad_encoding"]
