"""Each fact measures what its manual says, on conversations of one line."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stages.annotate.conversations import values

WORDY = "one two three four five six seven eight"


@pytest.mark.parametrize(
    ("fact", "params", "conversation", "value"),
    [
        ("response_chars", {}, "u: Hi | a: Hello! | u: And? | a: Für", (3, 6)),
        ("prompt_chars", {}, "u: Hi | a: Hello! | u: And?", (2, 4)),
        ("words", {}, "u: one two | a: three", 3),
        ("words", {"where": "user"}, "u: one two | a: three", 2),
        ("turns", {}, "s: Be brief. | u: Hi | a: Hello!", 3),
        ("turns", {"where": "assistant"}, "s: Be brief. | u: Hi | a: Hello!", 1),
        ("has_system", {}, "s: Be brief. | u: Hi | a: Hello!", True),
        ("has_system", {}, "u: Hi | a: Hello!", False),
        ("response_prompt_ratio", {}, "u: four | a: eight888", 2.0),
        ("unique_word_ratio", {"min_words": 1}, "u: Hi | a: no No yes no", (0.5, 0.5)),
        ("unique_word_ratio", {}, "u: Hi | a: no no no no", (1.0, 1.0)),
        ("unique_word_ratio", {"min_words": 1}, "u: Hi | a: |1|2| |3|1| |1|2|", (2 / 3, 2 / 3)),
        ("phrases", {"patterns": ["as an AI"]}, "u: Hi | a: As an ai, I wait. As an AI.", 2),
        ("phrases", {"patterns": ["as an AI"], "ignore_case": False}, "u: as an AI | a: As an AI.", 0),
        ("phrases", {"patterns": ["^Hi$"], "where": "user"}, "u: Hi | a: Hi", 1),
        ("prompt_restated", {}, "u: What does the blue light mean? | a: what does the blue light mean? On.", True),
        ("prompt_restated", {}, "u: What does the blue light mean? | a: It is on.", False),
        ("prompt_restated", {}, "u: Why? | a: Why? Because.", False),
        ("ends_mid_sentence", {}, f"u: Count. | a: {WORDY} and", True),
        ("ends_mid_sentence", {}, f"u: Count. | a: {WORDY}.", False),
        ("ends_mid_sentence", {}, f"u: Count. | a: - {WORDY}", False),
        ("ends_mid_sentence", {}, "u: Go on. | a: " + "word - " * 200 + "and", True),  # a long line is not an item by its end
        ("ends_mid_sentence", {}, "u: Count. | a: one two", False),
        ("ends_mid_sentence", {}, f"u: Write. | a: {WORDY}. Yours sincerely, Ada Lovelace", False),
        ("ends_mid_sentence", {}, f"u: List. | a: {WORDY}, nine, ten, eleven", False),
        ("ends_mid_sentence", {}, f"u: Post. | a: {WORDY} #sunset", False),
        ("ends_mid_sentence", {}, f"u: Tell. | a: {WORDY} " + "#tag and more " * 60 + "and", True),
        ("ends_mid_sentence", {}, f"u: Tell. | a: {WORDY}. I sincerely hope that you will find the", True),
        # A passage of the prompt or a name is no half sentence, in whatever script; with a mark before it, it is one.
        ("ends_mid_sentence", {}, "u: Who? | a: the Roman Catholic Church and the Anglican Church of England", False),
        ("ends_mid_sentence", {}, "u: من؟ | a: الشركة العامة للسكك الحديدية في بغداد والبصرة والموصل وكركوك", False),
        ("ends_mid_sentence", {}, "u: من؟ | a: وصل القطار. ثم سافر الناس إلى بغداد والبصرة والموصل وكركوك مع", True),
        ("ends_mid_sentence", {}, "u: 谁 | a: 他说 今天 天气 很好 我们 去 公园 散步 吧 好", False),
        ("ends_mid_sentence", {}, f"u: Say. | a: He said “{WORDY}”", False),
        ("ends_mid_sentence", {}, "u: It stood about 3.5 km to the north of the old town hall bridge. Where? | a: about 3.5 km to the north of the old town hall bridge", False),
        ("ends_mid_sentence", {}, "u: Tell. | a: " + "the mill that stood there made flour for many years " * 3, True),
    ],
)
def test_a_fact_measures_what_its_manual_says(fact: str, params: dict[str, Any], conversation: str, value: Any) -> None:
    """The value for one conversation."""
    assert values(fact, conversation, **params) == [value]


@pytest.mark.parametrize("fact", ["words", "turns", "response_chars", "has_system"])
def test_a_fact_of_a_record_does_not_depend_on_its_company(fact: str) -> None:
    """Measured alone or among others, in any order: the same values."""
    some = ["u: Hi | a: Hello!", "s: Be brief. | u: one two | a: three", "u: Hi | a: "]
    together = values(fact, *some)
    assert together == [values(fact, one)[0] for one in some]
    assert together[::-1] == values(fact, *some[::-1])
