"""Conversations of nothing but texts, put together by columns: no Python object and no run of Jinja for each.

Templates of ours look at nothing of a conversation but its shape, which a test holds; of others `blind.py` reads it off
their source. So all records of a shape are laid out by the skeleton of one of them: their texts are joined from its
literals and their own contents (1.5 us a row, where the loop of `jobs.py` takes 18 to 40), and some, chosen by their
ids, are rendered by Jinja and compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import buffers, fold, sums
from datasetbuild.errors import RecordError
from datasetbuild.record import ROLES, Message, flatten_turns
from datasetbuild.stages.render.batch import WHOLE, Batch, Fragments, Group, Ints, assemble
from datasetbuild.stages.render.jobs import (
    Chosen,
    compare_prompts,
    compare_text,
    text_of,
    wanted_rows,
    weighed,
)
from datasetbuild.stages.render.layout import Skeleton
from datasetbuild.stages.render.mask import skeleton_of
from datasetbuild.stages.render.shape import KEPT, outline
from datasetbuild.stages.render.template import ChatTemplate

BLANKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space as Python's `str.strip` knows it."""
BLANK = "".join(f"\\x{{{ord(character):x}}}" for character in BLANKS)
"""The same inside a class of a Rust regex."""
MAYBE_BLANK = np.array([byte >= 0x80 or chr(byte) in BLANKS for byte in range(256)])
"""The bytes that white space may begin or end with."""


class Turns(NamedTuple):
    """All turns of all records. first: number of the first one's fragment. sizes: bytes of each. starts: number of each
    record's first turn."""

    first: int
    sizes: Ints
    starts: Ints


def join_plain(
    records: pl.DataFrame,
    template: ChatTemplate,
    params: dict[str, Any],
    fragments: Fragments,
    without: Iterable[int] = (),
) -> tuple[list[Group], NDArray[np.bool_]]:
    """Groups of the records that are laid out by their shape alone, and which records these are (booleans).

    The others, those for which the template has an error, and those of `without` are for `jobs.py`, which finds the
    words for what is wrong.
    """
    groups: list[Group] = []
    joined = np.zeros(len(records), bool)
    if not template.sight.blind:
        return groups, joined
    lengths, said = flatten_turns(records["messages"])
    cores, data, bounds = _cores(said["content"])
    shapes = _shapes(said.with_columns(core=cores), lengths, records["tools"], tags=not template.sight.tags)
    alike = shapes.filter(~pl.col("row").is_in(sorted(without))).group_by("shape", maintain_order=True).agg("row")
    turns = Turns(fragments.put(data, bounds), np.diff(bounds), sums(lengths))
    for some in alike.filter(~pl.col("shape").list.contains(None, nulls_equal=True))["row"]:
        rows = some.to_numpy().astype(np.int64)
        example: list[Message] = records["messages"][int(rows[0])].to_list()
        try:
            laid = list(_laid_out(example, template, params))
        except RecordError:
            continue
        joined[rows] = True
        groups += [_group(rows, turn, skeleton, chosen, turns, fragments) for turn, skeleton, chosen in laid]
    return groups, joined


def compare_joined(
    batch: Batch, joined: int, records: pl.DataFrame, compared: NDArray[np.bool_], template: ChatTemplate
) -> Iterator[tuple[int, RecordError]]:
    """Render the records that are to be compared: those whose text is not what the template gives. joined: how many of
    the batch's groups were joined, the first ones."""
    rows = np.flatnonzero((batch.group < joined) & compared[batch.records])
    conversations = records["messages"].gather(batch.records[rows]).to_list()
    for row, said, turn, number in zip(rows.tolist(), conversations, batch.turns[rows].tolist(), batch.group[rows].tolist(), strict=True):
        messages, text, (group, places) = said[: None if turn == WHOLE else turn + 1], batch.text(row), batch.groups[number]
        try:
            compare_text(messages, None, template, text)
            if group.skeleton is not None:
                gaps = group.gaps[places.searchsorted(row)][None]
                compare_prompts(messages, None, template, text, group.skeleton, gaps)
        except RecordError as error:
            yield int(batch.records[row]), error


