"""Profile `messages`: OpenAI's conversations with everything that a record holds."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import WORDS, Carries, Column, Compression, Export, Lines, Row, Shards
from datasetbuild.stages.write.lines import parsed_calls, turn

CARRIES = Carries(weights="float", weighs="any", tools="openai", reasoning=True, names=True, columns=True)


@profile(version=1, carries=CARRIES, words=WORDS)
def messages(*, columns: list[Column] = [], compression: Compression = None, shards: Shards = 1) -> Export:  # noqa: B006
    """JSON Lines of `messages` and `tools`, with all that a record holds; what most trainers read.

    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!", "weight": 0.5}]}

    A turn has role and content and, where the record has them, weight, name, tool_calls (a list, arguments as JSON
    text), tool_call_id and reasoning_content. `tools` is there in rows that have tools.
    """
    return Export(Lines(row, plain, tuple(columns), compression, shards), CARRIES)


def row(record: Row, fields: frozenset[str]) -> Row:
    made: Row = {"messages": parsed_calls(record["messages"])}
    if record["tools"]:
        made["tools"] = orjson.loads(record["tools"])
    return made


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    return {"messages": turn(role="role", content="content")}
