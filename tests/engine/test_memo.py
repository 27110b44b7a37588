"""The memo of dear answers: processes share one file, and none is refused."""

from __future__ import annotations

import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from datasetbuild.engine.memo import Memo
from datasetbuild.errors import BuildError

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


ANSWERS = {f"name {number}": b"answer %d " % number * 40 for number in range(60)}


def test_no_damage_changes_an_answer(tmp_path: Path) -> None:
    """Whatever byte of the file is another, each answer is the one that was kept or none; and what is kept anew is there again."""
    file = tmp_path / "memo.sqlite"
    Memo(file).put(ANSWERS)
    whole = file.read_bytes()
    lost = 0
    for place in [*range(0, 100, 7), *range(100, len(whole), 389)]:
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        memo = Memo(file)
        found = memo.get(ANSWERS)
        assert found.items() <= ANSWERS.items(), place
        lost += len(found) < len(ANSWERS)
        memo.put(ANSWERS)
        assert memo.get(ANSWERS) == ANSWERS, place
    assert lost > 10, "hardly a flip was noticed"


@pytest.mark.parametrize("left", [b"", b"no database at all " * 100, None], ids=["empty", "rubbish", "cut off"])
def test_a_file_that_is_no_database_is_begun_anew(tmp_path: Path, left: bytes | None) -> None:
    """What SQLite cannot read costs the asking again, and nothing else."""
    file = tmp_path / "memo.sqlite"
    memo = Memo(file)
    memo.put(ANSWERS)
    file.write_bytes(file.read_bytes()[:5000] if left is None else left)
    assert memo.get(ANSWERS).items() <= ANSWERS.items()
    memo.put(ANSWERS)
    assert memo.get(ANSWERS) == ANSWERS


def test_a_memo_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    """What is no damage of the file is said with its name and the next step."""
    (tmp_path / "memo.sqlite").mkdir()
    with pytest.raises(BuildError, match="which remembers what models answered: unable to open") as raised:
        Memo(tmp_path / "memo.sqlite").get(["a"])
    assert raised.value.hint and "asked for again" in raised.value.hint
