"""Render: trained spans are proved, or the record is in quarantine with the right reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from datasetbuild.record import quarantine_schema
from datasetbuild.stages.render import (
    ChatTemplate,
    TokenizerSpec,
    assistant_masks,
    encode,
    labels,
    open_template,
    render,
    render_schema,
    trained,
    truncate,
)

Records = Callable[..., pl.DataFrame]
UNMARKED = ["chatml", "llama2", "llama3", "gemma", "phi3", "thinking"]
END = {"chatml": "<|im_end|>", "llama2": "", "llama3": "<|eot_id|>", "gemma": "<end_of_turn>", "phi3": "<|end|>"}


def said(frame: pl.DataFrame, spec: TokenizerSpec) -> list[list[str]]:
    """What the trained tokens of each row decode to, span by span."""
    tokenizer = Tokenizer.from_str(spec.json)
    return [
        [tokenizer.decode(ids[a:b], skip_special_tokens=False) for a, b in zip(s[::2], s[1::2], strict=True)]
        for ids, s in frame.select("input_ids", "spans").iter_rows()
    ]


def ours(name: str, spec: TokenizerSpec) -> ChatTemplate:
    return open_template(name, spec, Path())


def test_the_masking_example(words: TokenizerSpec, records: Records) -> None:
    """Of the 13 tokens of the worked example, the last 6 are trained: the answer and </s>."""
    frame = records([[("user", "What is LoRA?"), ("assistant", "LoRA is a method.")]])
    rendered, held = render(frame, spec=words, params={}, template=ours("llama2", words))
    assert held.is_empty()
    assert rendered["tokens"].to_list() == [13]
    assert rendered["trained_tokens"].to_list() == [6]
    ids = rendered["input_ids"].to_list()[0]
    tokenizer = Tokenizer.from_str(words.json)
    assert [tokenizer.id_to_token(token) for token in ids[7:]] == ["LoRA", "is", "a", "method", ".", "</s>"]
    assert labels(trained(rendered["input_ids"], rendered["spans"])).to_list() == [[-100] * 7 + ids[7:]]
    assert assistant_masks(trained(rendered["input_ids"], rendered["spans"])).to_list() == [[0] * 7 + [1] * 6]


SHAPES: dict[str, list[Any]] = {
    "single": [("user", "Why?"), ("assistant", "Because.")],
    "multi": [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")],
    "system": [("system", "Be brief."), ("user", "Why?"), ("assistant", "Because.")],
    "consecutive users": [("user", "a"), ("user", "b"), ("assistant", "c")],
    "trailing user": [("user", "a"), ("assistant", "b"), ("user", "c")],
    "white space": [("user", " a\n"), ("assistant", "\n\n b  \n"), ("user", "\t"), ("assistant", "c ")],
    "repeated turns": [("user", "a"), ("assistant", "a"), ("user", "a"), ("assistant", "a")],
    "regex characters": [("user", r"(.*)[a-z]+\d$ {{ x }} {% raw %}"), ("assistant", r"^\1|(?P<n>$)\\")],
    "non-Latin": [("user", "안녕하세요"), ("assistant", "שלום, Übergröße, 你好。")],
    "emoji": [("user", "👩‍👩‍👧‍👦?"), ("assistant", "🎉é́ 🇩🇪"), ("user", "é"), ("assistant", "👍🏽")],
    "60 turns": [("user" if n % 2 == 0 else "assistant", f"turn {n // 4}") for n in range(60)],
    "empty answer": [("user", "a"), ("assistant", ""), ("user", "b"), ("assistant", "c")],
    "headers as text": [("user", "user\nassistant\n"), ("assistant", "assistant\nmodel\n[/INST] x")],
    "tags": [
        ("user", "<tool_response>x</tool_response>"),
        ("assistant", "<b>x</b>"),
        ("user", "<"),
        ("assistant", ">"),
    ],
}
REFUSED = {
    ("llama2", "consecutive users"): "template_error",
    ("gemma", "consecutive users"): "template_error",
    ("gemma", "system"): "template_error",
    ("our llama2", "consecutive users"): "template_error",
    ("our llama2", "headers as text"): "control_token",
    ("llama2", "headers as text"): "control_token",
}


@pytest.mark.parametrize("name", [*UNMARKED, "our chatml", "our llama2"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_proved_or_refused(
    name: str, shape: str, byte_level: TokenizerSpec, records: Records, family: Callable[[str], str]
) -> None:
    """The trained spans are the answers (trimmed where the template does) with their end token: one span a turn."""
    own = name.startswith("our ")
    template = ours(name[4:], byte_level) if own else ChatTemplate(family(name), byte_level, name=name)
    rendered, held = render(records([SHAPES[shape]]), spec=byte_level, params={}, template=template)
    if (name, shape) in REFUSED:
        assert held["reason"].to_list() == [REFUSED[name, shape]]
        return
    assert held.rows() == []
    answers = [content for role, content in SHAPES[shape] if role == "assistant"]
    spans = said(rendered, byte_level)[0]
    assert [bare(span, name) for span in spans] == [answer.strip() for answer in answers]
    end = END.get(name.removeprefix("our "), "<|im_end|>") or "</s>"
    assert name == "llama2" or all(span.endswith(end) for span in spans)


def bare(span: str, name: str) -> str:
    """A trained span without its end token and an injected, empty thought."""
    for token in ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "</s>"):
        span = span.removesuffix(token)
    return span.removeprefix("<think>\n\n</think>\n\n").strip()


@pytest.mark.parametrize("name", ["our chatml", "thinking"])
def test_tool_calls_are_trained_and_their_results_are_not(
    name: str, byte_level: TokenizerSpec, records: Records, family: Callable[[str], str], weather_call: str
) -> None:
    """An assistant's call is what the model writes, so it is trained; the tool's answer is not."""
    template = ours("chatml", byte_level) if name == "our chatml" else ChatTemplate(family(name), byte_level)
    call = {"role": "assistant", "content": "", "tool_calls": weather_call}
    result = {"role": "tool", "content": "dry", "tool_call_id": "c1"}
    rendered, held = render(
        records([[("user", "Rain?"), call, result, ("assistant", "No.")]]),
        spec=byte_level,
        params={},
        template=template,
    )
    assert held.rows() == []
    first, last = said(rendered, byte_level)[0]
    assert '{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call><|im_end|>' in first
    assert last.endswith("No.<|im_end|>")
    assert "dry" not in first + last


@pytest.mark.parametrize("what", ["tool_calls", "tool turn", "tools"])
def test_a_template_that_leaves_something_out_is_refused(
    what: str, byte_level: TokenizerSpec, records: Records, family: Callable[[str], str], weather_call: str
) -> None:
    """Phi-3's way of ignoring tools would train on another conversation than the record: quarantine, by name."""
    turns: list[Any] = [("user", "q"), ("assistant", "a")]
    turns += {
        "tool_calls": [{"role": "assistant", "content": "x", "tool_calls": weather_call}],
        "tool turn": [("tool", "dry")],
        "tools": [],
    }[what]
    tools = json.dumps([{"type": "function", "function": {"name": "weather"}}]) if what == "tools" else None
    template = ChatTemplate(family("phi3"), byte_level, name="phi3")
    _, held = render(records([turns], [tools]), spec=byte_level, params={}, template=template)
    assert held["reason"].to_list() == ["template_error"]
    assert "phi3 leaves" in held["detail"][0]


