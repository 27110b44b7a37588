"""Embed texts as short integer vectors, so that every cosine is the same number on every machine.

    hashed.py   the offline default: words and their letters, weighted by how rare they are, hashed to 512 dimensions
    models.py   embeddings of a model: model2vec, sentence-transformers, or any OpenAI-compatible endpoint
    topics.py   clusters of vectors, named by their words
    cosine.py   pairs above a threshold: exact in blocks, or candidates by signs of projections, each verified

A vector is int8: a float32 product of two of up to 1,024 dimensions sums integers below 2^24, so it is exact in whatever order a
BLAS adds them, and a bound cuts the same pairs everywhere.
"""

from __future__ import annotations

from typing import Annotated, Literal

from datasetbuild.op import Bound, section

Model = Literal["hashed", "model2vec", "sentence_transformers", "openai"]


@section("embeddings", version=1)
def embeddings(
    *,
    model: Model = "hashed",
    name: str | None = None,
    url: str | None = None,
    on: Literal["first_user", "assistant", "conversation"] = "conversation",
    max_chars: Annotated[int, Bound(ge=100, le=100_000)] = 4000,
) -> None:
    """How records become vectors, for `dedup.semantic`, `select` and `topics`.

    model: `hashed` needs no model: rare words and their letters, which tells alike wording and topic but no paraphrase.
        `model2vec` and `sentence_transformers` load `name` from a folder or the Hub's cache; `openai` asks `url`.
    name: folder or name of the model.
    url: base address of an endpoint that answers as OpenAI's `/v1/embeddings` does; its key is read from the
        environment variable DSBUILD_EMBEDDINGS_KEY.
    on: `conversation` embeds all turns, `first_user` the first user message, `assistant` the answers.
    max_chars: characters of a text that are embedded.
    """
