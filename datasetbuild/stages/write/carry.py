"""What an export's consumer can carry, as data; and how a profile says what it writes.

A record holds weights, tools, thinking, names, a system prompt and an order of turns. What the consumer's format has no
place for is refused or lowered by a rule that the recipe names (`lower.py`); nothing gets lost in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import polars as pl

from datasetbuild.op import Bound

Row = dict[str, Any]
"""A record as a profile gets it: `messages` (turns without empty fields), `tools` (JSON text or None) and provenance."""

COLUMNS = ("id", "source", "file", "row", "license", "group", "category", "date", "meta", "copy")
"""Provenance that an export may have beside its own fields, when the recipe asks for it."""

Column = Literal["id", "source", "file", "row", "license", "group", "category", "date", "meta", "copy"]
Compression = Literal["gzip", "zstd"] | None
Shards = Annotated[int, Bound(ge=1)]
Drop = Literal["error", "drop_row"]
OnWeight = Literal["error", "round", "drop_row"]
OnWeightNone = Literal["error", "full", "drop_row"]
OnTools = Literal["error", "strip", "drop_row"]
OnReasoning = Literal["error", "inline", "strip", "drop_row"]
OnSystem = Literal["error", "inline", "strip", "drop_row"]
OnName = Literal["error", "strip", "drop_row"]
OnTurns = Literal["error", "mend", "drop_row"]
OnAnswers = Literal["error", "last", "each", "drop_row"]

WORDS: dict[str, str] = {
    "columns": "provenance to write beside the export's own fields; `meta` is JSON text.",
    "compression": "`gzip` or `zstd`, adding `.gz` or `.zst` to the names; null for plain files.",
    "shards": "files per split; more than one are named as Hugging Face names them, `train-00000-of-00004.jsonl`.",
    "on_weight": "what happens to a record with a loss weight that the format has no place for: `error` stops the build "
    "and names the rows, `drop_row` leaves them out, `round` makes weights from 0.5 on 1 and others 0, `full` trains "
    "every answer in full.",
    "on_tools": "likewise for tools, tool calls and tool results: `strip` leaves them out, and turns that are empty "
    "without them.",
    "on_reasoning": "likewise for `reasoning_content`: `strip` leaves it out, `inline` puts it before the answer in "
    "<think> tags.",
    "on_system": "likewise for a system turn: `strip` leaves it out, `inline` puts its text before the first user turn.",
    "on_name": "likewise for the `name` of a turn: `strip` leaves it out.",
    "on_turns": "likewise for an order of turns that the format does not know: `mend` joins neighbours of one role with "
    "an empty line between them, and leaves out what follows the last answer.",
    "on_answers": "likewise for more answers than the one that is trained: `last` trains only the last, `each` writes a "
    "row for every answer.",
}
"""What the parameters mean that several profiles share."""


@dataclass(frozen=True)
class Carries:
    """What a consumer can read.

    weights: loss weights of turns: `none`, `binary` (0 or 1) or `float`; weighs: of whose turns. tools: `openai` has
    tools, calls with ids and results; `calls` names and arguments only, and no text beside them; `no` nothing of it.
    order: `alternating` has the user (or a tool) and the assistant take turns, `single_users` has no two user turns
    in a row, `pair` is one question and its answer. answers: whether all answers can be trained, or only the last turn. tokens: whether the profile can be
    asked for tokens. columns: whether the consumer passes over other columns. min_rows: of every file that has rows;
    max_rows, max_bytes: of a file. documented: where these rules are written.
    """

    weights: Literal["none", "binary", "float"] = "none"
    weighs: Literal["assistant", "any"] = "assistant"
    tools: Literal["no", "calls", "openai"] = "no"
    reasoning: bool = False
    system: bool = True
    names: bool = False
    columns: bool = False
    tokens: bool = False
    order: Literal["any", "single_users", "alternating", "pair"] = "any"
    answer_last: bool = False
    answers: Literal["all", "last"] = "all"
    min_rows: int = 0
    max_rows: int | None = None
    max_bytes: int | None = None
    documented: str = ""


TOKENS = Carries(weights="binary", tools="openai", reasoning=True, names=True, tokens=True)
"""What rendered tokens carry: everything that the template wrote, and a mask of 0 and 1."""


@dataclass(frozen=True)
class Delivery:
    """What an export has come to, for the files that stand beside its rows.

    name: of the recipe. files: split -> names of its files in the export's folder. rows: split -> rows. longest: tokens
    of the longest conversation, where there is a template. cut: whether `overflow: truncate` has cut the tokens of a row,
    which messages hold whole. fields: optional fields that some record of the build fills.
    masking: what of the recipe's `template` says what is trained, where it is not what trainers do by themselves.
    template: text of the chat template. generation: whether that marks what is generated. bos: the token that a
    template writes first and a tokenizer would put there again, or None. stop: the token that ends an answer, or None.
    """

    name: str
    files: Mapping[str, list[str]]
    rows: Mapping[str, int]
    longest: int | None = None
    cut: bool = False
    fields: frozenset[str] = frozenset()
    masking: tuple[str, ...] = ()
    template: str | None = None
    generation: bool = False
    bos: str | None = None
    stop: str | None = None

    @property
    def train(self) -> str:
        """The split to train on."""
        return "train" if "train" in self.rows else next(iter(self.rows))


@dataclass(frozen=True)
class Lines:
    """Rows as JSON Lines. row: a record's object; plain: the same for records whose turns have nothing but role and
    content, as polars expressions (15 times cheaper), or None where it cannot be said so; both get the optional fields
    that some record of the build fills, so that all rows can have the same keys. columns: provenance beside it; needs:
    columns that both read. text: whether `row` wants the rendered text, as `text`."""

    row: Callable[[Row, frozenset[str]], Row]
    plain: Callable[[frozenset[str]], Mapping[str, pl.Expr] | None] | None = None
    columns: tuple[str, ...] = ()
    compression: Literal["gzip", "zstd"] | None = None
    shards: int = 1
    text: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tokens:
    """Rows as tokens. columns: of `input_ids`, `labels`, `assistant_masks`, `attention_mask`. weights: whether
    `loss_weights` and `row_weight` come too, where the build has them. parquet: files that any reader reads. disk: name
    of a folder for `datasets.load_from_disk`, or None."""

    columns: tuple[str, ...]
    parquet: bool = True
    disk: str | None = None
    weights: bool = False

    def names(self, fields: frozenset[str]) -> tuple[str, ...]:
        """The columns, in a build with these optional fields."""
        return self.columns + tuple(name for name in ("loss_weights", "row_weight") if self.weights and name in fields)


@dataclass(frozen=True)
class Export:
    """What a profile's function gives. carries: what this form of it can carry. rules: aspect (`weight`, `tools`,
    `reasoning`, `system`, `name`, `turns`, `answers`) -> the rule for what cannot be carried. beside: more files of
    the export's folder (name -> text). warnings: what a person should know of the result."""

    form: Lines | Tokens
    carries: Carries
    rules: Mapping[str, str] = field(default_factory=dict)
    beside: Callable[[Delivery], dict[str, str]] = lambda delivery: {}
    warnings: Callable[[Delivery], list[str]] = lambda delivery: []
