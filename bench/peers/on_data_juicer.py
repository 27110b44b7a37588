"""Peer (b): Data-Juicer, a recipe of nine operators run by its own executor, one process.

    python on_data_juicer.py CORPUS.jsonl TOKENIZER OUT [--min-chars 50]

Its text operators do not see into `messages`, so cleaning, the facts and rendering are our functions
(python_file_mapper) and the split is made here; the rules and both dedups are its own operators. It wants its text keys
in the raw file, so the corpus is copied with them first.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the executor loads this file by its path

import workload as w

Batch = dict[str, list[Any]]
BATCH = 1000


def clean(samples: Any) -> Batch:
    """Clean, and say what the rules ask. phrases counts from 1: 0 is no number to its filter."""
    batch = dict(samples)
    batch["messages"] = [w.clean(messages) for messages in batch["messages"]]
    answers = [[t["content"] for t in messages if t["role"] == "assistant"] for messages in batch["messages"]]
    batch["text"] = [w.joined(messages) for messages in batch["messages"]]
    batch["first_user"] = [w.first_user(messages) for messages in batch["messages"]]
    batch["shortest"] = [min(map(len, texts)) for texts in answers]
    batch["longest"] = [max(map(len, texts)) for texts in answers]
    batch["unique"] = [min(map(w.unique_word_ratio, texts)) for texts in answers]
    batch["phrases"] = [1 + sum(bool(one.search(text)) for one in w.PHRASES for text in texts) for texts in answers]
    return batch


def render(samples: Any) -> Batch:
    """Render, and count tokens."""
    tokenizer = _tokenizer()
    batch = dict(samples)
    batch["text"] = [tokenizer.apply_chat_template(messages, tokenize=False) for messages in batch["messages"]]
    batch["tokens"] = [len(ids) for ids in tokenizer(batch["text"], add_special_tokens=False)["input_ids"]]
    return batch


def _tokenizer() -> Any:
    """The tokenizer, loaded once."""
    if not hasattr(_tokenizer, "loaded"):
        from transformers import AutoTokenizer

        _tokenizer.loaded = AutoTokenizer.from_pretrained(os.environ["BENCH_TOKENIZER"])
    return _tokenizer.loaded


def recipe(raw: Path, exported: Path, min_chars: int) -> dict[str, Any]:
    """The recipe, as its YAML would say it."""

    def ours(function: str) -> dict[str, Any]:
        options = {"file_path": __file__, "function_name": function, "batched": True, "batch_size": BATCH}
        return {"python_file_mapper": options}

    def rule(field: str, **bounds: float) -> dict[str, Any]:
        return {"specified_numeric_field_filter": {"field_key": field, **bounds}}

    near = {
        "tokenization": "space",
        "window_size": w.NGRAM,
        "num_permutations": w.PERMUTATIONS,
        "jaccard_threshold": w.THRESHOLD,
    }
    return {
        "project_name": "w",
        "dataset_path": str(raw),
        "export_path": str(exported),
        "work_dir": str(exported.parent),
        "np": 1,
        "use_cache": True,
        "open_tracer": False,
        "text_keys": "text",
        "process": [
            ours("clean"),
            rule("shortest", min_value=min_chars),
            rule("longest", max_value=w.MAX_CHARS),
            rule("unique", min_value=w.MIN_UNIQUE),
            rule("phrases", max_value=1),
            {"document_deduplicator": {"text_key": "first_user"}},
            {"document_minhash_deduplicator": {**near, "lowercase": True, "ignore_pattern": r"[^\w\s]"}},
            ours("render"),
            rule("tokens", min_value=w.MIN_TOKENS, max_value=w.MAX_TOKENS),
        ],
    }


def main() -> None:
    """Copy the corpus with a text key, run the recipe, split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--min-chars", type=int, default=w.MIN_CHARS)
    args = parser.parse_args()
    os.environ["BENCH_TOKENIZER"] = str(args.tokenizer)
    stages = args.out.parent / "stages"
    for folder in (args.out, stages):
        folder.mkdir(parents=True, exist_ok=True)
    raw, exported = stages / "raw.jsonl", stages / "exported.jsonl"
    with open(args.corpus, encoding="utf-8") as lines, open(raw, "w", encoding="utf-8") as out:
        for line in lines:
            out.write(json.dumps({**json.loads(line), "text": "-", "first_user": "-"}, ensure_ascii=False) + "\n")
    run(recipe(raw, exported, args.min_chars), stages / "recipe.yaml")
    found: dict[str, list[str]] = {"train": [], "validation": []}
    with open(exported, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            kept = w.row(row["id"], row["messages"], row["text"])
            found[w.split_of(row["id"])].append(json.dumps(kept, ensure_ascii=False) + "\n")
    for name, rows in found.items():
        (args.out / f"{name}.jsonl").write_text("".join(rows), encoding="utf-8")


def run(config: dict[str, Any], path: Path) -> None:
    """Run a recipe as `dj-process --config` does."""
    import yaml

    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    from data_juicer.config import init_configs
    from data_juicer.core import DefaultExecutor
    from data_juicer.ops import base_op

    base_op.free_models = lambda *_, **__: None  # it empties the GPU's cache, and would install torch for that
    DefaultExecutor(init_configs(["--config", str(path)])).run()


if __name__ == "__main__":
    main()
