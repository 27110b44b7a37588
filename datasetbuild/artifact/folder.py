"""Publish a finished folder in one step: readers see the old artifact or the new one, never half of either.

Linux and macOS can exchange two folders in one system call; elsewhere it takes two renames, and a kill between them leaves
the old artifact in `.dsbuild/tmp`, and nothing half-written.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from pathlib import Path

from datasetbuild.errors import BuildError

OWNED = (
    "README.md", "data", "export", "ledger.parquet", "quarantine.jsonl", "checks.jsonl",
    "report.html", "manifest.json", "metrics.json", "plots",
)  # fmt: skip
"""What a build writes into an artifact's folder; anything else there is somebody else's and is carried over."""

_AT_FDCWD = -100 if sys.platform == "linux" else -2
_EXCHANGE = 2


def check_target(folder: Path, project: Path) -> None:
    """Raise before any work when the artifact could not be put there in the end."""
    for path in reversed([folder, *folder.parents]):
        if path == project or not path.is_relative_to(project) or not path.exists():
            continue
        shown = path.relative_to(project).as_posix()
        if not path.is_dir():
            raise BuildError(f"{shown} is a file, where a build needs a folder", hint=f"mv {shown} {shown}.old, then run again")
        if not os.access(path, os.W_OK | os.X_OK):
            if os.statvfs(path).f_flag & os.ST_RDONLY:
                raise BuildError(f"{shown} lies on a file system that is mounted read-only", hint="copy the project to one that can be written")
            raise BuildError(f"{shown} cannot be written: permission denied", hint=f"chmod u+wx {shown}, then run again")


def publish(draft: Path, target: Path, trash: Path) -> None:
    """Put `draft` in the place of `target`; what stood there goes to `trash`, which lies beside `draft`.

    Where `.dsbuild` is on another file system than the artifact, the draft is first copied to a hidden folder beside it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.name}.draft-*"):
        shutil.rmtree(left, ignore_errors=True)
    if draft.stat().st_dev != target.parent.stat().st_dev:
        beside = target.with_name(f".{target.name}.draft-{os.getpid()}")
        _copy(draft, beside)
        draft, trash = beside, beside.with_name(f"{beside.name}-old")
    if not target.exists():
        os.rename(draft, target)
        return
    _carry_over(target, draft)
    if _exchange(draft, target):
        os.rename(draft, trash)
    else:
        os.rename(target, trash)
        os.rename(draft, target)
    shutil.rmtree(trash, ignore_errors=True)


def _copy(draft: Path, beside: Path) -> None:
    """The draft on another file system, or nothing of it: the first file that does not fit ends it."""
    try:
        for folder, _, files in os.walk(draft):
            there = beside / Path(folder).relative_to(draft)
            there.mkdir()
            for name in files:
                shutil.copy2(Path(folder, name), there / name)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _carry_over(target: Path, draft: Path) -> None:
    """Files in the folder that are not ours (`.gitignore` and `data.dvc` of DVC, a person's notes) stay there."""
    for path in target.iterdir():
        if path.name in OWNED or (draft / path.name).exists():
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, draft / path.name, symlinks=True)
        else:
            shutil.copy2(path, draft / path.name, follow_symlinks=False)


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two paths atomically; False where the system cannot."""
    if sys.platform not in ("linux", "darwin"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, "renameat2" if sys.platform == "linux" else "renameatx_np", None)
    if call is None:
        return False
    return call(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), ctypes.c_uint(_EXCHANGE)) == 0
