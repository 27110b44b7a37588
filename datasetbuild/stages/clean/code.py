"""Code stands aside while the text around it is cleaned: fenced blocks and inline code come back byte for byte.

A place in the text is kept for each piece of code by two noncharacters around its number, so that patterns see one unbroken
text. A text that holds one of these noncharacters itself is left alone.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable

import polars as pl

OPEN, CLOSE = "\ufdd0", "\ufdd1"
PLACE = re.compile(f"{OPEN}([0-9]+){CLOSE}")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


def around_code(text: pl.Series, repair: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """`repair` applied to texts without their code. text: String without nulls."""
    parted = [part(one) for one in text]
    repaired = repair(pl.Series(text.name, [prose for prose, _ in parted], dtype=pl.String))
    back = [
        one if OPEN in one or CLOSE in one else PLACE.sub(lambda match, code=code: code[int(match[1])], after)  # type: ignore[misc]
        for one, after, (_, code) in zip(text, repaired, parted, strict=True)
    ]
    return pl.Series(text.name, back, dtype=pl.String)


def part(text: str) -> tuple[str, list[str]]:
    """A text with a place for each piece of code, and the pieces. One pass over the lines and one over the backticks."""
    code: list[str] = []

    def place(piece: str) -> str:
        code.append(piece)
        return f"{OPEN}{len(code) - 1}{CLOSE}"

    prose: list[str] = []
    held: list[str] = []
    block: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        match = FENCE.match(line)
        if not fence and match and not (match[1][0] == "`" and "`" in match[2]):
            prose.append(_inline("".join(held), place))
            fence, block, held = match[1], [line], []
        elif fence:
            block.append(line)
            if match and match[1].startswith(fence) and not match[2].strip():
                prose.append(_block("".join(block), place))
                fence = ""
        else:
            held.append(line)
    prose.append(_block("".join(block), place) if fence else _inline("".join(held), place))
    return "".join(prose), code


def _block(block: str, place: Callable[[str], str]) -> str:
    """The place of a fenced block; its last line end stays outside, since it is the text's."""
    body = block.rstrip("\r\n")
    return place(body) + block[len(body) :]


def _inline(text: str, place: Callable[[str], str]) -> str:
    """Runs of backticks that are closed by a run of the same length within the paragraph (CommonMark 6.1)."""
    if "`" not in text:
        return text
    runs = [match.span() for match in re.finditer("`+", text)]
    starts: dict[int, list[int]] = {}
    for start, end in runs:
        starts.setdefault(end - start, []).append(start)
    breaks = [match.start() for match in re.finditer(r"\n[ \t]*\n", text)]
    made, done = [], 0
    for start, end in runs:
        if start < done:
            continue
        same = starts[end - start]
        index = bisect_left(same, end)
        if index == len(same):
            continue
        close = same[index]
        if bisect_left(breaks, end) == bisect_left(breaks, close):
            made += [text[done:start], place(text[start : close + end - start])]
            done = close + end - start
    return "".join([*made, text[done:]])
