"""From a conversation to what is to be tokenized: its text, where its turns lie, and which of them are trained.

A template is run for every conversation (about 16 us for two turns), and its text compared with the skeleton. Where a
template is known to look at nothing but the shape, its text is put together from the skeleton, for most conversations
by columns (`joined.py`), and only some, chosen by their ids, are rendered for comparison: one in 128 with a template of
ours, one in 32 with another. The generation prompts, which the parity of a turn is about, are rendered for the same
ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.errors import RecordError
from datasetbuild.record import Message, Reason
from datasetbuild.stages.render.batch import WHOLE, Fragments, Group
from datasetbuild.stages.render.control import refuse_escaped
from datasetbuild.stages.render.layout import Mark, Parity, Skeleton, unproved
from datasetbuild.stages.render.mask import Laid, lay_out, skeleton_of
from datasetbuild.stages.render.shape import outline
from datasetbuild.stages.render.template import ChatTemplate

COMPARE_EVERY = 32
OURS_EVERY = 128

Chosen = dict[int, float]
"""Turns whose tokens are wanted, with their loss weights."""


class Job(NamedTuple):
    """One rendered conversation. record: its number in the shard. turn: the one that it was made for, or `WHOLE`. laid:
    where its turns lie, or None to train every token. chosen: what is trained of it."""

    record: int
    turn: int
    text: str
    laid: Laid | None
    chosen: Chosen


def make_jobs(
    record: int, messages: list[Message], tools: str | None, template: ChatTemplate, params: dict[str, Any], *, compare: bool
) -> list[Job]:
    """The rows that a conversation gives: itself, or with `expansion: per_turn` one for each trained turn. compare: whether to
    render also what could do without. `RecordError` when one cannot be proved."""
    tools = None if tools in ("", "[]", "null") else tools
    if params.get("control_tokens") != "allow" and (tools or any(message.get("tool_calls") for message in messages)):
        refuse_escaped(messages, tools, template)
    jobs = []
    for turn, chosen in wanted_rows(messages, params):
        said = messages if turn == WHOLE else messages[: turn + 1]
        if chosen is None:
            jobs.append(Job(record, turn, _whole(said, tools, template)[0], None, {}))
        else:
            jobs.append(Job(record, turn, *_laid(said, tools, template, compare), chosen))
    return jobs


def wanted_rows(messages: list[Message], params: dict[str, Any]) -> list[tuple[int, Chosen | None]]:
    """The rows that a conversation gives, by its roles and weights alone: the turn that each is made for (`WHOLE`: the
    conversation), and what is trained of it (None: every token)."""
    if params.get("train_on") == "all":
        return [(WHOLE, None)]
    chosen = _chosen(messages, params)
    if params.get("expansion") != "per_turn":
        return [(WHOLE, chosen)]
    trained = {turn: weight for turn, weight in chosen.items() if weight}
    if not trained:
        raise unproved("no token is trained")
    rows: list[tuple[int, Chosen | None]] = []
    for turn, weight in trained.items():
        earlier = {at: 0.0 for at in range(turn) if messages[at]["role"] == "assistant" and params.get("prompt_weight")}
        rows.append((turn, earlier | {turn: weight}))
    return rows


def _chosen(messages: list[Message], params: dict[str, Any]) -> Chosen:
    """The assistant's turns that matter, with their weights. Silent ones only where a prompt has a weight of its
    own."""
    turns = [turn for turn, message in enumerate(messages) if message["role"] == "assistant"]
    if params.get("train_on") == "last_assistant":
        turns = turns[-1:]
    weights = {turn: 1.0 if (weight := messages[turn].get("weight")) is None else weight for turn in turns}
    silent = bool(params.get("prompt_weight"))
    return {turn: weight for turn, weight in weights.items() if weight or silent}


def group_jobs(jobs: Sequence[Job], fragments: Fragments) -> list[Group]:
    """The groups of rendered conversations."""
    first = fragments.add([job.text.encode() for job in jobs])
    alike: dict[Any, list[int]] = {}
    for number, job in enumerate(jobs):
        skeleton = None if job.laid is None else id(job.laid.skeleton)
        alike.setdefault((skeleton, job.turn, tuple(job.chosen.items())), []).append(number)
    return [_group([jobs[number] for number in numbers], first + np.array(numbers)) for numbers in alike.values()]


def _group(jobs: list[Job], numbers: Any) -> Group:
    records = np.array([job.record for job in jobs], np.int64)
    laid = [job.laid for job in jobs if job.laid is not None]
    one = jobs[0]
    if not laid:
        return Group(records, one.turn, numbers[:, None])
    sizes = np.array([each.sizes for each in laid], np.int64).reshape(len(jobs), -1)
    found = [_in_bytes(job.text, each.marks) for job, each in zip(jobs, laid, strict=True) if each.marks is not None]
    marks = np.array(found, np.int64).reshape(len(jobs), -1) if found else None
    return Group(records, one.turn, numbers[:, None], laid[0].skeleton, *weighed(one.chosen), sizes, marks)


def weighed(chosen: Chosen) -> tuple[tuple[int, ...], tuple[float, ...] | None]:
    """The trained turns and their weights, None when all are 1."""
    weights = tuple(chosen.values())
    return tuple(chosen), None if all(weight == 1 for weight in weights) else weights


def _in_bytes(text: str, marks: list[Mark]) -> list[tuple[int, int]]:
    if text.isascii():
        return [(mark.start, mark.end) for mark in marks]
    return [(len(text[: mark.start].encode()), len(text[: mark.end].encode())) for mark in marks]


def _laid(messages: list[Message], tools: str | None, template: ChatTemplate, compare: bool) -> tuple[str, Laid]:
    """The text, and where its turns lie in it."""
    if template.ours:
        shape = outline(messages, tools)
        skeleton = skeleton_of(template, messages, tools, shape)
        text, sizes = skeleton.join(shape.texts)
        _refuse_surrogates(text)
        laid = Laid(skeleton, sizes, None)
    else:
        text, marks = _whole(messages, tools, template)
        laid = lay_out(template, messages, tools, text, marks)
    if compare:
        if template.ours:
            compare_text(messages, tools, template, text)
        gaps = laid.skeleton.gaps(np.array([laid.sizes], np.int64).reshape(1, -1))
        compare_prompts(messages, tools, template, text, laid.skeleton, gaps)
    return text, laid


def draws(records: pl.DataFrame) -> NDArray[np.uint32]:
    """A number of each record, of its id: by it some are chosen for a second look, whatever stands beside them."""
    return records["base"].str.tail(8).str.to_integer(base=16, dtype=pl.UInt32).fill_null(0).to_numpy()


def compare_every(template: ChatTemplate) -> int:
    """Of so many records, chosen by their draw, one is compared with what Jinja gives."""
    return OURS_EVERY if template.ours else COMPARE_EVERY


def compare_text(messages: list[Message], tools: str | None, template: ChatTemplate, text: str) -> None:
    """Raise `RecordError` when a text that was put together is not the template's."""
    if template.render(messages, tools) != text:
        raise unproved("the template treats this conversation's texts otherwise than stand-ins of the same shape")


def compare_prompts(
    messages: list[Message], tools: str | None, template: ChatTemplate, text: str, skeleton: Skeleton, gaps: NDArray[np.int64]
) -> None:
    """Raise `RecordError` when the generation prompts of the true conversation are not what those of its shape say. gaps:
    (1, gaps), as `Skeleton.gaps` gives them."""
    data = text.encode()
    for region in skeleton.regions:
        if region.parity is Parity.EXACT:
            given = data[: int(skeleton.at(region.given, gaps)[0])]
            if template.render(messages[: region.turn], tools, add_generation_prompt=True).encode() != given:
                raise unproved(f"the generation prompt of turn {region.turn + 1} is not that of its shape")


def text_of(messages: list[Message], tools: str | None, template: ChatTemplate) -> str:
    """The text of a conversation that was rendered before: put together from its shape where the template is ours."""
    tools = None if tools in ("", "[]", "null") else tools
    if template.ours:
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
