"""Rest: between two phases a process holds less, and knows no less."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.rest import let_go_of_files, rest
from tests.conftest import Project

ROWS = 1_000_000


def held(folder: Path) -> int:
    """Bytes of the files of a folder that this process has mapped and holds just now."""
    found, mine = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            mine = f" {folder}/" in line
        elif mine and line.startswith("Rss:"):
            found += int(line.split()[1]) << 10
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what is held")
@pytest.mark.parametrize("name", ["plain", "with blanks ü"])
def test_pages_of_mapped_files_go_and_come_back(tmp_path: Path, name: str) -> None:
    """What is mapped of a folder is not held afterwards, says what it said, and files elsewhere stay."""
    mine, other = Cache(tmp_path / name / "cache"), Cache(tmp_path / "other" / "cache")
    numbers = pl.DataFrame({"n": np.arange(ROWS)})
    frames = [cache.frame(cache.store_frame(numbers)) for cache in (mine, other)]
    total = ROWS * (ROWS - 1) // 2
    assert [frame["n"].sum() for frame in frames] == [total, total]
    assert held(mine.root) >= 8 * ROWS
    let_go_of_files(mine.root)
    assert held(mine.root) == 0
    assert held(other.root) >= 8 * ROWS
    assert frames[0]["n"].sum() == total


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what is held")
def test_a_folder_behind_a_link_is_the_folder(tmp_path: Path) -> None:
    """A project that is reached through a symbolic link: its files are let go all the same."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    cache = Cache(tmp_path / "link" / "cache")
    frame = cache.frame(cache.store_frame(pl.DataFrame({"n": np.arange(ROWS)})))
    assert frame["n"].max() == ROWS - 1
    assert held(tmp_path / "real") >= 8 * ROWS
    rest(cache.root)
    assert held(tmp_path / "real") == 0


def test_where_nobody_tells_what_is_mapped_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A system without /proc builds as before."""

    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    let_go_of_files(tmp_path)


def test_workers_are_gone_when_the_books_are_written(monkeypatch: pytest.MonkeyPatch, project: Project) -> None:
    """Nobody waits for work that never comes while the report is drawn: the memory of idle workers is most of the peak."""
    import multiprocessing

    from datasetbuild.engine import outcome

    rows = [{"messages": [{"role": "user", "content": f"question {n}?"}, {"role": "assistant", "content": f"answer {n}."}]} for n in range(20)]
    project.write({"a.jsonl": rows, "recipes/small.yaml": '{"name": "small", "sources": {"a": {"path": "a.jsonl", "format": "messages"}}}'})
    write, alive = outcome.write_books, []

    def writing(*given: object) -> object:
        alive.append(len(multiprocessing.active_children()))
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(outcome, "write_books", writing)
    assert project.run("recipe=small", "-j", "2").code == 0
    assert alive == [0]


def test_a_worker_whose_work_is_done_holds_no_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes after a worker's last task, and not between tasks of one kind, which need it."""
    from datasetbuild.engine import local

    gone: list[int] = []
    monkeypatch.setattr("datasetbuild.engine.rest.forget_fast", lambda: gone.append(1))
    local._done_beside(len, [], last=False)
    gone.clear()
    assert local._done_beside(len, [1], last=False) == 1
    assert not gone
    assert local._done_beside(len, [1, 2], last=True) == 2
    assert gone


def test_workers_that_have_done_much_end_while_the_driver_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few tasks they wait for the next; after many they end, and the next tasks are done by others."""
    import multiprocessing
    import os

    from datasetbuild.engine import local

    monkeypatch.setattr(local, "MUCH", 3)
    with local.local_engine(2, 0) as engine:
        assert set(engine.map(os.path.basename, ["a/b"] * 5)) == {"b"}
        before = {child.pid for child in multiprocessing.active_children()}
        engine.rest()
        assert {child.pid for child in multiprocessing.active_children()} == before
        assert list(engine.map(os.path.basename, ["a/c"])) == ["c"]
        engine.rest()
        assert not multiprocessing.active_children()
        assert list(engine.map(os.path.basename, ["a/d", "a/e"])) == ["d", "e"]
        after = {child.pid for child in multiprocessing.active_children()}
        assert after
        assert not after & before
    assert not multiprocessing.active_children()
