"""What a person installs: dependencies that are used, a command that starts at once, a wheel that works anywhere."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Project

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
IMPORTED_AS = {"google-re2": "re2", "hydra-core": "hydra", "pyyaml": "yaml", "scikit-learn": "sklearn", "license-expression": "license_expression"}
"""Distribution -> the module that it is imported as, where the two differ."""

HEAVY = {"transformers", "datasets", "datasketch", "dvc", "pyarrow", "scipy"}
"""Packages of 0.1 s and more to import."""


def imports(file: Path) -> Iterator[str]:
    """Top-level names of the modules that a file imports anywhere, in functions too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def third_party() -> dict[str, Path]:
    """Every third-party module that the core imports, and a file that does."""
    found = {name: file for file in sorted((ROOT / "datasetbuild").rglob("*.py")) for name in imports(file)}
    own = sys.stdlib_module_names | {"datasetbuild"}
    return {name: file for name, file in found.items() if name not in own}


def distributions(requirements: list[str]) -> list[str]:
    return [re.split(r"[<>=!~\[ ]", requirement, maxsplit=1)[0] for requirement in requirements]


def declared() -> dict[str, str]:
    """Import name -> distribution of every core dependency."""
    return {IMPORTED_AS.get(name, name): name for name in distributions(PYPROJECT["project"]["dependencies"])}


def test_every_import_of_the_core_is_a_declared_dependency() -> None:
    """A fresh installation lacks nothing: what the core imports, pyproject.toml asks for, or offers as an extra."""
    offered = {name for extra in EXTRAS.values() for name in distributions(extra)}
    known = declared().keys() | {IMPORTED_AS.get(name, name.replace("-", "_")) for name in offered}
    undeclared = {name: str(file.relative_to(ROOT)) for name, file in third_party().items() if name not in known}
    assert not undeclared


def test_every_extra_that_a_hint_names_is_there() -> None:
    """`pip install 'datasetbuild[sql]'` helps: each extra that a message or a page tells a person to install exists."""
    pages = [*(ROOT / "datasetbuild").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    named = {name for page in pages for name in re.findall(r"datasetbuild\[([a-z0-9-]+)\]", page.read_text())}
    assert named <= EXTRAS.keys()


def test_every_core_dependency_is_imported_or_has_a_reason() -> None:
    """Nothing is installed for nothing: what the core does not import says in pyproject.toml why it is there."""
    text = (ROOT / "pyproject.toml").read_text()
    explained = re.findall(r'^ +"([\w-]+)[^"]*", +# not imported: \S', text, re.MULTILINE)
    used = third_party()
    assert explained == [name for module, name in declared().items() if module not in used]


def test_constraints_hold_every_dependency_and_nothing_but_names_and_versions() -> None:
    """The tested set is complete, and tells nobody where it was installed from."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9.+!]+", line)] == []
    pinned = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines}
    wanted = [*declared().values(), *distributions(EXTRAS["test"])]
    assert [name for name in wanted if name.lower() not in pinned] == []


REPORT = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(list(sys.modules)), file=sys.stderr))
from datasetbuild.cli import main
main(sys.argv[1:])
"""


def loaded_by(*words: str) -> set[str]:
    """Modules in memory after a command line."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["build", "--help"]])
def test_help_imports_nothing_but_the_standard_library(words: list[str]) -> None:
    """Help is there at once: not one dependency is imported for it."""
    assert not loaded_by(*words) & set(declared())


def test_composing_a_recipe_imports_no_heavy_package() -> None:
    """Looking at a recipe is cheap: what reads files, tokenizes or loads data sets stays unimported."""
    loaded = loaded_by("show", "recipe=support_bot")
    assert {"hydra", "jsonschema", "yaml"} <= loaded
    assert not loaded & (HEAVY | {"tokenizers", "fastokens", "ftfy", "rich"})


def test_a_build_imports_only_what_it_uses(project: Project, tokenizer: str) -> None:
    """A build with a template and near dedup starts without the packages of 0.1 s that others would import for it:
    pandas, which pyarrow asks about every list, and transformers, which a tokenizer in a file does not need; and without
    modules of 20 to 50 ms of those that it uses."""
    rows = [{"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": "No. " * n}]} for n in range(1, 9)]
    lines = ["name: small", "dedup: {near: {threshold: 0.8}}", "sources:", "  chat: {path: rows.jsonl, format: messages}"]
    lines += ["  table: {path: rows.csv, format: prompt_completion}"]  # whose shards are files of ours
    lines += [f"template: {{tokenizer: {tokenizer}, chat_template: chatml}}", "export: [messages, text]"]
    project.write({"rows.jsonl": rows, "rows.csv": "prompt,completion\nWhy?,So.\nWho?,\n", "recipes/small.yaml": "\n".join(lines)})
    loaded = loaded_by("recipe=small", "-q", "-j", "1", "-C", str(project.folder))
    assert {"polars", "pyarrow", "tokenizers"} <= loaded
    assert not loaded & {"pandas", "transformers", "datasets", "datasketch", "pyarrow.compute", "numpy.random"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without the network."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; it comes with the extra `test`")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_wheel_holds_what_a_build_needs_and_no_more(wheel: Path) -> None:
    """An installation has the config groups, the templates, the schema and its types; no tests, examples or recipes."""
    names = zipfile.ZipFile(wheel).namelist()
    package = ROOT / "datasetbuild"
    needed = [path for path in package.rglob("*") if path.suffix in (".py", ".jinja")]
    needed += [package / path.relative_to(ROOT) for path in (ROOT / "conf").rglob("*.yaml")]
    needed += [package / "py.typed", package / "recipe" / "recipe.schema.json"]
    assert {path.relative_to(ROOT).as_posix() for path in needed} <= set(names)
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"datasetbuild"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_installed_wheel_builds_a_project_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """Nothing of the checkout is needed: an unpacked wheel builds a project of its own, with spawned workers."""
    site, project = tmp_path / "site", tmp_path / "project"
    zipfile.ZipFile(wheel).extractall(site)
    (project / "recipes").mkdir(parents=True)
    rows = [{"prompt": f"Question {n}?", "completion": f"The answer to question {n} is {n * n}."} for n in range(40)]
    (project / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (project / "recipes" / "small.yaml").write_text(
        "defaults: [override /dedup: near, override /split: standard, override /template: chatml, _self_]\n"
        "name: small\nsources:\n  rows: {path: rows.jsonl, format: prompt_completion}\n"
        f"template: {{tokenizer: {ROOT / 'examples' / 'tokenizer'}}}\n"
    )

    def run(*words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(site)}
        command = [sys.executable, *words]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("-c", "import datasetbuild; print(datasetbuild.__file__)").startswith(str(site))
    assert "conf/dedup/near.yaml:" in run("-m", "datasetbuild", "show", "recipe=small", "--origin")
    built = json.loads(run("-m", "datasetbuild", "recipe=small", "--json", "-j", "2"))
    manifest = json.loads((project / "build" / "small" / "manifest.json").read_bytes())
    assert built["status"] == "built"
    assert manifest["counts"]["kept"] == 40
