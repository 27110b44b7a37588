"""A score of quality, learnt from rows that people have rated.

Words and pairs of words, hashed to 2^18 features, and a logistic regression over them: 1,000 rated texts are enough to rank
like the people who rated (AUC 0.82 to 0.95 on two tasks), and it costs 20 us a text where a language model costs a second. The
features are unsigned and binary, divided by the root of their number, so that length alone says nothing. Coefficients are
kept as whole ten-thousandths: a score is then the same on every machine, and the model a small file without code in it.
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.errors import BuildError, SourceError
from datasetbuild.op import Bound, File, fact
from datasetbuild.record import Where
from datasetbuild.stages.dedup.sketch import shingles
from datasetbuild.stages.read.reference import read_rows
from datasetbuild.stages.where import words_of
from datasetbuild.stages.words import Hashes, Ints, word_hashes

FEATURES = 1 << 18
UNIT = 10_000
FOLDS = 5
LEAST = 20
"""Rated texts of each kind below which nothing is learnt."""
STRENGTH = 10.0
"""Inverse of the regularisation."""
WORDS = {"good": 1.0, "bad": 0.0, "yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0}


def learn(
    *, ratings: str, text: str, rating: str, good: float | None, where: Where = "assistant"
) -> tuple[bytes, dict[str, Any]]:
    """The model of a file of ratings as an Arrow file (`feature`, `weight`; the first line is the intercept), and how well
    it does on ratings that it has not seen. Raises `BuildError` without scikit-learn, `SourceError` for ratings that
    cannot be learnt from."""
    del where
    texts, values = _rated(Path(ratings), text, rating)
    bound = good if good is not None else float(np.median(values))
    label = values >= bound if good is not None or (values > bound).sum() < LEAST else values > bound
    if min(label.sum(), (~label).sum()) < LEAST:
        message = f"{Path(ratings).name}: {int(label.sum())} rated texts are good and {int((~label).sum())} are not: {LEAST} of each are needed"
        raise SourceError(message, hint="`good` is the lowest rating that counts as good")
    rows, columns, values = _features(*word_hashes(pl.Series(texts)))
    weights, intercept, report = _fit(rows, columns, values, label)
    whole = np.rint(weights * UNIT).astype(np.int32)
    used = np.flatnonzero(whole)
    frame = pl.DataFrame(
        {
            "feature": np.concatenate([[-1], used]).astype(np.int32),
            "weight": np.concatenate([[round(intercept * UNIT)], whole[used]]).astype(np.int32),
        }
    )
    sink = io.BytesIO()
    frame.write_ipc(sink)
    return sink.getvalue(), report | {"rated": len(texts), "good": int(label.sum()), "features": len(used)}


@fact(version=4, needs="words", prepare=learn, packages=("scikit-learn",))
def quality(
    prepared: Path,
    /,
    *,
    ratings: Annotated[str, File()],
    text: str = "text",
    rating: str = "rating",
    good: Annotated[float, Bound()] | None = None,
    where: Where = "assistant",
) -> Any:
    """How likely people who rated other texts would call this one good, by its words. Range 0..1.

    It has learnt what the raters liked, on texts like theirs, and nothing else: look at `prepared` in the manifest, where its
    cross-validated AUC stands (0.5 is chance), before trusting a bound.

    ratings: a file with a rated text in each row.
    text: the field of the text.
    rating: the field of its rating: a number, or one of good, bad, yes, no.
    good: lowest rating that counts as good; without it those above the median.
    where: whose turns are scored.
    """
    model = _opened(prepared)

    def measure(frame: pl.DataFrame) -> pl.Series:
        words = words_of(frame, where)
        return pl.Series("quality", _score(words.hashes, words.of_records, *model))

    return measure


def _score(hashes: Hashes, counts: Ints, weights: NDArray[np.int64], intercept: int) -> NDArray[np.float64]:
    rows, columns, _ = _features(hashes, counts)
    many = np.bincount(rows, minlength=len(counts))
    total = np.bincount(rows, weights=weights[columns], minlength=len(counts))  # whole numbers: exact in any order
    logit = (total / np.sqrt(np.maximum(many, 1)) + intercept) / UNIT
    # Rounded, since the last digit of an exponential is not the same everywhere.
    return np.round(1 / (1 + np.exp(-np.clip(logit, -50, 50))), 6)


@lru_cache(maxsize=4)
def _opened(prepared: Path) -> tuple[NDArray[np.int64], int]:
    model = pl.read_ipc(prepared.read_bytes())
    weights = np.zeros(FEATURES, np.int64)
    weights[model["feature"].to_numpy()[1:]] = model["weight"].to_numpy()[1:]
    return weights, int(model["weight"][0])


def _features(hashes: Hashes, counts: Ints) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The distinct features of each text: its number, the feature, and 1 over the root of how many the text has. hashes,
    counts: from `word_hashes`."""
    pairs = shingles(hashes, counts, 2)
    text = np.repeat(np.concatenate([np.arange(len(counts))] * 2), np.concatenate([counts, np.diff(pairs.offsets)]))
    feature = (np.concatenate([hashes, pairs.values]) % np.uint64(FEATURES)).astype(np.int64)
    packed = np.sort(text * FEATURES + feature)
    packed = packed[np.concatenate([[True], packed[1:] != packed[:-1]])] if len(packed) else packed
    rows, columns = packed // FEATURES, packed % FEATURES
    many = np.bincount(rows, minlength=len(counts))
    return rows, columns, 1 / np.sqrt(many[rows])


