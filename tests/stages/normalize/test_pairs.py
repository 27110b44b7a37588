"""Laws of the formats with one question and one answer, and of tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.errors import RecipeError, RecordError
from datasetbuild.stages.normalize import templates
from datasetbuild.stages.normalize.templates import template

Turns = Callable[..., list[dict[str, Any]]]
Fault = Callable[..., tuple[str, str]]


def said(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in pairs]


@pytest.mark.parametrize(
    ("format", "row", "wanted"),
    [
        ("alpaca", {"instruction": "i", "input": "", "output": "o"}, said(("user", "i"), ("assistant", "o"))),
        ("alpaca", {"instruction": "i", "input": "x", "output": "o"}, said(("user", "i\n\nx"), ("assistant", "o"))),
        (
            "alpaca",
            {"instruction": "i", "input": None, "output": "o", "system": "s"},
            said(("system", "s"), ("user", "i"), ("assistant", "o")),
        ),
        (
            "alpaca",
            {"instruction": "i", "output": "o", "history": [["q", "a"]]},
            said(("user", "q"), ("assistant", "a"), ("user", "i"), ("assistant", "o")),
        ),
        ("prompt_completion", {"prompt": " p ", "completion": "c"}, said(("user", " p "), ("assistant", "c"))),
        (
            "prompt_completion",
            {"prompt": said(("system", "s"), ("user", "p")), "completion": said(("assistant", "c"))},
            said(("system", "s"), ("user", "p"), ("assistant", "c")),
        ),
        (
            "triple",
            {"system": "s", "instruction": "i", "response": "r"},
            said(("system", "s"), ("user", "i"), ("assistant", "r")),
        ),
        ("triple", {"system": "", "instruction": "i", "response": "r"}, said(("user", "i"), ("assistant", "r"))),
        ("faq_markdown", {"question": "q", "answer": "a", "section": "x"}, said(("user", "q"), ("assistant", "a"))),
    ],
)
def test_what_is_said_by_whom(turns: Turns, format: str, row: dict[str, Any], wanted: list[dict[str, str]]) -> None:
    """Each format puts its fields into turns as documented, the text as it stands."""
    assert turns(row, format=format) == wanted


@pytest.mark.parametrize(
    ("format", "row", "reason", "detail"),
    [
        (
            "alpaca",
            {"instruction": "i", "input": "x", "response": "o"},
            "missing_field",
            "row has no field 'output'; it has: instruction, input, response. Map it with columns: {output: response}.",
        ),
        ("alpaca", {"instruction": "", "input": "x", "output": "o"}, "empty_content", ""),
        ("alpaca", {"instruction": "i", "output": None}, "wrong_type", "output: expected a string, found null"),
        (
            "alpaca",
            {"instruction": "i", "output": "o", "history": [["q"]]},
            "wrong_type",
            "history[0]: expected [question, answer]",
        ),
        (
            "prompt_completion",
            {"prompt": "p", "completion": ["c"]},
            "wrong_type",
            "prompt: expected a string (or a list",
        ),
        ("prompt_completion", {"prompt": "p", "completion": " "}, "empty_content", "turn 2 (assistant)"),
        ("triple", {"instruction": "i", "response": "r"}, "missing_field", "no field 'system'"),
        ("faq_markdown", {"question": "q", "answer": ""}, "empty_content", "turn 2"),
    ],
)
def test_faults(fault: Fault, format: str, row: dict[str, Any], reason: str, detail: str) -> None:
    """A field that is not there is never guessed, and the detail says how to name it."""
    found = fault(row, format=format)
    assert found[0] == reason
    assert detail in found[1]


def test_columns_reach_into_rows(turns: Turns) -> None:
    """A dotted path goes through objects and lists; a column whose own name has a dot is found first."""
    row = {"instruction": "i", "instances": [{"input": "x", "output": "o"}], "a.b": "dotted"}
    assert (
        turns(row, format="alpaca", columns={"input": "instances.0.input", "output": "instances.0.output"})[0][
            "content"
        ]
        == "i\n\nx"
    )
    assert turns(row, format="alpaca", columns={"output": "a.b"})[1]["content"] == "dotted"


def test_a_misspelt_field_of_columns_is_a_recipe_fault(frames: Callable[..., Any]) -> None:
    """`columns` names fields of the format; another name is an error of the recipe, with the nearest one."""
    with pytest.raises(RecipeError, match="did you mean 'output'"):
        frames({}, format="alpaca", columns={"outptu": "response"})


TABLE = [
    {"role": "system", "content": "{{ tone }}"},
    {"role": "user", "content": "{{ subject }}\n\n{{ body }}"},
    {"role": "assistant", "content": "{{ reply }}"},
]


def test_tables_are_filled_in(turns: Turns, fault: Fault) -> None:
    """A template per turn; an empty system turn is left out; a missing column is a fault that says what there is."""
    row = {"tone": "", "subject": "s", "body": 5, "reply": "r"}
    assert turns(row, format="table", messages=TABLE) == said(("user", "s\n\n5"), ("assistant", "r"))
    reason, detail = fault({"tone": "", "subject": "s", "reply": "r"}, format="table", messages=TABLE)
    assert (reason, detail) == ("missing_field", "row has no field 'body'; it has: tone, subject, reply.")


@pytest.mark.parametrize(
    ("text", "row", "reason"),
    [
        ("{{ a }}", {"a": None}, "wrong_type"),
        ("{{ a.b }}", {"a": {"b": None}}, "wrong_type"),
        ("{{ a }}", {"a": [1]}, "wrong_type"),
        ("{{ a.items }}", {"a": {}}, "wrong_type"),
        ("{{ a.b }}", {"a": {}}, "missing_field"),
        ("{% if b %}x{% endif %}", {"a": 1}, "missing_field"),
        ("{{ 1 // a }}", {"a": 0}, "template_error"),
        ("{{ a.__class__.__mro__ }}", {"a": ""}, "template_error"),
        ("{% set _ = a.append(1) %}", {"a": []}, "template_error"),
        ("{{ range(999999999) | list }}", {}, "template_error"),
    ],
)
def test_what_a_template_may_not_do(text: str, row: dict[str, Any], reason: str) -> None:
    """Nulls and containers are not printed, nothing is changed, nothing is reached outside of the row."""
    with pytest.raises(RecordError) as caught:
        template(text, "x")(row)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "text", ["{{ a", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{{ [1] | random }}"]
)
def test_a_template_that_cannot_be_is_a_recipe_fault(text: str) -> None:
    """A template is checked when the recipe is, before any row: its syntax, and that it needs no file and no chance."""
    with pytest.raises(RecipeError, match=r"messages\.0\.content"):
        template(text, "messages.0.content")


def test_templates_print_json_as_it_is() -> None:
    """`tojson` gives plain JSON, not HTML; `default` and `or` fill gaps; `row` reaches names with blanks."""
    render = template('{{ a | tojson }}|{{ b | default("-") }}|{{ c or "" }}|{{ row["a b"] }}', "x")
    assert render({"a": {"x": "<é>"}, "c": None, "a b": "z"}) == '{"x": "<é>"}|-||z'


names = st.sampled_from(["a", "b", "row2", "loop_", "items"])
chunks = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="{}%#"), max_size=6)
    | names.map(lambda name: "{{ " + name + " }}"),
    max_size=6,
)


@given(
    chunks,
    st.fixed_dictionaries(
        {
            name: st.text(max_size=5) | st.integers() | st.floats() | st.booleans()
            for name in ("a", "b", "row2", "loop_", "items")
        }
    ),
)
def test_the_short_way_is_jinjas(parts: list[str], row: dict[str, Any]) -> None:
    """A template that never enters Jinja gives what Jinja gives."""
    text = "".join(parts)
    oracle = templates._environment().from_string(text)
    assert isinstance(oracle, jinja2.Template)
    assert template(text, "x")(row) == oracle.render(row)
