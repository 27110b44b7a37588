"""FAQ pages in Markdown: a question is a heading, its answer is what follows, down to the next heading as high."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from datasetbuild.errors import SourceError
from datasetbuild.stages.read.container import Input
from datasetbuild.stages.read.rows import Row
from datasetbuild.stages.read.text import text_row

HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")
MARKS = ("#", "`", "~")
"""What a heading or a fence begins with."""

ANCHOR = re.compile(r"\s*\{\s*[#.:][^}]*\}$")
QUESTION_MARKS = ("?", "？", "؟")


class Heading(NamedTuple):
    """place: 0-based line. level: 1 to 6."""

    place: int
    level: int
    title: str


def read(input: Input, level: int | Literal["auto"]) -> Iterator[Row]:
    """The questions of a page: {question, answer, section}; `section` is the nearest heading above that is higher.

    The front matter and everything before the first question are passed over. Headings in fenced code are code.
    """
    with input.text() as stream:
        lines = stream.read().replace("\r\n", "\n").split("\n")
    headings = _headings(lines)
    if not headings:
        raise SourceError(
            f"{input.file} has no headings, so it has no questions", hint="for one row of plain text: `reader: text`"
        )
    chosen = question_level(headings) if level == "auto" else level
    if not any(heading.level == chosen for heading in headings):
        used = ", ".join(str(number) for number in sorted({heading.level for heading in headings}))
        raise SourceError(
            f"{input.file} has no heading of level {chosen}", hint=f"levels used: {used}; or say `level: auto`"
        )
    section = None
    high = [heading for heading in headings if heading.level <= chosen]
    for heading, after in zip(high, [*high[1:], None], strict=True):
        if heading.level < chosen:
            section = heading.title
            continue
        stop = after.place if after else len(lines)
        answer = "\n".join(lines[heading.place + 1 : stop]).strip("\n").rstrip()
        text = "\n".join(lines[heading.place : stop])
        yield text_row(heading.place + 1, {"question": heading.title, "answer": answer, "section": section}, text)


def question_level(headings: list[Heading]) -> int:
    """The level that most headings with a question mark have (the deepest of equals); with none, the deepest used."""
    asked = Counter(heading.level for heading in headings if heading.title.endswith(QUESTION_MARKS))
    return max(asked, key=lambda level: (asked[level], level)) if asked else max(heading.level for heading in headings)


def _headings(lines: list[str]) -> list[Heading]:
    found = []
    fence = ""
    for index, line in enumerate(lines[(start := _front_matter(lines)) :], start):
        if line.lstrip(" ")[:1] not in MARKS:
            continue  # as most lines are: no pattern is tried
        mark = FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        elif mark and not (mark[1].startswith("`") and "`" in mark[2]):
            fence = mark[1]
        elif heading := HEADING.match(line):
            found.append(Heading(index, len(heading[1]), ANCHOR.sub("", heading[2] or "").strip()))
    return found


def _front_matter(lines: list[str]) -> int:
    """How many lines the front matter takes: from a first line `---` to the next."""
    if lines[0].rstrip() != "---":
        return 0
    return next((index + 1 for index, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), 0)
