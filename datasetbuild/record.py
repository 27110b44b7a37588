"""The record: one conversation, its place of origin, and the closed list of fates that it can meet.

A record is `messages` (a list of turns), optional `tools`, and provenance. On the record plane it lives in the columns
of a polars frame; this module owns their names and types, so that every stage means the same by them.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

from datasetbuild.hashing import canonical_json

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[str, ...] = get_args(Role)

Where = Literal["assistant", "user", "system", "tool", "conversation"]
"""Whose turns an operator looks at; `conversation` is all of them, in order."""


class Message(TypedDict, total=False):
    """One turn. `role` and `content` are always there; the others only where the source had them.

    weight: loss weight of the turn, 0.0 to 1.0. tool_calls: JSON text of the OpenAI list. reasoning_content: the
    thinking that precedes the answer.
    """

    role: str
    content: str
    weight: float | None
    name: str | None
    tool_calls: str | None
    tool_call_id: str | None
    reasoning_content: str | None


MESSAGE_FIELDS: tuple[str, ...] = ("role", "content", "weight", "name", "tool_calls", "tool_call_id", "reasoning_content")
PROVENANCE: tuple[str, ...] = ("source", "file", "row", "license", "group", "category", "date", "meta")


class Fate(StrEnum):
    """Where a record ends: in exactly one of these."""

    KEPT = "kept"
    DROPPED = "dropped"
    QUARANTINED = "quarantined"


class Stage(StrEnum):
    """The stretches of the river, in the order in which they are passed. A record's fate names one of them."""

    READ = "read"
    NORMALIZE = "normalize"
    CLEAN = "clean"
    ANNOTATE = "annotate"
    FILTER = "filter"
    DEDUP = "dedup"
    CONTRADICTIONS = "contradictions"
    DECONTAMINATE = "decontaminate"
    SELECT = "select"
    SPLIT = "split"
    MIX = "mix"
    RENDER = "render"
    WRITE = "write"


class Reason(StrEnum):
    """Why a record was dropped or put into quarantine: a closed list, a sentence each in `REASONS`."""

    BAD_JSON = "bad_json"
    BAD_ENCODING = "bad_encoding"
    BAD_ROW = "bad_row"
    TOO_LARGE = "too_large"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_ROLE = "unknown_role"
    EMPTY_CONTENT = "empty_content"
    NO_USER_TURN = "no_user_turn"
    NO_ASSISTANT_TURN = "no_assistant_turn"
    TEMPLATE_ERROR = "template_error"
    MASK_UNPROVED = "mask_unproved"
    CONTROL_TOKEN = "control_token"
    OPERATOR_ERROR = "operator_error"
    NOT_SELECTED = "not_selected"
    EMPTIED = "emptied"
    PII = "pii"
    NO_SYSTEM_TURN = "no_system_turn"
    OVER_LIMIT = "over_limit"
    BELOW_MIN = "below_min"
    ABOVE_MAX = "above_max"
    NOT_ALLOWED = "not_allowed"
    DENIED = "denied"
    UNMEASURED = "unmeasured"
    TOO_LONG = "too_long"
    CUT_AWAY = "cut_away"
    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    SHARED_WORDS = "shared_words"
    SEMANTIC_DUPLICATE = "semantic_duplicate"
    CONTRADICTED = "contradicted"
    CONTAMINATED = "contaminated"
    NOT_CHOSEN = "not_chosen"
    NOT_SAMPLED = "not_sampled"
    OVER_CAP = "over_cap"


