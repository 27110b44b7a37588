"""Swallow: white space that added tokens take is found by the bytes, as the offsets of `tokenizers` tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer

from datasetbuild.stages.render import TokenizerSpec, align, open_template, render
from datasetbuild.stages.render.swallow import WHITE, swallowed

Records = Callable[..., pl.DataFrame]

WHITES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2009\u2028\u2029\u202f\u205f\u3000"
NO_WHITES = "\x1c\x1f\u180e\u200b\u200d\ufeff"
texts = st.text(st.sampled_from(WHITES + NO_WHITES + "the AB,.é你"), max_size=12)


@pytest.fixture(scope="session")
def both_sides(byte_level: TokenizerSpec) -> TokenizerSpec:
    """A byte-level tokenizer whose turn tokens swallow white space on both sides, as those of Phi-4 do."""
    tokenizer = Tokenizer.from_str(byte_level.json)
    names = ("<|turn|>", "<|says|>", "<|over|>")
    tokenizer.add_special_tokens([AddedToken(name, lstrip=True, rstrip=True) for name in names])
    return TokenizerSpec("both", tokenizer.to_str(), special=byte_level.special)


@pytest.fixture(params=["sentence_piece", "both_sides"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[TokenizerSpec, str]]:
    spec: TokenizerSpec = request.getfixturevalue(request.param)
    marks = ("<|user|>", "<|assistant|>", "<|end|>") if request.param == "sentence_piece" else ("<|turn|>user<|says|>", "<|turn|>bot<|says|>", "<|over|>")
    text = (
        "{{% for m in messages %}}{{{{ '{}\\n' if m.role == 'user' else '{}\\n' }}}}"
        "{{{{ m.content ~ '{}\\n' }}}}{{% endfor %}}"
    ).format(*marks)
    (tmp_path / "own.jinja").write_text(text)
    yield spec, str(tmp_path / "own.jinja")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(st.tuples(texts, texts), min_size=1, max_size=6))
@example(said=[(" a ", " the\n"), ("b", "\n\nthe A"), ("", "é\u3000"), ("\x1cA", "\x1cthe")])
def test_by_bytes_and_by_offsets(said: list[tuple[str, str]], made: tuple[TokenizerSpec, str], records: Records) -> None:
    """The same tokens are trained, and the same rows refused, whether the bytes prove a row or the offsets of `tokenizers`."""
    spec, name = made
    frame = records([[("user", question), ("assistant", answer)] for question, answer in said])
    found = render(frame, spec=spec, params={}, template=open_template(name, spec, Path()))
    with mock.patch.object(align, "swallowed", return_value=None):
        other = render(frame, spec=spec, params={}, template=open_template(name, spec, Path()))
    assert found[0].equals(other[0])
    assert found[1].select("row", "reason").equals(other[1].select("row", "reason"))


def test_no_row_needs_offsets(sentence_piece: TokenizerSpec, both_sides: TokenizerSpec, tmp_path: Path, records: Records) -> None:
    """The bytes are enough for rows of which only white space is swallowed."""
    (tmp_path / "own.jinja").write_text("{% for m in messages %}<|end|>\n<|turn|> {{ m.content }}\n<|over|> {% endfor %}")
    frame = records([[("user", "the A"), ("assistant", "B  the")]])
    with mock.patch.object(align, "_by_offsets", side_effect=AssertionError("offsets were asked")):
        for spec in (sentence_piece, both_sides):
            rendered, held = render(frame, spec=spec, params={}, template=open_template(str(tmp_path / "own.jinja"), spec, Path()))
            assert (len(rendered), held.rows()) == (1, [])


@given(st.text(st.sampled_from(WHITES + NO_WHITES + "a"), max_size=8))
def test_white_space_is_rusts(text: str) -> None:
    """Unicode's white space, without the separators that Python counts too."""
    white = WHITE.match(text.encode())
    assert white is not None
    assert white.end() == len(text.encode()) - len(text.lstrip(WHITES).encode())


@pytest.mark.parametrize(("text", "found"), [("a<|b|>  c", [2]), ("a<|b|>c", [0]), ("a <|b|>c", None), ("a<|b|> d", None), ("a<|b|>  c ", None), ("a", None)])
def test_each_byte_is_compared(text: str, found: list[int] | None) -> None:
    """What else differs from the tokens is not taken for white space."""
    assert swallowed(text.encode(), b"a<|b|>c", [(1, 6, False, True)]) == found
