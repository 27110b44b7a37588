"""National ids of people: a pattern each, and the check that tells them from other numbers.

A bare run of digits with one check digit is right by chance once in ten, so such ids count only beside one of their words
(`bsn`, `pesel`, ...). Patterns have no flags and ASCII classes only: polars looks for any of them in a whole column, RE2 for where.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datasetbuild.stages.detect.checks import luhn, real_day, verhoeff, weighted


@dataclass(frozen=True)
class NationalId:
    """One country's id. check: of its letters and digits, upper case, without separators. words: one of them must stand
    within `NEAR` characters before it; empty: it is told by its shape and check alone."""

    region: str
    pattern: str
    check: Callable[[str], bool]
    words: tuple[str, ...] = ()


NEAR = 48
"""Characters before an id in which its word is looked for."""


def _us(d: str) -> bool:
    if d[0] == "9":  # an ITIN has 50 to 65, 70 to 88, 90 to 92 or 94 to 99 in the middle
        return 50 <= int(d[3:5]) <= 99
    return d[:3] not in ("000", "666") and d[3:5] != "00" and d[5:] != "0000"


def _gb(text: str) -> bool:
    return text[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def _nhs(d: str) -> bool:
    return (11 - weighted(d, range(10, 1, -1), 11)) % 11 == int(d[9])


def _de(d: str) -> bool:
    product = 10
    for digit in d[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    repeated = sorted(d[:10].count(digit) for digit in set(d[:10]))
    return d[0] != "0" and (11 - product) % 10 == int(d[10]) and repeated[-1] in (2, 3) and repeated[-2] == 1


def _fr(text: str) -> bool:
    digits = text.replace("2A", "19").replace("2B", "18") if text[5:7] in ("2A", "2B") else text
    return digits.isdigit() and 97 - int(digits[:13]) % 97 == int(digits[13:])


def _es(text: str) -> bool:
    number = str("XYZ".index(text[0])) + text[1:8] if text[0] in "XYZ" else text[:8]
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[8]


_ODD = dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)) | dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)
"""What a character at an odd place counts in an Italian code."""


def _it(text: str) -> bool:
    odd = sum(_ODD[char] for char in text[0:15:2])
    even = sum(int(char) if char.isdigit() else ord(char) - 65 for char in text[1:15:2])
    return chr((odd + even) % 26 + 65) == text[15]


def _nl(d: str) -> bool:
    return weighted(d, (9, 8, 7, 6, 5, 4, 3, 2, -1), 11) == 0 and d != "0" * 9


def _pl(d: str) -> bool:
    check = (weighted(d[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), 10) + int(d[10])) % 10
    return check == 0 and real_day(d[:2], f"{int(d[2:4]) % 20:02}", d[4:6])


def _se(d: str) -> bool:
    return real_day(d[-10:-8], d[-8:-6], f"{int(d[-6:-4]) % 60:02}") and luhn(d[-10:])


def _dk(d: str) -> bool:
    return real_day(d[4:6], d[2:4], d[:2])


def _no(d: str) -> bool:
    first = (11 - weighted(d, (3, 7, 6, 1, 8, 9, 4, 5, 2), 11)) % 11
    second = (11 - weighted(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11)) % 11
    return real_day(d[4:6], d[2:4], f"{int(d[:2]) % 40:02}") and f"{first}{second}" == d[9:]


def _fi(text: str) -> bool:
    digits = text[:6] + text[-4:-1]
    return real_day(text[4:6], text[2:4], text[:2]) and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == text[-1]


def _be(d: str) -> bool:
    centuries = ("", "2") if int(d[:2]) < 40 else ("",)  # nobody was born in 2040
    check = any(97 - int(century + d[:9]) % 97 == int(d[9:]) for century in centuries)
    return check and int(d[2:4]) % 20 <= 12 and int(d[4:6]) <= 31


def _br(d: str) -> bool:
    first = weighted(d, range(10, 1, -1), 11) * 10 % 11 % 10
    second = weighted(d, range(11, 1, -1), 11) * 10 % 11 % 10
    return len(set(d)) > 1 and f"{first}{second}" == d[9:]


def _cn(text: str) -> bool:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return real_day(text[6:10], text[10:12], text[12:14]) and "10X98765432"[weighted(text[:17], weights, 11)] == text[17]


def _kr(d: str) -> bool:
    return real_day(d[:2], d[2:4], d[4:6]) and (11 - weighted(d, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), 11)) % 10 == int(d[12])


def _tr(d: str) -> bool:
    tenth = (7 * sum(map(int, d[0:9:2])) - sum(map(int, d[1:8:2]))) % 10
    return d[0] != "0" and tenth == int(d[9]) and sum(map(int, d[:10])) % 10 == int(d[10])


def _au(d: str) -> bool:
    return weighted(d, (1, 4, 3, 7, 5, 8, 6, 9, 10), 11) == 0


def _ch(d: str) -> bool:
    return weighted(d, (1, 3) * 6 + (1,), 10) == 0


def _mx(text: str) -> bool:
    values = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(values.index(char) * (18 - place) for place, char in enumerate(text[:17]))
    return str((10 - total % 10) % 10) == text[17] and real_day(text[4:6], text[6:8], text[8:10])


def _cl(text: str) -> bool:
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(text[:-1])))
    return "0123456789K0"[11 - total % 11] == text[-1]


def _ar(d: str) -> bool:
    return "01234567899"[(11 - weighted(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11)) % 11] == d[10]


def _sg(text: str) -> bool:
    total = weighted(text[1:8], (2, 7, 6, 5, 4, 3, 2), 1 << 30) + (4 if text[0] in "TG" else 0)
    return ("JZIHGFEDCBA" if text[0] in "ST" else "XWUTRQPNMLK")[total % 11] == text[8]


def _tw(text: str) -> bool:
    code = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(text[0]) + 10
    return (code // 10 + code % 10 * 9 + weighted(text[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1), 10)) % 10 == 0


def _za(d: str) -> bool:
    return real_day(d[:2], d[2:4], d[4:6]) and d[10] in "012" and luhn(d)


def _always(_: str) -> bool:
    return True


IDS = (
    NationalId("US", r"\d{3}-\d{2}-\d{4}", _us),
    NationalId("US", r"\d{3} ?\d{2} ?\d{4}", _us, ("ssn", "social security", "itin")),
    NationalId("GB", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", _gb),
    NationalId("GB", r"\d{3}[ -]?\d{3}[ -]?\d{4}", _nhs, ("nhs",)),
    NationalId("DE", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", _de, ("steuer", "idnr", "id-nr", "tax id", "tin")),
    NationalId("FR", r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", _fr),
    NationalId("ES", r"(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z]", _es),
    NationalId("IT", r"[A-Z]{6}[\dL-NP-V]{2}[A-EHLMPR-T][\dL-NP-V]{2}[A-Z][\dL-NP-V]{3}[A-Z]", _it),
    NationalId("NL", r"\d{9}|\d{4}[. ]\d{2}[. ]\d{3}", _nl, ("bsn", "burgerservice", "sofinummer")),
    NationalId("PL", r"\d{11}", _pl, ("pesel",)),
    NationalId("SE", r"(?:19)?\d{6}[-+]\d{4}", _se),
    NationalId("SE", r"20\d{6}[-+]\d{4}", _se, ("personnummer", "personnr", "pnr", "personal identity")),  # 20240131-1530 is a time
    NationalId("DK", r"\d{6}-?\d{4}", _dk, ("cpr", "personnummer")),
    NationalId("NO", r"\d{6} ?\d{5}", _no),
    NationalId("FI", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", _fi),
    NationalId("BE", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", _be),
    NationalId("BE", r"\d{11}", _be, ("rijksregister", "registre national", "national register")),
    NationalId("BR", r"\d{3}\.\d{3}\.\d{3}-\d{2}", _br),
    NationalId("BR", r"\d{11}", _br, ("cpf",)),
    NationalId("IN", r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", verhoeff, ("aadhaar", "aadhar", "uidai", "आधार")),
    NationalId("IN", r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", _always),
    NationalId("CN", r"[1-8]\d{16}[\dX]", _cn),
    NationalId("KR", r"\d{6}-\d{7}", _kr),
    NationalId("TR", r"[1-9]\d{10}", _tr, ("kimlik", "tckn", "t.c.")),
    NationalId("CA", r"\d{3}[ -]?\d{3}[ -]?\d{3}", luhn, ("sin", "social insurance", "assurance sociale")),
    NationalId("AU", r"\d{3} ?\d{3} ?\d{3}", _au, ("tfn", "tax file")),
    NationalId("CH", r"756\.?\d{4}\.?\d{4}\.?\d{2}", _ch),
    NationalId("MX", r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d", _mx),
    NationalId("CL", r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]", _cl),
    NationalId("AR", r"(?:20|2[3-7]|3[034])-\d{8}-\d", _ar),
    NationalId("SG", r"[STFG]\d{7}[A-Z]", _sg),
    NationalId("TW", r"[A-Z][1289]\d{8}", _tw),
    NationalId("ZA", r"\d{6} ?\d{4} ?\d{3}", _za, ("id number", "id no", "identity", "rsa id")),
    NationalId("IL", r"\d{9}", luhn, ("teudat", "israeli id", "ת.ז", "תעודת זהות")),
)
"""All that are known, of 28 countries. The first whose check holds names the span."""

REGIONS = tuple(sorted({one.region for one in IDS}))