REASONS: dict[Reason, str] = {
    Reason.BAD_JSON: "the row is not valid JSON",
    Reason.BAD_ENCODING: "the row's bytes are not valid text in the declared encoding",
    Reason.BAD_ROW: "the row does not have the shape of its file",
    Reason.TOO_LARGE: "the row is larger than `max_row_bytes`",
    Reason.MISSING_FIELD: "a field that the format needs is not there",
    Reason.WRONG_TYPE: "a field has another type than the format needs",
    Reason.UNKNOWN_ROLE: "a turn's role is not known, and roles are never guessed",
    Reason.EMPTY_CONTENT: "a turn that needs text has none",
    Reason.NO_USER_TURN: "no turn of the user",
    Reason.NO_ASSISTANT_TURN: "no turn of the assistant, so there is nothing to learn",
    Reason.TEMPLATE_ERROR: "a template raised an error",
    Reason.MASK_UNPROVED: "the trained spans could not be proved",
    Reason.CONTROL_TOKEN: "the text holds a control token of the template",
    Reason.OPERATOR_ERROR: "an operator raised an error",
    Reason.NOT_SELECTED: "the source's own settings leave the row out",
    Reason.EMPTIED: "cleaning left a turn without text",
    Reason.PII: "personal data or a secret of a kind that `clean.pii` drops",
    Reason.NO_SYSTEM_TURN: "no system turn, which the recipe requires",
    Reason.OVER_LIMIT: "beyond the source's `limit`",
    Reason.BELOW_MIN: "a fact is below the rule's `min`",
    Reason.ABOVE_MAX: "a fact is above the rule's `max`",
    Reason.NOT_ALLOWED: "a fact's value is not in the rule's `allow`",
    Reason.DENIED: "a fact's value is in the rule's `deny`",
    Reason.UNMEASURED: "the fact has no value for this record",
    Reason.TOO_LONG: "more tokens than `template.max_tokens`",
    Reason.CUT_AWAY: "all of its trained tokens lie beyond `template.max_tokens`, where `overflow: truncate` cuts",
    Reason.EXACT_DUPLICATE: "the same text as another record, in what `dedup.exact.on` compares",
    Reason.NEAR_DUPLICATE: "nearly the same text as another record",
    Reason.SHARED_WORDS: "a long run of its words stands in another record too",
    Reason.SEMANTIC_DUPLICATE: "another record says much the same, by their embeddings",
    Reason.CONTRADICTED: "another record answers the same prompt otherwise, or has the same system prompt with an opposite rule",
    Reason.CONTAMINATED: "it holds an item of a benchmark",
    Reason.NOT_CHOSEN: "the budget of `select` went to others",
    Reason.NOT_SAMPLED: "the mix needs fewer rows of this source",
    Reason.OVER_CAP: "the mix caps this record's category",
}
assert len(REASONS) == len(Reason)

LEFT_OUT: tuple[Reason, ...] = (Reason.NOT_SELECTED, Reason.PII)
"""Reasons for which a shard sets records aside that the recipe wants out: they are dropped, not quarantined."""


LEDGER_FIRST = ("id", "source", "file", "row", "line", "fate", "stage", "reason", "rule", "also", "split", "copies")
LEDGER_LAST = (
    *("duplicate_of", "twin", "similarity", "cluster"),
    *("repeats", "repeated_words", "contradicts", "contradiction", "contaminated_by", "contamination", "topic"),
    *("cleaned", "content", "group", "category", "date", "license", "generated_by"),
    *("tokens", "trained_tokens", "rendered_tokens", "training_rows", "subset"),
)
"""Columns of the ledger, before and after those of the facts."""

RESERVED = frozenset(LEDGER_FIRST + LEDGER_LAST + ("cut", "place", "shard_row", "pos", "key", "tail", "priority", "occurrence")) - {"tokens"}
"""Names that no rule may have, since they are columns of the ledger or of the key plane. `tokens` is also a fact's."""


def messages_dtype() -> pl.List:
    """The polars type of the `messages` column."""
    import polars as pl

    types = {field: pl.Float32 if field == "weight" else pl.String for field in MESSAGE_FIELDS}
    return pl.List(pl.Struct(types))


def record_schema() -> dict[str, Any]:
    """Columns of a shard's records, positions relative to the shard: they do not change when rows before it do.

    row: index of the raw row in the shard. line: its first line in the file, relative to the shard's first line.
    base: id of the record before repeats are numbered. tools, meta: JSON text. cleaned: what cleaning changed.
    """
    import polars as pl

    return {
        "row": pl.UInt32,
        "line": pl.UInt32,
        "base": pl.String,
        "messages": messages_dtype(),
        "tools": pl.String,
        "group": pl.String,
        "category": pl.String,
        "date": pl.String,
        "meta": pl.String,
        "cleaned": pl.List(pl.String),
    }


KEY_COLUMNS = ("row", "line", "base", "group", "category", "date", "cleaned", "content", "@system", "@bytes")
"""What the key plane needs of a record, beside its facts. `content`: digest of its text where the id does not name it
already. `@system`: whether it has a system turn. `@bytes`: bytes of its texts."""


ID_ORDER = ("key", "tail")
"""A record's id as two numbers, its first 16 hex characters (UInt64) and its last 8 (UInt32): they order as ids do."""


WITHHELD = "(not shown: `dsbuild why` shows it)"
"""Stands for a raw row that holds personal data, which no report may show."""


def quarantine_schema() -> dict[str, Any]:
    """Columns of a shard's quarantine: position as in `record_schema`, stage, reason, a sentence, and the raw row."""
    import polars as pl

    return {
        "row": pl.UInt32,
        "line": pl.UInt32,
        "stage": pl.String,
        "reason": pl.String,
        "detail": pl.String,
        "raw": pl.String,
    }


