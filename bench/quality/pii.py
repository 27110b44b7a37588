"""Precision and recall of personal data, kind by kind, on the 1500 labelled sentences of presidio-research.

    DSBUILD_REAL_DATA=... python -m bench.quality.pii [--names MODEL]

With a spaCy model names of persons are measured too, by themselves, since it is the model that is measured. A span counts as found when it overlaps one of its kind. The loose level of phones was tuned on these sentences: its figures flatter it.
"""

from __future__ import annotations

import argparse
import json
import time

import polars as pl

from bench.quality.labelled import data, table
from datasetbuild.stages.detect import KINDS, Level, Wanted, find_spans

LABELS = {
    "email": "EMAIL_ADDRESS",
    "card": "CREDIT_CARD",
    "iban": "IBAN_CODE",
    "ip": "IP_ADDRESS",
    "national_id": "US_SSN",
    "phone": "PHONE_NUMBER",
    "name": "PERSON",
}
LEVELS: tuple[Level, ...] = ("strict", "loose")


Line = tuple[str, float, float, int, int, int, float]


def measure(names: str | None = None) -> list[Line]:
    """For each kind and level: precision, recall, found, wrong, missed, and the CPU of all kinds together in us a text; with a
    model for names that kind alone."""
    rows = json.loads((data("presidio-research-pii") / "data" / "synth_dataset_v2.json").read_text(encoding="utf-8"))
    texts = pl.Series([row["full_text"] for row in rows])
    found: list[Line] = []
    if names:
        start = time.process_time()
        spans = find_spans(texts, Wanted(frozenset({"name"}), names=names))
        cost = (time.process_time() - start) / len(rows) * 1e6
        return [(f"name, {names}", *_score(rows, spans, "name", LABELS["name"]), cost)]
    for level in LEVELS:
        wanted = Wanted(frozenset(kind for kind in KINDS if kind != "name"), regions=("US",), phones=level)
        find_spans(texts, wanted)
        start = time.process_time()
        spans = find_spans(texts, wanted)
        cost = (time.process_time() - start) / len(rows) * 1e6
        for kind, label in LABELS.items():
            if kind != "name" and (level == "strict" or kind == "phone"):
                name = f"{kind}, {level}" if kind == "phone" else kind
                found.append((name, *_score(rows, spans, kind, label), cost))
    return found


def _score(rows: list[dict], spans: dict, kind: str, label: str) -> tuple[float, float, int, int, int]:
    hit = wrong = missed = 0
    for index, row in enumerate(rows):
        raw = row["full_text"].encode()
        gold = [(one["start_position"], one["end_position"]) for one in row["spans"] if one["entity_type"] == label]
        mine = [
            (len(raw[: span.start].decode()), len(raw[: span.end].decode()))
            for span in spans.get(index, ())
            if span.kind == kind
        ]
        right = [any(a < d and c < b for c, d in gold) for a, b in mine]
        hit += sum(right)
        wrong += len(right) - sum(right)
        missed += sum(not any(a < d and c < b for a, b in mine) for c, d in gold)
    return hit / max(hit + wrong, 1), hit / max(hit + missed, 1), hit, wrong, missed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--names", metavar="MODEL", help="measure names of persons alone, by this spaCy model")
    print(table(("kind", "precision", "recall", "found", "wrong", "missed", "us/text, all kinds"), measure(parser.parse_args().names)))
