"""Git and DVC: the only module that talks to them. What a file was at a revision, wherever that file is kept.

Git is its own command (5 ms a call); reading DVC goes through `dvc.api` (0.3 s to import), since it alone knows where a
project keeps its cache and its remotes; whatever changes DVC's files goes through its command line, as DVC has no
library for that. Without git or DVC everything else works, and what is asked of this module is a `VersionError`.
"""

from __future__ import annotations

import contextlib
import fnmatch
import importlib.util
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from datasetbuild.errors import VersionError

WORKSPACE = "workspace"
"""Stands for the files as they are now, where a revision is asked for."""

_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
"""What git sets for its hooks: a command of another folder must not inherit it."""


@dataclass(frozen=True)
class Commit:
    """A commit: its full id, the day it was committed (`2026-11-21`), and the first line of its message."""

    id: str
    date: str
    subject: str


@dataclass(frozen=True)
class Repository:
    """A git repository. root: its top folder. folder: what relative paths are relative to, the project's as a rule."""

    root: Path
    folder: Path

    @property
    def dvc(self) -> Path | None:
        """The folder of the DVC project that `folder` belongs to, None without one in this git repository."""
        above = (at for at in (self.folder, *self.folder.parents) if at.is_relative_to(self.root))
        return next((at for at in above if (at / ".dvc" / "config").is_file()), None)

    def git(self, *words: str) -> str:
        """Standard output of a git command run in `folder`; `VersionError` with what git says when it fails."""
        return _git(self.folder, *words).decode("utf-8", "surrogateescape")

    def inside(self, path: Path | str) -> str:
        """A path as git knows it: relative to the top, with forward slashes. `VersionError` for one outside."""
        whole = Path(os.path.abspath(self.folder / path))
        if not whole.is_relative_to(self.root):
            raise VersionError(
                f"{path} lies outside of the git repository {self.root}", hint="keep it in the repository"
            )
        return whole.relative_to(self.root).as_posix()

    def resolve(self, rev: str) -> str:
        """The full commit id of a revision: a branch, tag, id or `HEAD~2`. `VersionError` when git knows no such."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}").strip()
        except VersionError:
            raise self._unknown(rev) from None

    def _unknown(self, rev: str) -> VersionError:
        from datasetbuild.op import did_you_mean

        names = self.git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags").split()
        if not names:
            return VersionError(f"no revision {rev!r}: the repository has no commit yet", hint="git commit first")
        if self.shallow:
            return VersionError(f"no revision {rev!r} in this shallow clone", hint="`git fetch --unshallow --tags` brings the rest")
        return VersionError(
            f"no revision {rev!r}", hint=f"{did_you_mean(rev, names)}\n`git fetch --tags` brings what a remote has"
        )

    @property
    def shallow(self) -> bool:
        """Whether the clone holds only the last commits."""
        return self.git("rev-parse", "--is-shallow-repository").strip() == "true"

    def read_at(self, rev: str, path: Path | str) -> bytes:
        """The bytes of a file that git keeps, at a revision; `FileNotFoundError` when it was not there."""
        name = self.inside(path)
        commit = self.resolve(rev)
        try:
            return _git(self.folder, "cat-file", "blob", f"{commit}:{name}")
        except VersionError:
            raise FileNotFoundError(2, f"not in git at {rev}", name) from None

    def fetch_at(self, rev: str, path: Path | str, into: Path) -> Path:
        """A file as it was at a revision, written to `into`; returns `into`.

        From git when git keeps it, else from DVC's cache, else from its remote. `VersionError` when DVC cannot give it,
        or gives other bytes than were recorded; `FileNotFoundError` when neither knew of it at that revision.
        """
        into.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            into.write_bytes(self.read_at(rev, path))
            return into
        return _fetch_dvc(self, rev, path, into)

    def fetch_tracked(self, rev: str, patterns: Sequence[str], into: Path) -> list[str]:
        """Write the files that DVC kept at a revision, as far as a pattern names them or a folder above them, below
        `into`, where they lie as they do below `folder`; their names. Nothing without DVC. A folder that a pattern names, and
        that DVC has nothing of, is a `VersionError`; others are nobody's loss, such as artifacts that were never pushed."""
        root = self.dvc
        if root is None:
            return []
        found = dict(_dvc_below(_dvc_files(self.root, root, self.resolve(rev)), f"/{self.inside(root)}"))
        listed = {os.path.relpath(self.root / name.lstrip("/"), self.folder): there for name, there in found.items()}
        for lost in sorted(name for name, there in listed.items() if not there):
            if any(_names(pattern, lost) or pattern.startswith(f"{lost}{os.sep}") for pattern in patterns):
                raise _not_kept(self.inside(lost), rev, Path(os.path.abspath(self.folder / lost)).relative_to(root).as_posix())
        names = sorted(name for name, there in listed.items() if there)
        wanted = [name for name in names if any(_names(pattern, name) for pattern in patterns)]
        for name in wanted:
            if not (into / name).exists():
                self.fetch_at(rev, name, into / name)
        return wanted

    def history(self, path: Path | str, rev: str = "HEAD") -> list[Commit]:
        """The commits that changed a file, newest first."""
        form = "--format=%H%x1f%cs%x1f%s"
        lines = self.git("log", form, self.resolve(rev), "--", str(path)).splitlines()
        return [Commit(*line.split("\x1f", 2)) for line in lines]

    @contextlib.contextmanager
    def checkout(self, rev: str) -> Iterator[Path]:
        """The files that git keeps, at a revision, in a folder of their own that is gone afterwards.

        Written through an index of its own: unlike `git worktree` it leaves nothing in the repository, which may be
        read-only, and unlike `git archive` it gives what a checkout gives, attributes and filters included.
        """
        commit = self.resolve(rev)
        with tempfile.TemporaryDirectory(prefix="dsbuild-") as name:
            top = Path(name, "tree")
            index = {"GIT_INDEX_FILE": str(Path(name, "index"))}
            _git(self.root, "read-tree", commit, **index)
            _git(self.root, "checkout-index", "--all", "--quiet", f"--prefix={top}/", **index)
            yield top