def test_thinking_that_a_template_strips_from_history(
    byte_level: TokenizerSpec, records: Records, family: Callable[[str], str]
) -> None:
    """What the template leaves of a turn is trained: the answer of an early turn, thought and answer of the last."""
    turns = [
        ("user", "q"),
        ("assistant", "<think>\nm\n</think>\n\na"),
        ("user", "r"),
        ("assistant", "<think>n</think>b"),
    ]
    template = ChatTemplate(family("thinking"), byte_level)
    rendered, _ = render(records([turns]), spec=byte_level, params={}, template=template)
    assert said(rendered, byte_level) == [["a<|im_end|>", "<think>\nn\n</think>\n\nb<|im_end|>"]]


def test_a_control_token_in_a_text_is_refused(byte_level: TokenizerSpec, records: Records, weather_call: str) -> None:
    """`<|im_end|>` in a text would become the token that ends the turn: the record is named, with the turn."""
    call = {"role": "assistant", "content": "x", "tool_calls": weather_call.replace("K\\u00f6ln", "\\u003c|user|>")}
    frame = records(
        [[("user", "a<|im_end|>b"), ("assistant", "x")], [("user", "a"), call], [("user", "a"), ("assistant", "b")]]
    )
    rendered, held = render(frame, spec=byte_level, params={}, template=ours("chatml", byte_level))
    assert rendered["row"].to_list() == [2]
    assert held["reason"].to_list() == ["control_token"] * 2
    assert held["detail"][0] == "turn 1 (user): its content holds the control token '<|im_end|>'"


