"""Where a text holds an address, a card, an account, an IP or a national id: patterns on RE2, each hit checked.

A finder takes UTF-8 bytes and gives (start, end) in bytes. Patterns begin and end on ASCII, so no character is cut in two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from datasetbuild.stages.detect.checks import IBAN_LENGTHS, iban, luhn
from datasetbuild.stages.detect.gitleaks import quiet
from datasetbuild.stages.detect.national import IDS, NEAR, NationalId

Spans = Iterator[tuple[int, int]]
Finder = Callable[[bytes], Spans]

LETTERS = r"\x{c0}-\x{24f}"
"""Letters beyond ASCII that Latin names have; others end an address, as in Chinese, where no blank comes before it."""

EMAIL = rf"[A-Za-z0-9._%+'{LETTERS}-]+@(?:[A-Za-z0-9{LETTERS}](?:[A-Za-z0-9{LETTERS}-]*[A-Za-z0-9{LETTERS}])?\.)+(?:[A-Za-z]+|xn--[A-Za-z0-9]+)"
SPELLED = r"(?i)[a-z0-9._%+-]+ ?[\[({] ?at ?[\])}] ?[a-z0-9-]+(?:(?:\.| ?[\[({] ?dot ?[\])}] ?)[a-z0-9-]+)+"
CREDENTIALS = r"\b[A-Za-z][A-Za-z0-9+.-]*://([^\s/@:\"'<>{}$]*:[^\s/@\"'<>{}$*]+)@[^\s@]"
IBAN_START = r"\b[A-Za-z]{2}\d{2}[ -]?[A-Za-z0-9]{4}[ -]?[A-Za-z0-9]{3}"
CARD = r"\b\d(?:[ -]?\d){11,18}\b"
IPV4 = r"\b(?:\d{1,3}\.){3}\d{1,3}\b"
IPV6 = r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}"


@lru_cache
def compiled(pattern: str) -> Any:
    """A pattern that is ready to search bytes."""
    import re2

    return re2.compile(pattern, quiet())


def emails(text: bytes) -> Spans:
    """Addresses, also spelled `name [at] host [dot] com`."""
    for match in compiled(EMAIL).finditer(text):
        start, end = match.span()
        held = text[start:end]
        start += len(held) - len(held.lstrip(b".'-%+"))
        if start < end and text[start : start + 1] != b"@" and len(held) <= 400:
            yield start, end
    if b"at" in text and (b"[" in text or b"(" in text or b"{" in text):
        yield from (match.span() for match in compiled(SPELLED).finditer(text))


def credentials(text: bytes) -> Spans:
    """User and password inside an address such as `https://user:password@host`."""
    yield from (match.span(1) for match in compiled(CREDENTIALS).finditer(text))


def ibans(text: bytes, *, valid: bool = True) -> Spans:
    """Account numbers. valid: only those that check; otherwise all of the shape, which are no cards either."""
    for match in compiled(IBAN_START).finditer(text):
        start = match.start()
        length = IBAN_LENGTHS.get(text[start : start + 2].decode().upper())
        end = length and _after(text, start, length)
        if end and (not valid or iban(_bare(text[start:end]))):
            yield start, end


def _after(text: bytes, start: int, length: int) -> int | None:
    """Where `length` letters and digits end, single blanks and dashes between them left out; None when they do not end a word."""
    place, seen = start, 0
    while seen < length and place < len(text):
        if text[place : place + 1].isalnum():
            seen += 1
        elif text[place] not in b" -" or not text[place - 1 : place].isalnum():
            return None
        place += 1
    whole = seen == length and not text[place : place + 1].isalnum()
    return place if whole else None


def _bare(span: bytes) -> str:
    return re.sub(rb"[^A-Za-z0-9]", b"", span).decode()


def cards(text: bytes) -> Spans:
    """Payment cards: an issuer's prefix, its length, and Luhn; never inside what has the shape of an IBAN."""
    accounts = list(ibans(text, valid=False)) if compiled(IBAN_START).search(text) else []
    for match in compiled(CARD).finditer(text):
        start, end = match.span()
        if any(a < end and start < b for a, b in accounts) or _decimal(text, start, end):
            continue
        span = next(_whole_cards(text, start, end), None)
        if span:
            yield span