@cache
def no_quarantine() -> pl.DataFrame:
    """The quarantine of a shard in which nothing is wrong."""
    import polars as pl

    return pl.DataFrame(schema=quarantine_schema())


def canonical_bytes(messages: list[Message], tools: str | None = None) -> bytes:
    """What a conversation is identified by: its turns without empty fields, and its tools."""
    turns = [{key: value for key, value in turn.items() if value is not None} for turn in messages]
    return canonical_json({"messages": turns, "tools": tools} if tools else {"messages": turns})


def flatten_turns(messages: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    """All turns of all records below one another, and how many each record has.

    messages: `messages_dtype()`, length n. Returns (lengths u32 of length n, frame of m turns with `MESSAGE_FIELDS`).
    """
    return messages.list.len(), messages.explode(empty_as_null=False).struct.unnest()


def fold_turns(lengths: pl.Series, turns: pl.DataFrame) -> pl.Series:
    """The inverse of `flatten_turns`: offsets over the very buffers of the turns, so that no text is copied."""
    from datasetbuild.arrow import fold

    return fold(turns.select(MESSAGE_FIELDS).to_struct("messages"), lengths).cast(messages_dtype())


def content_digests(messages: pl.Series, tools: pl.Series) -> pl.Series:
    """What each conversation says, as 64 bits of xxh3 (UInt64): equal for equal turns and tools. 0.6 us a record.

    messages: `messages_dtype()`; tools: String; both of length n. Fields are parted by characters that no text holds.
    """
    from itertools import pairwise

    import numpy as np
    import polars as pl
    from xxhash import xxh3_64_intdigest

    from datasetbuild.arrow import buffers, sums

    lengths, turns = flatten_turns(messages)
    filled = [field for field in MESSAGE_FIELDS[2:] if turns[field].null_count() < len(turns)]
    others = [(pl.lit(f"\x1f{field}=") + pl.col(field).cast(pl.String)).fill_null("") for field in filled]
    said = turns.select(pl.concat_str("role", pl.lit("\x1f"), "content", *others, pl.lit("\x1e")).alias("said"))["said"]
    data, places = buffers(said)
    ends, view = places[sums(lengths)].tolist(), data.data
    whole: list[memoryview | bytes] = [view[first:end] for first, end in pairwise(ends)]
    for row in tools.is_not_null().arg_true():
        if tools[row]:
            whole[row] = bytes(whole[row]) + b"\x1d" + tools[row].encode()
    return pl.Series("content", np.fromiter(map(xxh3_64_intdigest, whole), np.uint64, len(whole)))


def records_digest(table: pa.Table) -> str:
    """What conversations say, in order, as a SHA-256 (hex): column by column, of all turns and of the tools, the number of
    bytes of each value (-1 for none) and then all values. Columns that none of them fills, or that are not there, are left out.

    table: `messages` (lists of structs with some of `MESSAGE_FIELDS`, in their order) and, where there are any, `tools`. Its
    texts are hashed where they lie.
    """
    import hashlib

    import numpy as np

    from datasetbuild.arrow import bounds_of

    messages = _whole(table["messages"])
    bounds = bounds_of(messages)
    turns = messages.values[bounds[0] : bounds[-1]]
    columns = dict(zip((field.name for field in turns.type), turns.flatten(), strict=True))
    columns |= {name: _whole(table[name]) for name in ("tools",) if name in table.column_names}
    lengths = np.diff(bounds).astype(np.int64)
    state = hashlib.sha256(f"{len(messages)}\0".encode() + lengths.tobytes())
    for name, column in columns.items():
        if column.null_count < len(column):
            sizes, data = _bytes_of(column)
            state.update(f"{name}\0".encode() + sizes.tobytes())
            state.update(data)
    return state.hexdigest()


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, which it most often is."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _bytes_of(column: pa.Array) -> tuple[NDArray[np.int64], memoryview]:
    """Bytes of each value as text, -1 where there is none; and those bytes, one value after the other."""
    import numpy as np
    import polars as pl
    import pyarrow as pa

    from datasetbuild.arrow import bounds_of, series

    sizes = np.full(len(column), -1)
    known: Any = slice(None)
    if column.null_count or not pa.types.is_string(column.type):  # a weight
        values = series("", column)
        known = values.is_not_null().to_numpy()
        column = values.drop_nulls().cast(pl.String).to_arrow(compat_level=pl.CompatLevel.oldest())
    bounds = bounds_of(column)
    sizes[known] = np.diff(bounds)
    return sizes, memoryview(column.buffers()[2] or b"")[bounds[0] : bounds[-1]]
