"""The floors of workload W: each unavoidable piece of work once, with the fastest exact tool, in CPU seconds.

    python bench/floors.py CORPUS.jsonl TOKENIZER WORK [--kept LEDGER]

parse: every line through orjson. tokenize: every rendered conversation through fastokens, in batches. hash words: the
words of every conversation as 64-bit hashes. render: every conversation through Jinja, with the template of the recipe.
write: the kept rows as parquet (messages) and as JSON Lines (text). Prints one JSON object. Runs in one process with
one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ONE_THREAD = {"POLARS_MAX_THREADS": "1", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
ROOT = Path(__file__).resolve().parent.parent
BATCH = 4096
"""Rows handled at once, so that the floors fit in the memory that a shard takes."""


class Clock:
    """CPU seconds of this process, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def take(self, name: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - start
        return result


def template(folder: Path) -> Callable[[list[dict[str, str]]], str]:
    """The recipe's chat template, compiled as transformers compiles it when nobody asks for masks."""
    from jinja2 import nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}` blocks, as if they were not there."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Parser) -> list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    compiled = environment.from_string((folder / "chat_template.jinja").read_text(encoding="utf-8"))
    return lambda messages: compiled.render(messages=messages, tools=None, add_generation_prompt=False)


def measured(corpus: Path, tokenizer: Path, work: Path, kept: set[int] | None) -> dict[str, float]:
    """CPU seconds of each floor. kept: the ids that are written; None writes all."""
    import fastokens
    import orjson
    import polars as pl
    import pyarrow.parquet  # noqa: F401  (its import is no part of a floor)

    from datasetbuild.stages.words import word_hashes

    clock, render = Clock(), template(tokenizer)
    encoder = fastokens.Tokenizer.from_json_str((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))
    tokens = 0
    work.mkdir(parents=True, exist_ok=True)
    out = [work / "floor.parquet", work / "floor.jsonl"]
    with open(corpus, "rb") as lines, _writer(out[0]) as parquet, open(out[1], "wb") as jsonl:
        while batch := [line for line, _ in zip(lines, range(BATCH), strict=False)]:
            rows = clock.take("parse", lambda b=batch: [orjson.loads(line) for line in b])
            joined = pl.Series(["\n".join(turn["content"] for turn in row["messages"]) for row in rows])
            clock.take("hash words", lambda j=joined: word_hashes(j))
            texts = clock.take("render", lambda r=rows: [render(row["messages"]) for row in r])
            tokens += len(clock.take("tokenize", lambda t=texts: encoder.encode_batch_flat(t))[0]) // 4
            wanted = [(row, text) for row, text in zip(rows, texts, strict=True) if kept is None or row["id"] in kept]
            clock.take("write", lambda w=wanted: _write(parquet, jsonl, w))
        clock.take("write", parquet.close)
    return {name: round(value, 3) for name, value in clock.seconds.items()} | {"tokens": tokens}


def _writer(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    turn = pa.struct([("role", pa.string()), ("content", pa.string())])
    return pq.ParquetWriter(path, pa.schema([("id", pa.int64()), ("messages", pa.list_(turn))]), compression="zstd")


def _write(parquet: Any, jsonl: Any, rows: list[tuple[dict[str, Any], str]]) -> None:
    import orjson
    import pyarrow as pa

    table = {"id": [row["id"] for row, _ in rows], "messages": [row["messages"] for row, _ in rows]}
    parquet.write_table(pa.table(table, schema=parquet.schema))
    jsonl.write(b"".join(orjson.dumps({"text": text}) + b"\n" for _, text in rows))


def main() -> None:
    """Print the floors as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--kept", type=Path, help="ledger.parquet of a build: only what it kept is written")
    args = parser.parse_args()
    os.environ.update(ONE_THREAD)  # before the libraries read it
    sys.path.insert(0, str(ROOT))
    kept = None
    if args.kept:
        import polars as pl

        ledger = pl.read_parquet(args.kept, columns=["row", "fate"])
        kept = set(ledger.filter(pl.col("fate") == "kept")["row"].to_list())
    print(json.dumps(measured(args.corpus, args.tokenizer, args.work, kept)))


if __name__ == "__main__":
    main()
