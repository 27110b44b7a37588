"""Detect: finds what is one, leaves what only looks like one, and is never slow."""

from __future__ import annotations

import time
from importlib.util import find_spec

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.quality import secrets
from datasetbuild.errors import BuildError, SourceError
from datasetbuild.stages.detect import KINDS, Wanted, find_spans
from datasetbuild.stages.detect.checks import entropy_at_least, iban, luhn, verhoeff
from datasetbuild.stages.detect.names import names

ALL = Wanted(frozenset(kind for kind in KINDS if kind != "name"), regions=("US", "GB", "DE"))
EVERYWHERE = Wanted(ALL.kinds)


def found(text: str, wanted: Wanted = ALL) -> list[tuple[str, str]]:
    raw = text.encode()
    return [(s.kind, raw[s.start : s.end].decode()) for s in find_spans(pl.Series([text]), wanted).get(0, [])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to jane.doe+x@mail.example.co.uk.", [("email", "jane.doe+x@mail.example.co.uk")]),
        ("联系邮箱abc@example.com吧", [("email", "abc@example.com")]),
        ("müller@exämple.de", [("email", "müller@exämple.de")]),
        ("jane [at] example [dot] com", [("email", "jane [at] example [dot] com")]),
        ("card 4111 1111 1111 1111 12/27", [("card", "4111 1111 1111 1111")]),
        ("card 5555-5555-5555-4444.", [("card", "5555-5555-5555-4444")]),
        ("pay to DE89 3704 0044 0532 0130 00 today", [("iban", "DE89 3704 0044 0532 0130 00")]),
        ("gb82west12345698765432", [("iban", "gb82west12345698765432")]),
        ("from 203.0.113.7 and 2001:db8::8a2e:370:7334", [("ip", "203.0.113.7"), ("ip", "2001:db8::8a2e:370:7334")]),
        ("https://jane:s3cr3tpw@example.com/x", [("url_credentials", "jane:s3cr3tpw")]),
        ("call +49 30 901820 or (650) 253-0000", [("phone", "+49 30 901820"), ("phone", "(650) 253-0000")]),
        ("SSN 460-89-9847", [("national_id", "460-89-9847")]),
        ("NI number AB 12 34 56 C", [("national_id", "AB 12 34 56 C")]),
        ("Steuer-ID: 86095742719", [("national_id", "86095742719")]),
    ],
)
def test_found(text: str, expected: list[tuple[str, str]]) -> None:
    """Each kind is found whole, with nothing around it."""
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112 and 1234567812345678",
        "GB82 WEST 1234 5698 7654 33",
        "version 1.2.3.4, 127.0.0.1, 255.255.255.0, 999.1.1.1, 1.2.3.4.5",
        "std::vector, a::b, 12:30:45, 00:1B:44:11:3A:B7",
        "000-12-3456 666-12-3456 123-00-4567",
        "2024-11-21 10:20:30, 21.11.2024, 1999-2000, 1 000 000, 3.14159265358979",
        "user@localhost, @mention, a @ b, decorator @app.route",
        "http://example.com:8080/@user, git@",
        "86095742719",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_left_alone(text: str) -> None:
    """What fails its check, or is a date, a version or code, is not personal data."""
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My ID number is 800101 5009 087.", ["800101 5009 087"]),
        ("Personnummer: 20130305-1351", ["20130305-1351"]),
        ("backup of 20130305-1351", []),  # a time, though its last digit checks
        ("born in 2047: 47.02.23-445.89", []),
    ],
)
def test_ids_that_other_numbers_look_like(text: str, expected: list[str]) -> None:
    """What else people write with the digits of an id in its place."""
    assert [one for _, one in found(text, Wanted(frozenset({"national_id"})))] == expected


IDS = {
    "ES": "12345678Z",
    "FR": "255081416802538",
    "IT": "RCCMNL83S18D969H",
    "NL": "BSN 111222333",
    "PL": "PESEL 44051401359",
    "SE": "811228-9874",
    "NO": "15108695088",
    "FI": "131052-308T",
    "BE": "85.07.30-033.28",
    "BR": "390.533.447-05",
    "IN": "Aadhaar 2341 2341 2346",
    "CN": "11010519491231002X",
    "KR": "971013-9019902",
    "TR": "kimlik 17291716060",
    "CA": "SIN 123-456-782",
    "AU": "TFN 123 456 782",
    "CH": "756.9217.0769.85",
    "CL": "12.531.909-2",
    "AR": "20-05536168-2",
    "SG": "S1234567D",
    "TW": "A123456789",
    "ZA": "id number 7503305044089",
    "GB": "NHS 943-476-5870",
}
"""A published example of each country's id."""


