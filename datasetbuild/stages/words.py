"""Words as 64-bit hashes, straight from the text's bytes: no word ever becomes a string of its own.

All words of a block are read at once, eight bytes at a time; a word of up to eight bytes is its own number before it is
mixed, so short words never collide. That takes 4 us for a text of 80 words, where splitting it into strings and hashing
the distinct ones takes 12. ASCII texts are scanned by table; in the others the regex engine first makes blanks of whatever
is no word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import buffers, lists, sums

Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]

TOGETHER = 1024
"""Texts whose words are best hashed together: 100,000 words take 0.8 MB, which stays in the processor's cache; a whole
shard at once takes half as long again."""

LONG = 512
"""Bytes of a word that are hashed eight at a time; what is longer is hashed whole."""

FULL = np.uint64(1 << 56)
"""From here on eight bytes are eight of a word: none of it is zero."""

_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)


@dataclass(frozen=True)
class Scan:
    """What a word is. gap: class of the characters that are in none. table: for each byte what it counts as in a word, 0 for
    none. alone: regex of a character that is a word by itself, wherever it stands. stray: regex of what counts within a word
    and makes none by itself, with what stands before it.

    Bytes from 128 on always count: when a text is scanned, its non-ASCII gaps have become blanks. Only these are looked for by
    the regex engine: to put a blank for every blank too would cost five times as much.
    """

    gap: str
    table: bytes
    alone: str = ""
    stray: str = ""

    @property
    def wide_gap(self) -> str:
        """Regex of what stands between words, beyond ASCII."""
        return rf"[{self.gap}&&[^\x00-\x7F]]+"


def _table(is_word: Callable[[str], bool]) -> bytes:
    return bytes(byte if byte >= 128 else max(ord(chr(byte).lower()), 1) if is_word(chr(byte)) else 0 for byte in range(256))


UNPARTED = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Letters of languages that set no blanks between words: a clause would be one word, and no two texts alike. So here each
character is a word, with the marks on it, and n-grams of words are n-grams of characters."""

BASE_ALONE = rf"[[{UNPARTED}&&\w]--\p{{M}}]"
JOINED = r"\p{M}\p{Join_Control}"
"""Marks and joiners: they belong to the letter before them."""

LETTERS = Scan(r"\W", _table(lambda char: char.isalnum() or char == "_"), rf"{BASE_ALONE}\p{{M}}*", rf"(^|\W)[{JOINED}]+")
"""Words are runs of letters, digits, underscores and the marks on them, letter case aside: punctuation does not count, nor does
an emoji, or what gives it its colour and joins it to the next."""

PIECES = rf"{LETTERS.alone}|[\w--[{BASE_ALONE}{JOINED}]][\w--{BASE_ALONE}]*|[\W{JOINED}]+"
"""A text as words and what stands between them, for `LETTERS`."""

BLANKS = Scan(r"\s", _table(lambda char: char not in "\t\n\v\f\r "))
"""Words are what stands between white space, letter case aside."""


def portions(texts: pl.Series) -> list[pl.Series]:
    """Texts by the `TOGETHER`; one empty portion of none."""
    return [texts.slice(first, TOGETHER) for first in range(0, max(len(texts), 1), TOGETHER)]


def word_portions(hashes: Hashes, counts: Ints) -> Iterator[tuple[Hashes, Ints]]:
    """The words of n texts by `TOGETHER` texts, each portion as `word_hashes` gives it; one empty portion of none."""
    bounds = sums(counts)
    for first in range(0, max(len(counts), 1), TOGETHER):
        stop = min(first + TOGETHER, len(counts))
        yield hashes[bounds[first] : bounds[stop]], counts[first:stop]


