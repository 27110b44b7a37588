"""What near dedup found of the planted pairs: those above the threshold that it missed, those below that it merged.

Only pairs that near dedup alone decides about are counted, by a rule that knows no tool: both rows pass the filters,
both have a first user message of their own (so exact dedup leaves them alone), and neither is in another planted pair
(so no third row connects or replaces them).
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

import workload as w

from bench.floors import template

Pair = tuple[int, int]


@dataclass(frozen=True)
class Planted:
    """Pairs that near dedup decides about: alike (exact Jaccard at or above the threshold) and unlike."""

    alike: list[Pair]
    unlike: list[Pair]

    def score(self, kept: Any) -> dict[str, int | float]:
        """missed: alike, and both rows are in the output. merged: unlike, and one of the rows is gone."""
        missed = sum(a in kept and b in kept for a, b in self.alike)
        merged = sum(a not in kept or b not in kept for a, b in self.unlike)
        return {"alike": len(self.alike), "missed": missed, "unlike": len(self.unlike), "merged": merged}


def planted(corpus: Path, truth: Path, tokenizer: Path) -> Planted:
    """The pairs of a corpus."""
    near = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    pairs = [(row["id"], row["of"], row["jaccard"]) for row in near if row["kind"] in ("near", "exact")]
    often = Counter(number for pair in pairs for number in pair[:2])
    good = _decided_by_near(corpus, {number for number, count in often.items() if count == 1}, tokenizer)
    alone = {(row["id"], row["of"]) for row in near if row["kind"] == "near"}
    usable = [pair for pair in pairs if pair[:2] in alone and pair[0] in good and pair[1] in good]
    return Planted(
        [(a, b) for a, b, jaccard in usable if jaccard >= w.THRESHOLD],
        [(a, b) for a, b, jaccard in usable if jaccard < w.THRESHOLD],
    )


def _decided_by_near(corpus: Path, wanted: set[int], tokenizer: Path) -> set[int]:
    """The wanted rows that pass the filters and whose first user message no other row has."""
    import fastokens

    render = template(tokenizer)
    encoder = fastokens.Tokenizer.from_json_str((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))
    first: Counter[str] = Counter()
    passing: dict[int, str] = {}
    with open(corpus, "rb") as lines:
        for line in lines:
            row = json.loads(line)
            messages = w.clean(row["messages"])
            key = w.exact_key(messages)
            first[key] += 1
            if row["id"] in wanted and w.good(messages, 60):  # also after the changed bound
                tokens = len(encoder.encode_batch_flat([render(messages)])[0]) // 4
                if w.MIN_TOKENS <= tokens <= w.MAX_TOKENS:
                    passing[row["id"]] = key
    return {number for number, key in passing.items() if first[key] == 1}
