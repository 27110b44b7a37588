"""Digests of files that were seen before: never a stale one, and few files of ours for many of theirs."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from datasetbuild.engine import known
from datasetbuild.engine.cache import Cache
from datasetbuild.engine.known import SETTLED, known_digests, unchanged, visit
from datasetbuild.hashing import bytes_digest, file_digest


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / ".dsbuild" / "cache")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are hashed, as they are."""
    found: list[Path] = []
    monkeypatch.setattr(known, "file_digest", lambda path: (found.append(Path(path)), file_digest(path))[1])
    return found


def settled(*paths: Path) -> None:
    """Wait until the times of files can be trusted."""
    while time.time_ns() - max(path.stat().st_ctime_ns for path in paths) <= SETTLED + 20_000_000:
        time.sleep(0.01)


def filled(folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{n}.txt" for n in range(count)]
    for n, path in enumerate(paths):
        path.write_text(f"page {n}")
    return paths


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path, cache: Cache, read: list[Path]) -> None:
    """Of a hundred files, one edited and one new, two are read."""
    paths = filled(tmp_path / "pages", 100)
    settled(*paths)
    first = known_digests(cache, paths)
    assert first == [bytes_digest(path.read_bytes()) for path in paths]
    assert len(read) == 100
    paths[7].write_text("page X")
    paths += filled(tmp_path / "more", 1)
    del read[:]
    assert known_digests(cache, paths) == [bytes_digest(path.read_bytes()) for path in paths]
    assert read == [paths[7], paths[100]]


def test_an_edit_at_the_same_moment_is_seen(tmp_path: Path, cache: Cache) -> None:
    """Same size, same time of content, a moment after the visit: whatever the clock of the file system can tell apart."""
    drawn, path = random.Random(4), tmp_path / "a.txt"
    for n in range(60):
        path.write_text(f"one {n:03}")
        time.sleep(drawn.choice([0, 0, 0.003, 0.01]))
        [before] = visit(cache, [path])
        times = path.stat().st_mtime_ns
        path.write_text(f"two {n:03}")
        os.utime(path, ns=(times, times))
        assert known_digests(cache, [path]) == [bytes_digest(f"two {n:03}".encode())]
        assert not unchanged(path, before.sha256, before.state)


def test_times_that_cannot_tell_are_not_trusted_later(tmp_path: Path, cache: Cache, read: list[Path]) -> None:
    """A visit right after a change is not remembered; one a tenth of a second later is."""
    [path] = filled(tmp_path, 1)
    assert visit(cache, [path])[0].state is None
    settled(path)
    for _ in range(3):
        assert visit(cache, [path])[0].sha256 == bytes_digest(b"page 0")
    assert read == [path, path]


def test_what_was_just_written_is_not_read(tmp_path: Path, cache: Cache, read: list[Path]) -> None:
    """Who has hashed a file while writing it says so."""
    paths = filled(tmp_path, 3)
    settled(*paths)
    said = [bytes_digest(path.read_bytes()) for path in paths]
    assert [one.sha256 for one in visit(cache, paths, said)] == said
    assert known_digests(cache, paths) == said
    assert read == []


def test_many_files_leave_one_for_a_folder(tmp_path: Path, cache: Cache) -> None:
    """A thousand files of one folder are noted in one of ours; of four hundred folders in no more than 256."""
    one = filled(tmp_path / "pages", 1000)
    settled(*one)
    visit(cache, one)
    assert len([*(cache.root / "files").iterdir()]) == 1
    each = [path for n in range(400) for path in filled(tmp_path / "deep" / str(n), 1)]
    settled(*each)
    visit(cache, each)
    assert len([*(cache.root / "files").iterdir()]) <= 256


def test_a_flipped_byte_is_met(tmp_path: Path, cache: Cache) -> None:
    """Wherever it is: no damaged digest is ever given out."""
    paths = filled(tmp_path / "pages", 3)
    settled(*paths)
    right = known_digests(cache, paths)
    [note] = (cache.root / "files").iterdir()
    data = note.read_bytes()
    for place in range(len(data)):
        note.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert known_digests(cache, paths) == right


def test_another_build_may_note_meanwhile(tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another build has noted while we were hashing stays."""
    mine, theirs = filled(tmp_path / "pages", 2)
    settled(mine, theirs)

    def slow(path: str) -> str:
        monkeypatch.setattr(known, "file_digest", file_digest)
        visit(cache, [theirs])
        return file_digest(path)

    monkeypatch.setattr(known, "file_digest", slow)
    visit(cache, [mine])
    monkeypatch.setattr(known, "file_digest", lambda path: pytest.fail(f"{path} is hashed again"))
    known_digests(cache, [mine, theirs])


def test_names_that_are_no_text(tmp_path: Path, cache: Cache) -> None:
    """A file whose name is not UTF-8 is known as any other."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    path.write_text("a page")
    settled(path)
    assert known_digests(cache, [path]) == known_digests(cache, [path]) == [bytes_digest(b"a page")]
