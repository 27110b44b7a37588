"""Profile `alpaca`: {instruction, input, output}."""

from __future__ import annotations

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import (
    WORDS,
    Carries,
    Column,
    Compression,
    Export,
    Lines,
    OnName,
    OnReasoning,
    OnTools,
    OnTurns,
    OnWeightNone,
    Row,
    Shards,
)

CARRIES = Carries(
    columns=True,
    order="alternating",
    answer_last=True,
    documented="tatsu-lab/stanford_alpaca; LLaMA-Factory data/README.md",
)


@profile(version=1, carries=CARRIES, words=WORDS)
def alpaca(
    *,
    columns: list[Column] = [],  # noqa: B006
    on_weight: OnWeightNone = "error",
    on_turns: OnTurns = "error",
    on_tools: OnTools = "error",
    on_reasoning: OnReasoning = "error",
    on_name: OnName = "error",
    compression: Compression = None,
    shards: Shards = 1,
) -> Export:
    """JSON Lines of `instruction`, `input` (empty) and `output`; `system` and `history` in rows that have them.

    {"instruction": "Translate 'good morning' into German.", "input": "", "output": "guten Morgen"}

    `history` is the list of [question, answer] before the instruction, which readers of the extended format train too;
    readers of the original format pass over `system` and `history`.
    """
    rules = {"weight": on_weight, "turns": on_turns, "tools": on_tools, "reasoning": on_reasoning, "name": on_name}
    return Export(Lines(row, None, tuple(columns), compression, shards), CARRIES, rules)


def row(record: Row, fields: frozenset[str]) -> Row:
    turns = [one["content"] for one in record["messages"]]
    system = turns.pop(0) if record["messages"][0]["role"] == "system" else None
    made: Row = {"instruction": turns[-2], "input": "", "output": turns[-1]}
    if system is not None:
        made["system"] = system
    if len(turns) > 2:
        made["history"] = [turns[place : place + 2] for place in range(0, len(turns) - 2, 2)]
    return made