def find_repo(path: Path) -> Repository:
    """The git repository that a folder lies in. `VersionError` without git, or outside of a repository."""
    folder = Path(path).resolve()
    if not folder.is_dir():
        raise VersionError(f"there is no folder {path}")
    try:
        top = _git(folder, "rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n")
    except VersionError as error:
        if "not a git repository" not in error.message:
            raise
        raise VersionError(
            f"{folder} is not in a git repository, so there are no versions of it",
            hint="git init && git add . && git commit: from then on every build can be compared with the last",
        ) from None
    return Repository(Path(top).resolve(), folder)


def in_git(path: Path) -> Repository | None:
    """The git repository of a folder, None when there is none, or no git: for what works without."""
    try:
        return find_repo(path)
    except VersionError:
        return None


def run_dvc(folder: Path, *words: str) -> str:
    """Standard output of a DVC command; `VersionError` with what DVC says when it fails."""
    if importlib.util.find_spec("dvc") is None:
        raise _no_dvc()
    environment = _environment() | {"DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise VersionError(
            f"`dvc {' '.join(words)}` failed: {_last(done.stderr or done.stdout)}", hint=_dvc_hint(done.stderr)
        )
    return done.stdout


def _dvc_hint(said: str) -> str | None:
    if "not inside of a DVC repository" in said:
        return "dvc init"
    if "Unable to acquire lock" in said or "is busy" in said:
        return "another DVC command is at work here: run again when it is done"
    return None


