"""Accuracy of language identification on lingua's sentences, with the languages declared, by the confidence that is asked for.

    DSBUILD_REAL_DATA=... python -m bench.quality.language
"""

from __future__ import annotations

import time

import polars as pl

from bench.quality.labelled import data, table
from datasetbuild.stages.annotate.language import UNDETERMINED, identify

CONFIDENCES = (0.0, 0.5, 0.6, 0.8)


def measure() -> list[tuple[float, float, float, float, float]]:
    """For each confidence: right, undetermined and wrong shares of all sentences, and CPU in us a sentence."""
    files = sorted((data("lingua-langid") / "language-testdata" / "sentences").glob("*.txt"))
    codes = tuple(file.stem for file in files)
    lines = [(file.stem, line) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    gold, texts = pl.Series([code for code, _ in lines]), pl.Series([line for _, line in lines])
    identify(texts.head(1), codes, 0.0)
    found = []
    for confidence in CONFIDENCES:
        start = time.process_time()
        told = identify(texts, codes, confidence)
        cost = (time.process_time() - start) / len(texts) * 1e6
        right, unsure = (told == gold).mean(), (told == UNDETERMINED).mean()
        found.append((confidence, float(right), float(unsure), float(1 - right - unsure), round(cost, 1)))  # type: ignore[arg-type, operator]
    return found


if __name__ == "__main__":
    print(table(("min_confidence", "right", "undetermined", "wrong", "us/sentence"), measure()))