def test_one_bad_record_does_not_stop_the_others(byte_level: TokenizerSpec, records: Records) -> None:
    """Conservation: every record is rendered or in quarantine, in order, with the declared columns."""
    frame = records(
        [[("user", "a"), ("assistant", "b")], [("wizard", "a")], [("user", "a")], [("user", "c"), ("assistant", "d")]]
    )
    rendered, held = render(frame, spec=byte_level, params={}, template=ours("chatml", byte_level))
    assert rendered.schema == pl.Schema(render_schema())
    assert held.schema == pl.Schema(quarantine_schema())
    assert rendered["row"].to_list() == [0, 3]
    assert held.select("row", "stage", "reason").rows() == [
        (1, "annotate", "template_error"),
        (2, "annotate", "mask_unproved"),
    ]
    assert held["raw"][0] == '[{"content":"a","role":"wizard"}]'


def test_broken_tools_are_a_fault_of_their_record(byte_level: TokenizerSpec, records: Records) -> None:
    """Tools that are no JSON concern one record, whatever raised."""
    turns = SHAPES["single"]
    rendered, held = render(
        records([turns, turns], ["{", None]), spec=byte_level, params={}, template=ours("chatml", byte_level)
    )
    assert rendered["row"].to_list() == [1]
    assert held["reason"].to_list() == ["operator_error"]


def test_no_records(byte_level: TokenizerSpec, records: Records) -> None:
    """An empty shard renders to empty frames."""
    rendered, held = render(records([]), spec=byte_level, params={}, template=ours("chatml", byte_level))
    assert rendered.schema == pl.Schema(render_schema())
    assert rendered.is_empty()
    assert held.is_empty()


@pytest.mark.parametrize(
    ("train_on", "expected"),
    [("assistant", ["b<|im_end|>", "d<|im_end|>"]), ("last_assistant", ["d<|im_end|>"])],
)
def test_what_is_trained(train_on: str, expected: list[str], byte_level: TokenizerSpec, records: Records) -> None:
    """All answers or the last one."""
    frame = records([SHAPES["multi"]])
    rendered, _ = render(frame, spec=byte_level, params={"train_on": train_on}, template=ours("chatml", byte_level))
    assert said(rendered, byte_level) == [expected]


def test_train_on_all(byte_level: TokenizerSpec, records: Records) -> None:
    """Every token is trained, also of a conversation without an answer."""
    frame = records([SHAPES["multi"], [("user", "a")]])
    rendered, held = render(frame, spec=byte_level, params={"train_on": "all"}, template=ours("chatml", byte_level))
    assert held.is_empty()
    assert rendered["tokens"].to_list() == rendered["trained_tokens"].to_list()


def test_a_turn_of_weight_0_is_not_trained(byte_level: TokenizerSpec, records: Records) -> None:
    """Weight 0 takes a turn out; a record with nothing left to train is refused."""
    silent = {"role": "assistant", "content": "b", "weight": 0.0}
    frame = records([[("user", "a"), silent, ("user", "c"), ("assistant", "d")], [("user", "a"), silent]])
    rendered, held = render(frame, spec=byte_level, params={}, template=ours("chatml", byte_level))
    assert said(rendered, byte_level) == [["d<|im_end|>"]]
    assert held["reason"].to_list() == ["mask_unproved"]


def test_a_template_that_looks_at_the_text_is_not_believed(byte_level: TokenizerSpec, records: Records) -> None:
    """Where a template treats one text otherwise than its shape, that row is not proved, and its neighbours are."""
    text = "{% for m in messages %}<|{{ m.role }}|>{{ m.content if 'x' not in m.content else 'y' }}<|end|>{% endfor %}"
    frame = records(
        [[("user", "a"), ("assistant", "b")], [("user", "x"), ("assistant", "b")], [("user", "c"), ("assistant", "d")]]
    )
    rendered, held = render(frame, spec=byte_level, params={}, template=ChatTemplate(text, byte_level))
    assert rendered["row"].to_list() == [0, 2]
    assert held.select("row", "reason").rows() == [(1, "mask_unproved")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "{% for m in messages %}{% generation %}{{ m.role + m.content }}{% endgeneration %}<|end|>{% endfor %}",
            "marks turn 1 .user. as generated",
        ),
        (
            "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
            "{% if add_generation_prompt %}<|system|>{% endif %}",
            "does not begin as",
        ),
    ],
)
def test_a_wrong_template_is_found_out(text: str, words: str, byte_level: TokenizerSpec, records: Records) -> None:
    """Marks around the user's text, a generation prompt that no turn begins with."""
    frame = records([[("user", "q"), ("assistant", "a")]])
    rendered, held = render(frame, spec=byte_level, params={}, template=ChatTemplate(text, byte_level))
    assert rendered.is_empty()
    assert held["reason"].to_list() == ["mask_unproved"]
    assert pl.Series([held["detail"][0]]).str.contains(words).item()


