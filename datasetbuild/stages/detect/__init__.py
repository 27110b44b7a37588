"""Detect finds personal data and secrets in texts: which kind, and where. What is done about it is `clean.pii`'s to say.

Each kind has a cheap test that polars makes of a whole column (a literal, or a pattern in Rust's regex), so that RE2 and the
checks see only the few texts that could hold one: 20 us a text of 700 characters for all kinds. Both engines are linear in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import polars as pl

from datasetbuild.stages.detect.gitleaks import rules_in
from datasetbuild.stages.detect.names import names
from datasetbuild.stages.detect.personal import (
    CARD,
    IPV4,
    Finder,
    Spans,
    cards,
    compiled,
    credentials,
    emails,
    ibans,
    ips,
    national_ids,
    national_pattern,
)
from datasetbuild.stages.detect.phones import PREFILTER, phones
from datasetbuild.stages.detect.secrets import ANYWHERE, ASSIGNED_MAYBE, RULES, SecretRule, accepted

Kind = Literal["secret", "url_credentials", "email", "iban", "card", "national_id", "ip", "phone", "name"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which they claim a piece of text: of two kinds that overlap, the first here has it."""

Level = Literal["strict", "loose"]


class Span(NamedTuple):
    """A piece of a text, in bytes of its UTF-8."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True)
class Wanted:
    """What is looked for. regions: countries, `US`; empty: ids of all, and only international phone numbers.

    rules_file: more rules for secrets, as gitleaks has them. names: a spaCy model that is installed.
    """

    kinds: frozenset[Kind]
    regions: tuple[str, ...] = ()
    phones: Level = "strict"
    rules_file: str | None = None
    names: str | None = None


@dataclass(frozen=True)
class _Detector:
    """maybe: which texts could hold one, for a whole column. find: where, in one text."""

    kind: Kind
    maybe: Callable[[pl.Series], pl.Series]
    find: Finder


def load_rules(wanted: Wanted) -> None:
    """What is read from files or installed, read now. Raises `BuildError` for what cannot be used."""
    if wanted.rules_file:
        rules_in(wanted.rules_file)
    if "name" in wanted.kinds:
        names(wanted.names)


def find_spans(texts: pl.Series, wanted: Wanted) -> dict[int, list[Span]]:
    """The spans of each text that has any, in the order of the text, without overlaps. texts: String, nulls have none."""
    detectors = _detectors(wanted)
    hits: dict[int, list[_Detector]] = {}
    for detector in detectors:
        for index in detector.maybe(texts).fill_null(False).arg_true():
            hits.setdefault(index, []).append(detector)
    found = {index: _in_one(texts[index].encode(), hits[index]) for index in sorted(hits)}
    return {index: spans for index, spans in found.items() if spans}


def _in_one(text: bytes, detectors: Sequence[_Detector]) -> list[Span]:
    taken = bytearray(len(text))
    spans = []
    for detector in detectors:
        for start, end in detector.find(text):
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\1" * (end - start)
                spans.append(Span(start, end, detector.kind))
    return sorted(spans)


def _detectors(wanted: Wanted) -> list[_Detector]:
    made: dict[Kind, Callable[[], _Detector]] = {
        "secret": lambda: _secret_detector(wanted.rules_file),
        "url_credentials": lambda: _Detector("url_credentials", lambda t: _has(t, "://") & _has(t, "@"), credentials),
        "email": lambda: _Detector("email", lambda t: t.str.contains_any(["@", "[at]", "(at)", "[ at ]", "( at )", "{at}"], ascii_case_insensitive=True), emails),
        "iban": lambda: _Detector("iban", _shape(r"\b[A-Za-z]{2}\d{2}[ -]?[A-Za-z0-9]{4}[ -]?\w"), ibans),
        "card": lambda: _Detector("card", _shape(CARD), cards),
        "national_id": lambda: _Detector("national_id", _national(wanted.regions), national_ids(wanted.regions)),
        "ip": lambda: _Detector("ip", _shape(IPV4 + r"|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{1,4}"), ips),
        "phone": lambda: _Detector("phone", _shape(PREFILTER, ascii_only=False), phones(wanted.phones, wanted.regions)),
        "name": lambda: _name_detector(wanted.names),
    }
    return [made[kind]() for kind in KINDS if kind in wanted.kinds]


def _has(texts: pl.Series, literal: str) -> pl.Series:
    return texts.str.contains(literal, literal=True)


def _shape(pattern: str, ascii_only: bool = True) -> Callable[[pl.Series], pl.Series]:
    r"""Texts in which a pattern occurs. ascii_only: `\b` and `\d` mean what they mean to RE2."""
    flags = "(?-u)" if ascii_only else ""
    return lambda texts: texts.str.contains(f"{flags}(?:{pattern})")


def _national(regions: tuple[str, ...]) -> Callable[[pl.Series], pl.Series]:
    pattern = national_pattern(regions)
    return _shape(rf"\b(?:{pattern})\b") if pattern else lambda texts: pl.Series([False]).new_from_index(0, len(texts))


def _secret_detector(rules_file: str | None) -> _Detector:
    own = [*RULES, *(rules_in(rules_file) if rules_file else ())]
    literal = sorted({needle for rule in RULES for needle in rule.needles if len(needle) > 2})
    theirs = sorted({needle for rule in own[len(RULES) :] for needle in rule.needles})
    everywhere = any(not rule.needles for rule in own)
    dotted = r"\b[MNO][A-Za-z\d_-]{23,25}\.[\w-]{6}\.|\b[A-Za-z0-9]{14}\.atlasv1|[0-9a-f]{32}-us\d|\bSK[0-9a-fA-F]{32}\b"

    def maybe(texts: pl.Series) -> pl.Series:
        if everywhere:
            return texts.is_not_null()
        known = (texts.str.contains_any(literal) | texts.str.contains("(?-u)" + dotted)).fill_null(False)
        if theirs:
            known |= texts.str.contains_any(theirs, ascii_case_insensitive=True).fill_null(False)
        worded = texts.str.contains_any(list(ANYWHERE.needles), ascii_case_insensitive=True) & texts.str.contains_any([":", "="])
        places = (worded & ~known).fill_null(False).arg_true()
        assigned = texts.gather(places).str.contains(ASSIGNED_MAYBE)
        return known.scatter(places, assigned)

    return _Detector("secret", maybe, lambda text: ((start, end) for start, end, _ in _named_secrets(text, rules_file)))


def secret_rule(text: str, span: Span, rules_file: str | None) -> str:
    """The name of the rule by which a span of a text is a secret."""
    return next(name for start, end, name in _named_secrets(text.encode(), rules_file) if (start, end) == span[:2])


def _named_secrets(text: bytes, rules_file: str | None) -> Iterator[tuple[int, int, str]]:
    """Where one text holds secrets, and the rule by which each is one."""
    low = text.lower()
    theirs = rules_in(rules_file) if rules_file else ()
    for rule, given in (*((rule, text) for rule in RULES), *((rule, low) for rule in (*theirs, ANYWHERE))):
        if not rule.needles or any(needle.encode() in given for needle in rule.needles):
            for start, end in _secrets(rule, text):
                yield start, end, rule.name


def _secrets(rule: SecretRule, text: bytes) -> Spans:
    for match in compiled(rule.pattern).finditer(text):
        start, end = match.span(rule.group)
        while rule is ANYWHERE and end > start and text[end - 1 : end] in b".!*~@#$%^&-":
            end -= 1  # a full stop ends the sentence, not the password
        if end > start and accepted(rule, text[start:end].decode("utf-8", "ignore")):
            yield start, end


def _name_detector(model: str | None) -> _Detector:
    return _Detector("name", _shape(r"\p{L}\p{L}", ascii_only=False), names(model))