def texts_of(records: pl.DataFrame, template: ChatTemplate) -> pl.Series:
    """The texts of records that were rendered before (`messages`, `tools`), as a column."""
    fragments = Fragments()
    groups, joined = join_plain(records, template, {"train_on": "all"}, fragments)
    others = np.flatnonzero(~joined)
    texts = [text_of(*said, template).encode() for said in conversations(records[others])]
    rest = Group(others, WHOLE, fragments.add(texts) + np.arange(len(texts))[:, None])
    return assemble([*groups, rest], fragments).series


def conversations(records: pl.DataFrame) -> Iterator[tuple[list[Message], str | None]]:
    """Messages and tools of each record, few at a time: dicts of 100k rows cost the garbage collector 10 us a row."""
    for part in records.select("messages", "tools").iter_slices(512):
        yield from zip(part["messages"].to_list(), part["tools"].to_list(), strict=True)


def _laid_out(
    example: list[Message], template: ChatTemplate, params: dict[str, Any]
) -> Iterator[tuple[int, Skeleton, Chosen | None]]:
    for turn, chosen in wanted_rows(example, params):
        said = example if turn == WHOLE else example[: turn + 1]
        yield turn, skeleton_of(template, said, None, outline(said, None)), chosen


def _group(
    rows: Ints, turn: int, skeleton: Skeleton, chosen: Chosen | None, turns: Turns, fragments: Fragments
) -> Group:
    literals = fragments.add([literal.encode() for literal in skeleton.literals])
    slots = turns.starts[rows][:, None] + np.array(skeleton.order, np.int64)
    numbers = np.empty((len(rows), len(skeleton.literals) + len(skeleton.order)), np.int64)
    numbers[:, ::2] = literals + np.arange(len(skeleton.literals))
    numbers[:, 1::2] = turns.first + slots
    if chosen is None:
        return Group(rows, turn, numbers)
    return Group(rows, turn, numbers, skeleton, *weighed(chosen), turns.sizes[slots])


def _cores(content: pl.Series) -> tuple[pl.Series, NDArray[np.uint8], Ints]:
    """The contents without the white space around them, and their `buffers`. Most have none, as their first and last bytes
    show: then they are what they were, at a quarter of the work."""
    data, bounds = buffers(content)
    there = np.flatnonzero(np.diff(bounds))
    perhaps = content.gather(there[MAYBE_BLANK[data[bounds[there]]] | MAYBE_BLANK[data[bounds[there + 1] - 1]]])
    if (perhaps == perhaps.str.strip_chars(BLANKS)).all():
        return content, data, bounds
    cores = content.str.strip_chars(BLANKS)
    return cores, *buffers(cores)


def _shapes(said: pl.DataFrame, lengths: pl.Series, tools: pl.Series, *, tags: bool) -> pl.DataFrame:
    """`row` of each record that has turns and no tools, and its `shape`: a text for each turn, on which alone its skeleton and
    training depend, null for a turn that has more than a text.

    said: all turns, with their `core`, the content without the white space around it. lengths: turns of each record.
    tags: whether texts other than the user's may begin with one, and texts other than the assistant's hold </think>."""
    role, content, core = pl.col("role"), pl.col("content"), pl.col("core")
    tagged = core.str.starts_with("<") & ((role == "user") | (not tags))
    thought = content.str.contains("</think>", literal=True) & ((role == "assistant") | (not tags))
    more = [name for name in (*KEPT, "reasoning_content") if said[name].null_count() < len(said)]
    plain = role.is_in(ROLES) & (core != "") & ~tagged & ~thought
    kind = [role]
    if said["weight"].null_count() < len(said):
        kind.append(pl.col("weight").cast(pl.String).fill_null(""))
    if (said["content"].str.len_bytes() > said["core"].str.len_bytes()).any():
        kind += [content.str.extract(pattern).fill_null("") for pattern in (f"^([{BLANK}]+)", f"([{BLANK}]+)$")]
    for name in more:
        plain &= pl.col(name).is_null()
    turn = said.select(pl.when(plain).then(pl.concat_str(kind, separator="\0")).alias("turn"))["turn"]
    toolless = tools.is_null() | tools.is_in(["", "[]", "null"])
    return fold(turn, lengths).to_frame("shape").with_row_index("row").filter(toolless & (lengths > 0))
