"""The text of a conversation is the same whether it is put together from its shape or rendered by Jinja."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.errors import RecordError
from datasetbuild.record import Message
from datasetbuild.stages.render import OURS, TokenizerSpec, open_template
from datasetbuild.stages.render.jobs import text_of

TEXT = st.text(st.sampled_from("ab <>/\n\té€{}[]\U0001f600"), min_size=1, max_size=12)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3)


@pytest.mark.parametrize("name", OURS)
def test_text_of_is_what_the_template_renders(name: str, byte_level: TokenizerSpec) -> None:
    """For every template of ours, with and without a system message: the same text, or the same refusal."""
    template = open_template(name, byte_level, Path())

    @settings(max_examples=40)
    @given(PAIRS, st.none() | TEXT)
    def law(pairs: list[tuple[str, str]], system: str | None) -> None:
        messages: list[Message] = [{"role": "system", "content": system}] if system else []
        for question, answer in pairs:
            messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        try:
            rendered = template.render(messages)
        except RecordError:
            with pytest.raises(RecordError):
                text_of(messages, None, template)
        else:
            assert text_of(messages, None, template) == rendered

    law()
