"""Added tokens that swallow the white space beside them (`lstrip`, `rstrip`; Phi's do): where a row's tokens lie in a text of
which they spell all but that.

It takes 10 us a row, and proves each byte; the offsets of `tokenizers`, with their decoding, take 300.
Source: `AddedVocabulary` of `tokenizers`, which takes a token's white space with Rust's `\\s`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

WHITE = re.compile(
    rb"(?:[\t-\r ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)*"
)
"""Unicode's white space, as UTF-8."""


def swallowed(text: bytes, spelt: bytes, greedy: Iterable[tuple[int, int, bool, bool]]) -> list[int] | None:
    """How many bytes of white space each greedy token takes beside its own, in order; None where the text is not what the
    tokens spell and these bytes. greedy: where such a token starts and ends in `spelt`, and whether it takes what stands on
    its left and on its right."""
    found = []
    at = done = 0  # in the text, in what is spelt
    for start, end, left, right in greedy:
        if not text.startswith(spelt[done:start], at):
            return None
        at += start - done
        begin = at
        if left:
            at = _behind_white(text, at)
        if not text.startswith(spelt[start:end], at):
            return None
        at, done = at + end - start, end
        if right:
            at = _behind_white(text, at)
        found.append(at - begin - (end - start))
    return found if text[at:] == spelt[done:] else None


def _behind_white(text: bytes, at: int) -> int:
    white = WHITE.match(text, at)
    return white.end() if white else at