def by_size(sizes: Ints, most: int) -> Iterator[slice]:
    """Slices of things whose sizes add up to `most` at most; what is larger stands alone."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        done = int(ends[first - 1]) if first else 0
        stop = max(int(np.searchsorted(ends, done + most, side="right")), first + 1)
        yield slice(first, stop)
        first = stop


def word_hashes(text: pl.Series, scan: Scan = LETTERS, *, mixed: bool = True) -> tuple[Hashes, Ints]:
    """The hashes of all words of n texts, in order, and how many words each text has (length n). mixed: spread over all bits,
    as every hash is that is kept or rolled; which words are equal shows without that too."""
    found = [_scanned(portion, scan) for portion in portions(_spaced(text, scan))]
    numbers = (_numbers(data, starts) for data, starts, _ in found)
    hashes = np.concatenate([mix(some) if mixed else some for some in numbers])
    return hashes, np.concatenate([counts for _, _, counts in found])


def word_counts(text: pl.Series, scan: Scan = LETTERS) -> Ints:
    """How many words each text has: `word_hashes` without the hashes, which take two thirds of its time."""
    return np.concatenate([_scanned(portion, scan)[2] for portion in portions(_spaced(text, scan))])


def _spaced(text: pl.Series, scan: Scan) -> pl.Series:
    """The texts with a blank for whatever beyond ASCII is no word, and in small letters where there is any."""
    wide = (text.str.len_bytes() != text.str.len_chars()).arg_true()
    if not len(wide):
        return text
    lower = text.gather(wide).str.to_lowercase()
    if scan.alone and len(parted := lower.str.contains(f"[{UNPARTED}]").arg_true()):
        lower = lower.scatter(parted, lower.gather(parted).str.replace_all(scan.alone, " ${0} "))
    if scan.stray and len(joined := lower.str.contains(f"[{JOINED}]").arg_true()):
        lower = lower.scatter(joined, lower.gather(joined).str.replace_all(scan.stray, "${1} "))
    return text.clone().scatter(wide, lower.str.replace_all(scan.wide_gap, " "))  # scatter changes the Series itself


def _scanned(text: pl.Series, scan: Scan) -> tuple[NDArray[np.uint8], Ints, Ints]:
    """The bytes of all texts as they count in words, with 0 for what stands between; where each word begins; words of each text.
    text: from `_spaced`."""
    data, offsets = buffers(text)
    data = np.frombuffer(data.tobytes().translate(scan.table), np.uint8)
    inside = data != 0
    begins = inside.copy()
    np.greater(inside[1:], inside[:-1], out=begins[1:])
    first = offsets[:-1][np.diff(offsets) > 0]
    begins[first] = inside[first]  # a word ends where its text ends
    starts = np.flatnonzero(begins)
    return data, starts, np.diff(np.searchsorted(starts, offsets))


def sequence_hashes(hashes: Hashes, counts: Ints) -> tuple[Hashes, Hashes]:
    """The two halves of a 128-bit hash of each text's sequence of words (XXH3); 0 for a text without words."""
    import xxhash

    data, one = np.ascontiguousarray(hashes).view(np.uint8).data, xxhash.xxh3_128_digest
    ends = (np.cumsum(counts) * hashes.itemsize).tolist()
    found = b"".join(one(data[start:end]) for start, end in pairwise([0, *ends]))
    keys = np.where(counts[:, None] > 0, np.frombuffer(found, np.uint64).reshape(-1, 2), np.uint64(0))
    return keys[:, 0], keys[:, 1]


def distinct(hashes: Hashes, counts: Ints) -> Ints:
    """The number of distinct words of each text."""
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return lists("words", hashes, offsets).list.n_unique().to_numpy().astype(np.int64)


def mix(values: Hashes) -> Hashes:
    """MurmurHash3's 64-bit finalizer: spreads a polynomial's structure over all bits."""
    values = values ^ (values >> np.uint64(33))
    for factor in (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)):
        values *= factor
        values ^= values >> np.uint64(33)
    return values


def _numbers(data: NDArray[np.uint8], starts: Ints) -> Hashes:
    """Of the bytes from each start to the next a number, made of eight at a time; zeros, which stand between words, add nothing."""
    padded = np.concatenate([data, np.zeros(8, np.uint8)])
    windows = np.ndarray((len(data) + 1,), "<u8", padded, strides=(1,))  # the 8 bytes from every position on
    room = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=room[:-1])  # `np.diff` would copy the starts first, to append to them
    room[-1:] = len(data) - starts[-1:]
    out = windows[starts]
    out &= _MASKS.take(room, mode="clip")
    longer = np.flatnonzero(out >= FULL)
    for step in range(8, LONG, 8):
        window = windows[starts[longer] + step] & _MASKS[np.minimum(room[longer] - step, 8)]
        longer, window = longer[window != 0], window[window != 0]
        if not len(longer):
            return out
        out[longer] = mix(out[longer]) + window
        longer = longer[window >= FULL]
    for word in longer:  # base64 and the like
        rest = data[starts[word] + LONG : starts[word] + room[word]].tobytes().rstrip(b"\0")
        out[word] = mix(out[word : word + 1])[0] ^ np.uint64(word_rest(rest))
    return out


def word_rest(rest: bytes) -> int:
    """The hash of what a very long word has beyond `LONG` bytes; 0 for nothing."""
    import xxhash

    return xxhash.xxh3_64_intdigest(rest) if rest else 0
