"""Put together by columns or one by one: the same rows, the same refusals, whatever the conversations hold."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasetbuild.stages import render as stage
from datasetbuild.stages.render import OURS, TokenizerSpec, jobs, joined, open_template, render, texts_of
from datasetbuild.stages.render.batch import WHOLE, Fragments, Group, assemble
from datasetbuild.stages.render.joined import BLANKS

Records = Callable[..., pl.DataFrame]
TEXT = st.text(st.sampled_from("ab <>/1\n\té€{}\x1c\u2003\U0001f600"), max_size=8) | st.sampled_from(
    ["<b>x</b>", "<think>a</think>b", "a<|im_end|>", "\u200b", "</think>"]
)
TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "user", "assistant", "tool"]), "content": TEXT},
    optional={"weight": st.sampled_from([0.0, 0.5, 1.0]), "name": st.just("Ann"), "reasoning_content": TEXT},
)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3).map(
    lambda pairs: [turn for pair in pairs for turn in zip(("user", "assistant"), pair, strict=True)]
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "train_on": st.sampled_from(["assistant", "last_assistant", "all"]),
        "expansion": st.sampled_from(["none", "per_turn"]),
        "prompt_weight": st.just(0.25),
        "control_tokens": st.sampled_from(["refuse", "allow"]),
    },
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(OURS),
    conversations=st.lists(PAIRS | st.lists(TURN, min_size=1, max_size=4), max_size=6),
    tools=st.sampled_from([None, "", "[]", '[{"type": "function", "function": {"name": "f"}}]']),
    params=PARAMS,
    pieces=st.booleans(),
)
def test_joined_rows_are_those_of_one_by_one(
    name: str,
    conversations: list[Any],
    tools: str | None,
    params: dict[str, Any],
    pieces: bool,
    byte_level: TokenizerSpec,
    sentence_piece: TokenizerSpec,
    records: Records,
) -> None:
    """For every template of ours, all settings, and tokenizers that spell bytes or lose white space."""
    spec = sentence_piece if pieces else byte_level
    frame = records(conversations, [tools, *[None] * len(conversations)][: len(conversations)])
    template = open_template(name, spec, Path())
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "OURS_EVERY", 1)
        for one_by_one in (False, True):
            if one_by_one:
                nothing = np.zeros(len(frame), bool)
                patch.setattr(stage, "join_plain", lambda *_, nothing=nothing: ([], nothing))
            tally: dict[str, int] = {}
            rows, held = render(frame, spec=spec, params=params, template=template, tally=tally)
            found.append((rows.to_dicts(), held.to_dicts(), tally))
    assert found[0] == found[1]


def test_plain_conversations_are_joined(byte_level: TokenizerSpec, records: Records) -> None:
    """The short way is taken by texts of any kind, and by nothing else."""
    plain = [
        [("user", "1. a"), ("assistant", "b")],
        [("user", " a\n"), ("assistant", "\u3000b\x1f")],
        [("system", "<s>"), ("user", "a"), {"role": "assistant", "content": "<b>", "weight": 0.5}],
    ]
    others = [
        [("user", "<b>"), ("assistant", "b")],
        [("user", "a"), ("assistant", "<think>b</think>c")],
        [("user", "a"), ("assistant", " ")],
        [("user", "a"), ("assistant", "")],
        [("wizard", "a"), ("assistant", "b")],
        [("user", "a"), {"role": "assistant", "content": "b", "reasoning_content": "c"}],
    ]
    template = open_template("chatml", byte_level, Path())
    _, taken = joined.join_plain(records(plain + others), template, {}, Fragments())
    assert taken.tolist() == [True] * len(plain) + [False] * len(others)
    _, taken = joined.join_plain(records(plain[:1] * 2, ["[1]", "[]"]), template, {}, Fragments(), [])
    assert taken.tolist() == [False, True]


def test_white_space_is_pythons() -> None:
    """What is cut off around a text by columns is what `str.strip` cuts off."""
    assert set(BLANKS) == {character for character in map(chr, range(sys.maxunicode + 1)) if character.isspace()}


def test_a_template_of_ours_that_looks_at_a_text_would_be_found_out(
    byte_level: TokenizerSpec, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the rows that are chosen for comparison, those whose text Jinja gives otherwise are refused; no others are."""
    monkeypatch.setattr(jobs, "OURS_EVERY", 2)
    frame = records([[("user", f"x{n}" if n % 2 else f"a{n}"), ("assistant", "b")] for n in range(64)])
    template = open_template("chatml", byte_level, Path())
    draw = type(template).draw
    changed = lambda self, messages, *args, **kwargs: (  # noqa: E731
        draw(self, [{**m, "content": m["content"].replace("x", "y")} for m in messages], *args, **kwargs)
    )
    monkeypatch.setattr(type(template), "draw", changed)
    rows, held = render(frame, spec=byte_level, params={}, template=template)
    assert set(held["reason"]) == {"mask_unproved"}
    assert all(row % 2 for row in held["row"])
    assert 8 < len(held) < 24
    assert len(rows) == 64 - len(held)


@pytest.mark.parametrize("name", OURS)
def test_texts_are_what_the_template_renders(name: str, byte_level: TokenizerSpec, records: Records) -> None:
    """In the order of the records, joined ones between others."""
    conversations = [[("user", f"{n}"), ("assistant", "b" if n % 3 else "<think>b</think>c é")] for n in range(20)]
    frame = records(conversations)
    template = open_template(name, byte_level, Path())
    expected = [template.render([{"role": r, "content": c} for r, c in turns]) for turns in conversations]
    assert texts_of(frame, template).to_list() == expected


HOSTILE = st.text(st.sampled_from("a \t\n\u3000\x85\u0301\u6f22\u200b\U0001f600\x1c\u2028é"), max_size=5) | st.just("\u2003".join("ab" * 5000))


@given(contents=st.lists(HOSTILE | st.none(), max_size=8))
def test_the_white_space_around_texts_is_found_by_their_first_and_last_bytes(contents: list[str | None]) -> None:
    """What is left are the texts that `str.strip` leaves, and their bytes."""
    cores, data, bounds = joined._cores(pl.Series("content", contents, dtype=pl.String))
    expected = [None if content is None else content.strip() for content in contents]
    assert cores.to_list() == expected
    assert [bytes(data[a:b]).decode() for a, b in pairwise(bounds.tolist())] == [core or "" for core in expected]


def test_rows_of_all_groups_come_in_the_order_of_records_and_turns() -> None:
    """Whatever the order of the groups; each row keeps its text, its group and its place there."""
    fragments = Fragments()
    first = fragments.add([b"a", "é".encode(), b"c", b""])
    groups = [
        Group(np.array([1, 4]), 3, first + np.array([[0, 1], [2, 2]])),
        Group(np.array([0]), WHOLE, first + np.array([[3]])),
        Group(np.array([1, 4]), 1, first + np.array([[1, 0], [1, 3]])),
    ]
    batch = assemble(groups, fragments)
    assert list(zip(batch.records, batch.turns, batch.texts, strict=True)) == [
        (0, WHOLE, ""),
        (1, 1, "éa"),
        (1, 3, "aé"),
        (4, 1, "é"),
        (4, 3, "cc"),
    ]
    assert batch.series.to_list() == batch.texts
    assert [places.tolist() for _, places in batch.groups] == [[2, 4], [0], [1, 3]]
    assert batch.group.tolist() == [1, 2, 0, 2, 0]
    assert assemble([], Fragments()).texts == []
