"""The benchmark's harness works: it measures a process tree, knows its corpus, and runs workload W at a small size."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import process, report
from bench.corpus import write_corpus
from bench.recall import Planted, planted
from bench.run import Rounds, Session, run_extras, run_floors, run_tool
from bench.tools import Dsbuild, all_tools, chosen, given_tokenizer

ROWS = 1000


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("bench")
    return Session(folder, folder / "results", timeout=300)


def test_a_process_tree_is_measured_whole(tmp_path: Path) -> None:
    """CPU of a grandchild that outlives its parent counts, and a failing command shows its exit code."""
    spin = "import time\nwhile time.process_time() < 0.4: pass"
    orphan = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {spin!r}])"
    found = process.run([sys.executable, "-c", orphan], env={}, folder=tmp_path, log=tmp_path / "log")
    assert found.code == 0
    assert found.cpu >= 0.4
    assert (
        process.run([sys.executable, "-c", "raise SystemExit(3)"], env={}, folder=tmp_path, log=tmp_path / "log").code
        == 3
    )


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """Its exit code is None, and nothing of it is left."""
    found = process.run(
        [sys.executable, "-c", "while True: pass"], env={}, folder=tmp_path, log=tmp_path / "log", timeout=0.3
    )
    assert found.code is None


def test_the_corpus_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    """Same seed, same bytes, and the truth names what was planted."""
    for name in ("a", "b"):
        write_corpus(300, tmp_path / f"{name}.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    kinds = {json.loads(line)["kind"] for line in (tmp_path / "a.truth.jsonl").read_text().splitlines()}
    assert {"near", "exact"} <= kinds


def test_pairs_are_scored_by_what_is_left() -> None:
    """Both rows of a like pair left: missed. One row of an unlike pair gone: merged."""
    found = Planted(alike=[(1, 2), (3, 4)], unlike=[(5, 6), (7, 8)]).score(
        {1: "train", 2: "train", 3: "train", 5: "train"}
    )
    assert found == {"alike": 2, "missed": 1, "unlike": 2, "merged": 2}


@pytest.mark.slow
def test_workload_w_runs(session: Session) -> None:
    """Cold, unchanged and changed are measured; near dedup misses no planted pair and merges none below the threshold;
    the changed bound takes rows away."""
    corpus = session.corpus(ROWS)
    pairs = planted(corpus, corpus.with_suffix(".truth.jsonl"), given_tokenizer(session.work))
    assert pairs.alike
    assert pairs.unlike
    run_tool(session, Dsbuild(1), ROWS, 0, pairs, Rounds(1, 1, all_sizes=False, peers_once=False), floors=True)
    lines = [json.loads(line) for line in (session.results / f"{ROWS}.jsonl").read_text().splitlines()]
    cold, floors, unchanged, changed = lines[-4:]
    assert [line["scenario"] for line in (cold, unchanged, changed)] == ["cold", "unchanged", "changed"]
    assert floors["tool"] == "floors"
    assert len(report.above_floors(report.read(session.results)[-1])) == 1, "the floors are compared with the build before them"
    assert cold["kept_digest"] == unchanged["kept_digest"]
    assert changed["kept"] < cold["kept"]
    assert cold["pairs"]["missed"] == cold["pairs"]["merged"] == cold["own_account"]["below"] == 0


@pytest.mark.slow
def test_floors_sweep_and_decision_run(session: Session) -> None:
    """The floors have a figure each; a decision after a build measures nothing; tables can be written from it all."""
    run_floors(session, ROWS, 0)
    run_extras(session, ROWS, 0)
    size = report.read(session.results)[-1]
    assert set(size.floors()) == set(report.FLOORS)
    assert size.all(report.OURS, "decision alone", "measured") == [0]
    assert len(report.swept(size)) == 1, "a sweep is compared with the build behind it"
    size.machine |= {"cores": 2, "memory_gb": 8, "system": "Linux", "python": "3.11", "versions": {}}
    assert "| floor |" in report.tables([size])


def test_tools_are_chosen_by_name(tmp_path: Path) -> None:
    """`--only dsbuild` takes both of ours; no word takes all."""
    assert [tool.name for tool in chosen(all_tools(tmp_path), ["dsbuild"])] == ["dsbuild -j 1", "dsbuild -j 2"]
    assert len(chosen(all_tools(tmp_path), [])) == 5
