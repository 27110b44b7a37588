"""The tools that run workload W: their environments, commands and outputs, one class each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
TEMPLATE = ROOT / "datasetbuild" / "stages" / "render" / "templates" / "chatml.jinja"

BOUND, CHANGED = 50, 60
"""`response_chars.min` of the workload, and of the re-run after one changed bound."""

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "PIP_NO_INDEX": "1",
    "UV_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
}
"""No tool may download anything while it is measured; Data-Juicer would install packages in the middle of a run."""

Kept = dict[int, str]
"""The split of each row that is in a tool's output, by id."""


@dataclass(frozen=True)
class Given:
    """What a tool is given. corpus: JSON Lines; tokenizer: a folder with our ChatML template; work: its own folder."""

    corpus: Path
    tokenizer: Path
    work: Path


class Tool(ABC):
    """One way to run workload W. limit: the most rows that it is run with when nobody asks for more."""

    name: str
    requirements: str | None = None
    limit: int | None = None
    caches = True
    """Whether the tool says that it reuses work, so that the re-runs tell something."""

    def prepare(self, given: Given) -> None:
        """A fresh start: nothing is left of earlier runs."""
        shutil.rmtree(given.work, ignore_errors=True)
        given.work.mkdir(parents=True)

    @abstractmethod
    def command(self, given: Given, bound: int) -> list[str]:
        """The command line of one run."""

    def environment(self, given: Given) -> dict[str, str]:
        return {}

    @abstractmethod
    def kept(self, given: Given) -> Kept:
        """What the last run kept."""


@dataclass
class Dsbuild(Tool):
    """This program, with `-j` processes, in a project of its own."""

    processes: int

    def __post_init__(self) -> None:
        self.name = f"dsbuild -j {self.processes}"

    def prepare(self, given: Given) -> None:
        super().prepare(given)
        (given.work / "recipes").mkdir()
        (given.work / "corpus.jsonl").hardlink_to(given.corpus)
        shutil.copytree(given.tokenizer, given.work / "tokenizer")
        self._set_bound(given, BOUND)

    def command(self, given: Given, bound: int) -> list[str]:
        self._set_bound(given, bound)
        return dsbuild(given.work, "recipe=w", "-j", str(self.processes), "--quiet")

    def environment(self, given: Given) -> dict[str, str]:
        # An installation has its modules compiled, so they may be kept compiled here too, whatever the shell says.
        return {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}

    def kept(self, given: Given) -> Kept:
        import polars as pl

        ledger = pl.read_parquet(given.work / "build" / "w" / "ledger.parquet", columns=["row", "fate", "split"])
        return dict(ledger.filter(pl.col("fate") == "kept").select("row", "split").iter_rows())

    @staticmethod
    def _set_bound(given: Given, bound: int) -> None:
        """The changed bound is an edit of the recipe, as a person would make it."""
        recipe = (BENCH / "recipes" / "w.yaml").read_text(encoding="utf-8")
        edited = recipe.replace(f"{{min: {BOUND}, max: 4000}}", f"{{min: {bound}, max: 4000}}")
        assert bound == BOUND or edited != recipe
        (given.work / "recipes" / "w.yaml").write_text(edited, encoding="utf-8")


def dsbuild(project: Path, *words: str) -> list[str]:
    """The command line of this program."""
    return [sys.executable, "-m", "datasetbuild", *words, "-C", str(project)]


class Script(Tool):
    """A peer: a script of `bench/peers` in an environment of its own. home: the name of it and of its requirements."""

    home: str
    script: str

    def __init__(self, venvs: Path) -> None:
        self.venvs = venvs

    @property
    def python(self) -> Path:
        return self.venvs / self.home / "bin" / "python"

    def command(self, given: Given, bound: int) -> list[str]:
        words = [given.corpus, given.tokenizer, given.work / "out", "--min-chars", bound]
        return [str(self.python), str(BENCH / "peers" / f"{self.script}.py"), *map(str, words)]

    def environment(self, given: Given) -> dict[str, str]:
        places = {
            "HF_HOME": "hf",
            "HF_DATASETS_CACHE": "hf/datasets",
            "TMPDIR": "tmp",
            "DATA_JUICER_CACHE_HOME": "juicer",
        }
        (given.work / "tmp").mkdir(exist_ok=True)
        return {**OFFLINE, **{name: str(given.work / place) for name, place in places.items()}}

    def kept(self, given: Given) -> Kept:
        found: Kept = {}
        for split in ("train", "validation"):
            for path in sorted((given.work / "out").glob(f"{split}*.jsonl")):
                with open(path, "rb") as lines:
                    found.update((json.loads(line)["id"], split) for line in lines)
        return found

    def install(self) -> None:
        """Make the environment, once for each version of its requirements."""
        requirements = BENCH / "requirements" / f"{self.home}.txt"
        mark = self.venvs / self.home / "installed.txt"
        if mark.exists() and mark.read_text(encoding="utf-8") == requirements.read_text(encoding="utf-8"):
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.venvs / self.home)], check=True)
        subprocess.run([str(self.python), "-m", "pip", "install", "--quiet", "-r", str(requirements)], check=True)
        shutil.copy(requirements, mark)


class Tutorial(Script):
    """(a) The script that tutorials give: datasets, md5, datasketch, apply_chat_template."""

    name, home, script, limit = "tutorial", "tutorial", "tutorial", 100_000


class Datatrove(Script):
    """(c) datatrove: MinHash stages around custom steps."""

    name, home, script, limit = "datatrove", "datatrove", "on_datatrove", 100_000


class DataJuicer(Script):
    """(b) Data-Juicer: a recipe with our functions where its operators do not see into `messages`."""

    name, home, script, limit = "data-juicer", "datajuicer", "on_data_juicer", 10_000


def all_tools(venvs: Path) -> list[Tool]:
    """Every tool, in the order of the tables."""
    return [Dsbuild(1), Dsbuild(2), Tutorial(venvs), Datatrove(venvs), DataJuicer(venvs)]


def chosen(tools: Sequence[Tool], only: Sequence[str]) -> list[Tool]:
    """The tools whose names start with one of the words; all without words."""
    return [tool for tool in tools if not only or any(tool.name.startswith(word) for word in only)]


def given_tokenizer(work: Path) -> Path:
    """The example tokenizer, with our ChatML template as its own, so that all tools render the same text."""
    folder = work / "tokenizer"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ROOT / "examples" / "tokenizer" / name, folder / name)
    shutil.copy(TEMPLATE, folder / "chat_template.jinja")
    return folder
