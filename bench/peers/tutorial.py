"""Peer (a): the script that tutorials give: `datasets` map and filter, md5, MinHashLSH, `apply_chat_template`.

    python tutorial.py CORPUS.jsonl TOKENIZER OUT [--min-chars 50]

One process, one record at a time, as tutorials show it, but for tokenizing, which goes in batches. The cache of
`datasets` is where HF_DATASETS_CACHE says.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import workload as w
from datasets import load_dataset
from datasketch import MinHash, MinHashLSH
from transformers import AutoTokenizer


def main() -> None:
    """Run workload W."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--min-chars", type=int, default=w.MIN_CHARS)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    data = load_dataset("json", data_files=str(args.corpus), split="train")
    data = data.map(cleaned)
    data = data.filter(passes, fn_kwargs={"min_chars": args.min_chars})
    data = without_repeats(data)
    data = without_near_repeats(data)

    tokenizer = AutoTokenizer.from_pretrained(args.tokenizer)
    data = data.map(rendered, fn_kwargs={"tokenizer": tokenizer})
    data = data.map(counted, batched=True, fn_kwargs={"tokenizer": tokenizer})
    data = data.filter(in_bounds, input_columns="tokens").remove_columns("tokens")
    for split in ("train", "validation"):
        part = data.filter(belongs, fn_kwargs={"split": split}, input_columns="id")
        part.to_json(str(args.out / f"{split}.jsonl"), force_ascii=False)


def cleaned(row: dict[str, Any]) -> dict[str, Any]:
    return {"messages": w.clean(row["messages"])}


def passes(row: dict[str, Any], min_chars: int) -> bool:
    return w.good(row["messages"], min_chars)


def without_repeats(data: Any) -> Any:
    """The first record of each first user message."""
    seen: set[str] = set()
    kept = []
    for at, row in enumerate(data):
        key = w.exact_key(row["messages"])
        if key not in seen:
            seen.add(key)
            kept.append(at)
    return data.select(kept)


def without_near_repeats(data: Any) -> Any:
    """Records that LSH finds no earlier one for: query, then insert."""
    lsh = MinHashLSH(threshold=w.THRESHOLD, num_perm=w.PERMUTATIONS)
    kept = []
    for at, row in enumerate(data):
        minhash = MinHash(num_perm=w.PERMUTATIONS)
        for shingle in w.shingles(w.joined(row["messages"])):
            minhash.update(shingle.encode("utf-8"))
        if not lsh.query(minhash):
            lsh.insert(str(at), minhash)
            kept.append(at)
    return data.select(kept)


def rendered(row: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    return {"text": tokenizer.apply_chat_template(row["messages"], tokenize=False)}


def counted(batch: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    return {"tokens": [len(ids) for ids in tokenizer(batch["text"], add_special_tokens=False)["input_ids"]]}


def in_bounds(tokens: int) -> bool:
    return w.MIN_TOKENS <= tokens <= w.MAX_TOKENS


def belongs(number: int, split: str) -> bool:
    return w.split_of(number) == split


if __name__ == "__main__":
    main()
