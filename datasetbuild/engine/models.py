"""Models that operators name: found in a folder of the project or in the Hub's cache, and known by the content of their files.

Only files that say something as data count and are fetched: a pickle (`*.bin`, `*.pt`) runs code when it is loaded.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.known import known_digests
from datasetbuild.errors import BuildError, SourceError
from datasetbuild.hashing import digest
from datasetbuild.op import Operator, find
from datasetbuild.parameters import models_in
from datasetbuild.plan.steps import Plan

FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""What a model in transformers' format is made of: weights, configuration, and the files of its tokenizer."""

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def with_models(op: Operator, params: dict[str, Any], path: str, cache: Cache, project: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """An operator's parameters with its models by content, and where these lie on this machine, by parameter.

    path: of the parameters in the recipe, for errors. A `revision` beside a model is in its content.
    """
    known, places = dict(params), {}
    for name, model in models_in(op.schema(), params):
        try:
            folder = place(model, params.get("revision"), project)
        except BuildError as error:
            error.path = f"{path}.{name}"
            raise
        known |= {name: _weights_digest(folder, cache), "revision": None}
        places[name] = str(folder)
    return known, places


NAMES_FOLDER = "names_folder"
"""In the parameters of `clean.pii`: where the folder of its `names_model` lies on this machine. In no key."""


def with_names(pii: dict[str, Any], cache: Cache, project: Path) -> dict[str, Any]:
    """The parameters of `clean.pii` with a model in a folder by content; an installed one is known by its version."""
    folder = names_folder(pii, project)
    return pii | {"names_model": folder_digest(folder, cache), NAMES_FOLDER: str(folder)} if folder else pii


def names_folder(pii: dict[str, Any], project: Path) -> Path | None:
    """The folder of the project with the model that finds names, where there is one."""
    model = pii.get("names_model") if pii.get("name", "keep") != "keep" else None
    folder = project / os.path.expanduser(model) if model else None
    return folder if folder and folder.is_dir() else None


def place(model: str, revision: str | None, project: Path) -> Path:
    """The folder of a model. Raises `SourceError` for one that is neither in the project nor, at this commit, in the Hub's cache
    nor to be had from the Hub."""
    folder = project / os.path.expanduser(model)
    if folder.is_dir():
        if not any(folder.glob("*.safetensors")):
            raise SourceError(
                f"the folder {model} holds no *.safetensors: weights that are pickles are never loaded",
                hint="AutoModelForSequenceClassification.from_pretrained(...).save_pretrained(FOLDER) writes them",
            )
        return folder
    if not HUB_NAME.fullmatch(model) or not revision:
        raise SourceError(f"there is no folder {model!r} in the project", hint="`org/name` of the Hub needs its commit as `revision`")
    return _of_hub(model, revision)


def _of_hub(model: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    asked: dict[str, Any] = {"repo_id": model, "revision": revision, "allow_patterns": list(FILES)}
    try:
        try:
            folder = Path(snapshot_download(**asked, local_files_only=True))
            if any(folder.glob("*.safetensors")):
                return folder
        except LocalEntryNotFoundError:
            pass
        folder = Path(snapshot_download(**asked))
    except Exception as error:  # the Hub's client raises what its own clients raise
        said = " ".join(str(error).split())[:200]
        raise SourceError(
            f"the model {model} at {revision[:12]} is not on this machine, and the Hub cannot be asked: {said}",
            hint=f"where there is a network, `hf download {model} --revision {revision}`; or name a folder of the project",
        ) from None
    if not any(folder.glob("*.safetensors")):
        raise SourceError(f"the model {model} has no *.safetensors: weights that are pickles are never loaded", hint="choose another commit or model")
    return folder


def _weights_digest(folder: Path, cache: Cache) -> str:
    """The content of a model: its files by name, without a README beside them."""
    return _digest(folder, sorted({path for pattern in FILES for path in folder.glob(pattern)}), cache)


def folder_digest(folder: Path, cache: Cache) -> str:
    """The files that a model is loaded from; a model card names the folder that it was saved in, and is none of them."""
    return _digest(folder, sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md"), cache)


def _digest(folder: Path, files: list[Path], cache: Cache) -> str:
    names = [path.relative_to(folder).as_posix() for path in files]
    return digest(dict(zip(names, known_digests(cache, files), strict=True)))


def input_models(plan: Plan) -> list[tuple[str, str | None]]:
    """The models that the facts of an unresolved plan name, each with its revision."""
    return [
        (model, step.params.get("revision"))
        for step in plan.facts
        for _, model in models_in(find("fact", step.fact).schema(), step.params)
    ]


def pinned_models(plan: Plan, cache: Cache, project: Path) -> dict[str, str]:
    """What the lock says of a plan's models: a folder by its content, one of the Hub by its commit, without asking for it."""
    pii = (plan.clean or {}).get("pii") or {}
    folder = names_folder(pii, project)
    names = {f"model {pii['names_model']}": folder_digest(folder, cache)} if folder else {}
    return names | {
        f"model {model}@{revision}" if revision else f"model {model}": revision or _weights_digest(place(model, None, project), cache)
        for model, revision in input_models(plan)
    }
