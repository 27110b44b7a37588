"""Phone numbers, at two levels: `strict` are those that could be dialled, `loose` all that look like one.

The numbering plans are those of `phonenumbers` (Google's libphonenumber). Its own search runs on Python's `re`; here RE2 finds
runs of at most 32 characters, so that no text can be slow, and the plans judge them.
"""

from __future__ import annotations

import re
from functools import lru_cache

from datasetbuild.stages.detect.personal import Finder, Spans, compiled

RUN = r"(?:\+|\b00|\(|\b)\(?\d(?:[ ().\-/\x{a0}]{0,3}\d){6,16}(?: ?(?:x|ext\.? ?)\d{1,6})?\b"
PREFILTER = r"\d(?:[ ().\-/\x{a0}]{0,3}\d){6}"

OTHER = re.compile(
    rb"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}.*|\d{1,2}[-./]\d{1,2}[-./](?:19|20)?\d\d(?: .*)?"
    rb"|(?:19|20)\d\d ?- ?(?:19|20)\d\d|(?:19|20)\d{6}|\d{1,3}(?:\.\d{1,3}){3}"
)
"""Dates, spans of years, and IP addresses: never phone numbers, whatever a numbering plan says."""

DECIMAL = re.compile(rb"\d+\.\d+|97[89][- ]?[\d-]+|\d{16,}")
AMOUNT = re.compile(rb"\d{1,3}(?:[. ]\d{3}){2,}|(?:\d{4} ){2,}\d{4}")
"""Decimals and the numbers of books; amounts and groups of four."""

WORDS = re.compile(rb"(?i)phone|mobile|\bmob\b|\bcell|\btel\b|tel[.:]|telef|\bcall|\bfax\b|\bring\b|\btext\b|whatsapp|\bhome\b|hotline")

BEHIND = re.compile(rb"(?i)[ -]\(?(?:phone|mobile|cell|office|home|work|fax)\b")


def phones(level: str, regions: tuple[str, ...]) -> Finder:
    """A finder. regions: whose national numbers count, `US`; a number that begins with + counts wherever it is from."""

    def find(text: bytes) -> Spans:
        for match in compiled(RUN).finditer(text):
            start, end = match.span()
            while text[end - 1 : end] in (b"(", b" ", b"-", b"."):
                end -= 1
            span = text[start:end]
            if _piece(text, start, end) or OTHER.fullmatch(span):
                continue
            if _dialled(span.decode("utf-8"), regions) or (level == "loose" and _looks(span, _worded(text, start, end))):
                yield start, end

    return find


def _piece(text: bytes, start: int, end: int) -> bool:
    """Whether the digits belong to something longer: a word, a path, an amount of money."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    return bool(re.search(rb"(?:[A-Za-z0-9_][-./_=]|[A-Za-z0-9_#$@])\Z", before) or re.match(rb"[A-Za-z0-9_%]|[-/_.,]\d", after))


@lru_cache(maxsize=8192)
def _dialled(text: str, regions: tuple[str, ...]) -> bool:
    import phonenumbers

    whole = re.sub(r"^00", "+", text)
    for region in (None,) if whole.startswith("+") else regions:
        try:
            parsed = phonenumbers.parse(whole, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return True
    return False


def _worded(text: bytes, start: int, end: int) -> bool:
    """Whether a word for phones stands just before or behind."""
    return WORDS.search(text[max(start - 32, 0) : start]) is not None or BEHIND.match(text[end : end + 12]) is not None


def _looks(span: bytes, worded: bool) -> bool:
    """The shape of a number as people write it: a leading + or 0, brackets, three groups, or ten digits; beside a word for
    phones also two groups, which else are more often a house number and a postal code."""
    body = re.sub(rb" ?(?:x|ext\.? ?)\d+\Z", b"", span)
    groups = re.findall(rb"\d+", body)
    if not 7 <= sum(map(len, groups)) <= 15 or DECIMAL.fullmatch(body):
        return False
    if body[:1] in (b"+", b"(") or worded:
        return True
    if AMOUNT.fullmatch(body):
        return False
    return len(groups) > 2 or body[:2] == b"00" or (body[:1] == b"0" and len(body) > 8) or (body.isdigit() and len(body) == 10)
