"""The documentation is run: commands print what the pages show, recipes are valid, links lead somewhere, generated
pages are current.

How a page says what its blocks are, in a comment on the line before the fence (readers do not see it):

    <!-- file: PATH -->     the block is written to PATH in the page's temporary project
    <!-- run -->            the `sh` block is run; `console` blocks are always run, and their output is compared
    <!-- exit: N -->        the command ends with exit code N, not 0
    <!-- part -->           the YAML is part of a recipe: checked within a small one
    <!-- not a recipe -->   the YAML is for another program
    <!-- copy: NAME ... --> these folders of the repository are copied into the project
    <!-- fresh -->          from here on the page's commands run in processes of their own (plugins)

In shown output `...` stands for anything. `python -m tests.test_docs PAGE...` writes what the commands print now.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"(?P<marks>(?:^<!-- [^\n]* -->\n)*)^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (.*?) -->")
RECIPE_PARTS = {"name": "part", "sources": {"rows": {"path": "rows.jsonl", "format": "messages"}}}
SHOWN = doctest.OutputChecker()


@dataclass
class Block:
    """A fenced block: its marks (`file`, `run`, ...), its kind (`sh`, `yaml`, ...), its text and where it stands."""

    marks: dict[str, str]
    kind: str
    text: str
    line: int
    span: tuple[int, int]


@dataclass
class Sandbox:
    """The temporary project of one page."""

    folder: Path
    fresh: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        bin_ = self.folder.parent / f"{self.folder.name}.bin"
        bin_.mkdir()
        (bin_ / "dsbuild").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m datasetbuild "$@"\n')
        (bin_ / "dsbuild").chmod(0o755)
        path = os.pathsep.join([str(bin_), str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "LC_ALL": "C.UTF-8"}
        self.environment |= {"DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HF_HOME": str(bin_ / "hf")}
        for role in ("AUTHOR", "COMMITTER"):
            self.environment |= {f"GIT_{role}_NAME": "reader", f"GIT_{role}_EMAIL": "reader@example.com"}

    def run(self, command: str) -> tuple[int, str]:
        """Exit code and output of a command; `dsbuild` alone is called in this process, the rest by a shell."""
        if not self.fresh and command.startswith("dsbuild") and not re.search(r"[|;<>&$`*]", command):
            return self._call(shlex.split(command)[1:])
        done = subprocess.run(
            ["bash", "-euc", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def _call(self, words: list[str]) -> tuple[int, str]:
        from datasetbuild.cli import main

        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            before = os.environ.get("COLUMNS")
            os.environ["COLUMNS"] = "120"
            try:
                code = main(words)
            except SystemExit as end:  # argparse, after --help
                code = int(end.code or 0)
            finally:
                os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
        return code, printed.getvalue()


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for match in FENCE.finditer(text):
        marks = dict((*mark.split(": ", 1), "")[:2] for mark in MARK.findall(match["marks"]))
        line = text.count("\n", 0, match.start("kind")) + 1
        yield Block(marks, match["kind"], match["text"], line, match.span("text"))


def commands(text: str) -> list[tuple[str, str]]:
    """(command, shown output) of a console block."""
    parts = re.split(r"^\$ (.*)\n?", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def tidy(text: str) -> str:
    """Without blanks at line ends and empty lines at the end: what a reader sees."""
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip() + "\n"


def play(page: Path, folder: Path, *, write: bool = False) -> list[str]:
    """Do everything that a page says, in a project folder; the complaints. write: put right the shown output."""
    text = page.read_text(encoding="utf-8")
    sandbox, complaints, edits = Sandbox(folder), [], []
    for block in blocks(text):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        sandbox.fresh = sandbox.fresh or "fresh" in block.marks
        if "copy" in block.marks:
            for name in block.marks["copy"].split():
                shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
        if "file" in block.marks:
            (folder / block.marks["file"]).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.marks["file"]).write_text(block.text, encoding="utf-8")
        if block.kind == "console":
            shown, found = _console(sandbox, block, where)
            complaints += found
            edits.append((block.span, shown))
        elif "run" in block.marks:
            code, out = sandbox.run(block.text)
            if code != int(block.marks.get("exit", 0)):
                complaints.append(f"{where}: exit code {code}\n{out}")
        elif block.kind == "yaml" and "not a recipe" not in block.marks:
            complaints += [f"{where}: {fault}" for fault in _recipe_faults(sandbox, block)]
    if write:
        for (start, end), shown in reversed(edits):
            text = text[:start] + shown + text[end:]
        page.write_text(text, encoding="utf-8")
    return complaints


def _console(sandbox: Sandbox, block: Block, where: str) -> tuple[str, list[str]]:
    """Run a console block: the block as it should be, and what is wrong with it."""
    lines, complaints = "", []
    for command, shown in commands(block.text):
        code, out = sandbox.run(command)
        if code != int(block.marks.get("exit", 0)):
            complaints.append(f"{where}: `{command}` ends with exit code {code}\n{out}")
        want, got = tidy(shown), tidy(out)
        same = SHOWN.check_output(want, got, doctest.ELLIPSIS | doctest.DONT_ACCEPT_BLANKLINE)
        if not same:
            cure = f"`python -m tests.test_docs {where.split(':')[0]}` writes it"
            complaints.append(f"{where}: `{command}` prints\n{got}\nand not\n{want}\n{cure}")
        lines += f"$ {command}\n" + ((want if same else got) if (want if same else got).strip() else "")
    return lines, complaints


def _recipe_faults(sandbox: Sandbox, block: Block) -> list[str]:
    """What is wrong with a recipe, or with part of one."""
    recipes = sandbox.folder / "recipes"
    recipes.mkdir(exist_ok=True)
    name = Path(block.marks.get("file", "recipes/part.yaml")).stem
    if "part" in block.marks:
        part = yaml.safe_load(block.text)
        (recipes / "part.yaml").write_text(yaml.safe_dump(RECIPE_PARTS | part, sort_keys=False), encoding="utf-8")
    elif not block.marks.get("file", "").startswith("recipes/"):
        return [] if "file" in block.marks else ["say in a comment what this YAML is: file, part, or not a recipe"]
    code, out = sandbox.run(f"dsbuild show recipe={name}")
    return [out] if code else []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    """Every console block prints what it shows, every marked sh block runs, every recipe is valid."""
    (tmp_path / "project").mkdir()
    complaints = play(page, tmp_path / "project")
    assert not complaints, "\n\n".join(complaints)


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"`|\*", "", heading).strip().lower())
    return kept.replace(" ", "-")


def outside_fences(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", outside_fences(page), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file of the repository, and an anchor that stands in it."""
    text = re.sub(r"`[^`\n]*`", "", outside_fences(page))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{page.relative_to(ROOT)}: {target} leads nowhere"
        if anchor:
            assert anchor in anchors(there), f"{page.relative_to(ROOT)}: {target}: no such heading"


