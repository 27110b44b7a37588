"""Embeddings of a whole build: the vectors of every shard, each an action of its own, and the pairs that point the same way.

Rarity of words needs all shards: each counts its words once, the counts are put together, and their digest stands in the key
of the vectors. A changed filter or threshold changes none of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.gather import Piece
from datasetbuild.engine.local import Engine
from datasetbuild.engine.mapped import in_file
from datasetbuild.engine.memo import Memo
from datasetbuild.hashing import bytes_digest, digest
from datasetbuild.op import find
from datasetbuild.plan import keys
from datasetbuild.stages.annotate import annotate_frame
from datasetbuild.stages.embed import cosine, hashed, topics
from datasetbuild.stages.where import text_of

ASKED_AT_ONCE = 256
"""Texts after which a model's answers are kept: what a build that is killed has asked for is not asked for again."""

TAKEN_AT_ONCE = 1 << 14

FLOORS = (0.7, 0.8, 0.9)
"""Cosines down to which pairs are verified and kept: a threshold between two of them is a cut."""


@dataclass(frozen=True)
class EmbedTask:
    """The words or the vectors of one shard. records: its digest. rare: digest of the counts of all shards, None while
    they are being counted."""

    cache: Path
    records: str
    params: dict[str, Any]
    rare: str | None = None


def count_shard(task: EmbedTask) -> str:
    """Digest of a frame with the distinct words of a shard, and the number of records with each: `word`, `found`. The
    word of no letters stands in every record: it counts them."""
    cache = Cache(task.cache)

    def make() -> dict[str, Any]:
        texts = _texts(cache, task)
        counts = hashed.words_of(texts).group_by("word").len("found").sort("word")
        every = pl.DataFrame({"word": [""], "found": [len(texts)]}, schema=counts.schema)
        return {"objects": {"words": cache.store_frame(pl.concat([every, counts]))}}

    return str(cache.once(keys.embed_key(task.params, task.records, "words"), make)["objects"]["words"])


def embed_shard(task: EmbedTask) -> str:
    """Digest of a frame with the vector of each record of a shard: `vector`, Array[Int8]."""
    cache = Cache(task.cache)

    def make() -> dict[str, Any]:
        vectors = _vectors(cache, task)
        frame = pl.DataFrame({"vector": pl.Series(vectors, dtype=pl.Array(pl.Int8, vectors.shape[1]))})
        return {"objects": {"vectors": cache.store_frame(frame)}}

    return str(cache.once(keys.embed_key(task.params, task.records, task.rare or ""), make)["objects"]["vectors"])


def embed(cache: Cache, engine: Engine, pieces: Sequence[Piece], params: dict[str, Any]) -> list[str]:
    """Digests of the vectors of each shard, in order."""
    tasks = [EmbedTask(cache.root, piece.measured.records, params) for piece in pieces]
    rare = None
    if params["model"] == "hashed":
        counted = [*engine.map(count_shard, tasks)]
        key = keys.action_key("embed", rare=counted)
        rare = str(cache.once(key, lambda: {"objects": {"rare": _rare(cache, counted)}})["objects"]["rare"])
    tasks = [EmbedTask(cache.root, task.records, params, rare) for task in tasks]
    return [*engine.map(embed_shard, tasks)]


@contextmanager
def vectors_of(cache: Cache, embedded: Sequence[str], rows: NDArray[np.int64] | None = None) -> Iterator[NDArray[np.int8]]:
    """The vectors of all records, in the order of the shards, or of the records with these numbers: (n, d), in a file."""
    none = np.zeros((0, 1), np.int8)
    with cache.workspace() as work:
        every = in_file(work / "vectors", (cache.frame(one)["vector"].to_numpy() for one in embedded), none)
        if rows is None:
            yield every
            return
        blocks = (every[rows[first : first + TAKEN_AT_ONCE]] for first in range(0, len(rows), TAKEN_AT_ONCE))
        yield in_file(work / "wanted", blocks, none)


def semantic_pairs(cache: Cache, embedded: Sequence[str], threshold: float) -> pl.DataFrame:
    """Pairs of records with a cosine of at least the floor below the threshold: `a` < `b` (in the order of the shards) and
    `similarity`. Of all records, whatever the filters say, so that a changed filter finds its pairs in the cache."""
    floor = max((one for one in FLOORS if one <= threshold), default=threshold)

    def make() -> dict[str, Any]:
        with vectors_of(cache, embedded) as vectors:
            pairs, found = cosine.similar_pairs(vectors, floor)
        frame = pl.DataFrame({"a": pairs[:, 0], "b": pairs[:, 1], "similarity": found})
        return {"objects": {"pairs": cache.store_frame(frame)}}

    key = keys.action_key("embed", pairs=list(embedded), floor=floor, partners=1)
    return cache.frame(cache.once(key, make)["objects"]["pairs"]).filter(pl.col("similarity") >= threshold)


