"""How much of a benchmark is found in training data: verbatim, edited and rephrased items, and sets that have none.

    DSBUILD_REAL_DATA=FOLDER python bench/quality/decontamination.py

Edits: each word is, with the given chance, left out, followed by another, or replaced. Rephrased items are those of a published
set, told anew by a language model. Prints a table; `must` is what the project holds itself to.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from datasetbuild.stages.decontaminate import contamination, index

OVERLAP, NGRAM = 0.5, 13
GSM8K = "gsm8k/grade_school_math/data"
HUMANEVAL = "llm-decontaminator/data/test/HumanEval.jsonl"
UNRELATED = {
    "qasc, questions": ("alpaca-cot/data/formatted_cot_data/qasc_train.json", None),
    "aqua, word problems": ("alpaca-cot/data/formatted_cot_data/aqua_train.json", None),
    "strategyqa": ("alpaca-cot/data/formatted_cot_data/strategyqa_train.json", None),
    "toolformer": ("gpteacher/Toolformer/toolformer-similarity-0.7-dataset.json", None),
    "roleplay": ("gpteacher/Roleplay/roleplay-simple-deduped-roleplay-instruct.json", None),
}


def main() -> int:
    """Print the table; exit code 1 when something that must hold does not."""
    data = Path(os.environ.get("DSBUILD_REAL_DATA", ""))
    if not (data / HUMANEVAL).is_file():
        print("DSBUILD_REAL_DATA does not name the folder of real data", file=sys.stderr)
        return 2
    against = {"gsm8k": {"path": str(data / GSM8K / "test.jsonl"), "fields": ["question"]}, "humaneval": {"path": str(data / HUMANEVAL)}}
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "index"
        made, report = index(against=against)  # type: ignore[arg-type]
        prepared.write_bytes(made)
        print(f"index: {report}, {len(made):,} bytes\n\n{'texts':<34}{'rows':>7}{'found':>9}{'must':>10}{'us a row':>10}")
        return max([_line(prepared, *case) for case in _cases(data)])


Case = tuple[str, list[str], str, Callable[[float], bool]]


def _cases(data: Path) -> Iterator[Case]:
    gsm = [row["question"] for row in _rows(data / GSM8K / "test.jsonl")]
    code = [row["text"] for row in _rows(data / HUMANEVAL)]
    for name, texts in {"gsm8k": gsm, "humaneval": code}.items():
        yield f"{name}, verbatim", texts, ">= 95 %", lambda share: share >= 0.95
        for rate in (0.05, 0.1, 0.15, 0.2):
            rng = random.Random(1)
            edited = [_edited(text, rate, rng) for text in texts]
            must = (">= 95 %", lambda share: share >= 0.95) if rate <= 0.1 else ("", lambda share: True)
            yield f"{name}, {rate:.0%} of the words edited", edited, *must
    for name, file in {"gsm8k": "rephrase_gsm8k.jsonl", "humaneval": "humaneval_python.jsonl"}.items():
        rows = _rows(data / "llm-decontaminator/data/rephrase" / file)
        yield f"{name}, rephrased by a model", [row["text"] for row in rows], "", lambda share: True
    yield "gsm8k, its training set", [row["question"] for row in _rows(data / GSM8K / "train.jsonl")], "", lambda share: True
    for name, (file, _) in UNRELATED.items():
        rows = json.loads((data / file).read_text(encoding="utf-8"))
        texts = [" ".join(str(row.get(key) or "") for key in ("instruction", "input", "output", "response")) for row in rows]
        yield f"{name} (unrelated)", texts, "0", lambda share: share == 0


def _line(prepared: Path, name: str, texts: list[str], must: str, holds: Callable[[float], bool]) -> int:
    frame = pl.DataFrame({"conversation": [[f"Please help me: {text}", "Sure, the answer is 5."] for text in texts]})
    start = time.process_time()
    found = contamination(frame, prepared, ngram=NGRAM)
    took = (time.process_time() - start) / len(texts) * 1e6
    share = float(found.select(((pl.col("overlap") >= OVERLAP) | pl.col("run")).fill_null(False).mean()).item())
    print(f"{name:<34}{len(texts):>7,}{share:>9.2%}{must:>10}{took:>10.0f}{'' if holds(share) else '  FALLS SHORT'}")
    return 0 if holds(share) else 1


def _edited(text: str, rate: float, rng: random.Random) -> str:
    def edit(word: str) -> str:
        if rng.random() >= rate:
            return word
        return rng.choice(["", f"{word} really", "something"])

    return " ".join(edit(word) for word in text.split(" "))


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    sys.exit(main())