def test_marks_without_the_end_token_get_it(byte_level: TokenizerSpec, records: Records) -> None:
    """A template whose generation block forgets the end token would train a model that never stops."""
    text = (
        "{% for m in messages %}{{ '<|' + m.role + '|>' }}{% if m.role == 'assistant' %}"
        "{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}"
        "{{ '<|end|>' }}{% endfor %}"
    )
    frame = records([SHAPES["multi"]])
    rendered, _ = render(frame, spec=byte_level, params={}, template=ChatTemplate(text, byte_level))
    assert said(rendered, byte_level) == [["b<|end|>", "d<|end|>"]]


@pytest.mark.parametrize("name", ["phi3", "our chatml", "our llama2"])
def test_tokenizers_that_do_not_spell_bytes(
    name: str, sentence_piece: TokenizerSpec, records: Records, family: Callable[[str], str]
) -> None:
    """Where tokens swallow white space or lose it, offsets and decoding prove the row, beside rows that spell."""
    own = name.startswith("our ")
    template = ours(name[4:], sentence_piece) if own else ChatTemplate(family(name), sentence_piece)
    frame = records(
        [[("user", "hi there"), ("assistant", answer)] for answer in ("the\nthing", " über\n", "你好", "\n\nhey")]
    )
    rendered, held = render(frame, spec=sentence_piece, params={}, template=template)
    assert held.rows() == []
    assert [span.strip().split("<")[0].strip() for (span,) in said(rendered, sentence_piece)] == [
        "the\nthing",
        "über",
        "你好",
        "hey",
    ]


def test_an_unknown_word_is_not_proved(words: TokenizerSpec, records: Records) -> None:
    """Trained tokens that do not decode to the answer are refused, not trained as [UNK]."""
    frame = records([[("user", "What is LoRA?"), ("assistant", "LoRA is magic.")]])
    _, held = render(frame, spec=words, params={}, template=ours("llama2", words))
    assert held["detail"].to_list() == ["turn 2: the trained tokens decode to another text than its own"]


def test_a_token_that_swallows_white_space_of_a_text_is_refused(records: Records) -> None:
    """`</s>` of Phi-3 is no special token, and takes the blank behind it along: the model could not learn the text as it is."""
    from tokenizers import AddedToken, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE({letter: n for n, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken("</s>", rstrip=True), AddedToken("<b>", lstrip=True)])
    tokenizer.add_special_tokens(["<|user|>", "<|assistant|>", "<|end|>"])
    spec = TokenizerSpec("swallows", tokenizer.to_str())
    answers = ("a</s> b", "a</s>\nb", "a <b>", "a</s>b", "a<b> b")
    _, held = render(records([[("user", "q"), ("assistant", answer)] for answer in answers]), spec=spec, params={}, template=ours("phi3", spec))
    assert held["row"].to_list() == [0, 1, 2]
    assert held["detail"][0] == "turn 2 (assistant): its content holds the control token '</s> '"


def test_a_text_without_a_token_moves_no_other_mask(records: Records) -> None:
    """A normalizer may take all of a text away: that row is refused, and those beside it are as they are without it."""
    from tokenizers import Regex, models, normalizers

    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz :")}, []))
    tokenizer.normalizer = normalizers.Replace(Regex("é+:"), "")
    spec = TokenizerSpec("drops", tokenizer.to_str())
    template = ChatTemplate("{% for m in messages %}{{ m.content }}:{% endfor %}", spec)
    talks = [[("user", f"hi there{more}"), ("assistant", "yo")] for more in ("", "xx", "y")]
    alone, _ = render(records(talks), spec=spec, params={}, template=template)
    beside = records([talks[0], [("user", "éé"), ("assistant", "éééé")], *talks[1:]])
    found, held = render(beside, spec=spec, params={}, template=template)
    assert held["row"].to_list() == [1]
    assert found.drop("row").equals(alone.drop("row"))


