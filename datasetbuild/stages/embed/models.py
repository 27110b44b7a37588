"""Vectors of a model: model2vec or sentence-transformers in this process, or an endpoint that speaks OpenAI's `/v1/embeddings`.

A model's numbers may differ in their last digits between machines, so a vector is rounded to int8 and kept: a build repeats
itself from its cache, and on another machine to within that rounding.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasetbuild.errors import BuildError
from datasetbuild.stages.embed.hashed import DIMENSIONS, SCALE

KEY = "DSBUILD_EMBEDDINGS_KEY"
TRIES = 5
BUSY = (408, 429, 500, 502, 503, 504)
SECONDS = 60

Vectors = NDArray[np.float64]


def embed_texts(texts: list[str], params: dict[str, Any]) -> NDArray[np.int8]:
    """Vectors of n texts, int8 of shape (n, d). params: of the section `embeddings`. Raises `BuildError`."""
    asks: dict[str, Callable[[list[str], dict[str, Any]], Vectors]] = {
        "model2vec": _model2vec,
        "sentence_transformers": _sentence_transformers,
        "openai": _endpoint,
    }
    vectors = asks[params["model"]](texts, params)
    if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
        raise BuildError(f"{_shown(params)} gave {vectors.shape} numbers for {len(texts)} texts, or some that are none")
    length = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    scale = SCALE * np.sqrt(vectors.shape[1] / DIMENSIONS)  # components become about 25, however many they are
    return np.clip(np.rint(vectors * (scale / np.where(length > 0, length, 1))), -127, 127).astype(np.int8)


def _model2vec(texts: list[str], params: dict[str, Any]) -> Vectors:
    return np.asarray(_loaded_model2vec(_place(params)).encode(texts), np.float64)


def _sentence_transformers(texts: list[str], params: dict[str, Any]) -> Vectors:
    return np.asarray(_loaded_transformer(_place(params)).encode(texts, batch_size=32, show_progress_bar=False), np.float64)


def _place(params: dict[str, Any]) -> str:
    """Where the model lies: the folder that the plan found, or a name of the Hub."""
    return str(params.get("folder") or params["name"])


@lru_cache
def _loaded_model2vec(name: str) -> Any:
    try:
        from model2vec import StaticModel
    except ImportError:
        raise _missing("model2vec") from None
    try:
        return StaticModel.from_pretrained(name)
    except Exception as error:  # whatever a model's files make it raise
        raise _unloadable("model2vec", name, error) from None


@lru_cache
def _loaded_transformer(name: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise _missing("sentence-transformers") from None
    try:
        return SentenceTransformer(name, device="cpu")
    except Exception as error:  # whatever a model's files make it raise
        raise _unloadable("sentence-transformers", name, error) from None


def _missing(package: str) -> BuildError:
    return BuildError(f"{package} is not installed", hint=f"pip install {package}, or `embeddings: {{model: hashed}}`")


def _unloadable(package: str, name: str, error: Exception) -> BuildError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return BuildError(f"{package} cannot load {name!r}: {reason[0]}", hint="`embeddings.name` is a folder, or a name of the Hub")


def _endpoint(texts: list[str], params: dict[str, Any]) -> Vectors:
    answer = _asked(params, {"model": params["name"], "input": [text or " " for text in texts]})
    try:
        found = sorted(answer["data"], key=lambda one: one["index"])
        return np.array([one["embedding"] for one in found], np.float64)
    except (KeyError, TypeError, ValueError):
        raise BuildError(f"{_shown(params)} does not answer as /v1/embeddings does: {json.dumps(answer)[:200]}") from None


def _asked(params: dict[str, Any], question: dict[str, Any]) -> Any:
    """What the endpoint answers; a busy one is asked again after 1, 2, 4 and 8 seconds, or when it says."""
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(KEY):
        headers["Authorization"] = f"Bearer {key}"
    address = params["url"].rstrip("/") + "/embeddings"
    for attempt in range(TRIES):
        request = urllib.request.Request(address, json.dumps(question).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", "replace")[:200]
            if error.code not in BUSY or attempt == TRIES - 1:
                hint = f"set {KEY}" if error.code in (401, 403) else None
                raise BuildError(f"{_shown(params)} answers {error.code}: {said}", hint=hint) from None
            wait = error.headers.get("Retry-After") or ""
        except (OSError, ValueError) as error:
            if attempt == TRIES - 1:
                raise BuildError(f"{_shown(params)} cannot be asked: {error}", hint="look at `embeddings.url`") from None
            wait = ""
        time.sleep(min(float(wait), SECONDS) if wait.isdigit() else 2**attempt)
    raise AssertionError("the last try returns or raises")


def _shown(params: dict[str, Any]) -> str:
    return str(params["url"] or f"{params['model']} {params['name']}")
