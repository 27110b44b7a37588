"""The chat template: a conversation's text, equal to the character to what transformers' `apply_chat_template` gives.

Rendering costs about 16 us for two turns. Ours carry `{% generation %}` marks; any other template works too, and
`mask.py` finds the trained spans of both kinds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson

from datasetbuild.errors import BuildError, RecordError
from datasetbuild.hashing import digest
from datasetbuild.op import Bound, Extra, did_you_mean, section
from datasetbuild.record import Message, Reason
from datasetbuild.stages.render.tokenizer import TokenizerSpec

if TYPE_CHECKING:
    import jinja2

    from datasetbuild.stages.render.blind import Sight
    from datasetbuild.stages.render.layout import Mark

TEMPLATES = Path(__file__).parent / "templates"
OURS: tuple[str, ...] = ("alpaca", "chatml", "gemma", "llama2", "llama3", "mistral", "phi3", "zephyr")
LITERAL_CONTROLS = re.compile(r"<\|[^|<>\s]+\|>|\[/?[A-Z_]{4,}\]|<</?SYS>>|<(?:start|end)_of_turn>|</?s>")
"""Control strings as templates write them, for tokenizers that do not declare them as special."""
SINGLE = re.compile(r"<[^<>]+>")
"""Those of them that are meant to be one token."""


SYSTEM = {
    "type": "object",
    "properties": {
        "policy": {"enum": ["keep", "require", "strip", "default", "forbid_mixed"]},
        "text": {"type": ["string", "null"], "description": "the system prompt that `default` gives"},
    },
    "additionalProperties": False,
}


@section("template", version=3)
def template(
    *,
    tokenizer: str | None,
    revision: str | None = None,
    chat_template: str = "chatml",
    max_tokens: int | None = None,
    overflow: Literal["drop", "error", "truncate"] = "drop",
    train_on: Literal["assistant", "last_assistant", "all"] = "assistant",
    prompt_weight: Annotated[float, Bound(ge=0, lt=1)] = 0.0,
    expansion: Literal["none", "per_turn"] = "none",
    system: Annotated[Any, Extra(SYSTEM)] = {"policy": "keep"},  # noqa: B006  (read, never changed)
    control_tokens: Literal["refuse", "allow"] = "refuse",
    date: str = "2025-01-01",
) -> dict[str, Any]:
    """How a conversation becomes text, tokens and the mask of what is trained.

    Each conversation is rendered once with the chat template, encoded without added special tokens (the template
    writes them), and its trained tokens are found and proved: they spell every trained answer and the token that ends
    the turn, and touch no other turn. A conversation that cannot be proved goes into quarantine (`mask_unproved`), as
    does one whose text holds a control token of the tokenizer (`control_token`). docs/reference/masks.md says more.

    tokenizer: a folder of the project with a tokenizer.json, or a Hub id; null: messages only, no tokens are made.
    revision: the commit of a Hub id, so that the same tokenizer comes a year later. Not for folders.
    chat_template: one of ours (`alpaca`, `chatml`, `gemma`, `llama2`, `llama3`, `mistral`, `phi3`, `zephyr`),
        `tokenizer` (the tokenizer's own), or the path of a .jinja file of the project.
    max_tokens: longest conversation in tokens; null for no limit.
    overflow: what happens beyond it: `drop` the record, stop with an `error`, or `truncate` its end. A record that has
        nothing left to train then is dropped (`cut_away`).
    train_on: `assistant` trains all of the assistant's turns, `last_assistant` the last one, `all` every token. A turn
        with weight 0 is not trained by the first two.
    prompt_weight: loss weight of all tokens that are not the assistant's, such as 0.1. With it, or with a turn whose
        `weight` is neither 0 nor 1, the rows get `loss_weights`, one float a token; `labels` stay those of the answers.
    expansion: `per_turn` makes a row of its own of each trained turn, with the turns before as the model will see them
        (templates of thinking models strip the thoughts there), and `row_weight` 1 / rows of the conversation.
    system: what is done with system prompts, before anything is measured. policy: `keep` them (with a warning when some
        conversations have one and some have none), `require` one, `strip` them, give a `default` text to those that
        have none, or `forbid_mixed`: fail when only some have one. text: that of `default`.
    control_tokens: `refuse` conversations whose texts hold a control token, or `allow` them: the text then becomes the
        token itself. Both are counted in the manifest.
    date: the day that a template sees as today (ISO 8601); the clock is never read.
    """
    return dict(locals())


@dataclass(frozen=True)
class ChatTemplate:
    """A chat template with a tokenizer's special tokens and a clock that stands still. Compiled once a process.

    text: the Jinja source. date: ISO 8601. tool_text: another source for conversations with tools, where a tokenizer
    has one. name: how messages to people call it.
    """

    text: str
    spec: TokenizerSpec
    date: str = "2025-01-01"
    tool_text: str | None = None
    name: str = "chat template"
    known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """What `mask.py` learnt about this template: one layout for each shape of conversation."""

    def __post_init__(self) -> None:
        """`BuildError` for what is no template, or no day. Ours are templates: only who renders by them compiles them (30 ms)."""
        _ = self._midnight if self.ours else self._compiled

    def __reduce__(self) -> tuple[Any, ...]:
        return ChatTemplate, (self.text, self.spec, self.date, self.tool_text, self.name)

    @cached_property
    def twins(self) -> tuple[ChatTemplate, ChatTemplate]:
        """The same template compiled anew, and once more for another day: what proves that a text can be repeated."""
        moved = "2001-02-03" if self.date != "2001-02-03" else "2002-03-04"
        text = (self.text, self.spec)
        return ChatTemplate(*text, self.date, self.tool_text, self.name), ChatTemplate(
            *text, moved, self.tool_text, self.name
        )

    @cached_property
    def ours(self) -> bool:
        """Whether the template is one of ours, which look at nothing of any conversation but its shape."""
        return any(self.text == own_text(name) for name in OURS)

    @cached_property
    def sight(self) -> Sight:
        """Whether the template looks at nothing of a plain conversation but its shape."""
        from datasetbuild.stages.render.blind import Sight, sight

        return Sight(True) if self.ours else sight(self._compiled[0].environment.parse(self.text))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over all that can change a text, but for the tokenizer's own digest."""
        return digest([self.text, self.tool_text, self.date])

    @cached_property
    def control(self) -> tuple[str, ...]:
        """Strings that a message must not hold: special tokens, and the template's own control strings.

        Tags that models write in their answers, such as <think> and <tool_call>, are not among them.
        """
        return tuple(sorted({*self.spec.control, *self._written}))

    @cached_property
    def strangers(self) -> tuple[str, ...]:
        """Tokens of the template's turns that the tokenizer does not know: it will spell them in pieces."""
        return tuple(sorted(token for token in self._written - self.spec.added.keys() if SINGLE.fullmatch(token)))

    @cached_property
    def _written(self) -> set[str]:
        source = re.sub(r"\{#.*?#\}", "", self.text + (self.tool_text or ""), flags=re.DOTALL)
        return set(LITERAL_CONTROLS.findall(source))

    @cached_property
    def _midnight(self) -> datetime:
        """The only moment that the template knows."""
        try:
            return datetime.fromisoformat(self.date)
        except ValueError as error:
            raise BuildError(f"template.date: {error}", hint="write a day as 2025-01-01") from error

    @cached_property
    def _compiled(self) -> tuple[jinja2.Template, jinja2.Template]:
        plain = self._compile(self.text)
        return plain, self._compile(self.tool_text) if self.tool_text else plain

    def _compile(self, text: str) -> jinja2.Template:
        from jinja2 import TemplateError

        from datasetbuild.stages.render.environment import compile_template

        try:
            return compile_template(text, self._midnight)
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            raise BuildError(
                f"{self.name}{f':{line}' if line else ''}: not a Jinja template: {error}", hint="correct the template"
            ) from error

    def render(self, messages: list[Message], tools: str | None = None, *, add_generation_prompt: bool = False) -> str:
        """The text of a conversation. tools: JSON text of a list, or None."""
        return self.draw(messages, tools, add_generation_prompt=add_generation_prompt)[0]

    def draw(
        self, messages: list[Message], tools: str | None = None, *, add_generation_prompt: bool = False
    ) -> tuple[str, list[Mark] | None]:
        """The text and its generation marks (see `environment.run`). `RecordError` when the template raises."""
        parsed = orjson.loads(tools) if tools else None
        variables = {
            **self.spec.special,
            "tools": parsed or None,
            "documents": None,
            "add_generation_prompt": add_generation_prompt,
            "messages": [as_template_sees(message) for message in messages],
        }
        try:
            try:
                return self._run(parsed, variables)
            except TypeError:
                if not any(message.get("tool_calls") for message in messages):
                    raise
                # a template that joins arguments to a string wants them as JSON text (DeepSeek-V3)
                variables["messages"] = [as_template_sees(message, arguments_as_text=True) for message in messages]
                return self._run(parsed, variables)
        except Exception as error:  # a template is a program of somebody else: whatever it raises concerns this record
            raise RecordError(Reason.TEMPLATE_ERROR, f"{self.name}: {error}") from error

    @cached_property
    def _run(self) -> Callable[[Any, dict[str, Any]], tuple[str, list[Mark] | None]]:
        from datasetbuild.stages.render.environment import run

        plain, for_tools = self._compiled
        return lambda tools, variables: run(for_tools if tools else plain, variables)


@lru_cache
def own_text(name: str) -> str:
    """The source of one of our templates."""
    return (TEMPLATES / f"{name}.jinja").read_text("utf-8")


def as_template_sees(message: Message, *, arguments_as_text: bool = False) -> dict[str, Any]:
    """A message as templates expect it: without empty keys and weight, tool calls as a list, thinking by both names.

    tool_calls keep OpenAI's shape, `{"id", "type", "function": {"name", "arguments"}}`; arguments become a mapping, as
    transformers' guide asks and templates expect, unless they are no JSON object or `arguments_as_text`.
    """
    seen: dict[str, Any] = {key: value for key, value in message.items() if value is not None and key != "weight"}
    if "tool_calls" in seen:
        seen["tool_calls"] = [_call(call, arguments_as_text) for call in json.loads(seen["tool_calls"])]
    if "reasoning_content" in seen:
        seen = {"thinking": seen["reasoning_content"], **seen}
    return seen


def _call(call: dict[str, Any], as_text: bool) -> dict[str, Any]:
    inner = call.get("function", call)
    arguments = inner.get("arguments")
    if as_text and isinstance(arguments, dict | list):
        arguments = json.dumps(arguments, ensure_ascii=False)
    elif not as_text and isinstance(arguments, str):
        try:
            parsed = json.loads(arguments)
        except ValueError:
            parsed = None
        arguments = parsed if isinstance(parsed, dict) else arguments
    changed = inner if arguments is None else inner | {"arguments": arguments}
    return call | {"function": changed} if "function" in call else changed


def open_template(chat_template: str, spec: TokenizerSpec, project: Path, date: str = "2025-01-01") -> ChatTemplate:
    """The template that a recipe names: one of ours, the tokenizer's own, or a .jinja file of the project."""
    if chat_template in OURS:
        return ChatTemplate(own_text(chat_template), spec, date, name=chat_template)
    if chat_template == "tokenizer":
        if spec.chat_template is None:
            raise BuildError(
                f"the tokenizer {spec.name} has no chat template",
                hint=f"set template.chat_template to one of {', '.join(OURS)}",
            )
        return ChatTemplate(spec.chat_template, spec, date, spec.tool_template, name=f"the template of {spec.name}")
    path = project / chat_template
    if not path.is_file():
        near = did_you_mean(chat_template, [*OURS, "tokenizer"])
        raise BuildError(
            f"there is no chat template {chat_template!r}: it is none of {', '.join(OURS)} and tokenizer, "
            "and no file of the project",
            hint=f"{near}{'' if near.endswith('?') else '.'} Or name a .jinja file of {project}",
        )
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BuildError(
            f"{chat_template} is not UTF-8: byte {error.start} cannot be read", hint="save it as UTF-8"
        ) from None
    return ChatTemplate(text, spec, date, name=chat_template)