def topics_of(
    cache: Cache,
    pieces: Sequence[Piece],
    embedded: Sequence[str],
    keys_of: NDArray[np.uint64],
    params: dict[str, Any],
    k: int,
) -> pl.Series:
    """The topic of each record. keys_of: the hashes of the records, by which the sample is taken."""

    def make() -> dict[str, Any]:
        sample = np.argsort(keys_of, kind="stable")[: topics.SAMPLE]
        with vectors_of(cache, embedded) as vectors:
            centres = topics.centres(vectors[sample], k)
            if not len(centres):  # no record has a word
                none = pl.DataFrame({"topic": [None] * len(vectors)}, {"topic": pl.String})
                return {"objects": {"topics": cache.store_frame(none)}}
            label, some = topics.nearest(vectors, centres)
        texts = _sampled(cache, pieces, params, sample)
        names = pl.Series(topics.names(texts, label[sample], len(centres)), dtype=pl.String)
        named = pl.DataFrame({"topic": names.gather(pl.Series(label)), "some": some})
        found = named.select(pl.when("some").then("topic").alias("topic"))
        return {"objects": {"topics": cache.store_frame(found)}}

    key = keys.action_key("embed", topics=k, version=find("section", "topics").version, of=list(embedded), sample=digest(bytes_digest(keys_of.tobytes())))
    return cache.frame(cache.once(key, make)["objects"]["topics"])["topic"]


def _sampled(cache: Cache, pieces: Sequence[Piece], params: dict[str, Any], sample: NDArray[np.int64]) -> pl.Series:
    """The texts of the records with these numbers, in order; a shard's are let go when those have been taken."""
    taken, places, first = [], [], 0
    for piece in pieces:
        texts = _texts(cache, EmbedTask(cache.root, piece.measured.records, params))
        mine = np.flatnonzero((sample >= first) & (sample < first + len(texts)))
        taken.append(texts.gather(pl.Series(sample[mine] - first)))
        places.append(mine)
        first += len(texts)
    return pl.concat(taken).gather(pl.Series(np.argsort(np.concatenate(places))))


def _texts(cache: Cache, task: EmbedTask) -> pl.Series:
    frame = annotate_frame(cache.frame(task.records))
    return text_of(frame, task.params["on"]).str.head(task.params["max_chars"])


def _vectors(cache: Cache, task: EmbedTask) -> NDArray[np.int8]:
    texts = _texts(cache, task)
    if task.rare is not None:
        rare = cache.frame(task.rare)
        return hashed.embed(texts, rare, int(rare.filter(pl.col("word") == "")["found"].sum()))
    return _asked(cache, texts.to_list(), task.params)


def _asked(cache: Cache, texts: list[str], params: dict[str, Any]) -> NDArray[np.int8]:
    """Vectors from a model, which is asked once for each text that it has not been asked for before."""
    from datasetbuild.stages.embed.models import embed_texts

    identity = digest(keys.embeddings_identity(params))
    memo = Memo(cache.root / "memo.sqlite")
    names = [bytes_digest(f"{identity}\0{text}".encode()) for text in texts]
    known = memo.get(names)
    fresh = [*{name: text for name, text in zip(names, texts, strict=True) if name not in known}.items()]
    for first in range(0, len(fresh), ASKED_AT_ONCE):
        block = fresh[first : first + ASKED_AT_ONCE]
        vectors = embed_texts([text for _, text in block], params)
        made = {name: vector.tobytes() for (name, _), vector in zip(block, vectors, strict=True)}
        memo.put(made)
        known |= made
    return np.stack([np.frombuffer(known[name], np.int8) for name in names]) if names else np.zeros((0, 1), np.int8)


def _rare(cache: Cache, counted: Sequence[str]) -> str:
    """Digest of the words of more than one record, and how many records there are of each: `word`, `found`."""
    every = pl.concat(cache.frame(one) for one in counted)
    return cache.store_frame(every.group_by("word").agg(pl.col("found").sum()).filter(pl.col("found") > 1).sort("word"))
