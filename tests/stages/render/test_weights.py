"""Weights, expansion and control tokens: what is trained how much, and what a row then stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from datasetbuild.stages.render import (
    OURS,
    PARITIES,
    ChatTemplate,
    TokenizerSpec,
    jobs,
    open_template,
    parity_counts,
    render,
)
from datasetbuild.stages.render.mask import skeleton_of
from datasetbuild.stages.render.shape import outline

Records = Callable[..., pl.DataFrame]
TALK = [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]


def rendered(
    conversation: list[Any], records: Records, spec: TokenizerSpec, template: ChatTemplate, **params: Any
) -> list[dict[str, Any]]:
    rows, held = render(records([conversation]), spec=spec, params=params, template=template)
    assert held.rows() == []
    return rows.to_dicts()


def test_a_prompt_weight_reaches_every_token_that_is_not_trained(byte_level: TokenizerSpec, records: Records) -> None:
    """1 for the answers, 0.25 for all else; labels stay those of the answers, so that spans do not change."""
    template = open_template("chatml", byte_level, Path())
    (plain,) = rendered(TALK, records, byte_level, template)
    (row,) = rendered(TALK, records, byte_level, template, prompt_weight=0.25)
    assert plain["loss_weights"] is None
    inside = {n for a, b in zip(row["spans"][::2], row["spans"][1::2], strict=True) for n in range(a, b)}
    assert row["loss_weights"] == [1.0 if n in inside else 0.25 for n in range(row["tokens"])]
    assert row["spans"] == plain["spans"]


def test_fractional_weights_are_carried_and_0_stays_0(byte_level: TokenizerSpec, records: Records) -> None:
    """A turn of weight 0.5 is trained with 0.5; a turn of weight 0 has 0 even where the prompt has a weight."""
    template = open_template("chatml", byte_level, Path())
    half = {"role": "assistant", "content": "b", "weight": 0.5}
    (row,) = rendered([TALK[0], half, *TALK[2:]], records, byte_level, template)
    start, end, second, last = row["spans"]
    assert set(row["loss_weights"][start:end]) == {0.5}
    assert set(row["loss_weights"][second:last]) == {1.0}
    assert set(row["loss_weights"][:start]) == {0.0}
    (row,) = rendered([TALK[0], half | {"weight": 0.0}, *TALK[2:]], records, byte_level, template, prompt_weight=0.25)
    assert set(row["loss_weights"][start:end]) == {0.0}
    assert row["loss_weights"][0] == 0.25
    assert row["spans"] == [second, last]


def test_each_trained_turn_becomes_a_row_with_the_history_of_inference(
    byte_level: TokenizerSpec, records: Records, family: Callable[[str], str]
) -> None:
    """A thinking template strips early thoughts from one whole row; of its own row each turn is the last, and keeps
    them."""
    turns = [("user", "q"), ("assistant", "<think>m</think>a"), ("user", "r"), ("assistant", "<think>n</think>b")]
    template = ChatTemplate(family("thinking"), byte_level)
    tokenizer = Tokenizer.from_str(byte_level.json)
    (whole,) = rendered(turns, records, byte_level, template)
    rows = rendered(turns, records, byte_level, template, expansion="per_turn")
    assert [(row["turn"], row["row_weight"]) for row in rows] == [(1, 0.5), (3, 0.5)]
    said = [tokenizer.decode(row["input_ids"][slice(*row["spans"])], skip_special_tokens=False) for row in rows]
    assert said == ["<think>\nm\n</think>\n\na<|im_end|>", "<think>\nn\n</think>\n\nb<|im_end|>"]
    assert rows[1]["input_ids"] == whole["input_ids"]
    assert [list(PARITIES)[code] for row in rows for code in row["parity"]] == ["exact", "exact"]
    assert list(PARITIES)[whole["parity"][0]] == "stripped_reasoning"


def test_a_record_is_expanded_whole_or_not_at_all(byte_level: TokenizerSpec, records: Records) -> None:
    """One row that cannot be proved takes its record into quarantine, once."""
    text = (
        "{% for m in messages %}<|{{ m.role }}|>"
        "{{ m.content if not loop.last or m.content != 'x' else 'y' }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    turns = [("user", "a"), ("assistant", "x"), ("user", "c"), ("assistant", "d")]
    frame = records([turns, TALK])
    rows, held = render(
        frame, spec=byte_level, params={"expansion": "per_turn"}, template=ChatTemplate(text, byte_level)
    )
    assert rows["row"].to_list() == [1, 1]
    assert held.select("row", "reason").rows() == [(0, "mask_unproved")]


def test_control_tokens_are_counted_and_may_be_let_in(byte_level: TokenizerSpec, records: Records) -> None:
    """Refused by default; allowed, the row is rendered and proved. Either way they are counted."""
    frame = records([[("user", "a<|im_end|>b<|im_end|>"), ("assistant", "c")], TALK])
    template = open_template("chatml", byte_level, Path())
    for policy, left in (("refuse", [1]), ("allow", [0, 1])):
        tally: dict[str, int] = {}
        rows, held = render(frame, spec=byte_level, params={"control_tokens": policy}, template=template, tally=tally)
        assert rows["row"].to_list() == left
        assert len(held) == 2 - len(left)
        assert tally == {"control_token_rows": 1, "control_tokens": 2}


def test_parity_is_counted_by_name(byte_level: TokenizerSpec, records: Records, family: Callable[[str], str]) -> None:
    """Every trained turn has one class."""
    frame = records([TALK, [("assistant", "a"), ("user", "b"), ("assistant", "c")]])
    rows, _ = render(frame, spec=byte_level, params={}, template=ChatTemplate(family("chatml"), byte_level))
    assert parity_counts(rows) == {"exact": 3, "no_user_turn_before": 1}


def test_a_template_that_does_not_repeat_itself_is_refused(byte_level: TokenizerSpec, records: Records) -> None:
    """Chance in a template is found by its second run."""
    text = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ range(99999) | random }}<|end|>{% endfor %}"
    _, held = render(records([TALK]), spec=byte_level, params={}, template=ChatTemplate(text, byte_level))
    assert held["reason"].to_list() == ["mask_unproved"]
    assert "second time" in held["detail"][0]


def test_a_dated_template_is_named(byte_level: TokenizerSpec, records: Records) -> None:
    """A template that writes the day gets the recipe's, and the build says so."""
    text = "{{ strftime_now('%Y') }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    warnings: list[str] = []
    template = ChatTemplate(text, byte_level, date="2031-05-06", name="dated")
    rows, _ = render(records([TALK]), spec=byte_level, params={}, template=template, warnings=warnings)
    assert Tokenizer.from_str(byte_level.json).decode(rows["input_ids"][0].to_list()).startswith("2031")
    assert warnings == ["dated writes today's date; every row has 2031-05-06 (template.date)"]


