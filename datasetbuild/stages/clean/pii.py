"""Personal data and secrets: masked, hashed, dropped or flagged, kind by kind, with one stand-in for one value in a conversation.

What is found is `stages.detect`'s affair. Looked through are what turns say and think, the arguments of tool calls, and the columns
kept in `meta`; in JSON every text and number on its own, so that it stays JSON.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import orjson
import polars as pl

from datasetbuild.errors import BuildError, SourceError
from datasetbuild.hashing import salt as salted
from datasetbuild.op import Extra, File, section
from datasetbuild.stages.detect import KINDS, Kind, Level, Span, Wanted, find_spans, load_rules, secret_rule

REGION = Extra({"pattern": "^[A-Z]{2}$", "title": "a country's two capital letters, such as US"})
Action = Literal["mask", "hash", "drop", "flag", "keep"]

LABELS: dict[Kind, str] = {
    "secret": "SECRET",
    "url_credentials": "CREDENTIALS",
    "email": "EMAIL",
    "iban": "IBAN",
    "card": "CARD",
    "national_id": "ID",
    "ip": "IP",
    "phone": "PHONE",
    "name": "NAME",
}
"""What stands in brackets in place of a value."""

DONE: dict[str, str] = {"mask": "masked", "hash": "hashed", "flag": "flagged"}
PIECES = ("content", "reasoning_content", "tool_calls")
HASH_LENGTH = 12
DEEPEST = 64
"""Levels of JSON that are looked through."""


@dataclass
class Redacted:
    """What became of a shard's records. labels: `email masked` -> positions of records. dropped: position -> why."""

    turns: pl.DataFrame
    meta: pl.Series
    labels: dict[str, list[int]] = field(default_factory=dict)
    dropped: dict[int, str] = field(default_factory=dict)


@section("clean.pii", version=4, packages=("google-re2", "phonenumbers"))
def redact(
    turns: pl.DataFrame,
    meta: pl.Series,
    owner: pl.Series,
    /,
    *,
    email: Action = "keep",
    phone: Action = "keep",
    card: Action = "keep",
    iban: Action = "keep",
    ip: Action = "keep",
    national_id: Action = "keep",
    secret: Action = "keep",
    url_credentials: Action = "keep",
    name: Action = "keep",
    regions: list[Annotated[str, REGION]] = [],  # noqa: B006  (read, never changed)
    phones: Level = "strict",
    rules_file: Annotated[str, File()] | None = None,
    names_model: str | None = None,
    salt: int | None = None,
) -> Redacted:
    """What is done about personal data and secrets, kind by kind: `mask`, `hash`, `drop`, `flag` or `keep`.

    `mask` puts `[EMAIL_1]` in place of a value, the same for the same value within a conversation. `hash` puts a keyed
    digest, `[EMAIL_5f1c9a3b7d02]`, the same in all conversations: a pseudonym, which whoever has the recipe can test
    guesses against. `drop` drops the record, with the reason `pii`. `flag` changes nothing and notes it in the ledger's
    column `cleaned`; the fact [`pii`](facts.md#pii) counts it.

    email: addresses, also spelled `name [at] host [dot] com`.
    phone: telephone numbers, at the level of `phones`.
    card: payment cards, by issuer's prefix, length and Luhn's check.
    iban: bank accounts, by country, length and check digits.
    ip: IPv4 and IPv6 addresses, but for loopback and netmasks.
    national_id: numbers of persons in 28 countries (SSN, NINO, NIR, DNI, CPF, ...), by shape and check digits; those that are
        bare digits only beside their word, such as `BSN`.
    secret: keys and tokens of 58 issuers, private keys, and values that look random behind words such as `password`.
    url_credentials: user and password in an address, `https://user:password@host`.
    name: names of persons, by the model of `names_model`.
    regions: countries, such as `[US, DE]`: whose national ids are looked for (none named: all), and whose phone numbers count
        when they are written without their country's prefix.
    phones: `strict` takes what could be dialled, by the countries' numbering plans; `loose` all that is written like a
        phone number.
    rules_file: a file of the project with more rules for secrets, in the format of gitleaks.
    names_model: a spaCy model: one that is installed, such as `en_core_web_sm`, or a folder of the project that `nlp.to_disk` wrote.
    salt: the number that hashes hang on; null takes the recipe's `seed`.
    """
    actions: dict[Kind, Action] = {
        "secret": secret, "url_credentials": url_credentials, "email": email, "iban": iban, "card": card,
        "national_id": national_id, "ip": ip, "phone": phone, "name": name,
    }  # fmt: skip
    kinds = frozenset(kind for kind, action in actions.items() if action != "keep")
    wanted = Wanted(kinds, tuple(regions), phones, rules_file, names_model)
    try:
        load_rules(wanted)
    except BuildError as error:
        error.path = "clean.pii.rules_file" if isinstance(error, SourceError) else "clean.pii.name"
        raise
    work = _Work(actions, salted(salt or 0, "pii"), Redacted(turns, meta), owner, rules_file)
    found = [*_in_texts(turns, owner, wanted), *_in_json(turns["tool_calls"], owner, 2, wanted)]
    found += _in_json(meta, pl.Series(range(len(meta)), dtype=pl.UInt32), len(PIECES), wanted)
    return work.run(found)


@dataclass
class _Piece:
    """A text with spans, or JSON whose leaves have spans. record, row, column: where it stands, in this order numbered."""

    record: int
    row: int
    column: int
    text: str
    spans: list[Span] = field(default_factory=list)
    leaves: list[list[Span]] | None = None


def _in_texts(turns: pl.DataFrame, owner: pl.Series, wanted: Wanted) -> Iterator[_Piece]:
    for column, name in enumerate(PIECES[:2]):
        texts = turns[name]
        for row, spans in find_spans(texts, wanted).items():
            yield _Piece(owner[row], row, column, texts[row], spans)


