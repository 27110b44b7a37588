"""What a template's source says of its sight: blind ones give the text of the shape, and no look goes unseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasetbuild.errors import RecordError
from datasetbuild.stages import render as stage
from datasetbuild.stages.render import ChatTemplate, TokenizerSpec, jobs, open_template, render
from datasetbuild.stages.render.batch import Fragments, assemble
from datasetbuild.stages.render.joined import join_plain
from datasetbuild.stages.render.template import OURS, own_text
from tests.masks import matrix

Records = Callable[..., pl.DataFrame]
TEXT = st.text(st.sampled_from("ab <>/|1\n\té€{}[]\x1c\u2003\U0001f600"), max_size=8) | st.sampled_from(
    ["<tool_response>x</tool_response>", "<think>a</think>b", "</think>", "x</tool_response>", "user", "None", "/think"]
)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3)
TEMPLATES = matrix.FAMILIES | {f"ours/{name}": own_text(name) for name in OURS}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_blind_template_gives_the_text_of_the_shape(name: str, records: Records) -> None:
    """Whatever the contents: texts that are joined are what Jinja gives. All families of the matrix are blind."""
    _, spec = matrix.opened("chatml")
    template = ChatTemplate(TEMPLATES[name], spec, name=name)
    assert template.sight.blind

    @settings(max_examples=25, deadline=None)
    @given(PAIRS, st.none() | TEXT)
    def law(pairs: list[tuple[str, str]], system: str | None) -> None:
        turns = [] if system is None else [("system", system)]
        turns += [turn for pair in pairs for turn in zip(("user", "assistant"), pair, strict=True)]
        fragments = Fragments()
        groups, joined = join_plain(records([turns]), template, {"train_on": "all"}, fragments)
        if joined.all():
            messages: Any = [{"role": role, "content": content} for role, content in turns]
            assert assemble(groups, fragments).texts == [template.render(messages)]

    law()


@pytest.mark.parametrize("name", ["llama3_1", "qwen3", "gemma3", "deepseek_v3", "chatml"])
def test_foreign_templates_are_joined_as_they_are_rendered(name: str, records: Records) -> None:
    """The rows of a foreign template are the same, put together by columns or rendered one by one."""
    template, spec = matrix.opened(name)

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(PAIRS, min_size=1, max_size=4), st.sampled_from(["none", "per_turn"]), st.sampled_from([0.0, 0.5]))
    def law(conversations: list[Any], expansion: str, prompt_weight: float) -> None:
        talks = [[t for p in pairs for t in zip(("user", "assistant"), p, strict=True)] for pairs in conversations]
        frame, params = records(talks), {"expansion": expansion, "prompt_weight": prompt_weight}
        found = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jobs, "COMPARE_EVERY", 1)
            for one_by_one in (False, True):
                if one_by_one:
                    patch.setattr(stage, "join_plain", lambda *_: ([], np.zeros(len(frame), bool)))
                rows, held = render(frame, spec=spec, params=params, template=template)
                found.append((rows.to_dicts(), held.to_dicts()))
        assert found[0] == found[1]

    law()


LOOKS = {
    "length": "{{ m.content | length }}",
    "upper": "{{ m.content | upper }}",
    "replace": "{{ m.content | replace('a', 'b') }}",
    "split": "{{ m.content.split('a')[0] }}",
    "index": "{{ m.content[0] }}",
    "slice": "{{ m.content[1:] }}",
    "equal": "{% if m.content == 'a' %}x{% endif %}",
    "order": "{% if m.content < 'b' %}x{% endif %}",
    "in": "{% if 'a' in m.content %}x{% endif %}",
    "contained": "{% if m.content in 'abc' %}x{% endif %}",
    "starts": "{% if m.content.startswith('a') %}x{% endif %}",
    "ends": "{% if m.content.endswith('</b>') %}x{% endif %}",
    "strips letters": "{{ m.content.strip('ab') }}",
    "trims letters": "{{ m.content | trim('ab') }}",
    "test": "{% if m.content is eq('a') %}x{% endif %}",
    "loop": "{% for c in m.content %}{{ c }}-{% endfor %}",
    "whole message": "{{ m }}",
    "message as JSON": "{{ m | tojson }}",
    "list": "{{ messages }}",
    "in a list": "{{ [m.content] | first | upper }}",
    "joined": "{{ ['x', m.content] | join(',') | upper }}",
    "formatted": "{{ '%s' | format(m.content) | upper }}",
    "format": "{{ ('%s' % m.content) | upper }}",
    "items": "{% for k, v in m.items() %}{{ v | upper }}{% endfor %}",
    "key": "{% set k = 'content' %}{{ m[k] | upper }}",
    "get": "{{ m.get('content') | upper }}",
    "first": "{{ (messages | first).content | upper }}",
    "variable": "{% set c = m.content %}{{ c | upper }}",
    "joined variable": "{% set c = 'x' ~ m.content %}{{ c | upper }}",
    "namespace": "{% set n = namespace(c='') %}{% set n.c = m.content %}{{ n.c | upper }}",
    "namespace given": "{% set n = namespace(c=m.content) %}{{ n.c | upper }}",
    "macro": "{% macro f(c) %}{{ c | upper }}{% endmacro %}{{ f(m.content) }}",
    "macro by keyword": "{% macro f(c='') %}{{ c | upper }}{% endmacro %}{{ f(c=m.content) }}",
    "macro's output": "{% macro f(c) %}{{ c }}{% endmacro %}{{ f(m.content) | upper }}",
    "macro by another name": "{% macro f() %}{{ messages[0].content }}{% endmacro %}{% set g = f %}{{ g() | upper }}",
    "block": "{% set c %}{{ m.content }}{% endset %}{{ c | upper }}",
    "filter block": "{% filter upper %}{{ m.content }}{% endfilter %}",
    "condition": "{{ (m.content if loop.first else 'x') | upper }}",
    "or": "{{ (none or m.content) | upper }}",
    "and": "{{ (m.content and messages[0].content) | upper }}",
    "neighbour": "{{ loop.previtem.content | upper if loop.previtem is defined }}",
    "changed": "{{ 'x' if loop.changed(m.content) }}",
    "selected": "{{ messages | selectattr('content', 'equalto', 'a') | list | length }}",
    "mapped": "{{ messages | map(attribute='content') | join | upper }}",
    "raised": "{% if m.content | int %}{{ raise_exception('x') }}{% endif %}",
    "random": "{{ range(99) | random }}",
    "with": "{% with c = m.content %}{{ c | upper }}{% endwith %}",
    "scoped": "{% for k in [1] %}{% set c = m.content %}{% endfor %}{% if c is string %}{% else %}{{ m.content | upper }}{% endif %}",
    "tests of scope": "{% for k in [1] %}{% set c = m.content %}{% endfor %}{{ 'a' if c else m.content | upper }}",
    "dead only half": "{% if m.content is string and m.content == 'a' %}x{% endif %}",
    "two macros": "{% macro f(c) %}{{ c | upper }}{% endmacro %}{% macro f(d) %}{{ d }}{% endmacro %}{{ f(m.content) }}",
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_is_seen(name: str, byte_level: TokenizerSpec) -> None:
    """Every way by which a template could treat one text otherwise than another."""
    text = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}" + LOOKS[name] + "<|end|>{% endfor %}"
    assert not ChatTemplate(text, byte_level).sight.blind


PASSES = {
    "trim": "{{ '<|x|>' + m['content'] | trim + eos_token }}",
    "strip": "{{ ('\\n' ~ m.content).strip('\\n').rstrip() }}",
    "string": "{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}{{ c.text }}{% endfor %}{% endif %}",
    "not string": "{% if m.content is not string %}{{ m.content | length }}{% endif %}",
    "there": "{% if m.content is defined and m.content %}{{ m.content }}{% endif %}",
    "empty": "{% if m.content != '' %}{{ m.content }}{% endif %}",
    "member": "{% if 'content' in m and 'tool_calls' not in m %}{{ m.content }}{% endif %}",
    "role": "{{ m.role | upper }}{% if messages[loop.index0 - 1].role == 'user' %}x{% endif %}",
    "calls": "{% for call in m.tool_calls %}{{ call.function.name | tojson }}{% endfor %}",
    "reversed": "{% for k in messages[::-1] %}{{ k.content }}{% endfor %}{{ messages | length }}",
    "macro": "{% macro f(c, n=1) %}{{ n }}{{ c }}{% endmacro %}{{ f(m.content) ~ f(m.role, n=2) }}",
    "generation": "{% generation %}{{ m.content }}{% endgeneration %}",
}


@pytest.mark.parametrize("name", PASSES)
def test_what_depends_on_the_shape_alone_is_no_look(name: str, byte_level: TokenizerSpec) -> None:
    """What templates in use do with contents."""
    text = "{% for m in messages %}" + PASSES[name] + "{% endfor %}"
    assert ChatTemplate(text, byte_level).sight == (True, False)


@pytest.mark.parametrize("look", ["'</think>' in m.content", "m.content.startswith('<tool_response>')"])
def test_looks_that_plain_texts_answer_alike(look: str, byte_level: TokenizerSpec, records: Records) -> None:
    """They are let pass, and records whose texts answer otherwise go the slow way."""
    text = "{% for m in messages %}<|{{ m.role }}|>{{ 'y' if " + look + " else m.content }}<|end|>{% endfor %}"
    template = ChatTemplate(text, byte_level)
    assert template.sight == (True, True)
    talks = [
        ("a", "b"),
        ("a</think>", "b"),
        ("<tool_response>", "b"),
        (" <b", "b"),
        ("a", "<b"),
        ("a", "b</tool_response>"),
    ]
    frame = records([[("user", a), ("assistant", b)] for a, b in talks])
    _, joined = join_plain(frame, template, {}, Fragments())
    assert joined.tolist() == [True, False, False, False, False, True]


def test_ours_need_no_reading(byte_level: TokenizerSpec) -> None:
    """But what is read off their source is what is known of them."""
    for name in OURS:
        own = open_template(name, byte_level, Path())
        assert own.sight == ChatTemplate(own.text + "{# not ours #}", byte_level).sight


def test_a_template_that_raises_is_left_to_the_slow_way(byte_level: TokenizerSpec, records: Records) -> None:
    """It finds the words, and the other shapes are joined all the same."""
    text = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    )
    template = ChatTemplate(text, byte_level, name="mine")
    with pytest.raises(RecordError, match="no system"):
        template.render([{"role": "system", "content": "x"}])
    frame = records([[("system", "x"), ("user", "a"), ("assistant", "b")], [("user", "a"), ("assistant", "b")]])
    rows, held = render(frame, spec=byte_level, params={}, template=template)
    assert rows["row"].to_list() == [1]
    assert held.select("row", "reason", "detail").rows() == [(0, "template_error", "mine: no system")]
