"""Names of persons, by a spaCy model of the user's: nothing smaller can tell Rose from a rose.

A model is an installed package, whose version is in the key, or a folder of the project, whose content is. It decides, and its mistakes
are its own. None is fetched: without one it is refused.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from datasetbuild.errors import BuildError
from datasetbuild.stages.detect.personal import Finder, Spans

PERSON = frozenset({"PERSON", "PER", "PERS"})
LONGEST = 100_000
"""Characters that a model is given at once."""

UNUSED = ("tagger", "parser", "attribute_ruler", "lemmatizer", "morphologizer", "senter", "textcat")
"""Parts of a pipeline that say nothing of names, and take most of its time."""


def names(model: str | None) -> Finder:
    """A finder of names. model: an installed spaCy model, `en_core_web_sm`, or the folder of one. Raises `BuildError` when it is not there."""
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
        raise BuildError("names are found by a model, and none is named", hint="set clean.pii.names_model to a spaCy model: an installed one, or a folder")
    if find_spec("spacy") is None:
        raise BuildError("names cannot be found: spaCy is not installed", hint="pip install 'datasetbuild[names]'; or leave `name` at keep")
    if not Path(model).is_dir() and ("/" in model or find_spec(model) is None):
        hint = f"`python -m spacy download {model}`, or name a folder that `nlp.to_disk` wrote; or leave `name` at keep"
        raise BuildError(f"names cannot be found: there is no spaCy model {model}, installed or in a folder", hint=hint)
    import spacy

    try:
        pipeline = spacy.load(model, exclude=list(UNUSED))
    except Exception as error:  # whatever a model's files make it raise
        said = " ".join(str(error).replace(model, "the folder").split())[:200]
        raise BuildError(f"spaCy cannot load the model: {said}", hint="`names_model` takes what `nlp.to_disk` wrote") from None
    if not PERSON & set(pipeline.pipe_labels.get("ner", ())):
        raise BuildError("the spaCy model finds no persons: none of its labels is PERSON or PER", hint="choose a model with a part `ner`")
    return pipeline
