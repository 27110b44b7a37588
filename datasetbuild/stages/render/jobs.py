"""From a conversation to what is to be tokenized: its text, where its turns lie, and which of them are trained.

A template of somebody else is run for every conversation (about 16 us for two turns), and its text compared with the
skeleton. Ours look at nothing but the shape, which a test holds, so their text is put together from the skeleton (4 us)
and only one conversation in 32, chosen by its own text, is rendered for comparison. The generation prompts, which the
parity of a turn is about, are rendered for the same ones, whoever wrote the template.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from datasetbuild.errors import RecordError
from datasetbuild.record import Message, Reason
from datasetbuild.stages.render.align import Job
from datasetbuild.stages.render.control import refuse_escaped
from datasetbuild.stages.render.layout import Parity, unproved
from datasetbuild.stages.render.mask import Laid, lay_out, skeleton_of
from datasetbuild.stages.render.shape import outline
from datasetbuild.stages.render.template import ChatTemplate

COMPARE_EVERY = 32


def make_jobs(
    messages: list[Message], tools: str | None, template: ChatTemplate, params: dict[str, Any]
) -> list[tuple[int | None, Job]]:
    """The rows that a conversation gives: itself, or with `expansion: per_turn` one for each trained turn.

    Each comes with the turn that it was made for, None without expansion. `RecordError` when one cannot be proved.
    """
    tools = None if tools in ("", "[]", "null") else tools
    if params.get("control_tokens") != "allow" and (tools or any(message.get("tool_calls") for message in messages)):
        refuse_escaped(messages, tools, template)
    if params.get("train_on") == "all":
        return [(None, Job(_whole(messages, tools, template)[0], None))]
    chosen = _chosen(messages, params)
    if params.get("expansion") != "per_turn":
        return [(None, _job(messages, tools, template, chosen))]
    trained = {turn: weight for turn, weight in chosen.items() if weight}
    if not trained:
        raise unproved("no token is trained")
    rows: list[tuple[int | None, Job]] = []
    for turn, weight in trained.items():
        earlier = {at: 0.0 for at in range(turn) if messages[at]["role"] == "assistant" and params.get("prompt_weight")}
        rows.append((turn, _job(messages[: turn + 1], tools, template, earlier | {turn: weight})))
    return rows


def _chosen(messages: list[Message], params: dict[str, Any]) -> dict[int, float]:
    """The assistant's turns that matter, with their weights. Silent ones only where a prompt has a weight of its
    own."""
    turns = [turn for turn, message in enumerate(messages) if message["role"] == "assistant"]
    if params.get("train_on") == "last_assistant":
        turns = turns[-1:]
    weights = {turn: 1.0 if (weight := messages[turn].get("weight")) is None else weight for turn in turns}
    silent = bool(params.get("prompt_weight"))
    return {turn: weight for turn, weight in weights.items() if weight or silent}


def _job(messages: list[Message], tools: str | None, template: ChatTemplate, chosen: dict[int, float]) -> Job:
    text, laid = _laid(messages, tools, template)
    weights = None if all(weight == 1 for weight in chosen.values()) else tuple(chosen.values())
    return Job(text, laid, tuple(chosen), weights)


def _laid(messages: list[Message], tools: str | None, template: ChatTemplate) -> tuple[str, Laid]:
    """The text, and where its turns lie in it."""
    if not template.blind:
        text, marks = _whole(messages, tools, template)
        laid = lay_out(template, messages, tools, text, marks)
        if _chosen_for_comparison(text):
            _compare_prompts(messages, tools, template, text, laid)
        return text, laid
    shape = outline(messages, tools)
    skeleton = skeleton_of(template, messages, tools, shape)
    text, lengths = skeleton.join(shape.texts)
    _refuse_surrogates(text)
    laid = Laid(skeleton, lengths, None)
    if _chosen_for_comparison(text):
        if template.render(messages, tools) != text:
            raise unproved("the template treats this conversation's texts otherwise than stand-ins of the same shape")
        _compare_prompts(messages, tools, template, text, laid)
    return text, laid


def _chosen_for_comparison(text: str) -> bool:
    """A pure function of the text, so that the company of a row changes nothing."""
    return zlib.crc32(text.encode()) % COMPARE_EVERY == 0


def _compare_prompts(messages: list[Message], tools: str | None, template: ChatTemplate, text: str, laid: Laid) -> None:
    """The generation prompts of the true conversation must be what those of its shape say."""
    gaps = laid.skeleton.gaps(np.array([laid.lengths], np.int64).reshape(1, -1))[0]
    for region in laid.skeleton.regions:
        if region.parity is Parity.EXACT:
            given = text[: gaps[region.given.gap] + region.given.offset]
            if template.render(messages[: region.turn], tools, add_generation_prompt=True) != given:
                raise unproved(f"the generation prompt of turn {region.turn + 1} is not that of its shape")


def text_of(messages: list[Message], tools: str | None, template: ChatTemplate) -> str:
    """The text of a conversation that was rendered before: put together from its shape where the template is ours."""
    tools = None if tools in ("", "[]", "null") else tools
    if template.blind:
        try:
            shape = outline(messages, tools)
            return skeleton_of(template, messages, tools, shape).join(shape.texts)[0]
        except RecordError:  # a shape whose turns cannot be told apart has a text all the same
            pass
    return template.render(messages, tools)


def _whole(messages: list[Message], tools: str | None, template: ChatTemplate) -> tuple[str, Any]:
    text, marks = template.draw(messages, tools)
    _refuse_surrogates(text)
    return text, marks


def _refuse_surrogates(text: str) -> None:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise RecordError(Reason.TEMPLATE_ERROR, "the rendered text holds half of a character (a lone surrogate)")
