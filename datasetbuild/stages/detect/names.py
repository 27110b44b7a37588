"""Names of persons, by a spaCy model that the user has installed: nothing smaller can tell Rose from a rose.

The model decides, so its version is in the key, and its mistakes are its own. None is fetched: without one it is refused.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from datasetbuild.errors import BuildError
from datasetbuild.stages.detect.personal import Finder, Spans

PERSON = frozenset({"PERSON", "PER", "PERS"})
LONGEST = 100_000
"""Characters that a model is given at once."""


def names(model: str | None) -> Finder:
    """A finder of names. model: an installed spaCy model, `en_core_web_sm`. Raises `BuildError` when it is not there."""
    load(model)

    def find(text: bytes) -> Spans:
        whole = text.decode("utf-8")
        for begin in range(0, len(whole), LONGEST):
            part = whole[begin : begin + LONGEST]
            for entity in load(model)(part).ents:
                if entity.label_ in PERSON:
                    start = len(whole[: begin + entity.start_char].encode())
                    yield start, start + len(entity.text.encode())

    return find


@lru_cache(maxsize=2)
def load(model: str | None) -> Any:
    """The model, ready to be called with a text."""
    if not model:
        raise BuildError("names are found by a model, and none is named", hint="set clean.pii.names_model to a spaCy model that is installed")
    if find_spec("spacy") is None or find_spec(model) is None:
        what = "spaCy" if find_spec("spacy") is None else f"the spaCy model {model}"
        raise BuildError(f"names cannot be found: {what} is not installed", hint=f"pip install spacy, then `python -m spacy download {model}`; or leave `name` at keep")
    import spacy

    return spacy.load(model)