def test_every_page_is_reached() -> None:
    """docs/README.md links to every page: nothing is written that nobody finds."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)", index)}
    missing = {page for page in PAGES if page.parent != ROOT and page.name != "README.md"} - linked
    assert not missing, f"docs/README.md does not link to {sorted(page.name for page in missing)}"


def test_generated_pages_are_current() -> None:
    """The reference says what the operators' own manuals say: `python docs/write_reference.py` writes it."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "write_reference.py"), "--check"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr + "\n`python docs/write_reference.py` writes them"


def test_the_picture_is_of_a_build() -> None:
    """docs/build.svg shows what a build prints now: `python docs/draw_screen.py` draws it."""
    script = runpy.run_path(str(ROOT / "docs" / "draw_screen.py"))
    shown = script["words"](script["PICTURE"].read_text(encoding="utf-8"))
    assert script["words"](script["draw"]()) == shown, "`python docs/draw_screen.py` draws it"


def test_the_ledger_page_names_every_column() -> None:
    """docs/reference/ledger.md has a line for each column."""
    from datasetbuild.record import LEDGER_FIRST, LEDGER_LAST

    page = (ROOT / "docs" / "reference" / "ledger.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    assert listed == {*LEDGER_FIRST, *LEDGER_LAST}


@pytest.mark.parametrize("name", ["support_bot", "support_bot_llama2"])
def test_recipes_give_what_they_say(name: str, tmp_path: Path) -> None:
    """The recipe's line `Gives:` names the records of a build; docs/reference/manifest.md names the manifest's keys."""
    sandbox = Sandbox(tmp_path / "project")
    for folder in ("examples", "recipes"):
        shutil.copytree(ROOT / folder, sandbox.folder / folder)
    code, out = sandbox.run(f"dsbuild recipe={name} --json")
    assert code == 0, out
    manifest: dict[str, Any] = json.loads(out)["manifest"]
    counts = manifest["counts"]
    gives = re.search(r"^# Gives: *(.*)", (ROOT / "recipes" / f"{name}.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    assert gives
    assert f"{counts['kept']} records of {counts['sources'][-1]['in']} rows" in gives[1]
    page = (ROOT / "docs" / "reference" / "manifest.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(manifest)


if __name__ == "__main__":
    for given in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as scratch:
            (Path(scratch) / "project").mkdir()
            for complaint in play(Path(given).resolve(), Path(scratch) / "project", write=True):
                print(complaint, end="\n\n")