def _in_json(texts: pl.Series, owner: pl.Series, column: int, wanted: Wanted) -> Iterator[_Piece]:
    """Pieces of JSON in which any leaf holds something. meta comes after all turns of its record: its row is out of reach."""
    rows = texts.is_not_null().arg_true()
    if not len(rows):
        return
    leaves: list[list[str]] = []
    for row in rows:
        leaves.append([])
        _walk(_parsed(texts[row]), leaves[-1].append)
    hits = find_spans(pl.Series([leaf for each in leaves for leaf in each], dtype=pl.String), wanted)
    first = 0
    for row, mine in zip(rows, leaves, strict=True):
        spans = [hits.get(first + n, []) for n in range(len(mine))]
        first += len(mine)
        if any(spans):
            yield _Piece(owner[row], row if column < len(PIECES) else 1 << 40, column, texts[row], leaves=spans)


@dataclass
class _Work:
    """Gives every value its stand-in, record by record, in the order of the text."""

    actions: dict[Kind, Action]
    key: int
    done: Redacted
    owner: pl.Series
    rules_file: str | None

    def run(self, found: list[_Piece]) -> Redacted:
        columns: dict[int, dict[int, str]] = {n: {} for n in range(len(PIECES) + 1)}
        names: dict[tuple[Kind, str], str] = {}
        record = -1
        for piece in sorted(found, key=lambda one: (one.record, one.row, one.column)):
            if piece.record != record:
                record, names = piece.record, {}
            after = self._piece(piece, names)
            if after != piece.text:
                columns[piece.column][piece.record if piece.column == len(PIECES) else piece.row] = after
        changed = {name: _scattered(self.done.turns[name], columns[n]) for n, name in enumerate(PIECES)}
        self.done.turns = self.done.turns.with_columns(**changed)
        self.done.meta = _scattered(self.done.meta, columns[len(PIECES)])
        order = [f"{kind} {what}" for kind in KINDS for what in DONE.values()]
        self.done.labels = {label: self.done.labels[label] for label in order if label in self.done.labels}
        return self.done

    def _piece(self, piece: _Piece, names: dict[tuple[Kind, str], str]) -> str:
        if piece.leaves is None:
            return self._text(piece, piece.text, piece.spans, names)
        spans = iter(piece.leaves)
        after = _walk(_parsed(piece.text), lambda leaf: self._text(piece, leaf, next(spans), names))
        return orjson.dumps(after).decode()

    def _text(self, piece: _Piece, text: str, spans: list[Span], names: dict[tuple[Kind, str], str]) -> str:
        raw, made, done = text.encode(), [], 0
        for span in spans:
            start, end, kind = span
            action = self.actions[kind]
            if action == "drop":
                if piece.record not in self.done.dropped:
                    self.done.dropped[piece.record] = self._why(piece, text, span)
                continue
            rows = self.done.labels.setdefault(f"{kind} {DONE[action]}", [])
            if not rows or rows[-1] != piece.record:
                rows.append(piece.record)
            if action != "flag":
                made += [raw[done:start], self._stand_in(kind, action, raw[start:end].decode(), names).encode()]
                done = end
        return b"".join([*made, raw[done:]]).decode()

    def _why(self, piece: _Piece, text: str, span: Span) -> str:
        """Where a record that is dropped holds what, and which rule says so; never the value itself."""
        turn = piece.row - int(self.owner.search_sorted(piece.record, "left")) + 1
        where = f"turn {turn}" if piece.column < len(PIECES) else "a column of `meta`"
        rule = f" ({secret_rule(text, span, self.rules_file)})" if span.kind == "secret" else ""
        return f"{where} holds {_a(span.kind)}{rule}, and clean.pii.{span.kind} is `drop`"

    def _stand_in(self, kind: Kind, action: Action, value: str, names: dict[tuple[Kind, str], str]) -> str:
        same = _same(kind, value)
        if action == "hash":
            key = self.key.to_bytes(8, "little")
            digest = hmac.new(key, f"{kind}\0{same}".encode(), hashlib.sha256).hexdigest()[:HASH_LENGTH]
            return f"[{LABELS[kind]}_{digest}]"
        number = 1 + sum(known == kind for known, _ in names)
        return names.setdefault((kind, same), f"[{LABELS[kind]}_{number}]")


def _a(kind: Kind) -> str:
    return f"{'an' if kind[0] in 'aei' else 'a'} {kind}"


def _same(kind: Kind, value: str) -> str:
    """A value without what two ways of writing it differ in."""
    if kind in ("secret", "url_credentials"):
        return value
    if kind in ("email", "ip", "name"):
        return value.lower()
    return re.sub(r"[^0-9a-z]", "", value.lower())


def _scattered(texts: pl.Series, changed: dict[int, str]) -> pl.Series:
    return texts.scatter(list(changed), list(changed.values())) if changed else texts


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _walk(value: Any, leaf: Callable[[str], Any], depth: int = 0) -> Any:
    """A JSON value with `leaf` applied to its texts, numbers and keys' values. Text that is JSON itself, as the arguments of a
    call are, is walked too. A number is replaced only when something was found in it."""
    if depth > DEEPEST or value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return {key: _walk(child, leaf, depth + 1) for key, child in value.items()}
    if isinstance(value, list):
        return [_walk(child, leaf, depth + 1) for child in value]
    if isinstance(value, int | float):
        after = leaf(str(value))
        return value if after is None or after == str(value) else after
    if value[:1] in ("{", "["):
        inner = _parsed(value)
        if not isinstance(inner, str):
            after = _walk(inner, leaf, depth + 1)
            return value if after == inner else orjson.dumps(after).decode()
    return leaf(value)
