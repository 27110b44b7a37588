"""Publishing: whole or not at all, whatever stood there, also across file systems."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datasetbuild.artifact import folder
from datasetbuild.artifact.folder import publish


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    made = tmp_path / "work" / "artifact"
    (made / "data").mkdir(parents=True)
    (made / "data" / "train.parquet").write_text("new")
    (made / "manifest.json").write_text("new")
    return made


def target_of(tmp_path: Path) -> Path:
    target = tmp_path / "build" / "small"
    (target / "data").mkdir(parents=True)
    (target / "data" / "train.parquet").write_text("old")
    (target / "data" / "gone.parquet").write_text("old")
    (target / ".gitignore").write_text("/data\n")
    (target / "notes").mkdir()
    (target / "notes" / "mine.txt").write_text("keep me")
    return target


def check(target: Path) -> None:
    assert (target / "data" / "train.parquet").read_text() == "new"
    assert not (target / "data" / "gone.parquet").exists()
    assert (target / ".gitignore").read_text() == "/data\n"
    assert (target / "notes" / "mine.txt").read_text() == "keep me"
    assert [path.name for path in target.parent.iterdir()] == ["small"]


def test_the_new_takes_the_place_of_the_old(draft: Path, tmp_path: Path) -> None:
    """Our files are replaced as a whole; what is not ours is carried over; nothing is left beside it."""
    target = target_of(tmp_path)
    publish(draft, target, tmp_path / "work" / "trash")
    check(target)
    assert not (tmp_path / "work" / "trash").exists()


def test_without_an_exchange_call_two_renames_do(draft: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system cannot exchange folders, the result is the same."""
    monkeypatch.setattr(folder, "_exchange", lambda a, b: False)
    target = target_of(tmp_path)
    publish(draft, target, tmp_path / "work" / "trash")
    check(target)


@pytest.mark.parametrize("there", [True, False])
def test_another_file_system(tmp_path: Path, there: bool) -> None:
    """A draft on another file system is copied beside the target first, and what a killed build left there is removed."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK) or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    import shutil
    import tempfile

    work = Path(tempfile.mkdtemp(dir=memory))
    try:
        draft = work / "artifact"
        (draft / "data").mkdir(parents=True)
        (draft / "data" / "train.parquet").write_text("new")
        target = target_of(tmp_path) if there else tmp_path / "build" / "small"
        (tmp_path / "build").mkdir(exist_ok=True)
        (tmp_path / "build" / ".small.draft-1").mkdir()
        publish(draft, target, work / "trash")
        assert (target / "data" / "train.parquet").read_text() == "new"
        assert [path.name for path in target.parent.iterdir()] == ["small"]
    finally:
        shutil.rmtree(work)


def test_another_file_system_that_is_full(draft: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit ends the copy with the system's own error (`make room`), and leaves nothing there that fills it."""
    import errno
    import shutil

    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(shutil, "copy2", full)
    beside = tmp_path / ".small.draft-1"
    with pytest.raises(OSError, match="No space left") as caught:
        folder._copy(draft, beside)
    assert caught.value.errno == errno.ENOSPC
    assert not beside.exists()
