"""Facts of form and ending say what their manuals say; what looks like it and is none does not count."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stages.annotate.conversations import values

FENCE = "```"
LONG = "one two three four five six seven eight"


@pytest.mark.parametrize(
    ("fact", "answer", "value"),
    [
        ("bullets", "- one\n* two\n  • three\n-four\n1. five", 3),
        ("bullets", f"{FENCE}diff\n- one\n+ two\n{FENCE}\n- three", 1),
        ("numbered_items", "1. one\n 2) two\n3.14 is pi\n2024 was a year", 2),
        ("headings", "# One\n### Two\n#three\n####### seven", 2),
        ("headings", f"{FENCE}sh\n# a comment\n{FENCE}", 0),
        ("tables", "a|b\n---|:---:\n1|2\n\n---\n", 1),
        ("bold", "**one** and **two words**, 2**3**4 and ** none **", 2),
        ("emoji", "fine 👍🏽 family 👨‍👩‍👧 flag 🇩🇪 heart ❤️ © 5 #", 4),
        ("code_blocks", f"{FENCE}py\n1\n{FENCE}\n{FENCE}\n2", 2),
        ("html_tags", f"<p>One &amp; <b>two</b></p><!-- x --> a < b <name> `<i>`\n{FENCE}html\n<div></div>\n{FENCE}", 6),
        ("html_tags", "List<String> and Tom & Jerry", 0),
        ("formatting", "plain *emphasis*", "plain"),
        ("formatting", "**bold**", "bold"),
        ("formatting", "1. one", "list"),
        ("formatting", "# Head\n- one", "headings"),
        ("formatting", f"# Head\n{FENCE}\n1\n{FENCE}", "code"),
        ("formatting", f"a|b\n--|--\n1|2\n{FENCE}\n1\n{FENCE}", "table"),
        ("ending", "It is done.", "sentence"),
        ("ending", 'He said "yes!" 🙂', "sentence"),
        ("ending", "完了しました。", "sentence"),
        ("ending", f"See:\n{FENCE}py\nx = 1\n{FENCE}", "code"),
        ("ending", f"See:\n{FENCE}py\nx = 1", "open_fence"),
        ("ending", "Two things:\n- one\n- two", "list"),
        ("ending", "Here they are:", "colon"),
        ("ending", "first one,", "comma"),
        ("ending", "first one -", "comma"),
        ("ending", "//--------", "other"),
        ("ending", f"{LONG} and", "letter"),
        ("ending", "That makes 42", "number"),
        ("ending", "https://example.org/a", "link"),
        ("ending", "  ", "empty"),
        ("ending", "x = f(1);", "other"),
    ],
)
def test_form(fact: str, answer: str, value: Any) -> None:
    """The value of one answer."""
    assert values(fact, f"u: Hi there | a: {answer}") == [value]


@pytest.mark.parametrize(
    ("answer", "broken"),
    [
        (f"{FENCE}py\nx\n{FENCE}", 0),
        (f"{FENCE}py\nx", 1),
        (f"{FENCE}`md\n{FENCE}py\nx\n{FENCE}\n{FENCE}`", 0),
        (f"{FENCE}md\n~~~\nx\n{FENCE}", 0),
        (f"Use {FENCE} to open a block.", 0),
        (f"- {FENCE}sh\n  ls\n  {FENCE}", 0),
        (f"{FENCE}a\n1\n{FENCE}\n{FENCE}b\n2", 1),
    ],
)
def test_broken_fences(answer: str, broken: int) -> None:
    """A block is closed by its own sign, as long or longer, alone on its line; longer fences hold shorter ones."""
    assert values("broken_fences", f"u: Hi | a: {answer}") == [broken]


@pytest.mark.parametrize(
    ("question", "answer", "invalid"),
    [
        ("Hi", f'{FENCE}json\n{{"a": 1}}\n{FENCE}', 0),
        ("Hi", f"{FENCE}json\n{{'a': 1}}\n{FENCE}", 1),
        ("Hi", f'{FENCE}JSON\n{{"a": 1}}\n{{"a": 2}}\n{FENCE}', 0),
        ("Hi", f"{FENCE}json\n\n{FENCE}", 1),
        ("Answer in JSON.", '{"a": 1}', 0),
        ("Answer in JSON.", '{"a": 1,}', 1),
        ("Return a valid JSON object with the name.", "{name: Ada}", 1),
        ("Answer in JSON.", f"Sure:\n{FENCE}\n[1, 2\n{FENCE}", 1),
        ("Reply only with JSON.", "The name is Ada.", 1),
        ("Answer in JSON.", f"{FENCE}python\nprint([1)\n{FENCE}", 0),
        ("What is JSON?", "{curly} braces around pairs.", 0),
        ("Hi", "[" * 5000, 0),
        ("Answer in JSON.", "[" * 5000, 1),
    ],
)
def test_invalid_json(question: str, answer: str, invalid: int) -> None:
    """JSON where it is fenced as such or asked for, and only there."""
    assert values("invalid_json", f"u: {question} | a: {answer}") == [invalid]


@pytest.mark.parametrize("fact", ["bullets", "formatting", "ending", "broken_fences", "invalid_json", "code_blocks"])
def test_an_answer_is_measured_alone_as_among_others(fact: str) -> None:
    """The company of a record changes nothing, and a record without an answer has a value."""
    some = ["u: Hi | a: - one", f"u: Answer in JSON | a: {FENCE}\n{{", "u: Hi | a: ", "s: Be brief. | u: Hi"]
    assert values(fact, *some) == [values(fact, one)[0] for one in some]
