"""Precision and recall of national ids, country by country, on made-up numbers in sentences and on decoys.

    pip install python-stdnum && python -m bench.quality.national [--sentences]

No list of real ids may exist, so the numbers are made here: a body by chance, and the check by trying what `python-stdnum`
takes for valid, which shares no code with us (three kinds that it does not know have a formula here). Each stands in a
sentence of its country, written as people write it. The decoys are the same sentences with a number that is wrong (its check
digits, or its day or area where it has none), and sentences with what else has many digits: orders, parcels, ISBNs, times,
amounts, phone numbers, versions.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import phonenumbers
import polars as pl

from bench.quality.labelled import table
from datasetbuild.stages.detect import Wanted, find_spans
from datasetbuild.stages.detect.national import REGIONS

MANY = 200
"""Valid numbers, and wrong ones, of each kind."""

Random = random.Random


@dataclass(frozen=True)
class Kind:
    """make: a number that may or may not be valid. written: the ways of writing it, `#` for a character of it, `*` for the rest.
    said: sentences around it. valid: the oracle, a module of stdnum or a function. impossible: what makes it wrong where no
    check digit does."""

    region: str
    make: Callable[[Random], str]
    written: tuple[str, ...]
    said: tuple[str, ...]
    valid: str | Callable[[str], bool]
    impossible: Callable[[str], str] | None = None


def digits(rng: Random, n: int, first: str = "0123456789") -> str:
    return rng.choice(first) + "".join(rng.choices("0123456789", k=n - 1))


def letters(rng: Random, n: int, of: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> str:
    return "".join(rng.choices(of, k=n))


def day(rng: Random, form: str) -> str:
    """A day as digits: `ymd`, `dmy`, `Ymd` (a year of four)."""
    year, month, date = rng.randint(1940, 2005), rng.randint(1, 12), rng.randint(1, 28)
    parts = {"y": f"{year % 100:02}", "Y": str(year), "m": f"{month:02}", "d": f"{date:02}"}
    return "".join(parts[one] for one in form)


def nino(text: str) -> bool:
    """HMRC, NIM39110: the letters that a prefix may have, six digits, A to D."""
    return text[0] not in "DFIQUV" and text[1] not in "DFIQUVO" and text[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ") and text[8] in "ABCD"


def nric(text: str) -> bool:
    """Singapore: weights 2 7 6 5 4 3 2, four more for T and G; two alphabets."""
    total = sum(w * int(d) for w, d in zip((2, 7, 6, 5, 4, 3, 2), text[1:8], strict=True)) + 4 * (text[0] in "TG")
    return text[8] == {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK"}[text[0]][total % 11]


def taiwan(text: str) -> bool:
    """Taiwan: the letter as two digits (A 10, ..., I 34, O 35), weights 1 9 8 7 6 5 4 3 2 1 1."""
    place = {letter: n for n, letter in enumerate("ABCDEFGHJKLMNPQRSTUVXYWZIO", 10)}[text[0]]
    return sum(w * d for w, d in zip((1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), (place // 10, place % 10, *map(int, text[1:])), strict=True)) % 10 == 0


def month_13(at: int) -> Callable[[str], str]:
    return lambda text: text[:at] + "13" + text[at + 2 :]


def resident(text: str) -> bool:
    """China: the check of ISO/IEC 7064 mod 11-2, as stdnum computes it; its list of counties at each day is not ours."""
    check: str = import_module("stdnum.cn.ric").calc_check_digit(text)
    return check == text[-1]


PLAIN = ("Please note {} for the file.", "It says {} on the card.", "{} is what they sent me, is that right?")
KINDS = (
    Kind("US", lambda r: digits(r, 9, "12345678"), ("###-##-####",), ("My SSN is {}.", "Social: {}", *PLAIN), "us.ssn", lambda t: "000" + t[3:]),
    Kind("US", lambda r: digits(r, 9, "12345678"), ("#########", "### ## ####"), ("My SSN is {}.", "social security number: {}"), "us.ssn", lambda t: t[:3] + "00" + t[5:]),
    Kind("GB", lambda r: letters(r, 2) + digits(r, 6) + letters(r, 1, "ABCD"), ("#########", "## ## ## ## #"), ("My National Insurance number is {}.", *PLAIN), nino, lambda t: "QQ" + t[2:]),
    Kind("GB", lambda r: digits(r, 10, "4679"), ("### ### ####", "##########", "###-###-####"), ("My NHS number is {}.", "NHS no. {}"), "gb.nhs"),
    Kind("DE", lambda r: digits(r, 11, "123456789"), ("## ### ### ###", "###########"), ("Meine Steuer-ID lautet {}.", "Steueridentifikationsnummer: {}", "IdNr. {}"), "de.idnr"),
    Kind("FR", lambda r: r.choice("12") + day(r, "ym") + f"{r.randint(1, 95):02}" + digits(r, 8), ("# ## ## ## ### ### ##", "###############"), ("Mon numéro de sécurité sociale est le {}.", *PLAIN), "fr.nir"),
    Kind("ES", lambda r: digits(r, 8) + letters(r, 1), ("#########", "########-#"), ("Mi DNI es {}.", *PLAIN), "es.dni"),
    Kind("ES", lambda r: r.choice("XYZ") + digits(r, 7) + letters(r, 1), ("#########", "#-#######-#"), ("Mi NIE es {}.", *PLAIN), "es.nie"),
    Kind("IT", lambda r: letters(r, 6) + day(r, "y") + r.choice("ABCDEHLMPRST") + f"{r.randint(1, 28):02}" + r.choice("ABCDEFGHIL") + digits(r, 3) + letters(r, 1), ("################",), ("Il mio codice fiscale è {}.", *PLAIN), "it.codicefiscale"),
    Kind("NL", lambda r: digits(r, 9, "123456789"), ("#########", "####.##.###"), ("Mijn BSN is {}.", "Burgerservicenummer: {}"), "nl.bsn"),
    Kind("PL", lambda r: day(r, "ymd") + digits(r, 5), ("###########",), ("Mój PESEL to {}.", "numer PESEL: {}"), "pl.pesel"),
    Kind("SE", lambda r: day(r, "ymd") + digits(r, 4), ("######-####",), ("Mitt personnummer är {}.", *PLAIN), "se.personnummer"),
    Kind("DK", lambda r: day(r, "dmy") + digits(r, 4), ("######-####", "##########"), ("Mit CPR-nummer er {}.", "CPR: {}"), "dk.cpr", month_13(2)),
    Kind("NO", lambda r: day(r, "dmy") + digits(r, 5), ("###########", "###### #####"), ("Fødselsnummeret mitt er {}.", *PLAIN), "no.fodselsnummer"),
    Kind("FI", lambda r: day(r, "dmy") + "-" + digits(r, 3, "02345678") + letters(r, 1, "0123456789ABCDEFHJKLMNPRSTUVWXY"), ("###########",), ("Henkilötunnukseni on {}.", *PLAIN), "fi.hetu"),
    Kind("BE", lambda r: day(r, "ymd") + digits(r, 5), ("##.##.##-###.##",), ("Mijn rijksregisternummer is {}.", *PLAIN), "be.nn"),
    Kind("BE", lambda r: day(r, "ymd") + digits(r, 5), ("###########",), ("Mijn rijksregisternummer is {}.", "Numéro de registre national : {}"), "be.nn"),
    Kind("BR", lambda r: digits(r, 11), ("###.###.###-##",), ("Meu CPF é {}.", *PLAIN), "br.cpf"),
    Kind("BR", lambda r: digits(r, 11), ("###########",), ("Meu CPF é {}.", "CPF: {}"), "br.cpf"),
    Kind("IN", lambda r: digits(r, 12, "23456789"), ("#### #### ####", "############", "####-####-####"), ("My Aadhaar number is {}.", "Aadhaar: {}"), "in_.aadhaar"),
    Kind("IN", lambda r: letters(r, 3) + r.choice("ABCFGHLJPT") + letters(r, 1) + digits(r, 4) + letters(r, 1), ("##########",), ("My PAN is {}.", *PLAIN), "in_.pan", lambda t: t[:3] + "Q" + t[4:]),
    Kind("CN", lambda r: r.choice(("110101", "310104", "440106", "510104", "330106")) + day(r, "Ymd") + digits(r, 3) + r.choice("0123456789X"), ("##################",), ("我的身份证号是{}。", "身份证：{}", *PLAIN), resident),
    Kind("KR", lambda r: day(r, "ymd") + r.choice("12") + digits(r, 6), ("######-#######",), ("제 주민등록번호는 {} 입니다.", *PLAIN), "kr.rrn"),
    Kind("TR", lambda r: digits(r, 11, "123456789"), ("###########",), ("TC kimlik numaram {}.", "T.C. Kimlik No: {}"), "tr.tckimlik"),
    Kind("CA", lambda r: digits(r, 9, "12345679"), ("###-###-###", "### ### ###", "#########"), ("My SIN is {}.", "Social Insurance Number: {}"), "ca.sin"),
    Kind("AU", lambda r: digits(r, 9, "123456789"), ("### ### ###", "#########"), ("My TFN is {}.", "Tax file number: {}"), "au.tfn"),
    Kind("CH", lambda r: "756" + digits(r, 10), ("###.####.####.##", "#############"), ("Meine AHV-Nummer ist {}.", *PLAIN), "ch.ssn"),
    Kind("MX", lambda r: letters(r, 1) + r.choice("AEIOU") + letters(r, 2, "BCDFGHJKLM") + day(r, "ymd") + r.choice("HM") + r.choice(("DF", "JC", "NL", "VZ")) + letters(r, 3, "BCDFGHJKLMNPQRSTVWXYZ") + digits(r, 2), ("##################",), ("Mi CURP es {}.", *PLAIN), "mx.curp"),
    Kind("CL", lambda r: digits(r, 8, "12") + r.choice("0123456789K"), ("##.###.###-#",), ("Mi RUT es {}.", *PLAIN), "cl.rut"),
    Kind("AR", lambda r: r.choice(("20", "23", "27", "30")) + digits(r, 9), ("##-########-#",), ("Mi CUIT es {}.", *PLAIN), "ar.cuit"),
    Kind("SG", lambda r: r.choice("STFG") + digits(r, 7) + letters(r, 1), ("#########",), ("My NRIC is {}.", *PLAIN), nric),
    Kind("TW", lambda r: letters(r, 1) + r.choice("12") + digits(r, 8), ("##########",), ("我的身分證字號是{}。", *PLAIN), taiwan),
    Kind("ZA", lambda r: day(r, "ymd") + digits(r, 4) + r.choice("01") + digits(r, 2), ("#############", "###### #### ###"), ("My ID number is {}.", "RSA ID: {}"), "za.idnr"),
    Kind("IL", lambda r: digits(r, 9), ("#########",), ("תעודת זהות {}", "My Israeli ID is {}.", "Teudat zehut: {}"), "il.idnr"),
)


def oracle(kind: Kind) -> Callable[[str], bool]:
    if not isinstance(kind.valid, str):
        return kind.valid
    try:
        found: Callable[[str], bool] = import_module(f"stdnum.{kind.valid}").is_valid
    except ImportError:
        raise SystemExit("python-stdnum, the oracle, is not installed: pip install python-stdnum") from None
    return found


def written(text: str, form: str) -> str:
    """A number in one of its written forms."""
    if form.count("#") != len(text):
        return text
    signs = iter(text)
    return "".join(next(signs) if one == "#" else one for one in form)


def numbers(kind: Kind, rng: Random) -> tuple[list[str], list[str]]:
    """Valid numbers and wrong ones, as people write them."""
    check, good, bad = oracle(kind), [], []
    while len(good) < MANY or len(bad) < MANY:
        one = kind.make(rng)
        if check(one):
            good.append(one)
            if kind.impossible:
                bad.append(kind.impossible(one))
        elif not kind.impossible:
            bad.append(one)
    return [written(one, rng.choice(kind.written)) for one in good[:MANY]], [written(one, rng.choice(kind.written)) for one in bad[:MANY]]


def others(region: str, rng: Random) -> list[str]:
    """Sentences with what else has many digits, and no id."""
    phone = phonenumbers.example_number(region)
    shown = [phonenumbers.format_number(phone, form) for form in (0, 1, 2)]
    hour = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    return [
        f"Your order {digits(rng, 10)} has shipped.",
        f"Order number: {digits(rng, 9)}, placed on 2024-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}.",
        f"Tracking: 1Z{letters(rng, 3)}{digits(rng, 13)} with UPS, {digits(rng, 22, '9')} with USPS.",
        f"DHL parcel {digits(rng, 12)}, invoice {digits(rng, 11)}.",
        f"ISBN 978-{digits(rng, 1)}-{digits(rng, 5)}-{digits(rng, 3)}-{digits(rng, 1)} and 978{digits(rng, 10)}.",
        f"Backup of 20{rng.randint(10, 25)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}-{hour.replace(':', '')[:4]} at {hour}, build {digits(rng, 13, '1')}.",
        f"Call us at {rng.choice(shown)}.",
        f"It costs {rng.randint(100, 999)}.{rng.randint(100, 999)}.{rng.randint(100, 999)},{rng.randint(10, 99)} in all, or {digits(rng, 9, '123456789')} units.",
        f"Version {rng.randint(1, 99)}.{rng.randint(1, 99)}.{rng.randint(1, 99)}, commit {''.join(rng.choices('0123456789abcdef', k=40))}.",
        f"Part {letters(rng, 2)}-{digits(rng, 4)}-{digits(rng, 4)}, serial {letters(rng, 3)}{digits(rng, 8)}, EAN {digits(rng, 13, '4')}.",
    ]


def measure(region: str) -> tuple[list[tuple[object, ...]], list[str]]:
    """A line of the table for each country: ids, found, precision and recall with the country named, and how many of the
    sentences without an id of any country have one when none is named."""
    rng = random.Random(f"national {region}")
    good: list[str] = []
    bad: list[str] = []
    for kind in (one for one in KINDS if one.region == region):
        right, wrong = numbers(kind, rng)
        good += [rng.choice(kind.said).format(one) for one in right]
        bad += [rng.choice(kind.said).format(one) for one in wrong]
    plain = [text for _ in range(MANY // 10) for text in others(region, rng)]
    own = Wanted(frozenset({"national_id"}), regions=(region,))
    every = Wanted(frozenset({"national_id"}))
    found = find_spans(pl.Series(good), own)
    wrong = find_spans(pl.Series([*bad, *plain]), own)
    any_ = find_spans(pl.Series(plain), every)
    hits, misses = len(found), [text for n, text in enumerate(good) if n not in found]
    precision, recall = hits / max(hits + len(wrong), 1), hits / len(good)
    line = (region, len(good), len(bad) + len(plain), precision, recall, sum(n < len(bad) for n in wrong), sum(n >= len(bad) for n in wrong), len(any_))
    return [line], [*(f"missed  {text}" for text in misses), *(f"wrong   {[*bad, *plain][n]}" for n in wrong), *(f"any     {plain[n]}" for n in any_)]


HEAD = ("country", "ids", "decoys", "precision", "recall", "wrong check taken", "other number taken", "taken with no country named")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sentences", action="store_true", help="print what was missed and what was taken wrongly")
    args = parser.parse_args()
    lines: list[tuple[object, ...]] = []
    for region in REGIONS:
        line, sentences = measure(region)
        lines += line
        if args.sentences:
            print(region, *sentences[:12], sep="\n  ")
    print(table(HEAD, lines))
