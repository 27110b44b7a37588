"""Whose turns: which of a record's turns an operator looks at, their texts, and their words.

Words are hashed once for all operators that count or compare them, of all turns, as a column of the frame (`with_words`);
who asks for those of the answers gets the answers' part of it. Without the column they are hashed there and then, which is
what the few records get that are read a second time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import fold, lists, sums, unfold
from datasetbuild.record import Where, flatten_turns
from datasetbuild.stages.words import Hashes, Ints, word_hashes

On = Literal["first_user", "assistant", "conversation"]
"""What two records are compared by."""

COMPARED: dict[On, tuple[Where, ...]] = {
    "first_user": ("user", "conversation"),
    "assistant": ("assistant",),
    "conversation": ("conversation",),
}
"""The columns of the annotate frame that `text_of` looks at."""

WORDS = "words"
"""The column with the hashed words of each turn: List[List[UInt64]]."""


def annotate_frame(records: pl.DataFrame, wheres: Collection[Where] = get_args(Where)) -> pl.DataFrame:
    """Records with a column of texts for each `Where`: those of its turns, List[String], empty when there are none."""
    content, role = (pl.element().struct.field(name) for name in ("content", "role"))
    said = {one: content if one == "conversation" else content.filter(role == one) for one in wheres}
    frame = records.with_columns(**{one: pl.col("messages").list.eval(texts) for one, texts in said.items()})
    if "assistant" not in wheres:
        return frame
    lengths, turns = flatten_turns(records["messages"])
    if _calls_tools(turns):
        mine = _chosen(lengths, turns, "assistant")
        frame = frame.with_columns(fold(turns["content"].filter(mine).alias("assistant"), pl.Series(_per_record(mine, lengths))))
    return frame


def with_words(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the words of all its turns."""
    texts = frame["conversation"]
    hashes, counts = word_hashes(texts.explode(empty_as_null=False))
    return frame.with_columns(fold(lists(WORDS, hashes, sums(counts)), texts.list.len()))


@dataclass(frozen=True)
class Words:
    """The words of some turns of n records. hashes: of all of them, in order. counts: words of each turn. turns: how many
    turns each record has, length n."""

    hashes: Hashes
    counts: Ints
    turns: Ints

    @property
    def of_records(self) -> Ints:
        """How many words each record has in these turns."""
        return np.diff(sums(self.counts)[sums(self.turns)])


def words_of(frame: pl.DataFrame, where: Where, *, first: bool = False) -> Words:
    """The words of the `where` turns. frame: the annotate frame. first: only of the first such turn of each record, none
    where it has no such turn."""
    if WORDS not in frame.columns:
        texts = frame[where].list.head(1) if first else frame[where]
        return Words(*word_hashes(texts.explode(empty_as_null=False)), texts.list.len().to_numpy().astype(np.int64))
    lengths, turns = flatten_turns(frame["messages"])
    mine = _chosen(lengths, turns, where)
    return _taken(frame, lengths, _first(mine, lengths) if first else mine)


def words_written(frame: pl.DataFrame, where: Where) -> Words:
    """The words of the `where` turns with those that they hand to tools: a model learns to write both."""
    if where not in ("assistant", "conversation") or not _calls(frame):
        return words_of(frame, where)
    lengths, turns = flatten_turns(frame["messages"])
    mine = _speaks(turns, where)
    turns = turns.filter(pl.Series(mine))
    callers = turns["tool_calls"].is_not_null().arg_true()
    handed = pl.Series([_handed(one) for one in turns["tool_calls"].gather(callers)], dtype=pl.String)
    content = turns["content"].clone()  # scatter changes the Series itself
    return Words(*word_hashes(content.scatter(callers, content.gather(callers) + "\n" + handed)), _per_record(mine, lengths))


def text_of(frame: pl.DataFrame, on: On, between: str = "\n", *, calls: bool = False) -> pl.Series:
    """The text that records are compared by, its turns joined by `between`. frame: the annotate frame. calls: with the tool
    calls of those turns. Returns String, one per record, never null. A record in which no user speaks (plain text) is compared
    as a whole."""
    if calls and on != "first_user" and _calls(frame):
        lengths, turns = flatten_turns(frame["messages"])
        mine = _speaks(turns, on)
        every = said(frame).explode(empty_as_null=False).filter(pl.Series(mine))
        return fold(every, pl.Series(_per_record(mine, lengths))).list.join(between).alias("text")
    if on == "first_user":
        first = frame["user"].list.first().alias("text")
        silent = first.is_null().arg_true()
        return first.scatter(silent, frame["conversation"].gather(silent).list.join(between)) if len(silent) else first
    return frame[on].list.join(between).alias("text")


