"""The map is the territory: the README's tree, the order of imports, sizes and manuals are as they are said to be."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import datasetbuild
import datasetbuild.builtin
from datasetbuild.op import operators
from datasetbuild.recipe import load
from datasetbuild.record import REASONS, Reason
from tests.test_docs import PAGES, blocks

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "datasetbuild"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = {path: path.read_text(encoding="utf-8") for path in MODULES}
TREES = {path: ast.parse(text) for path, text in SOURCES.items()}
SCRIPTS = sorted(path for pattern in ("bench/*.py", "bench/[a-z]*/*.py", "docs/*.py") for path in ROOT.glob(pattern))
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))

MODULE_LINES, FUNCTION_LINES = 400, 60

ORDER = ("process", "errors", "arrow", "hashing", "record", "parameters", "op", "stages", "recipe", "plan", "artifact", "engine", "cli")
"""A part imports only what stands before it: the engine carries rows to the artifact, which knows nothing of what carried them.
`builtin` names every operator and stands aside."""

STAGES_KNOW = {"arrow", "errors", "hashing", "record", "parameters", "op", "stages"}
OUTSIDE = {"hydra": "recipe/compose.py", "omegaconf": "recipe/compose.py", "dvc": "artifact/version.py"}
"""Packages that only one module may import."""


def name_of(path: Path) -> str:
    """`engine.run` for datasetbuild/engine/run.py, `engine` for its __init__."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions too."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            modules = {name_of(other) for other in MODULES}
            for alias in node.names:  # `from datasetbuild.engine import outcome` imports the module outcome
                whole = f"{node.module}.{alias.name}"
                yield whole if whole.removeprefix("datasetbuild.") in modules else str(node.module)


def ours(path: Path) -> Iterator[str]:
    """The modules of this package that a file imports, without the package's name."""
    for module in imports(path):
        if module.startswith("datasetbuild."):
            yield module.removeprefix("datasetbuild.")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(TREES[path]) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_imports_go_one_way() -> None:
    """errors, hashing -> record -> op -> stages -> recipe -> plan -> artifact -> engine -> cli, and never back."""
    against = set()
    for path in MODULES:
        mine = name_of(path)
        if mine.split(".")[0] not in ORDER:
            continue
        for other in ours(path):
            part = other.split(".")[0]
            if part in ORDER and ORDER.index(part) > ORDER.index(mine.split(".")[0]):
                against.add((mine, other))
    assert against == set(), "imports against the order"


def test_stages_know_nothing_of_what_carries_them() -> None:
    """A stage knows no engine, no Hydra, no DVC, no recipe and no plan."""
    for path in MODULES:
        if name_of(path).startswith("stages"):
            known = {other.split(".")[0] for other in ours(path)}
            assert known <= STAGES_KNOW, f"{name_of(path)} imports {known - STAGES_KNOW}"


def test_some_packages_are_imported_in_one_place() -> None:
    """Hydra and OmegaConf only in recipe/compose.py, DVC only in artifact/version.py."""
    for path in MODULES:
        for module in imports(path):
            home = OUTSIDE.get(module.split(".")[0])
            assert home in (None, path.relative_to(PACKAGE).as_posix()), f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_import_what_there_is(script: Path) -> None:
    """What a script of the benchmark or of the documentation takes from the package is there: most of them no test runs."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "datasetbuild":
            module = importlib.import_module(node.module or "")
            there = {*dir(module), *(one.stem for place in getattr(module, "__path__", []) for one in Path(place).iterdir())}
            assert {alias.name for alias in node.names} <= there


def test_no_cycles_between_parts() -> None:
    """Two parts never import each other."""
    edges = {(name_of(path).split(".")[0], other.split(".")[0]) for path in MODULES for other in ours(path)}
    edges = {edge for edge in edges if edge[0] in ORDER}
    both = {tuple(sorted(edge)) for edge in edges if edge[0] != edge[1] and edge[::-1] in edges}
    assert both == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sizes(path: Path) -> None:
    """No module over 400 lines; no function over 60, its docstring aside."""
    assert len(SOURCES[path].splitlines()) <= MODULE_LINES
    for function in functions(path):
        docstring = ast.get_docstring(function, clean=False)
        lines = (function.end_lineno or 0) - function.lineno + 1 - (len(docstring.splitlines()) if docstring else 0)
        assert lines <= FUNCTION_LINES, f"{function.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_opens_with_its_purpose(path: Path) -> None:
    """The first line of a module says what it is for."""
    assert ast.get_docstring(TREES[path])


def test_no_attic() -> None:
    """No module or folder is named for being useful."""
    names = {part for path in MODULES for part in path.relative_to(PACKAGE).with_suffix("").parts}
    assert names.isdisjoint({"utils", "util", "common", "helpers", "helper", "misc", "core", "base", "lib"})


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_names_are_documented_and_typed(path: Path) -> None:
    """Every public function of a module has annotations; those of more than ten lines have a docstring too."""
    for node in TREES[path].body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        assert node.returns is not None, f"{node.name} does not say what it returns"
        assert all(argument.annotation for argument in arguments), f"{node.name} is not typed"
        lines = (node.end_lineno or 0) - node.lineno
        if path.parent.name != "cli" and lines > 9:
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def _tree(text: str) -> set[str]:
    """The paths that a drawn tree names: `├── engine/` below `datasetbuild/` is `datasetbuild/engine/`."""
    found, above = set(), {}
    for line in text.splitlines():
        match = re.match(r"^((?:│   |    |├── |└── )*)(\S+)", line)
        if not match:
            continue
        depth = len(match[1]) // 4
        above = {level: name for level, name in above.items() if level < depth} | {depth: match[2]}
        found.add("".join(above[level] for level in sorted(above)))
    return found


def test_the_readme_draws_the_package() -> None:
    """The tree in README.md names every folder and every module at the top of the package, and nothing else."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    drawn = next(_tree(block.text) for block in blocks(readme) if "tree" in block.marks)
    on_disk = {"datasetbuild/"}
    for path in PACKAGE.iterdir():
        if path.name != "__pycache__" and (path.is_dir() or path.suffix == ".py"):
            on_disk.add(f"datasetbuild/{path.name}" + "/" * path.is_dir())
    for path in (PACKAGE / "stages").iterdir():
        if path.name not in ("__pycache__", "__init__.py"):
            on_disk.add(f"datasetbuild/stages/{path.name}" + "/" * path.is_dir())
    assert drawn == on_disk


