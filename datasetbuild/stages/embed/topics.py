"""Topics: what records speak of, as clusters of their vectors, each named by the words that set it apart.

k-means on the sphere (Dhillon and Modha 2001), made repeatable: the first centres are picked farthest from one another, a
centre is rounded to int8 after every step, and ties go to the smaller number, so that no sum depends on its order. Centres
are found on a sample of the records by their own hashes; every record then joins the nearest.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.op import Bound, section
from datasetbuild.stages.embed.hashed import quantized, words_of

SAMPLE = 20_000
STEPS = 12
BLOCK = 1 << 14
NAMED_BY = 3
LETTERS = 4
"""Letters of a word that may name a topic."""

PAIRED = r"\p{Han}\p{Katakana}ー"
SCRIPTS = (r"\p{Latin}", r"\p{Cyrillic}", r"\p{Greek}", r"\p{Arabic}", r"\p{Hebrew}", r"\p{Devanagari}", r"\p{Hangul}", r"\p{Thai}", PAIRED)
STOP_WORDS = Path(__file__).with_name("stop_words.txt")


@section("topics", version=2)
def topics(*, k: Annotated[int, Bound(ge=2, le=500)] = 20) -> None:
    """Sort records into `k` topics by their `embeddings`; the ledger's column `topic` names each by up to three of its words:
    of one script, and none that every text has.

    k: number of topics; fewer come out when records do not differ that much.
    """


def centres(vectors: NDArray[np.int8], k: int) -> NDArray[np.int8]:
    """Up to `k` centres of n vectors, (m, d) int8. Vectors of zeros belong to none. The order of the vectors matters, so
    give them in the order of their hashes."""
    some = vectors[vectors.any(axis=1)]
    if not len(some):
        return np.zeros((0, vectors.shape[1]), np.int8)
    found = _farthest(some, k)
    for _ in range(STEPS):
        label, _ = nearest(some, found)
        sums = np.zeros((len(found), some.shape[1]), np.int64)
        np.add.at(sums, label, some.astype(np.int64))
        moved = quantized(sums.astype(np.float64))
        moved = np.where(moved.any(axis=1, keepdims=True), moved, found)
        if np.array_equal(moved, found):
            break
        found = moved
    return found


def _farthest(vectors: NDArray[np.int8], k: int) -> NDArray[np.int8]:
    """Each next centre is the vector that is least like any before it; none that equals one."""
    wide = vectors.astype(np.float32)
    lengths = np.sqrt((wide.astype(np.float64) ** 2).sum(axis=1))
    chosen = [0]
    like = np.full(len(vectors), -2.0)
    for _ in range(k - 1):
        dots = (wide @ wide[chosen[-1]]).astype(np.float64) / (lengths * lengths[chosen[-1]])
        like = np.maximum(like, dots)
        if like.min() > 0.999:
            break
        chosen.append(int(np.argmin(like)))
    return vectors[chosen]


def nearest(vectors: NDArray[np.int8], found: NDArray[np.int8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The centre of each vector, by cosine (the smaller number of two as near), and whether it is more than zeros."""
    wide = found.astype(np.float32)
    lengths = np.sqrt((wide.astype(np.float64) ** 2).sum(axis=1))
    out, some = np.empty(len(vectors), np.int64), np.empty(len(vectors), bool)
    for first in range(0, len(vectors), BLOCK):
        block = vectors[first : first + BLOCK]
        dots = (block.astype(np.float32) @ wide.T).astype(np.float64)
        out[first : first + BLOCK] = np.argmax(dots / np.where(lengths > 0, lengths, 1), axis=1)
        some[first : first + BLOCK] = block.any(axis=1)
    return out, some


def names(texts: pl.Series, label: NDArray[np.int64], count: int) -> list[str]:
    """A name for each of `count` topics: words, all of one script, that stand in more of its texts than chance would have it."""
    words = _naming(texts)
    words = words.with_columns(topic=pl.Series(label).gather(words["text"]))
    sizes = pl.DataFrame({"topic": np.arange(count), "size": np.bincount(label, minlength=count)})
    scored = words.group_by("topic", "word").len("inside").join(words.group_by("word").len("overall"), on="word").join(sizes, on="topic")
    # More often than in the others: how many of the topic's texts have it beyond its share of all, times how seldom others do.
    inside, overall = (pl.col(name).cast(pl.Float64) for name in ("inside", "overall"))
    scored = scored.with_columns(score=(inside - overall * pl.col("size") / len(texts)) * inside / overall).filter((pl.col("score") > 0) | (count == 1))
    scored = scored.sort("topic", "score", "word", descending=[False, True, False]).with_columns(_script())
    scored = scored.filter(pl.col("script") == pl.col("script").first().over("topic"))
    best = scored.group_by("topic", maintain_order=True).agg(pl.col("word").head(NAMED_BY))
    known = {topic: ", ".join(found) for topic, found in best.iter_rows()}
    return _distinct([known.get(topic, "") or f"topic {topic + 1}" for topic in range(count)])


def _naming(texts: pl.Series) -> pl.DataFrame:
    """What may name a topic, each once a text: `text`, `word`. Longer words that are no stop words; of Han and Katakana, which
    set no blanks, pairs of characters."""
    stop, han = stop_words()
    words = words_of(texts).filter((pl.col("word").str.len_chars() >= LETTERS) & ~pl.col("word").str.contains(rf"^\d|[{PAIRED}]"))
    words = words.filter(~pl.col("word").is_in(pl.Series(sorted(stop)).implode()))
    odd = texts.str.replace_all(rf"[{PAIRED}]([{PAIRED}]*)", "${1} ")  # pairs that begin at each second character
    pairs = pl.DataFrame({"text": np.arange(len(texts), dtype=np.uint32), "a": texts, "b": odd}).select(
        "text", word=pl.concat_list(pl.col("a", "b").str.extract_all(rf"[{PAIRED}]{{2}}")).list.unique()
    )
    pairs = pairs.explode("word", empty_as_null=False).drop_nulls().filter(~pl.col("word").str.contains(f"[{han}]"))
    return pl.concat([words.select("text", "word"), pairs])


@lru_cache
def stop_words() -> tuple[frozenset[str], str]:
    """Words that name nothing, of all languages; and the Han characters of which a pair that names something holds none."""
    lines = STOP_WORDS.read_text(encoding="utf-8").splitlines()
    lists = dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    han = lists.pop("Han")
    return frozenset(word for words in lists.values() for word in words.split()), han


def _script() -> pl.Expr:
    """The script of a word's first letter, as a number."""
    first = pl.col("word").str.head(1)
    found = pl.lit(0)
    for number, script in enumerate(SCRIPTS, 1):
        found = pl.when(first.str.contains(rf"[{script}]")).then(number).otherwise(found)
    return found.alias("script")


def _distinct(given: list[str]) -> list[str]:
    """Names, each once: a second one of the same words gets a number."""
    seen: dict[str, int] = {}
    out = []
    for name in given:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out
