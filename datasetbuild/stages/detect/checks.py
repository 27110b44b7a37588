"""Check digits: the arithmetic by which a number says of itself that it is a card, an account or a person's.

Each takes digits (or letters and digits) without separators and answers yes or no. Sources: ISO/IEC 7812 (Luhn), ISO 13616
(IBAN), ISO/IEC 7064 (mod 97, mod 11), Verhoeff 1969, and the national registries' own rules.
"""

from __future__ import annotations

from collections.abc import Sequence

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check of the others."""
    total = sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return total % 10 == 0


IBAN_LENGTHS = {
    country: int(length)
    for country, length in (
        pair.split(":")
        for pair in ["AD:24", "AE:23", "AL:28", "AT:20", "AZ:28", "BA:20", "BE:16", "BG:22", "BH:22", "BR:29", "BY:28", "CH:21", "CR:22", "CY:28", "CZ:24", "DE:22", "DK:18", "DO:28", "EE:20", "EG:29", "ES:24", "FI:18", "FO:18", "FR:27", "GB:22", "GE:22", "GI:23", "GL:18", "GR:27", "GT:28", "HR:21", "HU:28", "IE:22", "IL:23", "IQ:23", "IS:26", "IT:27", "JO:30", "KW:30", "KZ:20", "LB:28", "LC:32", "LI:21", "LT:20", "LU:20", "LV:21", "MC:27", "MD:24", "ME:22", "MK:19", "MR:27", "MT:31", "MU:30", "NL:18", "NO:15", "PK:24", "PL:28", "PS:29", "PT:25", "QA:29", "RO:24", "RS:22", "SA:24", "SC:31", "SE:24", "SI:19", "SK:24", "SM:27", "ST:25", "SV:28", "TL:23", "TN:24", "TR:26", "UA:29", "VA:22", "VG:24", "XK:20"]
    )
}
"""Letters and digits of an IBAN by country."""


def iban(text: str) -> bool:
    """Whether letters and digits are an IBAN: its country's length, and mod 97 = 1. Case is ignored."""
    text = text.upper()
    if len(text) != IBAN_LENGTHS.get(text[:2], 0):
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def weighted(digits: str, weights: Sequence[int], modulus: int) -> int:
    """The sum of digits times weights, modulo."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % modulus


def real_day(year: str, month: str, day: str) -> bool:
    """Whether month and day can be; a year of two digits is not looked at."""
    most = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    plausible = len(year) < 4 or 1850 <= int(year) <= 2100
    return plausible and 1 <= int(month) <= 12 and 1 <= int(day) <= most[int(month) - 1]


_PERMUTED = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)


def _dihedral(a: int, b: int) -> int:
    """The product in the symmetries of a pentagon, by which Verhoeff's check is made."""
    if a < 5:
        return (a + b) % 5 if b < 5 else (a + b - 5) % 5 + 5
    return (a - b) % 5 + 5 if b < 5 else (a - b) % 5


def verhoeff(digits: str) -> bool:
    """Whether the last digit is the Verhoeff check of the others."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _dihedral(check, _PERMUTED[place % 8][int(digit)])
    return check == 0


def entropy_at_least(text: str, bits: float) -> bool:
    """Whether a text has at least so many bits of Shannon entropy a character, decided by whole numbers: the same everywhere.

    bits: in tenths. H >= b means prod(c^c) * 2^(bn) <= n^n for the counts c of the n characters; both sides to the tenth power.
    """
    text = text[:200]
    n, tenths = len(text), round(bits * 10)
    if not n:
        return tenths <= 0
    product = 1
    for char in set(text):
        count = text.count(char)
        product *= count**count
    return bool(product**10 << tenths * n <= n ** (10 * n))