GROUPS = 7
"""Signs between the digits of a card, and of the numbers beside it, at most."""


def _decimal(text: bytes, start: int, end: int) -> bool:
    """Whether the digits are a piece of a longer number, such as 0.4111111111111111."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    return bool(re.fullmatch(rb"\d[.,]", before) or re.match(rb"[.,]\d", after))


def _whole_cards(text: bytes, start: int, end: int) -> Spans:
    """What of a run of groups is a card: the longest first, whole groups only."""
    parted = [n for n in range(start, end) if text[n] in b" -"]
    if len(parted) > GROUPS:
        return
    starts = [start] + [n + 1 for n in parted]
    ends = [end, *reversed(parted)]
    for a in starts:
        for b in ends:
            digits = _bare(text[a:b])
            if b > a and _issued(digits) and luhn(digits):
                yield a, b


def _issued(digits: str) -> bool:
    """Whether some network issues cards of this prefix and length (ISO/IEC 7812, as the networks publish it)."""
    size, two, three, four = len(digits), int(digits[:2] or 0), int(digits[:3] or 0), int(digits[:4] or 0)
    if digits[:1] == "4":
        return size in (13, 16, 18, 19)
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return size == 16
    if two in (34, 37):
        return size == 15
    if 300 <= three <= 305 or two in (36, 38, 39):
        return 14 <= size <= 19
    if four in (1800, 2131):
        return size == 15
    if two == 35 or 2200 <= four <= 2204:
        return 16 <= size <= 19
    return (two == 50 or 56 <= two <= 69 or two == 81) and 12 <= size <= 19


LOCAL = ("0.", "127.", "255.")


def ips(text: bytes) -> Spans:
    """IPv4 and IPv6, but for loopback, netmasks, and versions of four parts (`v1.2.3.4`)."""
    for match in compiled(IPV4).finditer(text):
        start, end = match.span()
        parts = match[0].split(b".")
        if any(int(part) > 255 or (part[:1] == b"0" and len(part) > 1) for part in parts) or match[0].decode().startswith(LOCAL):
            continue
        longer = re.search(rb"\d\.\Z", text[max(start - 2, 0) : start]) or re.match(rb"\.\d", text[end : end + 2])
        if not longer and not re.search(rb"(?i)\bv(?:er(?:sion)?)?[. :]{0,2}\Z", text[max(start - 12, 0) : start]):
            yield start, end
    if b":" in text:
        yield from _ipv6(text)


def _ipv6(text: bytes) -> Spans:
    import ipaddress

    for match in compiled(IPV6).finditer(text):
        start, end = match.span()
        parts = [part for part in match[0].split(b":") if part]
        near = text[max(start - 1, 0) : start] + text[end : end + 1]
        if len(parts) < 3 or re.search(rb"[\w:]", near) or not re.search(rb"\d", match[0]):
            continue
        try:
            ipaddress.IPv6Address(match[0].decode())
        except ValueError:
            continue
        yield start, end


def national_ids(regions: tuple[str, ...]) -> Finder:
    """A finder of the ids of these regions; of all when there is none."""
    table = [one for one in IDS if not regions or one.region in regions]

    def find(text: bytes) -> Spans:
        for one in table:
            for match in compiled(rf"\b(?:{one.pattern})\b").finditer(text):
                start, end = match.span()
                if one.check(_bare(match[0]).upper()) and _named(one, text, start) and not _inside(text, start, end):
                    yield start, end

    return find


def national_pattern(regions: tuple[str, ...]) -> str:
    """What any of the ids of these regions looks like; the empty text when there is none."""
    return "|".join(one.pattern for one in IDS if not regions or one.region in regions)


def _named(one: NationalId, text: bytes, start: int) -> bool:
    if not one.words:
        return True
    before = text[max(start - NEAR, 0) : start].decode("utf-8", "ignore").lower()
    return any(re.search(rf"(?<!\w){re.escape(word)}", before) for word in one.words)


def _inside(text: bytes, start: int, end: int) -> bool:
    """Whether an id is a piece of something longer: a part number, a path, an amount."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    return bool(re.search(rb"\w[-./_]\Z", before) or re.match(rb"[-/_][\w]|\.\d", after))
