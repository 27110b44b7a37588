"""Files that operators are given: known by content in every key, and prepared once per build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest

from datasetbuild.parameters import File, files_in, schema_of, with_files
from tests.conftest import Project

PLUGIN = '''\
from pathlib import Path
from typing import Annotated

import polars as pl

from datasetbuild import File, fact, turns


def longest(*, words: str, least: int) -> tuple[bytes, dict]:
    known = [word for word in Path(words).read_text().split() if len(word) >= least]
    with open("prepared.log", "a") as log:
        log.write(Path(words).suffix + "\\\\n")
    return "|".join(known).encode(), {"words": len(known)}


@fact(version=1, prepare=longest)
def known_words(prepared: Path, /, *, words: Annotated[str, File()], least: int = 1) -> pl.Expr:
    """How many words of a list stand in the answers.

    words: a file of words.
    least: shortest word that counts.
    """
    return turns("assistant").list.join(" ").str.count_matches(prepared.read_text())
'''.replace("\\\\n", "\\n")

RECIPE = """\
name: known
plugins: [plugin.py]
sources: {a: {path: a.jsonl, format: messages}}
filters: {known_words: {words: lists/words.txt, min: 1}}
"""


def rows(*answers: str) -> list[dict[str, Any]]:
    return [
        {"messages": [{"role": "user", "content": f"Question {n}?"}, {"role": "assistant", "content": answer}]}
        for n, answer in enumerate(answers)
    ]


@pytest.fixture
def words(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(project.folder)
    return project.write(
        {"plugin.py": PLUGIN, "a.jsonl": rows("a cat sat", "a dog ran"), "lists/words.txt": "cat\n", "recipes/known.yaml": RECIPE}
    )


def manifest(project: Project) -> dict[str, Any]:
    return json.loads((project.folder / "build/known/manifest.json").read_text())


def test_a_file_is_prepared_once_and_reported(words: Project) -> None:
    """What `prepare` returns is handed over as a file, made once, and its report is in the manifest."""
    assert words.run("recipe=known").code == 0
    assert manifest(words)["counts"]["kept"] == 1
    assert manifest(words)["prepared"] == {"known_words": {"words": 1}}
    assert words.run("recipe=known", "--force").code == 0
    assert (words.folder / "prepared.log").read_text() == ".txt\n"


def test_the_path_is_in_no_key_and_the_content_is(words: Project) -> None:
    """The same bytes at another place change nothing; other bytes measure the fact again, and `explain` names the file."""
    assert words.run("recipe=known").code == 0
    key = manifest(words)["key"]
    words.write({"other.txt": "cat\n", "recipes/known.yaml": RECIPE.replace("lists/words.txt", "other.txt")})
    assert "up to date" in words.run("plan", "recipe=known").out
    words.write({"other.txt": "cat dog\n"})
    found = words.run("plan", "recipe=known", "--json").json
    assert (found["status"], found["cause"]) == ("would build", "input_changed")
    assert {one["path"] for one in found["differences"]} == {"facts.known_words.words", "facts.known_words.prepared"}
    assert words.run("recipe=known").code == 0
    assert manifest(words)["counts"]["kept"] == 2
    assert manifest(words)["key"] != key


def test_a_file_that_is_not_there_is_a_fault(words: Project) -> None:
    """A missing file is named with the line that names it, before anything is done."""
    (words.folder / "lists/words.txt").unlink()
    ran = words.run("recipe=known")
    assert ran.code == 3
    assert "recipes/known.yaml:4" in ran.err
    assert "there is no file 'lists/words.txt' in the project" in ran.err


class Against(TypedDict):
    path: Annotated[str, File()]


@pytest.mark.parametrize(
    ("annotation", "value", "found"),
    [
        (Annotated[str, File()], "a.txt", {(): "a.txt"}),
        (list[Annotated[str, File()]] | None, ["a", "b"], {("0",): "a", ("1",): "b"}),
        (dict[str, Against], {"x": {"path": "a"}}, {("x", "path"): "a"}),
        (dict[str, Annotated[str, File()]] | list[str], {"x": "a"}, {("x",): "a"}),
        (str, "a.txt", {}),
        (Annotated[str, File()] | None, None, {}),
    ],
)
def test_files_are_found_wherever_they_stand(annotation: Any, value: Any, found: dict) -> None:
    """Alone, in lists, in maps and in typed maps; a string that is no file stays as it is."""
    schema = schema_of(annotation)
    assert dict(files_in(schema, value)) == found
    assert dict(files_in(schema, with_files(schema, value, lambda name: name + "!"))) == {k: v + "!" for k, v in found.items()}


def test_kept_by_content_and_suffix(tmp_path: Path) -> None:
    """The name of a snapshot is its content and what tells how to read it."""
    from datasetbuild.engine.cache import Cache

    cache = Cache(tmp_path / "cache")
    for name, suffix in {"a.jsonl.gz": ".jsonl.gz", "v1.2-b.CSV": ".csv", "plain": ""}.items():
        (tmp_path / name).write_bytes(b"rows")
        kept = cache.keep(tmp_path / name)
        assert kept[64:] == suffix
        assert cache.kept(kept).read_bytes() == b"rows"