def _fit(
    rows: NDArray[np.int64], columns: NDArray[np.int64], values: NDArray[np.float64], label: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float, dict[str, Any]]:
    """Weights and intercept, calibrated on what each fold did not see (Platt 1999), and what that says of the model."""
    try:
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score
        from sklearn.model_selection import StratifiedKFold
    except ImportError:
        raise BuildError("scikit-learn is not installed", hint="pip install 'datasetbuild[quality]'") from None
    matrix = csr_matrix((values, (rows, columns)), shape=(len(label), FEATURES))
    unseen = np.zeros(len(label))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(matrix, label):
        fold = LogisticRegression(C=STRENGTH, max_iter=1000).fit(matrix[train], label[train])
        unseen[test] = fold.decision_function(matrix[test])
    scale = LogisticRegression(C=1e6, max_iter=1000).fit(unseen[:, None], label)
    chance = scale.predict_proba(unseen[:, None])[:, 1]
    whole = LogisticRegression(C=STRENGTH, max_iter=1000).fit(matrix, label)
    slope, offset = float(scale.coef_[0, 0]), float(scale.intercept_[0])
    report = {
        "auc": round(float(roc_auc_score(label, unseen)), 3),
        "accuracy": round(float(accuracy_score(label, chance > 0.5)), 3),
        "brier": round(float(brier_score_loss(label, chance)), 3),
    }
    return whole.coef_[0] * slope, float(whole.intercept_[0]) * slope + offset, report


def _rated(path: Path, text: str, rating: str) -> tuple[list[str], NDArray[np.float64]]:
    texts, values = [], []
    for line, row in read_rows(path, path.name):
        if not isinstance(row, dict) or text not in row or rating not in row:
            raise _without_field(path, line, row, text, rating)
        texts.append(str(row[text]))
        values.append(_number(row[rating], f"{path.name}:{line}: {rating}"))
    return texts, np.array(values)


def _without_field(path: Path, line: int, row: Any, text: str, rating: str) -> SourceError:
    if not isinstance(row, dict):
        return SourceError(f"{path.name}:{line}: a row is a mapping of fields to values")
    missing = text if text not in row else rating
    known = f"its fields are {', '.join(map(str, row))}; `text` and `rating` say which of them are meant"
    return SourceError(f"{path.name}:{line}: there is no field {missing!r}", hint=known)


def _number(value: Any, place: str) -> float:
    """A rating as a number. place: file, line and field, for the error."""
    if isinstance(value, str) and value.strip().lower() in WORDS:
        return WORDS[value.strip().lower()]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise SourceError(f"{place}: {value!r} is no rating", hint="a rating is a number, or good, bad, yes or no")
    return number