def _fetch_dvc(repository: Repository, rev: str, path: Path | str, into: Path) -> Path:
    name = repository.inside(path)
    root = repository.dvc
    absent = FileNotFoundError(2, f"neither in git nor in DVC at {rev}", name)
    if root is None or not Path(os.path.abspath(repository.folder / path)).is_relative_to(root):
        raise absent
    place = Path(os.path.abspath(repository.folder / path)).relative_to(root).as_posix()
    files = _dvc_files(repository.root, root, repository.resolve(rev))
    info: dict[str, Any] = {}
    try:
        info = files.info(name)
        if info["type"] != "directory":
            files.get_file(name, str(into))
    except Exception as error:  # a remote's own errors are of any type
        into.unlink(missing_ok=True)
        listed = type(error).__name__ != "DataIndexDirError"  # the list of a folder's files is an object of its own
        if listed and not info and isinstance(error, FileNotFoundError | KeyError):
            raise absent from None
        if not listed or isinstance(error, FileNotFoundError | KeyError):
            raise _not_kept(name, rev, place) from None
        raise VersionError(
            f"{name} of {rev} cannot be read by DVC: {_last(str(error))}", hint=f"`dvc pull {place}` says more"
        ) from None
    if info["type"] == "directory":
        raise IsADirectoryError(21, "a folder, where a file is asked for", name)
    recorded = (info.get("dvc_info") or {}).get("md5")
    if recorded and _md5(into) != recorded:
        into.unlink(missing_ok=True)
        raise VersionError(
            f"{name} of {rev}: DVC's cache holds other bytes than were recorded (MD5 {recorded})",
            hint=f"rm .dvc/cache/files/md5/{recorded[:2]}/{recorded[2:]} && dvc fetch",
        )
    return into


def _not_kept(name: str, rev: str, place: str) -> VersionError:
    return VersionError(
        f"{name} of {rev} is neither in DVC's cache nor on its remote",
        hint=f"`dvc push` where it was built, then `dvc pull {place}` here",
    )


def _dvc_below(files: Any, folder: str) -> Iterator[tuple[str, bool]]:
    """The files that DVC keeps below a folder, each with True; and the folders of which it has not even the list, with False."""
    try:
        entries = files.ls(folder, detail=True, dvc_only=True)
    except Exception:  # a remote's own errors are of any type
        yield folder, False
        return
    for entry in entries:
        if entry["type"] == "directory":
            yield from _dvc_below(files, entry["name"])
        else:
            yield entry["name"], True


@lru_cache(maxsize=4)
def _dvc_files(top: Path, root: Path, commit: str) -> Any:
    """DVC's view of the files of a commit, by their names from the top of git; 0.2 s to open.

    root: the DVC project, which may lie below the top (`dvc init --subdir`): at a revision DVC looks from the top only.
    """
    if importlib.util.find_spec("dvc") is None:
        raise _no_dvc()
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    from dvc.api import DVCFileSystem

    for name in ("dvc", "dvc_data", "dvc_objects"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # its errors are told by us
    try:
        files = DVCFileSystem(str(top), rev=commit, subrepos=root != top)
        files.info("/")
    except Exception as error:  # a broken dvc.yaml, a lock, a config: all are DVC's to say
        raise VersionError(
            f"DVC cannot open {root}: {_last(str(error))}", hint="`dvc doctor` and `dvc status` say more"
        ) from None
    return files


def _names(pattern: str, name: str) -> bool:
    """Whether a path, a folder or a glob stands for a file. A `*` may cross folders: too many do no harm."""
    clean = os.path.normpath(pattern)
    return name == clean or name.startswith(f"{clean}{os.sep}") or fnmatch.fnmatchcase(name, clean)


def _md5(path: Path) -> str:
    """DVC's digest of a file; for nothing but the comparison with what DVC recorded."""
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _no_dvc() -> VersionError:
    return VersionError("DVC is not installed, and this needs it", hint="pip install dvc")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    return kept | {"LC_ALL": "C.UTF-8", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _git(folder: Path, *words: str, **environment: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=_environment() | environment, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise VersionError(
            "git is not installed, and versions need it", hint="install git; everything but versions works without it"
        ) from None
    if done.returncode:
        raise VersionError(f"`git {' '.join(words)}` failed: {_last(done.stderr.decode('utf-8', 'replace'))}")
    return done.stdout


def _last(said: str) -> str:
    """The line of a tool's complaint that says it: the first that is marked as an error, else the last."""
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    marked = [line.removeprefix(mark) for mark in ("fatal: ", "ERROR: ") for line in lines if line.startswith(mark)]
    return next(iter(marked or lines[-1:]), "it gave no reason")
