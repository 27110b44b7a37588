"""The comparison as Markdown for a pull request, and as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from datasetbuild.artifact.diff.document import Document
from datasetbuild.artifact.diff.tables import SIGNS, Table, about, edits, headline, tables, totals, why
from datasetbuild.artifact.diff.texts import Run, shortened

OPEN = 1
"""Tables of a pull request's comment that are not folded away."""

LONGEST = 60_000
"""Characters of a comment; GitHub takes 65,536."""


def as_markdown(document: Document, rows: Sequence[Mapping[str, Any]], count: int) -> str:
    """A comment: one line of totals, what was edited, why rows differ, the rest folded away. rows: to be shown; count:
    how many there are."""
    lines = [f"### `{document['artifact']}`: {_cell(headline(document))}", ""]
    if document["same_records"]:
        lines += ["The records are the same.", ""]
    lines += ["**" + " · ".join(_cell(words) for _, words in totals(document)) + "**", ""]
    if document["lacking"]:
        lines += [f"> Rows are not compared: {_cell(document['lacking'])}", ""]
    lines += [f"- `{sign}` `{_code(where)}` {_cell(what)}" for sign, where, what in edits(document)] + [""]
    for place, table in enumerate(tables(document)):
        lines += [*_folded(table.title, _grid(table)), ""] if place >= OPEN else [*_grid(table), ""]
    shown: list[str] = []
    for row in rows:
        shown += _fenced(row)
        if sum(map(len, lines)) + sum(map(len, shown)) > LONGEST:
            break
    if shown:
        lines += [*_folded(f"{len(rows)} of {count} rows", shown), ""]
    return "\n".join(lines).rstrip() + "\n"


def _grid(table: Table) -> list[str]:
    rule = ["---" if place < table.left else "---:" for place in range(len(table.head))]
    rows = [
        [f"**{_cell(cell)}**" for cell in row]
        if table.total and row is table.rows[-1]
        else [_cell(cell) for cell in row]
        for row in table.rows
    ]
    cells = [list(table.head), rule, *rows]
    return ["| " + " | ".join(row) + " |" for row in cells]


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    return [f"<details><summary>{escape(title)}</summary>", "", *lines, "", "</details>"]


def _cell(text: str) -> str:
    """Text that Markdown and HTML leave as it is, with an arrow for `->`."""
    plain = escape(text.replace("->", "\u2192"), quote=False).replace("\n", " ")
    return re.sub(r"([\\`*\[\]|#~]|(?<!\w)_|_(?!\w))", r"\\\1", plain)


def _code(text: str) -> str:
    return text.replace("`", "'").replace("\n", " ")


def _fenced(row: Mapping[str, Any]) -> list[str]:
    lines = [f"`{SIGNS[row['kind']]}` {_cell(about(row))} — {_cell(why(row))}", ""]
    runs = shortened([(what, text) for what, text in row["text"]])
    if not runs:
        return lines
    before = "".join(text for what, text in runs if what != "new")
    after = "".join(text for what, text in runs if what != "old")
    said = (
        [f"  {line}" for line in before.splitlines()]
        if before == after
        else [f"- {line}" for line in before.splitlines()] + [f"+ {line}" for line in after.splitlines()]
    )
    fence = "`" * max(3, 1 + max((len(run) for line in said for run in re.findall("`+", line)), default=0))
    return [*lines, f"{fence}diff", *said, fence, ""]


STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #59636e; --paper: #fff; --card: #f6f8fa; --line: #d1d9e0;
  --old: #ffe2e0; --new: #d5f5dd; --old-ink: #b3261e; --new-ink: #1a7f37 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9198a1; --paper: #0d1117; --card: #151b23;
  --line: #3d444d; --old: #4d1613; --new: #113a1d; --old-ink: #ff8f87; --new-ink: #3fb950 } }
body { margin: 2rem auto; max-width: 66rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper) }
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 1.6rem 0 .3rem } .quiet { color: var(--quiet) }
table { border-collapse: collapse; display: block; overflow-x: auto } td, th { padding: .2rem .9rem .2rem 0; text-align: right;
  border-bottom: 1px solid var(--line); white-space: nowrap } .word { text-align: left } .total td { font-weight: 600 }
section { border: 1px solid var(--line); border-radius: 8px; margin: .8rem 0; overflow: hidden }
header { background: var(--card); padding: .5rem .9rem; border-bottom: 1px solid var(--line) }
pre { margin: 0; padding: .8rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.6 ui-monospace, monospace }
del { background: var(--old); text-decoration: none } ins { background: var(--new); text-decoration: none }
.added b, .new { color: var(--new-ink) } .removed b, .old { color: var(--old-ink) }
"""


def as_page(parts: Sequence[tuple[Document, Sequence[Mapping[str, Any]], int]]) -> str:
    """One page of comparisons: (document, the rows that are shown, how many there are). No script, no request."""
    body = "\n".join(_part(*part) for part in parts)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>dataset diff</title>\n<style>{STYLE}</style>\n{body}\n</html>\n"
    )


def _part(document: Document, rows: Sequence[Mapping[str, Any]], count: int) -> str:
    lines = [f"<h1>{escape(document['artifact'])}: {escape(headline(document))}</h1>"]
    lines.append(
        "<p>"
        + " · ".join(f'<span class="{_shade(kind)}">{escape(words)}</span>' for kind, words in totals(document))
        + "</p>"
    )
    if document["lacking"]:
        lines.append(f"<p>Rows are not compared: {escape(document['lacking'])}</p>")
    listed = [
        f'<li><code>{sign} {escape(where)}</code> <span class="quiet">{escape(what)}</span></li>'
        for sign, where, what in edits(document)
    ]
    lines += ["<ul>", *listed, "</ul>"] if listed else []
    lines += [_table(table) for table in tables(document)]
    if rows:
        lines += [f"<h2>{len(rows)} of {count} rows</h2>", *map(_row, rows)]
    return "\n".join(lines)


def _shade(kind: str) -> str:
    return {"added": "new", "removed": "old"}.get(kind, "")


def _table(table: Table) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=word' if place < table.left else ''}>{escape(cell)}</{tag}>"
            for place, cell in enumerate(row)
        )

    rows = [
        f"<tr{' class=total' if table.total and row is table.rows[-1] else ''}>{cells(row, 'td')}</tr>"
        for row in table.rows
    ]
    return f"<h2>{escape(table.title)}</h2>\n<table><tr>{cells(table.head, 'th')}</tr>\n" + "\n".join(rows) + "</table>"


def _row(row: Mapping[str, Any]) -> str:
    runs: list[Run] = [(what, text) for what, text in row["text"]]
    tags = {"same": "span", "old": "del", "new": "ins"}
    said = "".join(f"<{tags[what]}>{escape(text)}</{tags[what]}>" for what, text in runs)
    body = f"<pre>{said}</pre>" if said else ""
    title = f'<b>{SIGNS[row["kind"]]}</b> {escape(about(row))}<br><span class="quiet">{escape(why(row))}</span>'
    return f'<section class="{row["kind"]}"><header>{title}</header>{body}</section>'