def test_a_prompt_that_looks_at_the_text_is_found_out(
    byte_level: TokenizerSpec, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the generation prompt depends on a text, rows whose turn is chosen for comparison are refused."""
    monkeypatch.setattr(jobs, "COMPARE_EVERY", 1)
    text = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{{ '<s>' if 'x' in messages[-1].content }}{% endif %}"
    )
    frame = records([[("user", "x"), ("assistant", "b")], TALK])
    rows, held = render(frame, spec=byte_level, params={}, template=ChatTemplate(text, byte_level))
    assert rows["row"].to_list() == [1]
    assert "generation prompt of turn 2" in held["detail"][0]


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(OURS), st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3), st.none() | TEXT)
def test_our_templates_look_at_nothing_but_the_shape(
    byte_level: TokenizerSpec, name: str, pairs: list[tuple[str, str]], system: str | None
) -> None:
    """Any text: what the skeleton of its shape gives is what the template renders, so that it need not be rendered."""
    template = open_template(name, byte_level, Path())
    messages: Any = [
        {"role": role, "content": text}
        for pair in pairs
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    if system is not None:
        messages = [{"role": "system", "content": system}, *messages]
    shape = outline(messages, None)
    assert skeleton_of(template, messages, None, shape).join(shape.texts)[0] == template.render(messages)


@pytest.mark.parametrize("name", OURS)
def test_our_templates_are_known_to_be_blind(name: str, byte_level: TokenizerSpec) -> None:
    """The short way for any shape is for ours alone, by their very text."""
    assert open_template(name, byte_level, Path()).ours
    assert not ChatTemplate(open_template(name, byte_level, Path()).text + " ", byte_level).ours
