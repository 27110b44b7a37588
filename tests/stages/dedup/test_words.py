"""Words as hashes: the same words as the regex engine finds, and different hashes for different words."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datasetbuild.stages.dedup.sketch import shingles
from datasetbuild.stages.words import BLANKS, LETTERS, PIECES, UNPARTED, Scan, distinct, sequence_hashes, word_hashes

TEXT = st.text(st.characters(codec="utf-8"), max_size=60) | st.text("ab \u0301ß中文のカーสวัี\u1039\u3099\u200c\u200d\ufe0f.😀❤", max_size=30)
ALONE, JOINED = rf"[[{UNPARTED}&&\w]--\p{{M}}]", r"\p{M}\p{Join_Control}"
PATTERN = {LETTERS: rf"{ALONE}\p{{M}}*|[\w--[{ALONE}{JOINED}]][\w--{ALONE}]*", BLANKS: r"\S+"}

HASHES = ["49f26d9ff7684723", "2ef5bd3186e9ff40", "2f7f337ffcc3a9da", "0d620fb0a4e86b67", "1e5a867df7407891", "eda6977cc275df53"]


@given(st.lists(TEXT, max_size=12), st.sampled_from([LETTERS, BLANKS]))
@example(["⺀", "a⺀b ⼀\u0301c 〇"], LETTERS)
def test_the_words_are_those_of_the_regex(texts: list[str], scan: Scan) -> None:
    """Scanning bytes finds as many words as the regex, and equal words, letter case aside, get equal hashes."""
    column = pl.Series("text", texts, dtype=pl.String)
    hashes, counts = word_hashes(column, scan)
    words = column.str.to_lowercase().str.extract_all(PATTERN[scan])
    assert counts.tolist() == words.list.len().to_list()
    flat = words.explode(empty_as_null=False).drop_nulls().to_list()
    assert len(flat) == len(hashes)
    by_word: dict[str, set[int]] = {}
    for word, hashed in zip(flat, hashes.tolist(), strict=True):
        by_word.setdefault(word, set()).add(hashed)
    assert all(len(found) == 1 for found in by_word.values())
    assert len(set().union(*by_word.values())) == len(by_word) if by_word else True


@given(TEXT)
@example("a⺀b ⼀\u0301c 〇")
def test_a_text_is_its_pieces(text: str) -> None:
    """Words and what stands between them, joined, are the text; and the words are those that are hashed."""
    column = pl.Series([text])
    pieces = column.str.extract_all(PIECES).explode(empty_as_null=False).drop_nulls()
    assert "".join(pieces) == text
    assert pieces.str.contains(rf"^[\w--[{JOINED}]]").sum() == word_hashes(column)[1][0]


@pytest.mark.parametrize(
    ("text", "words"),
    [("你好，世界 abc中文", 7), ("สวัสดีครับ", 7), ("カメラー on", 5), ("안녕하세요 세계", 2), ("Straße und Weg", 3), ("x中", 2), ("か\u3099", 1)],
)
def test_languages_without_blanks(text: str, words: int) -> None:
    """Where no blanks part the words each character is one, with its marks; where they do, words are what they were."""
    assert word_hashes(pl.Series([text]))[1].tolist() == [words]


@pytest.mark.parametrize("text", ["❤️", "☀️ ⚠️", "👩\u200d🚀", "!!! ???", " \u0301", "🇩🇪"])
def test_what_has_no_letter_has_no_word(text: str) -> None:
    """Emoji are no words, and neither is what colours or joins them: else all red hearts and warning signs were one word."""
    assert word_hashes(pl.Series([text]))[1].tolist() == [0]


@pytest.mark.parametrize(("text", "words"), [("a ❤️ b", 2), ("नमस्ते दुनिया", 2), ("می\u200cخواهم", 1), ("e\u0301te\u0301", 1)])
def test_marks_belong_to_the_letter_before_them(text: str, words: int) -> None:
    """A mark or a joiner within a word parts nothing."""
    assert word_hashes(pl.Series([text]))[1].tolist() == [words]


@pytest.mark.parametrize(
    ("one", "edited"),
    [
        ("我们的办公室在所有公共假日都关闭，每封信都按照收到的顺序回复，请您耐心等待几天。", "我们的办公室在所有公共假日都关门，每封信都按照收到的顺序回复，请您耐心等待几天。"),
        ("カメラは室内ではWi-Fiに接続してから充電してください。赤いランプが緑になるまで待ちます。", "カメラは室内ではWi-Fiに接続してから充電して下さい。赤いランプが緑になるまで待ちます。"),
    ],
)
def test_lightly_edited_texts_without_blanks_are_alike(one: str, edited: str) -> None:
    """One or two characters changed leave most n-grams of characters; as clauses the two shared hardly any word."""
    grams = shingles(*word_hashes(pl.Series([one, edited, "天气很好，我们去湖边散步吧，晚上再一起回家吃饭。"])), 3)
    one_set, *others = (set(grams.values[start:stop].tolist()) for start, stop in pairwise(grams.offsets))
    alike = [len(one_set & other) / len(one_set | other) for other in others]
    assert alike[0] > 0.7
    assert alike[1] < 0.05


def test_words_that_are_parted_have_the_hashes_that_they_had() -> None:
    """Signatures of texts with blanks are the same on every version: these were written down before."""
    hashes, _ = word_hashes(pl.Series(["Grüße an alle, the QUICK_fox 42!"]))
    assert [f"{value:016x}" for value in hashes.tolist()] == HASHES


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_a_texts_hashes_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    """A text alone gives the same hashes as among others: shards may be cut anywhere."""
    hashes, counts = word_hashes(pl.Series(texts, dtype=pl.String))
    alone = [word_hashes(pl.Series([text], dtype=pl.String))[0] for text in texts]
    assert np.array_equal(hashes, np.concatenate(alone))
    assert counts.tolist() == [len(one) for one in alone]


@pytest.mark.parametrize("length", [1, 7, 8, 9, 15, 16, 17, 504, 505, 511, 512, 513, 520, 521, 1024])
def test_what_follows_a_word_changes_nothing(length: int) -> None:
    """Nothing, one blank or many, another text that begins with a word or with blanks: the same hash."""
    word = "x" * length
    hashes, counts = word_hashes(pl.Series([word, word, f"{word} a", f"{word}   \n      a", word, "      a", f"  {word}          "]))
    assert counts.tolist() == [1, 1, 2, 2, 1, 1, 1]
    assert len({int(hashes[place]) for place in (0, 1, 2, 4, 6, 8)}) == 1
    assert len(set(hashes.tolist())) == 2


def test_texts_are_left_as_they_are() -> None:
    """Whoever asks for the words of a column still has its texts, letter case and punctuation too."""
    texts = ["Grüße, Ä!", "plain", "Ａ中文。", ""]
    column = pl.Series(texts)
    word_hashes(column)
    assert column.to_list() == texts


@pytest.mark.parametrize("scan", [LETTERS, BLANKS])
def test_no_character_is_a_gap_by_accident(scan: Scan) -> None:
    """Of all characters exactly those of the class are in no word, those of ASCII by the table and the others by the regex engine;
    and marks and joiners, when they stand alone."""
    gap = rf"[{scan.gap}{JOINED if scan.stray else ''}]"
    every = pl.Series([chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000])
    every = every.filter(every.str.to_lowercase() == every)
    _, counts = word_hashes(every, scan)
    assert ((counts == 0) == every.str.contains(gap).to_numpy()).all()


def test_long_words_are_read_to_their_end() -> None:
    """Words that differ only beyond the bytes that are read eight at a time have different hashes."""
    texts = ["x" * 5000, "x" * 4999 + "y", "x" * 5001, "x" * 512, "x" * 513, "x" * 8, "x" * 9, "x" * 16]
    hashes, counts = word_hashes(pl.Series(texts))
    assert counts.tolist() == [1] * len(texts)
    assert len(set(hashes.tolist())) == len(texts)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "cc", "Dd"]), max_size=6), max_size=20))
def test_sequences_are_equal_exactly_when_their_words_are(rows: list[list[str]]) -> None:
    """Two texts have the same sequence hash exactly when they have the same words in the same order."""
    hashes, counts = word_hashes(pl.Series([" ".join(row) for row in rows], dtype=pl.String))
    high, low = sequence_hashes(hashes, counts)
    seen: dict[tuple[str, ...], tuple[int, int]] = {}
    for row, key in zip(rows, zip(high.tolist(), low.tolist(), strict=True), strict=True):
        assert seen.setdefault(tuple(word.lower() for word in row), key) == key
    assert len(set(seen.values())) == len(seen)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "cc", "Dd", "dd", "x" * 8, "x" * 9, "Éß", "y" * 600, "y" * 601]), max_size=9), max_size=9))
def test_distinct_counts_distinct_words(rows: list[list[str]]) -> None:
    """`distinct` is the size of the set of a text's words, their hashes mixed or not."""
    texts = pl.Series([" ".join(row) for row in rows], dtype=pl.String)
    expected = [len({word.lower() for word in row}) for row in rows]
    assert distinct(*word_hashes(texts)).tolist() == distinct(*word_hashes(texts, mixed=False)).tolist() == expected
