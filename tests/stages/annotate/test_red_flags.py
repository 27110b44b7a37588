"""Red flags: counts of personal data, secrets and listed words, whatever the words are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

import datasetbuild.builtin  # noqa: F401
from datasetbuild.stages.annotate import annotate_frame, measure
from tests.stages.test_clean import records


def value(fact: str, *texts: str, **params: object) -> object:
    return measure(annotate_frame(records(list(texts))), fact, params)[0]["value"][0]


def test_pii_counts_kinds() -> None:
    """All kinds together, or those that a rule names."""
    texts = ("a@b.de and c@d.de, card 4111111111111111", "from 203.0.113.7")
    assert value("pii", *texts) == 4
    assert value("pii", *texts, kinds=["email"]) == 2
    assert value("secrets", *texts) == 0


@pytest.mark.parametrize(
    ("words", "text", "count"),
    [
        (["ass"], "class pass Ass. ASS", 2),
        (["c++"], "C++, c++20 and c", 2),
        (["data base"], "a data  base, a DATA\nbase", 2),
        (["傻瓜"], "你是傻瓜吗", 1),
        (["straße"], "Straße STRASSE", 1),
        (["a.b"], "axb a.b", 1),
        ([], "anything", 0),
        (["#tag", "(x)"], "a #tag (x)", 2),
    ],
)
def test_listed_words(words: list[str], text: str, count: int) -> None:
    """Whole words, phrases over any white space, scripts without blanks, and no pattern in them."""
    assert value("listed_words", text, "ok", words=words) == count


def test_listed_words_from_a_file(tmp_path: Path) -> None:
    """One a line, comments left out, thousands at once."""
    file = tmp_path / "words.txt"
    file.write_text("# outdated\nfoo\n\n" + "\n".join(f"word{n}" for n in range(3000)) + "\n")
    assert value("listed_words", "foo word2999 word30000", "outdated", file=str(file)) == 2
    assert value("listed_words", "foo", "Foo", file=str(file), where="assistant", ignore_case=False) == 0
