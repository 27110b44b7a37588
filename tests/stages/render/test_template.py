"""Chat templates: the worked examples to the character, and equality with transformers."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from datasetbuild.errors import BuildError, RecordError
from datasetbuild.op import find
from datasetbuild.stages.render import OURS, ChatTemplate, TokenizerSpec, open_template
from datasetbuild.stages.render.environment import run
from datasetbuild.stages.render.template import as_template_sees

LORA = [
    {"role": "system", "content": "You answer in one sentence."},
    {"role": "user", "content": "Why does bread rise?"},
    {"role": "assistant", "content": "Yeast makes gas, and gluten holds it."},
    {"role": "user", "content": "How long?"},
    {"role": "assistant", "content": "About two hours."},
]
TOOLS = json.dumps([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}])
FAMILIES = ["chatml", "llama2", "llama3", "gemma", "phi3", "thinking"]


def turns(*pairs: tuple[str, str]) -> list[Any]:
    return [{"role": role, "content": content} for role, content in pairs]


def test_llama2_is_rendered_to_the_character(byte_level: TokenizerSpec) -> None:
    """Each pair stands in its own <s>...</s>; the system prompt inside the first [INST], an empty line after it."""
    assert open_template("llama2", byte_level, Path()).render(LORA) == (
        "<s>[INST] <<SYS>>\nYou answer in one sentence.\n<</SYS>>\n\nWhy does bread rise? [/INST] "
        "Yeast makes gas, and gluten holds it. </s><s>[INST] How long? [/INST] About two hours. </s>"
    )


def test_chatml_is_rendered_to_the_character(byte_level: TokenizerSpec) -> None:
    """Every turn is <|im_start|>role, a line break, the text as it is, <|im_end|>, a line break."""
    assert open_template("chatml", byte_level, Path()).render(LORA) == (
        "<|im_start|>system\nYou answer in one sentence.<|im_end|>\n<|im_start|>user\nWhy does bread rise?<|im_end|>\n"
        "<|im_start|>assistant\nYeast makes gas, and gluten holds it.<|im_end|>\n"
        "<|im_start|>user\nHow long?<|im_end|>\n<|im_start|>assistant\nAbout two hours.<|im_end|>\n"
    )


@pytest.mark.parametrize("name", ["chatml", "llama2"])
def test_the_marks_of_our_templates_hold_the_answer_and_the_end_token(name: str, byte_level: TokenizerSpec) -> None:
    """Generation covers each answer and its end token (LLaMA-2: and the blanks around, which the model writes too)."""
    text, marks = open_template(name, byte_level, Path()).draw(LORA)
    start, end = ("", "<|im_end|>") if name == "chatml" else (" ", " </s>")
    assert [text[a:b] for a, b in marks or []] == [f"{start}{LORA[turn]['content']}{end}" for turn in (2, 4)]


def test_chatml_carries_thinking_tool_calls_and_results(byte_level: TokenizerSpec, weather_call: str) -> None:
    """Thinking, calls, results and names are written, in a fixed way; nothing is dropped."""
    messages = [
        *turns(("user", "Rain?")),
        {"role": "assistant", "content": "", "reasoning_content": "look it up", "tool_calls": weather_call},
        {"role": "tool", "content": "dry", "name": "weather", "tool_call_id": "c1"},
    ]
    assert (
        open_template("chatml", byte_level, Path())
        .render(messages)
        .endswith(
            "<|im_start|>assistant\n<think>\nlook it up\n</think>\n\n"
            '<tool_call>\n{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call><|im_end|>\n'
            "<|im_start|>tool name=weather\ndry<|im_end|>\n"
        )
    )


@pytest.mark.parametrize(
    ("name", "messages", "words"),
    [
        ("llama2", turns(("user", "a"), ("system", "b")), "turn 2 is of role system"),
        ("llama2", turns(("user", "a"), ("user", "b")), "turn 2 is of role user"),
        ("llama2", turns(("assistant", "a")), "turn 1 is of role assistant"),
        ("llama2", turns(("system", "a")), "there is none"),
        (
            "llama2",
            [*turns(("user", "a")), {"role": "assistant", "content": "b", "reasoning_content": "c"}],
            "no place",
        ),
        ("chatml", turns(("narrator", "a")), "no role narrator"),
        ("chatml", [{"role": "assistant", "content": "a", "name": "Bo"}], "with a name"),
        ("chatml", [{"role": "user", "content": "a", "reasoning_content": "b"}], "only an assistant turn"),
    ],
)
def test_what_a_template_cannot_carry_is_refused(
    name: str, messages: Any, words: str, byte_level: TokenizerSpec
) -> None:
    """Our templates raise on what their format has no place for; they never leave it out."""
    with pytest.raises(RecordError, match=words) as caught:
        open_template(name, byte_level, Path()).render(messages)
    assert caught.value.reason == "template_error"


class Given:
    """A message as Oumi hands it over (pydantic's models): fields as attributes, and pairs of name and value when iterated."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = {"name": None, "tool_calls": None, "tool_call_id": None, "reasoning_content": None, **fields}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["fields"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __iter__(self) -> Any:
        return iter(self.fields.items())


@pytest.mark.parametrize("name", OURS)
def test_messages_may_be_objects(name: str, byte_level: TokenizerSpec, weather_call: str) -> None:
    """A trainer that gives a template objects in the place of mappings gets the same text, tool calls included."""
    plain = turns(("system", "s"), ("user", "q"), ("assistant", "a"))
    call = {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": weather_call}
    result = {"role": "tool", "content": "dry", "name": "weather", "tool_call_id": "c1"}
    for messages in [plain, *([[*plain, *plain[1:2], call, result]] if name == "chatml" else [])]:
        seen = [as_template_sees(message) for message in messages]
        objects = [Given({k: [Given(c) for c in v] if k == "tool_calls" else v for k, v in one.items()}) for one in seen]
        compiled = open_template(name, byte_level, Path())._compiled[0]
        texts = [run(compiled, {**byte_level.special, "messages": form})[0] for form in (seen, objects)]
        assert texts[0] == texts[1]
        assert all(str(message["content"]) in texts[0] for message in messages)


def test_tool_results_in_another_order_than_their_calls_are_refused(byte_level: TokenizerSpec) -> None:
    """ChatML writes no call ids, so that results must answer the calls in order."""
    calls = json.dumps([{"id": n, "function": {"name": "f", "arguments": "{}"}} for n in "ab"])
    messages: list[Any] = [*turns(("user", "q")), {"role": "assistant", "content": "", "tool_calls": calls}]
    results = [{"role": "tool", "content": n, "tool_call_id": n} for n in "ab"]
    template = open_template("chatml", byte_level, Path())
    assert template.render([*messages, *results])
    with pytest.raises(RecordError, match="order"):
        template.render([*messages, *results[::-1]])


class Frozen(datetime):
    """The clock of transformers, stopped for the comparison."""

    @classmethod
    def now(cls, tz: Any = None) -> Frozen:
        return cls(2021, 2, 3)


@pytest.fixture
def oracle(byte_level: TokenizerSpec, monkeypatch: pytest.MonkeyPatch) -> Any:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast
    from transformers.utils import chat_template_utils

    monkeypatch.setattr(chat_template_utils, "datetime", Frozen)
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(byte_level.json), **byte_level.special)


@pytest.mark.parametrize("name", [*FAMILIES, "our chatml", "our llama2"])
@pytest.mark.parametrize("prompt", [False, True])
def test_renders_equal_those_of_transformers(
    name: str, prompt: bool, byte_level: TokenizerSpec, oracle: Any, family: Callable[[str], str], weather_call: str
) -> None:
    """To the character, on every family: system turns, white space, other scripts, thinking, tool calls, tools."""
    text = open_template(name[4:], byte_level, Path()).text if name.startswith("our ") else family(name)
    template = ChatTemplate(text, byte_level, date="2021-02-03")
    call = {"role": "assistant", "content": "one moment", "tool_calls": weather_call, "reasoning_content": "well"}
    conversations: list[Any] = [
        LORA,
        LORA[1:3],
        turns(
            ("user", "  hey\n"), ("assistant", "\n\n ok "), ("user", "多言語 🎉"), ("assistant", "{{ 1 }} <b>&amp;</b>")
        ),
        turns(
            ("user", "q"),
            ("assistant", "<think>\nhm\n</think>\n\na"),
            ("user", "r"),
            ("assistant", "<think>b</think>c"),
        ),
        [*turns(("user", "q")), call, {"role": "tool", "content": "dry", "tool_call_id": "c1"}],
    ]
    for messages in conversations:
        for tools in (None, TOOLS):
            ours = outcome(lambda m=messages, t=tools: template.render(m, t, add_generation_prompt=prompt))
            plain = [{k: v for k, v in as_template_sees(m).items() if k != "thinking"} for m in messages]
            theirs = outcome(
                lambda p=plain, t=tools: oracle.apply_chat_template(
                    p,
                    tools=json.loads(t) if t else None,
                    chat_template=text,
                    tokenize=False,
                    add_generation_prompt=prompt,
                )
            )
            assert ours == theirs


def outcome(render: Callable[[], str]) -> str | None:
    """The text, or None when the template raised."""
    try:
        return render()
    except Exception:
        return None


def test_the_clock_stands_still(byte_level: TokenizerSpec, family: Callable[[str], str]) -> None:
    """A template that asks for today's date is told the recipe's."""
    assert "Today Date: 03 Feb 2021\n" in ChatTemplate(family("llama3"), byte_level, date="2021-02-03").render(LORA)


def test_arguments_are_given_as_text_to_templates_that_join_them(byte_level: TokenizerSpec, weather_call: str) -> None:
    """A template that writes arguments as a string gets them so, where it fails on a mapping."""
    text = "{% for c in messages[0].tool_calls %}{{ '!' + c.function.arguments }}{% endfor %}"
    message: Any = {"role": "assistant", "content": "", "tool_calls": weather_call}
    assert ChatTemplate(text, byte_level).render([message]) == '!{"city": "Köln"}'


def test_a_template_can_do_nothing_but_render(byte_level: TokenizerSpec) -> None:
    """The sandbox refuses a way to Python's internals, as an error of the record."""
    for text in ("{{ ''.__class__.__mro__ }}{{ ''.__class__.mro() }}", "{% set n = namespace() %}{% set n._x = 1 %}"):
        with pytest.raises(RecordError):
            ChatTemplate(text, byte_level).render(LORA)


def test_marks_that_cannot_be_placed_are_not_believed(byte_level: TokenizerSpec) -> None:
    """A generation block inside a macro has no place of its own in the text: no marks then, rather than wrong ones."""
    text = (
        "{% macro say(m) %}{{ '[' + m.role + ']' }}{% generation %}{{ m.content }}{% endgeneration %}{% endmacro %}"
        "{% for m in messages %}{{ say(m) }}{% endfor %}"
    )
    assert ChatTemplate(text, byte_level).draw(LORA)[1] is None


def test_a_template_survives_pickling(byte_level: TokenizerSpec) -> None:
    """Workers get the template itself, and compile it there."""
    template = open_template("chatml", byte_level, Path())
    assert pickle.loads(pickle.dumps(template)).render(LORA) == template.render(LORA)


def test_faults_of_a_template_name_the_place_and_the_next_step(byte_level: TokenizerSpec, tmp_path: Path) -> None:
    """A file that is not there, one that is not Jinja, a tokenizer without a template: each says what to do."""
    (tmp_path / "bad.jinja").write_text("{% for m in messages %}\n{{ m.content }}\n{% endif %}")
    with pytest.raises(BuildError, match=r"bad\.jinja:3"):
        open_template("bad.jinja", byte_level, tmp_path)
    with pytest.raises(BuildError, match=r"none\.jinja"):
        open_template("none.jinja", byte_level, tmp_path)
    with pytest.raises(BuildError, match="no chat template"):
        open_template("tokenizer", byte_level, tmp_path)


def test_the_section_is_registered_with_a_manual() -> None:
    """Every key of the template section is described, and only the tokenizer must be given."""
    op = find("section", "template")
    assert all(parameter.description for parameter in op.parameters.values())
    assert [name for name, parameter in op.parameters.items() if parameter.required] == ["tokenizer"]
