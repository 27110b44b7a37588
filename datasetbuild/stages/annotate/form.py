"""Facts about form: what the answers look like on the page, so that sources of different habits show.

Each counts in all answers of a conversation together, fenced code aside: a minus in front of a line of a diff is no list.
`max: 0` forbids a habit, `min: 1` asks for it; the share of records above 0 is the habit's share of a source.
"""

from __future__ import annotations

import polars as pl

from datasetbuild.op import fact
from datasetbuild.record import Where
from datasetbuild.stages.annotate import turns
from datasetbuild.stages.clean.markup import ENTITY, TAG

FENCED = r"(?s)```.*?(?:```|\z)"
ITEM = r"(?m)^[ \t]*[-*+•‣◦–][ \t]+\S"
NUMBERED = r"(?m)^[ \t]*\d{1,3}[.)][ \t]+\S"
HEADING = r"(?m)^ {0,3}#{1,6}[ \t]+\S"
TABLE = r"(?m)^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t\r]*$"
BOLD = r"(?:^|[\s(\[{\"'>:*–—-])\*\*[^\s*][^*\n]{0,200}\*\*"
FENCE = r"(?m)^[ \t>]*(?:```|~~~)"
PICTURE = r"(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\x{FE0F})"
EMOJI = rf"\p{{RI}}\p{{RI}}|{PICTURE}\p{{Emoji_Modifier}}?(?:\x{{200D}}\p{{Extended_Pictographic}}[\x{{FE0F}}\p{{Emoji_Modifier}}]*)*"


def _count(pattern: str) -> pl.Expr:
    prose = pl.element().str.replace_all(FENCED, "")
    return turns("assistant").list.eval(prose.str.count_matches(pattern)).list.sum()


@fact(version=1)
def bullets() -> pl.Expr:
    """Lines of the answers that are items of a bulleted list."""
    return _count(ITEM)


@fact(version=1)
def numbered_items() -> pl.Expr:
    """Lines of the answers that are items of a numbered list: `1.` or `1)` and a text."""
    return _count(NUMBERED)


@fact(version=1)
def headings() -> pl.Expr:
    """Markdown headings in the answers: lines that open with `#` to `######`."""
    return _count(HEADING)


@fact(version=1)
def tables() -> pl.Expr:
    """Markdown tables in the answers: the lines of dashes and bars below a table's head, of two columns or more."""
    return _count(TABLE)


@fact(version=1)
def bold() -> pl.Expr:
    """Passages in Markdown bold (`**so**`) in the answers."""
    return _count(BOLD)


@fact(version=1)
def emoji() -> pl.Expr:
    """Emoji in the answers; one made of several code points, such as a flag or a family, counts once."""
    return _count(EMOJI)


@fact(version=1)
def code_blocks() -> pl.Expr:
    """Fenced blocks of code in the answers; one that is never closed counts too."""
    fences = turns("assistant").list.eval(pl.element().str.count_matches(FENCE))
    return fences.list.eval((pl.element() + 1) // 2).list.sum()


@fact(version=1)
def html_tags(*, where: Where = "conversation") -> pl.Expr:
    """Tags, comments and entities of HTML in the `where` turns, code aside, after cleaning: what `clean: {html: text}` would change.

    `max: 0` drops rows with markup; what is no tag of HTML (`<name>`, `a < b`) does not count.

    where: whose turns are looked at.
    """
    prose = pl.element().str.replace_all(FENCED, "").str.replace_all(r"`[^`\n]+`", "")
    return turns(where).list.eval(prose.str.count_matches(f"{TAG}|{ENTITY}|<!--")).list.sum()


@fact(version=1, values=("table", "code", "headings", "list", "bold", "plain"))
def formatting() -> pl.Expr:
    """The most elaborate form in the answers, as a word: `table`, `code`, `headings`, `list`, `bold`, or else `plain`.

    As a category it may be allowed or denied, and its share per source shows sources that do not look alike.
    """
    ladder = {"table": TABLE, "headings": HEADING, "list": rf"{ITEM}|{NUMBERED}", "bold": BOLD}
    has = {name: _count(pattern) > 0 for name, pattern in ladder.items()}
    code = turns("assistant").list.eval(pl.element().str.contains(FENCE)).list.any()
    found = pl.when(has["table"]).then(pl.lit("table")).when(code).then(pl.lit("code"))
    for name in ("headings", "list", "bold"):
        found = found.when(has[name]).then(pl.lit(name))
    return found.otherwise(pl.lit("plain"))
