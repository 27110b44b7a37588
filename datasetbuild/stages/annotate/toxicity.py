"""How toxic a text is, by a classifier of the user's choice: what no list of words can tell.

The model runs on this machine, a text at a time in one thread: padding and the number of threads would change the last
digits of its answers, and rounding to four decimals hides what is left between machines. A BERT of 110M parameters takes
180 ms of CPU for a text of 100 tokens and 750 ms for one of 500, so the fact is dear: measured last, and remembered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any

import polars as pl

from datasetbuild.errors import BuildError, SourceError
from datasetbuild.op import Bound, Extra, Model, did_you_mean, fact
from datasetbuild.record import Where

COMMIT = Extra({"pattern": "^[0-9a-f]{40}$", "title": "a commit of 40 characters"})
LONGEST = 512
"""Tokens that a model is given at once, at most."""
DECIMALS = 4


@fact(version=1, packages=("torch", "transformers", "tokenizers"), dear=True)
def toxicity(
    *,
    model: Annotated[str, Model()],
    labels: Annotated[list[str], Extra({"minItems": 1})],
    revision: Annotated[str, COMMIT] | None = None,
    where: Where = "conversation",
    max_chars: Annotated[int, Bound(ge=100)] = 20_000,
) -> Callable[[pl.DataFrame], pl.Series]:
    """How likely the most toxic of the `where` turns has one of the `labels`, by a model for text classification. Range 0..1.

    What counts as toxic is the model's to say, and its mistakes are its own: look at what it flags before you drop it. It is
    measured last, only for records that pass the rules on all other facts, and asked once for each record. Needs
    `pip install 'datasetbuild[toxicity]'`. A text that is longer than the model can take is read in windows, and its worst
    window counts.

    model: a folder of the project with a model in transformers' format (config.json, *.safetensors, its tokenizer), or a
        name of the Hub, `org/name`, with `revision`.
    labels: those of the model's labels that are meant, such as `[toxic, threat]`. Of a model that gives each label a
        probability of its own the highest counts, else their sum.
    revision: the commit of a model of the Hub.
    where: whose turns are read.
    max_chars: characters of a turn that are read; what stands behind them is not.
    """
    del revision
    classifier = _opened(model, tuple(labels))

    def measure(frame: pl.DataFrame) -> pl.Series:
        worst = [max((classifier(text[:max_chars]) for text in texts if text), default=0.0) for texts in frame[where]]
        return pl.Series("toxicity", worst, dtype=pl.Float64)

    return measure


@lru_cache(maxsize=2)
def _opened(folder: str, labels: tuple[str, ...]) -> Callable[[str], float]:
    """The model as a function of a text. Raises `BuildError` without torch, `SourceError` for what cannot be used."""
    try:
        import torch
    except ImportError:
        raise BuildError("torch is not installed, and the model of `toxicity` runs on it", hint="pip install 'datasetbuild[toxicity]'") from None
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # ours says how far the build is
    asked: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **asked)
        network = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **asked)
    except Exception as error:  # whatever a model's files make it raise
        said = " ".join(str(error).replace(folder, "the folder").split())[:200]
        raise SourceError(f"transformers cannot load the model: {said}", hint="`model` takes one for text classification") from None
    network.eval()
    wanted = _places(network.config.id2label, labels)
    apart = network.config.problem_type == "multi_label_classification" or len(network.config.id2label) == 1
    window = _window(tokenizer, network.config)

    def classify(text: str) -> float:
        encoded = tokenizer(text, truncation=True, max_length=window, return_overflowing_tokens=True, stride=window // 8)
        windows = encoded["input_ids"] if isinstance(encoded["input_ids"][0], list) else [encoded["input_ids"]]
        return max(_score(window) for window in windows)

    def _score(tokens: list[int]) -> float:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                logits = network(input_ids=torch.tensor([tokens])).logits[0].tolist()
        finally:
            torch.set_num_threads(threads)
        return _probability(logits, wanted, apart=apart)

    return classify


def _places(names: dict[int, str], labels: tuple[str, ...]) -> list[int]:
    """Where the labels stand among the model's own."""
    known = {str(name): int(place) for place, name in names.items()}
    for label in labels:
        if label not in known:
            raise SourceError(f"the model has no label {label!r}", hint=did_you_mean(label, sorted(known)))
    return [known[label] for label in labels]


def _window(tokenizer: Any, config: Any) -> int:
    """Tokens that the model takes: what its tokenizer and its positions say, and at most `LONGEST`."""
    said = [tokenizer.model_max_length, getattr(config, "max_position_embeddings", None), LONGEST]
    return min(one for one in said if isinstance(one, int) and one >= 8)


def _probability(logits: list[float], wanted: list[int], *, apart: bool) -> float:
    """The probability of the wanted labels: the highest where each has its own, else their sum. Raises `ValueError` for
    logits that are no numbers."""
    if not all(map(math.isfinite, logits)):
        raise ValueError("the model gave no number")
    if apart:
        return round(max(1 / (1 + math.exp(-max(min(logits[place], 50), -50))) for place in wanted), DECIMALS)
    most = max(logits)
    powers = [math.exp(one - most) for one in logits]
    return round(sum(powers[place] for place in wanted) / math.fsum(powers), DECIMALS)
