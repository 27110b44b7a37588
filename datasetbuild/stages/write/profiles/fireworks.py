"""Profile `fireworks`: files for Fireworks' fine-tuning API."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import WORDS, Carries, Export, Lines, OnName, OnWeight, Row
from datasetbuild.stages.write.lines import turn, whole_weights
from datasetbuild.stages.write.profiles.calls import any_id, paired

CARRIES = Carries(
    weights="binary",
    tools="openai",
    reasoning=True,
    min_rows=3,
    max_rows=3_000_000,
    documented="docs.fireworks.ai fine-tuning/fine-tuning-models",
)


@profile(version=1, carries=CARRIES, words=WORDS)
def fireworks(*, on_weight: OnWeight = "error", on_name: OnName = "error") -> Export:
    """JSON Lines for Fireworks' fine-tuning API: 3 to 3,000,000 rows in a file.

    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!", "weight": 1}]}

    Weights are 0 or 1. Thinking stays in `reasoning_content`; it expands such rows, so that more tokens are trained
    (and billed) than the file has. Calls and results without an id get `call_N`, paired by order.
    """
    return Export(Lines(row, plain), CARRIES, {"weight": on_weight, "name": on_name})


def row(record: Row, fields: frozenset[str]) -> Row:
    made: Row = {"messages": paired(whole_weights(record["messages"]), any_id)}
    if record["tools"]:
        made["tools"] = orjson.loads(record["tools"])
    return made


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    return {"messages": turn(role="role", content="content")}