def test_the_readme_names_the_tests_of_the_laws() -> None:
    """Every promise of README.md names the test that holds it, and that test is there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    promises = readme.split("## Promises")[1].split("\n## ")[0]
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promises)
    lines = [line for line in promises.splitlines() if line.startswith("| **")]
    assert len(named) >= len(lines) >= 8
    for file, function in named:
        assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file} has no {function}"


def test_all_is_complete() -> None:
    """`datasetbuild.__all__` are the public names: each is there, and the docstring names those for plugins."""
    for name in datasetbuild.__all__:
        assert getattr(datasetbuild, name) is not None
        assert name.startswith("__") or f"`{name}`" in (datasetbuild.__doc__ or "")
    assert sorted(datasetbuild.__all__, key=str.lower) == datasetbuild.__all__


@pytest.mark.parametrize("op", operators(), ids=lambda op: f"{op.kind}.{op.name}")
def test_an_operator_has_a_manual(op: Any) -> None:
    """A summary in one sentence, and a description for every parameter, which ends like a sentence."""
    assert op.summary.endswith((".", "`"))
    for parameter in op.parameters.values():
        assert parameter.description, f"{parameter.name} is not described"
        assert parameter.description.endswith("."), f"{parameter.name}: {parameter.description!r} breaks off"


def _mentioned() -> set[tuple[str, str]]:
    """(kind, name) of the operators that a recipe in recipes/ or a YAML block of the docs uses."""
    texts = [path.read_text(encoding="utf-8") for path in RECIPES]
    options = {path: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "conf/checks").glob("*.yaml"))}
    texts += [yaml.safe_dump({"checks": {k: v for k, v in option.items() if k != "defaults"}}) for option in options.values()]
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        texts += [b.text for b in blocks(text) if b.kind == "yaml" and "not a recipe" not in b.marks]
    found: set[tuple[str, str]] = {("section", "recipe")}
    for text in texts:
        recipe = yaml.safe_load(text) or {}
        for name, rule in (recipe.get("filters") or {}).items():
            found.add(("fact", (rule or {}).get("fact", name)))
        found |= {("fact", name.lstrip("-")) for name in (recipe.get("dedup") or {}).get("keep", [])}
        for source in (recipe.get("sources") or {}).values():
            found |= {("section", "source"), ("format", (source or {}).get("format", ""))}
        for name, entry in (recipe.get("checks") or {}).items():
            found.add(("check", (entry or {}).get("check", name)))
        for entry in recipe.get("export") or []:
            found.add(("profile", entry if isinstance(entry, str) else entry["profile"]))
        for section, entry in recipe.items():
            found.add(("section", section))
            if isinstance(entry, dict):
                found |= {("section", f"{section}.{name}") for name in entry}
    return found


UNUSED = {("format", "documents")}
"""Operators that no recipe can show yet, to become fewer: documents are for sources that generate."""


def test_every_operator_is_used_by_a_recipe() -> None:
    """An operator that no recipe and no page uses is one that nobody can copy."""
    unused = {(op.kind, op.name) for op in operators() if op.code is None} - _mentioned()
    assert unused - UNUSED == set(), "show these in a recipe of recipes/ or in docs/"
    assert UNUSED - unused == set(), "these are in use now: take them out of UNUSED"


@pytest.mark.parametrize("fact", [op.name for op in operators("fact")])
def test_every_fact_has_a_test(fact: str) -> None:
    """Somewhere under tests/ the fact is measured by its name."""
    mine = Path(__file__).name
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py") if path.name != mine]
    assert any(re.search(rf"\b{fact}\b", text) for text in texts)


def test_every_reason_has_a_sentence_and_is_given_somewhere() -> None:
    """Each reason has a sentence, stands in the docs, and is given by some module."""
    page = (ROOT / "docs" / "reference" / "reasons.md").read_text(encoding="utf-8")
    given = "\n".join(text for path, text in SOURCES.items() if path.name != "record.py")
    for reason in Reason:
        assert REASONS[reason]
        assert f"| `{reason.value}` |" in page
        assert f"Reason.{reason.name}" in given, f"{reason.name} is never given"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_valid_and_introduce_themselves(path: Path) -> None:
    """Every recipe validates, and opens with the schema line and five lines: what, needs, run, override, gives."""
    name = path.relative_to(ROOT / "recipes").with_suffix("").as_posix()
    assert load([f"recipe={name}"], project=ROOT)[0].name
    head = path.read_text(encoding="utf-8").splitlines()[:6]
    assert head[0].startswith("# yaml-language-server: $schema=")
    assert [line.split()[1] for line in head[2:]] == ["Needs:", "Run:", "Override:", "Gives:"]
    override = head[4].split("dsbuild ", 1)[1].split()
    assert load(override, project=ROOT)[0].variant
