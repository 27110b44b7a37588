"""The mask matrix holds: what is proved is right by an independent judge, what is refused is refused for its own
reason."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from datasetbuild.errors import RecordError
from datasetbuild.stages.render import ChatTemplate, TokenizerSpec, resolve
from tests.masks import matrix
from tests.masks.oracle import judge
from tests.masks.shapes import DECLARED, SHAPES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "reference" / "masks.md"
REAL = Path(os.environ.get("DSBUILD_REAL_TOKENIZERS", ROOT.parent / "shared" / "data" / "tokenizers"))
UNPROVED = {
    "glm4": "nothing ends turn|cannot be told",
    "olmo1": "nothing ends turn",
    "header_marked": "inside the generation prompt",
}
"""Families with a mask that cannot be right, and why."""


@pytest.mark.parametrize("family", matrix.families())
def test_a_mask_is_right_or_refused(family: str) -> None:
    """Every shape: the trained tokens are the ones that brute force finds, or the row is refused with the right
    reason."""
    template, spec = matrix.opened(family)
    check(template, spec, matrix.stops(family), UNPROVED.get(family))


def check(template: ChatTemplate, spec: TokenizerSpec, stops: tuple[str, ...], unproved: str | None) -> None:
    tokenizer = Tokenizer.from_str(spec.json)
    for shape, messages in SHAPES.items():
        outcome, said, rows = matrix.cell(template, spec, shape)
        if outcome == "proved":
            assert judge(template, tokenizer, messages, DECLARED.get(shape), rows[0], stops) == [], shape
        elif outcome == "control_token":
            assert any(token in str(messages) for token in template.control), shape
        elif outcome == "template_error":
            assert loses(template, shape), (shape, said)
        else:
            assert outcome == "mask_unproved"
            assert unproved, (shape, said)
            assert re.search(unproved, said), (shape, said)


def loses(template: ChatTemplate, shape: str) -> bool:
    """Whether a template raises on a shape, or leaves out a text, a call or the tools."""
    tools = DECLARED.get(shape)
    try:
        text = template.render(SHAPES[shape], tools)  # type: ignore[arg-type]
    except RecordError:
        return True
    contents = [message["content"] for message in SHAPES[shape]]
    called = ["weather"] if tools or "tool_calls" in str(SHAPES[shape]) else []
    return any(part.strip() not in text for part in (*contents, *called))


def test_the_matrix_is_wide_enough() -> None:
    """At least 24 templates of different families, each saying where its behaviour is documented, on at least 14
    shapes."""
    assert len(matrix.FAMILIES) >= 24
    assert len(SHAPES) >= 14
    assert [
        name for name, text in matrix.FAMILIES.items() if not re.match(r"\{#- Family: .*Documented:\s", text, re.DOTALL)
    ] == []


@pytest.mark.parametrize("family", [name for name in matrix.families() if name.startswith("ours/")])
def test_ours_carry_or_raise(family: str) -> None:
    """A template of ours loses nothing: it proves a shape with parity `exact`, or the tokenizer joins a boundary, or
    it raises."""
    template, spec = matrix.opened(family)
    for shape in SHAPES:
        outcome, said, _ = matrix.cell(template, spec, shape)
        assert outcome in ("proved", "template_error", "control_token"), (shape, said)
        assert outcome != "proved" or set(said.split(", ")) <= {"exact", "boundary_merge"}, (shape, said)
        assert outcome != "template_error" or "leaves" not in said, (shape, said)


def test_the_table_of_the_docs_is_current() -> None:
    """docs/reference/masks.md shows what the matrix gives now; `python -m tests.masks.matrix` writes it."""
    assert matrix.table() in DOCS.read_text("utf-8")


def real(name: str, stop: str) -> object:
    there = (REAL / name / "tokenizer_config.json").is_file()
    return pytest.param(
        name, stop, marks=pytest.mark.skipif(not there, reason=f"no {name} in DSBUILD_REAL_TOKENIZERS"), id=name
    )


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "stop"),
    [
        real("phi-3-mini", "<|end|>"),
        real("minimind", "<|im_end|>"),
        real("qwen2.5-config-only", "<|im_end|>"),
        real("qwen3-config-only", "<|im_end|>"),
        real("phi-4-config-only/phi-4-mini", "<|end|>"),
        real("phi-4-config-only/phi-4-base", "<|im_end|>"),
    ],
)
def test_real_templates(name: str, stop: str) -> None:
    """The same for the templates that models come with; those without a tokenizer.json get the one of the matrix."""
    template, spec = opened_real(name)
    check(template, spec, (stop,), None)


def opened_real(name: str) -> tuple[ChatTemplate, TokenizerSpec]:
    import orjson

    if (REAL / name / "tokenizer.json").is_file():
        spec = resolve(name, None, REAL)
        return ChatTemplate(spec.chat_template or "", spec, name=name), spec
    config = orjson.loads((REAL / name / "tokenizer_config.json").read_bytes())
    special = {
        key: token["content"] if isinstance(token, dict) else token
        for key, token in config.items()
        if key.endswith("_token") and token
    }
    special = {key: token for key, token in special.items() if isinstance(token, str)}
    added = sorted(token["content"] for token in config.get("added_tokens_decoder", {}).values())
    spec = TokenizerSpec(name, matrix.tokenizer_json(tuple(added)), special=special)
    return ChatTemplate(config["chat_template"], spec, name=name), spec
