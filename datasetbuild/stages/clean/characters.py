"""Characters and white space: mojibake, control characters, odd blanks, line ends. Nothing that a reader would see as text changes.

Cheap tests (non-ASCII? an odd blank?) choose the few texts on which the costly repairs run: ftfy takes 135 us a text, the
tests 2 us.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import numpy as np
import polars as pl

from datasetbuild.arrow import buffers

CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{feff}\x{fffe}\x{ffff}]"
"""Characters that no text needs: C0 controls but tab, line feed and carriage return; DEL; byte order marks."""

BLANKS = r"[\x{a0}\x{2000}-\x{200a}\x{202f}\x{205f}]"
"""Blanks of a fixed width, which tokenizers read as rare tokens. U+3000 stays: it is typography in Chinese and Japanese."""


SETTLED = (
    "\x00-\u02ff\u0386\u0388-\u03ff\u0400-\u0482\u048a-\u052f\u05d0-\u05ea\u060c\u061b\u061f-\u063a\u0640-\u064a\u1e00-\u1eff"
    "\u2002-\u205e\u20a0-\u20bf\u2190-\u2328\u232b-\u2adb\u3000-\u3029\u3030-\u3098\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\ufe0f\uff01-\uffee\U0001f300-\U0001faff"
)
"""Ranges of characters, of the scripts that most texts are in, that NFC leaves as they are whatever stands beside them; that holds
for good. Texts of nothing else need no composing, which takes five times as long as to see that."""

PIECE = 1 << 17
NONE = np.empty(0, np.int64)


def fix_unicode(text: pl.Series) -> pl.Series:
    """Mojibake undone, NFC, no control characters. text: String, nulls stay null."""
    return where(text, _unusual(text), _fix_unusual)


def _fix_unusual(text: pl.Series) -> pl.Series:
    text = text.str.replace_all(CONTROL, "")
    return where(text, _wide(text), lambda odd: _composed(_undo_mojibake(odd)))


def _composed(text: pl.Series) -> pl.Series:
    """NFC."""
    return where(text, text.str.contains(f"[^{SETTLED}]"), lambda odd: odd.str.normalize("NFC"))


def normalize_whitespace(text: pl.Series) -> pl.Series:
    """Line ends, fixed-width blanks, trailing blanks, runs of empty lines. text: String, nulls stay null."""
    text = where(text, _wide(text), lambda odd: odd.str.replace_all(BLANKS, " "))
    untidy = text.str.contains_any(["\r", " \n", "\t\n", "\n\n\n"]) | (text.str.len_bytes() != text.str.strip_chars().str.len_bytes())
    return where(text, untidy, _tidy_lines)


def _tidy_lines(text: pl.Series) -> pl.Series:
    text = text.str.replace_all("\r\n?", "\n").str.replace_all(r"[ \t]+\n", "\n").str.replace_all(r"\n{3,}", "\n\n")
    text = text.str.strip_chars_end().str.replace(r"\A\s*\n", "")
    # Blanks before the first line are indentation only when the next line is indented too.
    return text.str.replace(r"\A[ \t]+(\S[^\n]*(?:\n+\S|\z))", "$1")


def _wide(text: pl.Series) -> pl.Series:
    """Texts with characters beyond ASCII."""
    return text.str.len_bytes() != text.str.len_chars()


def _unusual(text: pl.Series) -> pl.Series:
    """Texts with characters beyond ASCII, or with control characters of it: found among all bytes below 32, which are
    few, a piece at a time that stays in the processor's cache. It takes two thirds of what the regex does."""
    data, offsets = buffers(text.fill_null(""))
    pieces = ((first, data[first : first + PIECE]) for first in range(0, len(data), PIECE))
    rare = np.concatenate([NONE, *(first + np.flatnonzero((piece < 32) | (piece == 127)) for first, piece in pieces)])
    control = rare[~np.isin(data[rare], np.frombuffer(b"\t\n\r", np.uint8))]
    unusual = _wide(text).fill_null(False).to_numpy(writable=True)
    unusual[np.searchsorted(offsets, control, side="right") - 1] = True
    return pl.Series(unusual)


def where(text: pl.Series, mask: pl.Series, repair: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """`text` with `repair` applied where `mask` holds."""
    places = mask.arg_true()
    return text.scatter(places, repair(text.gather(places))) if len(places) else text


def _undo_mojibake(text: pl.Series) -> pl.Series:
    """ftfy's encoding repair alone: its other repairs (quotes, entities, widths) change 20 % of good texts.

    `ftfy.fix_encoding` repeats one step until it changes nothing, and asks in each whether the text looks bad: 100 us for
    500 good characters. Here the regex engine asks (2 us), and the step is taken where it may say yes.
    """
    return where(text, text.str.contains(maybe_bad()), _one_step)


def _one_step(text: pl.Series) -> pl.Series:
    from ftfy import TextFixerConfig, _fix_encoding_one_step_and_explain

    whole = TextFixerConfig(explain=False)
    swift = whole._replace(restore_byte_a0=False, replace_lossy_sequences=False)
    configs = [whole if lost else swift for lost in text.str.contains(MAYBE_LOST)]
    steps = map(_fix_encoding_one_step_and_explain, text, configs)
    after = pl.Series(text.name, [step.text for step in steps], dtype=pl.String)
    return where(after, after != text, _undo_mojibake)


MAYBE_LOST = r"[^\x00-\x7f][ ?]|[\x1a\x{fffd}]"
"""What every text has in which ftfy finds mojibake that lost a byte: a blank, a question mark or U+FFFD in its place. To look for
such is two thirds of a step: 36 us a text with it, 11 without."""


@cache
def maybe_bad() -> str:
    """ftfy's own expression for texts that look like mojibake, in Rust's syntax: it finds all of them, and perhaps a few more.

    Without the blanks and comments of verbose mode, and with any character for `\\s` and `\\w`, which mean more in Python."""
    from ftfy.badness import BADNESS_RE

    terse = re.sub(r"(\[[^\]]*\])|#.*|\s+", lambda found: found[1] or "", BADNESS_RE.pattern)
    return "(?s)" + re.sub(r"\\[sw]", ".", terse)
