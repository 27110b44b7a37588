"""HTML and Markdown to the text that a reader would see, line by line: no line is joined with another, so lists and code keep theirs.

By patterns in Rust's regex over whole columns, around code (`code.around_code`). What looks like a tag but is none of HTML's
(`<name>`, `a < b`) stays. Tables become rows of cells between bars.
"""

from __future__ import annotations

import html
import re
from itertools import pairwise

import polars as pl

from datasetbuild.stages.clean.characters import where
from datasetbuild.stages.clean.code import around_code

INLINE = "a|abbr|acronym|b|bdi|bdo|big|cite|dfn|em|font|i|ins|mark|q|s|small|span|strike|strong|sub|sup|tt|u|var|wbr|label|picture|center"
BLOCK = "p|div|article|aside|blockquote|dd|dl|dt|figure|figcaption|h[1-6]|html|body|ol|ul|table|thead|tbody|tfoot|nav|section|main|header|footer"
VOID = "br|hr|img|input|meta|link|col|colgroup|source"
WITHHELD = "script|style|head|noscript|template|svg|iframe|object"
ATTRIBUTES = r"(?:\s+[a-zA-Z_:@][\w:.-]*\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+)|\s+(?:hidden|disabled|checked|controls|nowrap|open|async|defer))*"
TAG = rf"(?i)</?(?:{INLINE}|{BLOCK}|{VOID}|{WITHHELD}|code|kbd|samp|pre|li|tr|td|th){ATTRIBUTES}\s*/?>"
ENTITY = r"&(?:[a-zA-Z][a-zA-Z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});"

STEPS: tuple[tuple[str, str], ...] = (
    (r"(?s)<!--.*?-->", ""),
    (r"(?i)<!doctype[^>]*>", ""),
    *((rf"(?is)<{tag}{ATTRIBUTES}\s*>.*?</{tag}\s*>", "") for tag in WITHHELD.split("|")),
    (rf"(?i)<(?:code|kbd|samp){ATTRIBUTES}\s*>([^<`\n]+)</(?:code|kbd|samp)\s*>", "`$1`"),
    (rf"(?i)[ \t]*<br{ATTRIBUTES}\s*/?>[ \t]*\n?", "\n"),
    (rf"(?i)\s*<hr{ATTRIBUTES}\s*/?>\s*", "\n\n"),
    (rf"(?i)\s*<li{ATTRIBUTES}\s*>\s*", "\n- "),
    (rf"(?i)\s*</t[dh]\s*>\s*<t[dh]{ATTRIBUTES}\s*>\s*", " | "),
    (rf"(?i)\s*<tr{ATTRIBUTES}\s*>\s*", "\n"),
    (r"(?i)\s*</(?:li|tr|td|th|pre)\s*>", ""),
    (rf"(?i)\s*</?(?:{BLOCK}){ATTRIBUTES}\s*/?>\s*", "\n\n"),
    (TAG, ""),
)
"""What replaces what, in this order. Each is linear in the text; none is applied twice."""

MARKS: tuple[tuple[str, str], ...] = (
    (r"(?m)^ {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$", "$1"),
    (r"(?m)^ {0,3}(?:=+|-{3,}|\*{3,}|_{3,}|(?:\* ){2,}\*|(?:- ){2,}-)[ \t]*(?:\n|\z)", ""),
    (r"(?m)^(?:[ \t]{0,3}> ?)+", ""),
    (r"!\[([^\]\n]*)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:[ \t]+\"[^\"\n]*\")?\)", "$1"),
    (r"\[([^\]\n]+)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:[ \t]+\"[^\"\n]*\")?\)", "$1"),
    (r"<(https?://[^\s<>]+|mailto:[^\s<>]+)>", "$1"),
    (r"\*\*\*([^\s*](?:[^*\n]*[^\s*])?)\*\*\*", "$1"),
    (r"\*\*([^\s*](?:[^\n*]|\*[^\n*])*?)\*\*", "$1"),
    (r"(^|[^\w_])__([^\s_](?:[^\n_]|_[^\n_])*?)__($|[^\w_])", "$1$2$3"),
    (r"(^|[^\w*\\])\*([^\s*](?:[^*\n]*[^\s*])?)\*($|[^\w*])", "$1$2$3"),
    (r"(^|[^\w_\\])_([^\s_](?:[^_\n]*[^\s_])?)_($|[^\w_])", "$1$2$3"),
    (r"~~([^\s~](?:[^~\n]*[^\s~])?)~~", "$1"),
    (r"\\([\\`*_{}\[\]()#+.!>~|-])", "$1"),
)
"""Markdown's marks: headings, rules, quotes, images, links, emphasis, escapes. Lists and tables stay: they read as they are."""