class Sloppy:
    """A fast tokenizer that spells the last text otherwise: with one token too few."""

    def __init__(self, fast: Any) -> None:
        self.fast = fast

    def encode_batch_flat(self, texts: list[str]) -> tuple[bytes, bytes]:
        return self.fast.encode_batch_flat([*texts[:-1], texts[-1][:-2]])


def test_a_sloppy_fast_tokenizer_is_found_out(
    byte_level: TokenizerSpec, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the sample misses it: ids that do not spell their text send the batch to the oracle."""
    frame = records([SHAPES["single"], SHAPES["multi"], SHAPES["emoji"]])
    template = ours("chatml", byte_level)
    right, _ = render(frame, spec=byte_level, params={}, template=template)
    loaded = encode.encoder(byte_level)
    monkeypatch.setattr(loaded, "fast", Sloppy(loaded.fast))
    monkeypatch.setattr(loaded, "together", True)
    monkeypatch.setattr(encode, "sample", lambda texts: [])
    warnings: list[str] = []
    given, _ = render(frame, spec=byte_level, params={}, template=template, warnings=warnings)
    assert given.equals(right)
    assert "differ" in warnings[0]


@pytest.mark.parametrize("spec_name", ["byte_level", "sentence_piece"])
def test_the_company_of_a_record_changes_nothing(
    spec_name: str, records: Records, family: Callable[[str], str], request: pytest.FixtureRequest
) -> None:
    """A record renders to the same row alone, in any shard, before or after any other."""
    spec = request.getfixturevalue(spec_name)
    frame = records(list(SHAPES.values()) * 2)
    template = ChatTemplate(family("chatml"), spec)
    whole, held = render(frame, spec=spec, params={}, template=template)
    parts = [
        render(frame[at : at + 1], spec=spec, params={}, template=ChatTemplate(family("chatml"), spec))
        for at in range(len(frame))
    ]
    assert pl.concat([part for part, _ in parts[::-1]]).sort("row").equals(whole)
    assert pl.concat([part for _, part in parts]).equals(held)


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(str.strip)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), min_size=1, max_size=4),
    st.sampled_from(["our chatml", *UNMARKED]),
)
def test_trained_tokens_are_the_answers(
    byte_level: TokenizerSpec, records: Records, family: Callable[[str], str], conversations: Any, name: str
) -> None:
    """Random conversations: trained spans decode to the answers and end tokens, in order, or the row is in quarantine
    because its text holds a control token."""
    own = name.startswith("our ")
    template = ours("chatml", byte_level) if own else ChatTemplate(family(name), byte_level)
    turns = [
        [(role, text) for pair in pairs for role, text in zip(("user", "assistant"), pair, strict=True)]
        for pairs in conversations
    ]
    rendered, held = render(records(turns), spec=byte_level, params={}, template=template)
    assert set(held["reason"]) <= {"control_token"}
    for row, spans in zip(rendered["row"], said(rendered, byte_level), strict=True):
        assert [bare(span, name) for span in spans] == [answer.strip() for _, answer in conversations[row]]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=6)), max_size=6), st.integers(1, 14)
)
def test_labels_and_truncation_follow_the_spans(rows: Any, limit: int) -> None:
    """Token i has its id as label exactly when a span holds it, before and after truncation."""
    lengths = [length for length, _ in rows]
    marks = [sorted({min(at, length) for at in points}) for length, points in rows]
    marks = [points[: len(points) // 2 * 2] for points in marks]
    ids = pl.Series("input_ids", [list(range(5, 5 + n)) for n in lengths], pl.List(pl.Int32))
    spans = pl.Series("spans", marks, pl.List(pl.UInt32))
    for shown, kept in ((100, (ids, spans)), (limit, truncate(ids, spans, limit))):
        expected = [
            [
                n + 5 if any(a <= n < b for a, b in zip(m[::2], m[1::2], strict=True)) else -100
                for n in range(min(length, shown))
            ]
            for length, m in zip(lengths, marks, strict=True)
        ]
        assert labels(trained(*kept)).to_list() == expected
        assert assistant_masks(trained(*kept)).to_list() == [[int(label != -100) for label in row] for row in expected]
