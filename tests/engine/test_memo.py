"""The memo of dear answers: processes share one file, and none is refused."""

from __future__ import annotations

import time
from multiprocessing import get_context
from pathlib import Path

from datasetbuild.engine.memo import Memo

FILES = 100


def keep(folder: Path, name: str, start: float) -> int:
    """Ask and tell each of many new files, at the moments at which another process does too. How many answers were there."""
    found = 0
    for number in range(FILES):
        memo = Memo(folder / f"{number}.sqlite")
        time.sleep(max(0.0, start + number * 0.01 - time.time()))
        memo.get(["nobody's"])
        memo.put({name: b"mine", "ours": name.encode()})
        found += set(memo.get([name, "ours", "nobody's"])) == {name, "ours"}
    return found


def test_two_processes_make_and_fill_a_memo_at_once(tmp_path: Path) -> None:
    """Whoever comes second waits: SQLite says `database is locked` to one that finds out too late that it must write."""
    start = time.time() + 1.5
    with get_context("spawn").Pool(2) as pool:
        assert pool.starmap(keep, [(tmp_path, name, start) for name in ("a", "b")]) == [FILES, FILES]
    for number in range(FILES):
        answers = Memo(tmp_path / f"{number}.sqlite").get(["a", "b", "ours"])
        assert (answers["a"], answers["b"]) == (b"mine", b"mine")
        assert answers["ours"] in (b"a", b"b"), "of two answers for one name the first stays"
