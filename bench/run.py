"""Run workload W with every tool, side by side, and keep what was measured.

    python bench/run.py                                  10,000 and 100,000 rows, all tools, three repeats
    python bench/run.py --rows 1000000 --only dsbuild floors
    python bench/report.py                               writes the tables of bench/README.md from the results

For each number of rows and each repeat every tool runs from nothing, again with nothing changed, and again after one
changed bound (`response_chars.min` 50 -> 60); tools take turns, so that a busy minute of the machine hits all of them.
What is compared most closely runs side by side: the floors right behind a build, a sweep right before one.
Peers are installed once, each in an environment of its own (bench/requirements). Results are appended as JSON to
bench/results, with the machine described by its cores and memory only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import process
from bench.corpus import write_corpus
from bench.recall import planted
from bench.tools import (
    BENCH,
    BOUND,
    CHANGED,
    ROOT,
    Dsbuild,
    Given,
    Kept,
    Script,
    Tool,
    all_tools,
    chosen,
    dsbuild,
    given_tokenizer,
)  # fmt: skip

SWEEP = ("filters.response_chars.min=20,60,120", "dedup.near.threshold=0.7,0.8,0.9")
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
PACKAGES = ("datasetbuild", "polars", "pyarrow", "numpy", "fastokens", "tokenizers", "jinja2", "orjson", "hydra-core")

Result = dict[str, Any]


class Session:
    """One call of this program: where it works, and what it found."""

    def __init__(self, work: Path, results: Path, timeout: float | None) -> None:
        self.work = work
        self.results = results
        self.timeout = timeout
        self.tokenizer = given_tokenizer(work)

    def corpus(self, rows: int) -> Path:
        """The corpus of that size, made once."""
        path = self.work / "corpora" / f"{rows}.jsonl"
        mark = path.with_suffix(".made")
        made_by = hashlib.sha256((BENCH / "corpus.py").read_bytes()).hexdigest()
        if not mark.exists() or mark.read_text(encoding="utf-8") != made_by:
            say(f"corpus of {rows:,} rows")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            write_corpus(rows, path)
            mark.write_text(made_by, encoding="utf-8")
        return path

    def given(self, tool: str, rows: int) -> Given:
        return Given(self.corpus(rows), self.tokenizer, self.work / "runs" / f"{tool.replace(' ', '')}-{rows}")

    def measure(self, command: Sequence[str], folder: Path, env: dict[str, str]) -> Result:
        """What one command cost; fails when the command did."""
        log = folder / "log.txt"
        found = process.run(command, env=env, folder=folder, log=log, timeout=self.timeout)
        if found.code != 0:
            tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"exit code {found.code}: {' '.join(command)}\n{tail}")
        return asdict(found) | {"cpu": round(found.cpu, 3)}

    def keep(self, rows: int, result: Result) -> None:
        """Append one result."""
        self.results.mkdir(parents=True, exist_ok=True)
        with open(self.results / f"{rows}.jsonl", "a", encoding="utf-8") as out:
            out.write(json.dumps({"rows": rows, **result}) + "\n")
        say("  " + "  ".join(f"{key} {value}" for key, value in result.items() if not isinstance(value, dict | list)))


@dataclass(frozen=True)
class Rounds:
    """How often everything runs, and how often peers do; whether peers run at sizes that take them hours, and again."""

    all: int
    peers: int
    all_sizes: bool
    peers_once: bool

    def scenarios(self, tool: Tool) -> tuple[tuple[str, int], ...]:
        """What is run of a tool, each with its bound."""
        cold, *again = ("cold", BOUND), ("unchanged", BOUND), ("changed", CHANGED)
        return (cold,) if self.peers_once and isinstance(tool, Script) else (cold, *again)

    def has(self, tool: Tool, rows: int, repeat: int) -> bool:
        if tool.limit and rows > tool.limit and not self.all_sizes:
            say(f"{tool.name}: not at {rows:,} rows (--all-sizes runs it)")
            return False
        return repeat < (self.peers if isinstance(tool, Script) else self.all)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def machine() -> Result:
    """The machine and the versions, by nothing that names it."""
    from importlib.metadata import PackageNotFoundError, version

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    versions: dict[str, str] = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "of this folder"
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": versions,
    }


def run_tool(session: Session, tool: Tool, rows: int, repeat: int, pairs: Any, rounds: Rounds, *, floors: bool) -> None:
    """Cold, unchanged, changed: one result each. floors: they are measured behind the first."""
    given = session.given(tool.name, rows)
    tool.prepare(given)
    for scenario, bound in rounds.scenarios(tool):
        found = session.measure(tool.command(given, bound), given.work, tool.environment(given))
        kept = tool.kept(given)
        result = {"tool": tool.name, "scenario": scenario, "repeat": repeat, **found, **about(kept)}
        result["disk_mb"] = disk_mb(given.work)
        if scenario == "cold":
            result["pairs"] = pairs.score(kept)
            if isinstance(tool, Dsbuild):
                result["own_account"] = own_account(given.work / "build" / "w" / "ledger.parquet")
        session.keep(rows, result)
        if scenario == "cold" and floors:
            run_floors(session, rows, repeat)


def about(kept: Kept) -> Result:
    """How many rows were kept, and a digest of which ones in which split."""
    listed = "\n".join(f"{number} {split}" for number, split in sorted(kept.items()))
    return {"kept": len(kept), "kept_digest": hashlib.sha256(listed.encode()).hexdigest()[:12]}


def own_account(ledger: Path) -> Result:
    """Near-duplicates that were dropped, and how many of them stand beside a twin that is below the threshold."""
    import polars as pl

    rows = pl.read_parquet(ledger, columns=["reason", "similarity", "twin"])
    near = rows.filter(pl.col("reason") == "near_duplicate")
    return {"dropped": len(near), "below": len(near.filter((pl.col("similarity") < 0.8) | pl.col("twin").is_null()))}


def disk_mb(folder: Path) -> float:
    """What the tool left on the disk, without the corpus that it was given."""
    sizes = [path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    corpus = folder / "corpus.jsonl"
    return round((sum(sizes) - (corpus.stat().st_size if corpus.exists() else 0)) / 1e6, 1)


def run_extras(session: Session, rows: int, repeat: int) -> None:
    """What only this program can do: sweeps of nine points, from nothing and after a build, and decisions alone."""
    tool = Dsbuild(1)
    given = session.given("dsbuild sweep", rows)
    sweep = dsbuild(given.work, "-m", "recipe=w", *SWEEP, "-j", "1", "--json")
    for scenario in ("sweep, from nothing", "build beside it", "sweep, after a build"):
        if scenario != "sweep, after a build":
            tool.prepare(given)
        command = tool.command(given, BOUND) if scenario == "build beside it" else sweep
        found = session.measure(command, given.work, tool.environment(given))
        session.keep(rows, {"tool": tool.name, "scenario": scenario, "repeat": repeat, **found})
    command = [sys.executable, str(BENCH / "decision.py"), str(given.work), f"filters.response_chars.min={CHANGED}"]
    found = session.measure(command, given.work, tool.environment(given))
    laps = json.loads((given.work / "log.txt").read_text(encoding="utf-8").splitlines()[-1])
    session.keep(rows, {"tool": tool.name, "scenario": "decision alone", "repeat": repeat, **found, **laps})


def run_floors(session: Session, rows: int, repeat: int) -> None:
    """The floors, for the rows that this program keeps when it was built here, else for all."""
    given = session.given("floors", rows)
    given.work.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(BENCH / "floors.py"), str(given.corpus), str(given.tokenizer), str(given.work)]
    ledger = session.given("dsbuild -j 1", rows).work / "build" / "w" / "ledger.parquet"
    if ledger.exists():
        command += ["--kept", str(ledger)]
    found = session.measure(command, given.work, ENVIRONMENT)
    floors = json.loads((given.work / "log.txt").read_text(encoding="utf-8").splitlines()[-1])
    session.keep(rows, {"tool": "floors", "scenario": "cold", "repeat": repeat, **found, "floors": floors})


def run_size(session: Session, rows: int, tools: Sequence[Tool], only: Sequence[str], rounds: Rounds) -> None:
    """Everything at one size, round by round."""
    corpus = session.corpus(rows)
    say(f"{rows:,} rows: the planted pairs that near dedup decides about")
    pairs = planted(corpus, corpus.with_suffix(".truth.jsonl"), session.tokenizer)
    session.keep(rows, {"tool": "session", "scenario": "start", "machine": machine()})
    wants_floors = not only or "floors" in only
    for repeat in range(rounds.all):
        for tool in tools:
            if not rounds.has(tool, rows, repeat):
                continue
            say(f"{tool.name}, {rows:,} rows, round {repeat + 1} of {rounds.all}")
            try:
                run_tool(session, tool, rows, repeat, pairs, rounds, floors=wants_floors and tool == Dsbuild(1))
            except RuntimeError as error:
                say(f"  failed: {error}")
                session.keep(rows, {"tool": tool.name, "scenario": "failed", "repeat": repeat, "why": str(error)[:200]})
        if wants_floors and Dsbuild(1) not in tools:
            run_floors(session, rows, repeat)
        if not only or "extras" in only:
            run_extras(session, rows, repeat)


def main() -> None:
    """Parse, install, run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument(
        "--only", nargs="+", default=[], help="dsbuild, tutorial, datatrove, data-juicer, floors, extras"
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer-repeat", type=int, help="how often peers run, in the first rounds (as --repeat)")
    parser.add_argument(
        "--work", type=Path, default=BENCH / ".work", help="a folder for corpora, environments and runs"
    )
    parser.add_argument("--results", type=Path, default=BENCH / "results")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds that one command may take")
    parser.add_argument("--all-sizes", action="store_true", help="run peers also at sizes that take them hours")
    parser.add_argument("--peers-once", action="store_true", help="run peers from nothing only, not again")
    args = parser.parse_args()
    only = [word for part in args.only for word in part.split(",") if word]
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if not (work / ".gitignore").exists():
        (work / ".gitignore").write_text("*\n", encoding="utf-8")
    tools = chosen(all_tools(work / "venvs"), only)
    for tool in tools:
        if isinstance(tool, Script):
            say(f"environment of {tool.name}")
            tool.install()
    session = Session(work, args.results, args.timeout)
    shutil.rmtree(work / "runs", ignore_errors=True)
    for rows in args.rows:
        peers = args.repeat if args.peer_repeat is None else args.peer_repeat
        rounds = Rounds(args.repeat, peers, args.all_sizes, args.peers_once)
        run_size(session, rows, tools, only, rounds)


if __name__ == "__main__":
    main()