@pytest.mark.parametrize("region", IDS)
def test_national_ids(region: str) -> None:
    """An id is found; with one digit wrong it is not, since its check fails."""
    text = f"My {IDS[region]} is this."
    number = IDS[region].split(" ", 1)[-1] if " " in IDS[region] else IDS[region]
    assert [kind for kind, _ in found(text, EVERYWHERE)] == ["national_id"], found(text, EVERYWHERE)
    digits = [place for place, char in enumerate(number) if char.isdigit()]
    place = digits[len(digits) // 2]
    wrong = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
    assert ("national_id", wrong) not in found(text.replace(number, wrong), EVERYWHERE)


def test_every_kind_of_secret_and_no_decoy() -> None:
    """Thirty kinds, made as it runs; fourteen harmless look-alikes."""
    missed, taken, kinds, decoys = secrets.measure()
    assert (missed, taken) == ([], [])
    assert kinds >= 25
    assert decoys >= 9


def test_rules_from_a_gitleaks_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A team's own rules are read: keywords, groups, entropy and stopwords; what is wrong with one is said."""
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[allowlist]\nstopwords = ["sample"]\n[[rules]]\nid = "acme"\nregex = \'\'\'acme:([a-z0-9]{12})\'\'\'\n'
        'keywords = ["acme"]\nentropy = 2.5\n'
    )
    wanted = Wanted(frozenset({"secret"}), rules_file=str(rules))
    assert found("the ACME key is acme:k3j9x0q2m5v8", wanted) == [("secret", "k3j9x0q2m5v8")]
    assert found("acme:aaaaaaaaaaaa acme:samplek3j9x0", wanted) == []
    broken = tmp_path / "broken.toml"
    broken.write_text('[[rules]]\nid = "bad"\nregex = "(?=x)"\n')
    with pytest.raises(SourceError, match=r"'bad'.*cannot be used"):
        find_spans(pl.Series(["x"]), Wanted(frozenset({"secret"}), rules_file=str(broken)))


def test_names_need_a_model() -> None:
    """Without spaCy and a model, names are refused in one sentence that says what to install."""
    with pytest.raises(BuildError, match="names cannot be found") as refused:
        names("no_such_model")
    wanted = "spacy download no_such_model" if find_spec("spacy") else "spaCy is not installed\npip install 'datasetbuild[names]'"
    assert wanted in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "4" * 1_000_000,
        "1-" * 500_000,
        "a@" * 500_000,
        "a@b." * 100_000,
        "e\u0301" * 10_000,
        "\u202e+49 30 901820\u202c" * 1000,
        "\x00\x00a@b.de\x00" * 1000,
        ":" * 1_000_000,
        "1." * 200_000,
        "password=" * 100_000,
        "eyJ" * 300_000,
        "-----BEGIN PRIVATE KEY-----" * 30_000,
        "GB82 " * 100_000,
        "(((" * 300_000 + "1" * 100,
        "x" * 1_000_000,
    ],
    ids=range(15),
)
def test_no_text_is_slow(text: str) -> None:
    """Up to a megabyte of the worst takes seconds at most, not hours; spans stay whole characters."""
    start = time.process_time()
    spans = find_spans(pl.Series([text]), ALL).get(0, [])
    assert time.process_time() - start < 10
    raw = text.encode()
    assert all(raw[span.start : span.end].decode() for span in spans[:1000])


@given(st.text(max_size=200) | st.text("0123456789 -+().@:/abAB", max_size=80))
def test_spans_are_whole_and_apart(text: str) -> None:
    """Spans are in order, do not overlap, and cut no character in two."""
    raw, end = text.encode(), 0
    for span in find_spans(pl.Series([text]), ALL).get(0, []):
        assert end <= span.start < span.end
        assert raw[span.start : span.end].decode()
        end = span.end


def test_texts_do_not_change_one_another() -> None:
    """What is found in a text does not depend on the texts beside it."""
    texts = ["a@b.de", "nothing", "4111 1111 1111 1111", None, "203.0.113.7"]
    together = find_spans(pl.Series(texts), ALL)
    assert {n: find_spans(pl.Series([text]), ALL)[0] for n, text in enumerate(texts) if n in together} == together
    assert list(together) == [0, 2, 4]


def test_check_digits() -> None:
    """Published examples pass, and any change of one digit fails."""
    for check, number in ((luhn, "79927398713"), (verhoeff, "2363"), (iban, "GB82WEST12345698765432")):
        assert check(number)
        assert not check(number[:-1] + str((int(number[-1]) + 1) % 10))


def test_entropy_is_decided_by_whole_numbers() -> None:
    """Sixteen different characters have exactly four bits each."""
    assert entropy_at_least("0123456789abcdef", 4.0)
    assert not entropy_at_least("0123456789abcdef", 4.1)
    assert not entropy_at_least("aaaaaaaa", 0.1)
    assert entropy_at_least("", 0.0)
