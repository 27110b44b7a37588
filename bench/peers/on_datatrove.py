"""Peer (c): datatrove, its MinHash stages around our own steps, one task, with the options that cost it least.

    python on_datatrove.py CORPUS.jsonl TOKENIZER OUT [--min-chars 50]

Words are split by a regex (its spaCy words cost six times as much), signatures are made in the pipeline that cleans,
tokens are counted in batches. The stages' files and its completion marks stay beside OUT, as its examples have it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import workload as w
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature, minhash
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter

BANDS, ROWS = 9, 13
"""datasketch's optimum for 128 permutations and a threshold of 0.8, which is what the other peers use."""

BATCH = 1000
Documents = Iterator[Document]


class Clean(PipelineStep):
    """Clean, the three rules, exact dedup on the first user message."""

    name = "clean and filter"
    type = "W"

    def __init__(self, min_chars: int) -> None:
        super().__init__()
        self.min_chars = min_chars

    def run(self, data: Documents, rank: int = 0, world_size: int = 1) -> Documents:
        seen: set[str] = set()
        for document in data:
            messages = w.clean(document.metadata["messages"])
            if not w.good(messages, self.min_chars):
                continue
            key = w.exact_key(messages)
            if key not in seen:
                seen.add(key)
                document.text, document.metadata["messages"] = w.joined(messages), messages
                yield document


class Words:
    """Splits a text into words; stands in for the tokenizer that MinHash would load, which needs spaCy."""

    def word_tokenize(self, text: str) -> list[str]:
        return w.WORD.findall(text.lower())


class Render(PipelineStep):
    """Render, count tokens, keep those within bounds, name the split."""

    name = "render"
    type = "W"

    def __init__(self, tokenizer: str) -> None:
        super().__init__()
        self.folder = tokenizer

    def run(self, data: Documents, rank: int = 0, world_size: int = 1) -> Documents:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        while batch := list(islice(data, BATCH)):
            texts = [tokenizer.apply_chat_template(one.metadata["messages"], tokenize=False) for one in batch]
            counts = map(len, tokenizer(texts, add_special_tokens=False)["input_ids"])
            for document, text, count in zip(batch, texts, counts, strict=True):
                if w.MIN_TOKENS <= count <= w.MAX_TOKENS:
                    document.text = text
                    document.metadata["split"] = w.split_of(int(document.id))
                    yield document


def read_row(self: Any, data: dict[str, Any], path: str, place: int | str) -> dict[str, Any]:
    return {"text": "-", "id": str(data["id"]), "metadata": {"messages": data["messages"]}}


def write_row(self: Any, document: Document) -> dict[str, Any]:
    return w.row(int(document.id), document.metadata["messages"], document.text) | {"metadata": {}}


def main() -> None:
    """Run workload W in four pipelines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--min-chars", type=int, default=w.MIN_CHARS)
    args = parser.parse_args()
    minhash.load_word_tokenizer = lambda language: Words()
    stages = args.out.parent / "stages"
    config = MinhashConfig(n_grams=w.NGRAM, num_buckets=BANDS, hashes_per_bucket=ROWS)
    clean, signatures, buckets, removed = (str(stages / name) for name in ("clean", "signatures", "buckets", "removed"))
    reader = JsonlReader(str(args.corpus.parent), glob_pattern=args.corpus.name, adapter=read_row, add_file_path=False)
    pipelines = {
        "1": [
            reader,
            Clean(args.min_chars),
            JsonlWriter(clean, compression=None),
            MinhashDedupSignature(signatures, config),
        ],
        "2": [MinhashDedupBuckets(signatures, buckets, config=config)],
        "3": [MinhashDedupCluster(buckets, removed, config=config)],
        "4": [
            JsonlReader(clean, add_file_path=False),
            MinhashDedupFilter(removed),
            Render(str(args.tokenizer)),
            JsonlWriter(str(args.out), output_filename="${split}.jsonl", compression=None, adapter=write_row),
        ],
    }
    for name, steps in pipelines.items():
        tasks = BANDS if name == "2" else 1
        LocalPipelineExecutor(steps, tasks=tasks, workers=1, logging_dir=str(stages / "logs" / name)).run()


if __name__ == "__main__":
    main()