def html_to_text(text: pl.Series) -> pl.Series:
    """Tags as line ends, dashes and bars, or gone; entities as characters; `<pre>` and `<code>` as Markdown's code."""
    mask = text.str.contains(TAG) | text.str.contains(ENTITY) | text.str.contains("<!--", literal=True)
    return where(text, mask, lambda some: around_code(_preformatted(some), _without_tags))


def _without_tags(text: pl.Series) -> pl.Series:
    text = _replaced(text, STEPS)
    return pl.Series(text.name, [re.sub(ENTITY, _character, one) for one in text], dtype=pl.String)


def _character(match: re.Match[str]) -> str:
    """An entity's character; one that is not known, or is no text, stays as it is written."""
    found = html.unescape(match[0])
    return match[0] if not found or found[0] in "\x00\r\ufffd\ufdd0\ufdd1" or found.endswith(";") else found


PRE = re.compile(r"<pre\b[^<>]*>|</pre\s*>", re.IGNORECASE)


def _preformatted(text: pl.Series) -> pl.Series:
    """`<pre>` blocks as fenced ones, so that they stand aside like any code."""
    return pl.Series(text.name, [_fenced(one) if "<pre" in one.lower() else one for one in text], dtype=pl.String)


def _fenced(text: str) -> str:
    made, done = [], 0
    for opening, closing in pairwise(PRE.finditer(text)):
        if opening[0][1] == "/" or closing[0][1] != "/" or opening.start() < done:
            continue
        body = re.sub(r"\A\s*<code\b[^<>]*>|</code\s*>\s*\Z", "", text[opening.end() : closing.start()], flags=re.IGNORECASE)
        body = re.sub(r"</?(?:span|b|i|em|strong|a)\b[^<>]*>", "", body, flags=re.IGNORECASE)
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
        made += [text[done : opening.start()], f"\n{fence}\n{html.unescape(body).strip(chr(10))}\n{fence}\n"]
        done = closing.end()
    return "".join([*made, text[done:]])


def markdown_to_text(text: pl.Series) -> pl.Series:
    """Markdown's marks gone, its code, lists and tables as they were."""
    mask = text.str.contains_any(["*", "_", "#", "[", "~~", ">", "\\", "---", "==="])
    return where(text, mask, lambda some: around_code(some, lambda prose: _replaced(prose, MARKS)))


def drop_lines(text: pl.Series, patterns: list[str]) -> pl.Series:
    """Without the lines of which one of the patterns matches the whole, code aside."""
    whole = [f"(?m)^[ \\t]*(?:{pattern})[ \\t]*$" for pattern in patterns]
    mask = pl.Series([False]).new_from_index(0, len(text))
    for pattern in whole:
        mask |= text.str.contains(pattern).fill_null(False)
    steps = tuple((f"{pattern}\n?", "") for pattern in whole)
    return where(text, mask, lambda some: around_code(some, lambda prose: _replaced(prose, steps)))


def _replaced(text: pl.Series, steps: tuple[tuple[str, str], ...]) -> pl.Series:
    for pattern, value in steps:
        text = text.str.replace_all(pattern, value)
    return text
