"""Files at an address: what state they are in, and their bytes, through fsspec.

A state is what the store says about a file without sending it: ETag, size, time of change. A server that says nothing
of the kind has its files fetched in every build.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from datasetbuild.errors import SourceError
from datasetbuild.stages.read.address import Address

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "hf": "hub"}
WEB = ("http", "https")
ETAGS = ("ETag", "etag", "blob_id", "md5Hash", "generation", "Content-MD5", "content_md5", "Digest")
TIMES = ("LastModified", "last_modified", "Last-Modified", "mtime", "updated")


@dataclass(frozen=True)
class RemoteFile:
    """A file at an address. name: as people know it. state: what the store says of its content; None: nothing."""

    name: str
    state: dict[str, str] | None
    path: str = field(repr=False)
    system: Any = field(repr=False)
    address: Address = field(repr=False)

    @property
    def basename(self) -> str:
        """The file's own name, by whose suffix it is read."""
        path = urlsplit(self.path).path if "://" in self.path else self.path
        return unquote(path.rstrip("/").rsplit("/", 1)[-1]) or "file"


def is_remote(path: str) -> bool:
    """Whether a `path` is an address."""
    return "://" in path or path.startswith("$")


def find(address: Address) -> list[RemoteFile]:
    """The files of an address: itself, or what its glob matches, by name."""
    kind = urlsplit(address.used).scheme
    if kind not in WEB and glob.has_magic(address.used):
        system, pattern = _system(address)
        paths = _asked(address, lambda: sorted(system.glob(pattern)))
        if not paths:
            raise SourceError(f"no file matches {address.shown}", hint="list the store with its own tool")
        stem = address.shown.partition("://")[0] + "://"
        return [
            RemoteFile(stem + path.lstrip("/"), _state(address, system, path), path, system, address) for path in paths
        ]
    if "*" in address.used:
        raise SourceError(
            f"{address.shown}: a web server does not list its files", hint="name each file in `path`, as a list"
        )
    system, path = _system(address)
    return [RemoteFile(address.shown, _state(address, system, path), path, system, address)]


def fetch(file: RemoteFile, target: Path) -> None:
    """Bring the file's bytes to a local path."""
    _asked(file.address, lambda: file.system.get_file(file.path, str(target)))


def _system(address: Address) -> tuple[Any, str]:
    import fsspec

    kind = urlsplit(address.used).scheme
    try:
        system, path = fsspec.core.url_to_fs(address.used, skip_instance_cache=True, use_listings_cache=False)
        return system, str(path)
    except ImportError as error:
        extra = EXTRAS.get(kind)
        hint = f"pip install 'datasetbuild[{extra}]'" if extra else address.scrub(error)
        raise SourceError(f"{address.shown} needs a package that is not installed", hint=hint) from None
    except ValueError:
        known = "https, s3, gs, hf"
        raise SourceError(f"{address.shown}: addresses of {kind}:// are not known", hint=f"known: {known}") from None


def _state(address: Address, system: Any, path: str) -> dict[str, str] | None:
    info = _asked(address, lambda: system.info(path))
    if info.get("type") == "directory":
        raise SourceError(f"{address.shown} is a folder, not a file", hint=f"name its files: {address.shown}/*.jsonl")
    told = {name: str(info[name]) for name in (*ETAGS, *TIMES) if info.get(name)}
    return {"size": str(info.get("size")), **told} if told else None


def _asked(address: Address, ask: Any) -> Any:
    """What a store answers; whatever goes wrong there, of whatever type, is said in one line, without credentials."""
    try:
        return ask()
    except Exception as error:
        # fsspec calls whatever a web server answers "not found", and keeps the answer as the cause.
        cause = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ else error
        if isinstance(cause, FileNotFoundError) or getattr(cause, "status", None) == 404:
            raise SourceError(
                f"there is no file {address.shown}", hint="look at the address, and at who may read it"
            ) from None
        said = " ".join(address.scrub(cause).split()) or type(cause).__name__
        raise SourceError(
            f"{address.shown} cannot be read: {said[:300]}",
            hint="is it reachable, and are the credentials for it in the environment?",
        ) from None