def said(frame: pl.DataFrame) -> pl.Series:
    """What each turn says, and behind it what it calls: the names and arguments of its tool calls, without their ids.
    List[String], as `conversation`."""
    if not _calls(frame):
        return frame["conversation"]
    lengths, turns = flatten_turns(frame["messages"])
    callers = turns["tool_calls"].is_not_null().arg_true()
    called = pl.Series([_called(one) for one in turns["tool_calls"].gather(callers)], dtype=pl.String)
    content = turns["content"].clone()  # scatter changes the Series itself
    return fold(content.scatter(callers, content.gather(callers) + "\n" + called), lengths)


def words_said(frame: pl.DataFrame) -> tuple[Hashes, Ints]:
    """The words of `said`, in order, and how many each turn has."""
    if _calls(frame):
        return word_hashes(said(frame).explode(empty_as_null=False))
    words = words_of(frame, "conversation")
    return words.hashes, words.counts


def _called(calls: str) -> str:
    """Names and arguments of a turn's calls, which are in OpenAI's shape since they were normalized."""
    functions = [call["function"] for call in orjson.loads(calls)]
    return "\n".join(f"{one['name']}\n{one['arguments']}" for one in functions)


def _handed(calls: str) -> str:
    """The texts among the arguments of a turn's calls, as a tool gets them: without JSON's escapes."""
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, str):
            found.append(value)
        for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(child)

    for call in orjson.loads(calls):
        arguments = call["function"]["arguments"]
        try:
            walk(orjson.loads(arguments))
        except orjson.JSONDecodeError:  # what a model got wrong is text too
            found.append(arguments)
    return "\n".join(found)


def _calls(frame: pl.DataFrame) -> bool:
    return "messages" in frame.columns and _calls_tools(flatten_turns(frame["messages"])[1])


def words_on(frame: pl.DataFrame, on: On, *, calls: bool = False) -> tuple[Hashes, Ints]:
    """The words of `text_of`, in order, and how many each record has."""
    if WORDS not in frame.columns or (calls and _calls(frame)):
        return word_hashes(text_of(frame, on, calls=calls))
    lengths, turns = flatten_turns(frame["messages"])
    mine = _chosen(lengths, turns, "user" if on == "first_user" else on)
    if on == "first_user":
        silent = _per_record(mine, lengths) == 0
        mine = _first(mine, lengths) | np.repeat(silent, lengths)
    words = _taken(frame, lengths, mine)
    return words.hashes, words.of_records


def _taken(frame: pl.DataFrame, lengths: pl.Series, mine: NDArray[np.bool_]) -> Words:
    """The words of the turns that are meant, from the frame's column."""
    hashes, bounds = unfold(frame[WORDS].explode(empty_as_null=False))
    counts = np.diff(bounds)
    if mine.all():
        return Words(hashes, counts, lengths.to_numpy().astype(np.int64))
    return Words(hashes[np.repeat(mine, counts)], counts[mine], _per_record(mine, lengths))


def _chosen(lengths: pl.Series, turns: pl.DataFrame, where: Where) -> NDArray[np.bool_]:
    """Which of all turns of all records are meant.

    Of the assistant's a turn that only calls a tool has no text, and counts only where the assistant does nothing else."""
    speaking = _speaks(turns, where)
    if where != "assistant" or not _calls_tools(turns):
        return speaking
    silent = (turns["tool_calls"].is_not_null() & (turns["content"] == "")).to_numpy()
    speaks = _per_record(speaking & ~silent, lengths) > 0
    return speaking & ~(silent & np.repeat(speaks, lengths))


def _speaks(turns: pl.DataFrame, where: Where) -> NDArray[np.bool_]:
    return np.ones(len(turns), bool) if where == "conversation" else (turns["role"] == where).to_numpy()


def _calls_tools(turns: pl.DataFrame) -> bool:
    return turns["tool_calls"].null_count() < len(turns)


def _first(mine: NDArray[np.bool_], lengths: pl.Series) -> NDArray[np.bool_]:
    """Of the turns that are meant the first of each record."""
    upto = sums(mine)
    before = upto[sums(lengths)[:-1]]  # how many are meant in the records before
    return mine & (upto[1:] == np.repeat(before, lengths) + 1)


def _per_record(mine: NDArray[np.bool_], lengths: pl.Series) -> Ints:
    """How many of each record's turns are meant."""
    return np.diff(sums(mine)[sums(lengths)])
