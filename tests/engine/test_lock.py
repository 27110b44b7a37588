"""The lock: a pin holds, a stale one is named to the file, and two branches that change two sources merge."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.errors import MismatchError
from datasetbuild.plan.lockfile import Change, Entry, PinnedFile, SourcePin, changes, conflicts, dump, ours, parse
from tests.conftest import ROOT, Project
from tests.sources.test_remote import Handler, Server

ROWS = [
    {"messages": [{"role": "user", "content": f"Why {n}?"}, {"role": "assistant", "content": f"So {n}."}]}
    for n in range(9)
]
TABLE = "format: table, messages: [{role: user, content: '{{ q }}'}, {role: assistant, content: '{{ a }}'}]"
TWO = "name: small\nsources:\n  a: {path: a.jsonl, format: messages}\n  b: {path: 'b-*.jsonl', format: messages}\n"

hexes = st.integers(0, 2**256 - 1).map("{:064x}".format)
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=8)
files = st.builds(PinnedFile, words, hexes, st.integers(0, 2**40), st.none() | st.integers(0, 2**30))
origins = st.dictionaries(st.sampled_from(["path", "sql", "hub"]), words | st.lists(words, max_size=3), max_size=3)
pins = st.builds(SourcePin, st.just("2026-11-21"), origins, st.lists(files, max_size=3).map(tuple))
entries = st.builds(Entry, st.dictionaries(words, pins, max_size=3), st.dictionaries(words, hexes, max_size=3))


@given(st.dictionaries(words, entries, max_size=3))
def test_a_lock_is_read_as_it_was_written(lock: dict[str, Entry]) -> None:
    """Whatever names and digests there are, also those that YAML would take for numbers, and in whatever order."""
    text = dump(lock)
    assert parse(text) == lock
    assert dump(dict(reversed(lock.items()))) == text
    assert all(changes(entry, entry) == [] for entry in lock.values())


@given(entries, entries)
def test_every_difference_is_a_change(old: Entry, new: Entry) -> None:
    """No change means that origins, bytes and inputs are equal; days and counts are none."""

    def bare(entry: Entry) -> Any:
        return {name: (pin.origin, pin.digest) for name, pin in entry.sources.items()}, entry.inputs

    assert (changes(old, new) == []) == (bare(old) == bare(new))
    assert len(changes(old, new)) == len(changes(new, old))


def pin(**digits: str) -> dict[str, Entry]:
    """A lock of one recipe: source -> the digit that its digest consists of."""
    made = {
        name: SourcePin("2026-11-21", {"path": name}, (PinnedFile(name, d * 64, 10, 1),)) for name, d in digits.items()
    }
    return {"small": Entry(made)}


def merged(folder: Path, base: str, mine: str, theirs: str) -> tuple[int, str]:
    for name, text in (("base", base), ("mine", mine), ("theirs", theirs)):
        (folder / name).write_text(text)
    done = subprocess.run(
        ["git", "merge-file", "-p", "mine", "base", "theirs"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_changes_of_two_sources_merge(tmp_path: Path) -> None:
    """Two branches that pin two neighbouring sources anew merge without a conflict, into the lock with both."""
    base, mine, theirs = pin(a="1", b="1"), pin(a="2", b="1"), pin(a="1", b="3")
    day = replace(theirs["small"].sources["b"], pinned="2026-12-01")
    theirs["small"].sources["b"] = day
    code, text = merged(tmp_path, dump(base), dump(mine), dump(theirs))
    assert code == 0
    want = pin(a="2", b="3")
    want["small"].sources["b"] = replace(want["small"].sources["b"], pinned="2026-12-01")
    assert parse(text) == want


def test_a_conflict_is_named_by_its_lines(tmp_path: Path) -> None:
    """Where both branches changed one source, the error names the lines and the command; our side can be read."""
    code, text = merged(tmp_path, dump(pin(a="1")), dump(pin(a="2")), dump(pin(a="3")))
    assert code == 1
    first = text.splitlines().index("<<<<<<< mine") + 1
    assert conflicts(text) == [(first, first + 4)]
    with pytest.raises(MismatchError, match=f"merge conflict: lines {first}-{first + 4}") as error:
        parse(text)
    assert "`dsbuild lock`" in str(error.value.hint)
    assert parse(ours(text)) == pin(a="2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 2\nrecipes: {}\n", "has version 2, and this dsbuild reads version 1"),
        ("version: 1\nrecipes: [\n", "cannot be read: line 3"),
        ("version: 1\nrecipes: {a: {sources: {b: {}}}}\n", "cannot be read: KeyError"),
        (
            "version: 1\nrecipes: {a: {sources: {b: {pinned: x, from: {}, files: [{flie: 3}]}}}}\n",
            "cannot be read: TypeError",
        ),
        ("hello", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_broken_lock_is_told_of(project: Project, text: str, said: str) -> None:
    """Whatever stands in the file, a build ends with a sentence and exit code 4, and builds nothing."""
    project.write({"recipes/small.yaml": TWO, "a.jsonl": ROWS, "b-1.jsonl": ROWS, "dsbuild.lock": text})
    ran = project.run("recipe=small")
    assert ran.code == 4
    assert said in ran.err
    assert "-> " in ran.err
    assert not (project.folder / "build").exists()


@pytest.fixture
def two(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with two sources, locked on a known day."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    project.write({"recipes/small.yaml": TWO, "a.jsonl": ROWS, "b-1.jsonl": ROWS[:4]})
    assert project.run("lock").code == 0
    return project


def test_lock_pins_every_file_with_its_rows(two: Project) -> None:
    """Each file of each source: name, bytes, digest, rows, and the day."""
    found = yaml.safe_load((two.folder / "dsbuild.lock").read_text())["recipes"]["small"]["sources"]
    assert {name: [file["rows"] for file in pin["files"]] for name, pin in found.items()} == {"a": [9], "b": [4]}
    assert found["b"]["pinned"] == "2026-09-21"
    assert found["b"]["from"] == {"path": "b-*.jsonl"}
    assert found["b"]["files"][0]["bytes"] == (two.folder / "b-1.jsonl").stat().st_size


def test_a_lock_changes_no_byte(two: Project) -> None:
    """A build with a lock gives what a build without one gives."""
    assert two.run("recipe=small", "--locked", "-q").code == 0
    before = two.bytes()
    (two.folder / "dsbuild.lock").unlink()
    assert two.run("recipe=small", "-q", "--force").code == 0
    assert two.bytes() == before


def test_locking_twice_writes_the_same_bytes(two: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is as it was keeps its day."""
    before = (two.folder / "dsbuild.lock").read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    assert two.run("lock").out == "dsbuild.lock: 0 changed, 2 as they were\n"
    assert (two.folder / "dsbuild.lock").read_bytes() == before


STALE = {
    "edited": ({"a.jsonl": ROWS[:8]}, "~ source a", "a.jsonl: "),
    "added": ({"b-2.jsonl": ROWS[:2]}, "~ source b", "b-2.jsonl: new, "),
    "renamed": (
        {"recipes/small.yaml": TWO.replace("a.jsonl", "b-1.jsonl")},
        "~ source a",
        "path: a.jsonl -> b-1.jsonl",
    ),
    "another source": ({"recipes/small.yaml": TWO + "  c: {path: a.jsonl, format: messages}\n"}, "+ source c", ""),
}


@pytest.mark.parametrize("case", STALE)
def test_stale_to_the_file(two: Project, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """--check says which source and file and ends with 10, --locked refuses with 4, a plain build goes on and says so,
    and `lock` prints old -> new and is then current."""
    written, what, detail = STALE[case]
    two.write(written)
    checked = two.run("lock", "--check")
    assert checked.code == 10
    assert what in checked.out
    assert detail in checked.out
    assert checked.out.count("source") == 1
    refused = two.run("recipe=small", "--locked")
    assert refused.code == 4
    assert what in refused.err
    assert not (two.folder / "build").exists()
    went_on = two.run("recipe=small")
    assert went_on.code == 0
    assert f"dsbuild.lock is stale for recipe small: {what[2:]}" in went_on.err
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    again = two.run("lock", "recipe=small")
    assert what in again.out
    assert "2027-01-15)" in again.out
    assert two.run("lock", "--check").code == 0
    assert two.run("recipe=small", "--locked").code == 0


def test_frozen_takes_the_pinned_files(two: Project) -> None:
    """A new file that a glob would find is left aside; a pinned one that has changed or is gone stops the build."""
    assert two.run("recipe=small", "-q").code == 0
    before = two.bytes()
    two.write({"b-2.jsonl": ROWS[5:]})
    assert two.run("recipe=small", "--frozen", "-q").code == 0
    assert two.bytes() == before
    two.write({"b-1.jsonl": ROWS[:3]})
    changed = two.run("recipe=small", "--frozen")
    assert (changed.code, "b-1.jsonl is not what was pinned on 2026-09-21" in changed.err) == (4, True)
    (two.folder / "b-1.jsonl").unlink()
    gone = two.run("recipe=small", "--frozen")
    assert (gone.code, "b-1.jsonl is pinned, and is not there" in gone.err) == (4, True)
    assert two.bytes() == before


ASKING = (
    ("plan", "recipe=small"), ("explain", "recipe=small"), ("why", "recipe=small", "Why 3?"),
    ("-m", "recipe=small", "filters.turns.max=1,9"), ("show", "recipe=small", "--mask"),
)  # fmt: skip
"""The verbs beside `build` that look at a recipe's inputs."""


@pytest.mark.parametrize("words", ASKING, ids=lambda words: words[0])
def test_every_verb_is_held_as_a_build_is(two: Project, words: tuple[str, ...]) -> None:
    """What `--frozen` and `--locked` refuse a build, they refuse `plan`, `explain`, `why`, `show --mask` and a sweep, in the same words;
    and with `--frozen` these look at the pinned files alone."""
    two.run("recipe=small", "-q")
    two.write({"b-2.jsonl": [ROWS[0]]})
    for flag in ("--locked", "--frozen"):
        asked, built = two.run(*words, flag), two.run("recipe=small", "-q", flag)
        if flag == "--locked":
            assert (asked.code, built.code, asked.err) == (4, 4, built.err)
        else:
            assert asked.code == (2 if words[0] == "show" else 0), asked.err  # 2: the recipe has no template
    assert two.run("plan", "recipe=small", "--frozen").out == "build/small: up to date\n"
    for verb in (("plan", "recipe=small"), ("why", "recipe=small", "Why 3?")):
        assert "dsbuild: dsbuild.lock is stale for recipe small: source b" in two.run(*verb).err
    two.write({"b-1.jsonl": ROWS[:3]})
    asked, built = two.run(*words, "--frozen"), two.run("recipe=small", "-q", "--frozen")
    assert (asked.code, asked.err) == (4, built.err)


@pytest.mark.parametrize("flag", ["--locked", "--frozen"])
def test_without_a_lock(project: Project, flag: str) -> None:
    """What asks for a lock says how to make one."""
    project.write({"recipes/small.yaml": TWO, "a.jsonl": ROWS, "b-1.jsonl": ROWS})
    ran = project.run("recipe=small", flag)
    assert ran.code == 4
    assert f"there is no dsbuild.lock, and {flag} needs one" in ran.err
    assert "dsbuild lock recipe=small" in ran.err


def test_recipes_come_and_go(two: Project) -> None:
    """A recipe that is gone leaves the lock; a name with `_` is a part of others and is never in it."""
    two.write({"recipes/other.yaml": TWO.replace("small", "other"), "recipes/_part.yaml": "split: {train: 1.0}\n"})
    assert two.run("lock").code == 0
    assert list(yaml.safe_load((two.folder / "dsbuild.lock").read_text())["recipes"]) == ["other", "small"]
    (two.folder / "recipes" / "other.yaml").unlink()
    assert two.run("lock", "--check").code == 10
    assert "- recipe" in two.run("lock").out
    assert list(yaml.safe_load((two.folder / "dsbuild.lock").read_text())["recipes"]) == ["small"]


def test_tokenizer_template_and_plugin_are_pinned(project: Project) -> None:
    """What else decides the bytes: a chat template that is edited makes the lock stale, and --frozen refuses it too."""
    plugin = 'from datasetbuild import fact\nimport polars as pl\n\n@fact(version=1)\ndef f() -> pl.Expr:\n    """One."""\n    return pl.lit(1)\n'
    template = (ROOT / "examples/tokenizer/chat_template.jinja").read_text()
    recipe = TWO + f"template: {{tokenizer: {ROOT}/examples/tokenizer, chat_template: my.jinja}}\nplugins: [f.py]\n"
    project.write(
        {"recipes/small.yaml": recipe, "my.jinja": template, "f.py": plugin, "a.jsonl": ROWS, "b-1.jsonl": ROWS}
    )
    assert project.run("lock").code == 0
    pinned = yaml.safe_load((project.folder / "dsbuild.lock").read_text())["recipes"]["small"]["inputs"]
    assert [name.split()[0] for name in pinned] == ["chat_template", "plugin", "tokenizer"]
    project.write({"my.jinja": template + "{# changed #}"})
    for flag in ("--locked", "--frozen"):
        ran = project.run("recipe=small", flag)
        assert ran.code == 4
        assert "~ chat_template my.jinja" in ran.err


def test_a_model_is_pinned(project: Project) -> None:
    """The folder of a model that embeds is known by its bytes, and DVC watches it."""
    recipe = TWO + "dedup: {semantic: {threshold: 0.95}}\nembeddings: {model: model2vec, name: models/small}\n"
    project.write({"recipes/small.yaml": recipe, "models/small/weights.bin": "1", "a.jsonl": ROWS, "b-1.jsonl": ROWS})
    assert project.run("lock").code == 0
    assert project.run("dvc", "sync").code == 0
    assert "models/small" in (project.folder / "dvc.yaml").read_text()
    project.write({"models/small/weights.bin": "2"})
    assert "~ model models/small" in project.run("lock", "--check").out


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.files, made.asked = {}, []
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def test_an_upstream_holds_until_it_is_upgraded(project: Project, server: Server) -> None:
    """An address that moved makes no lock stale and changes no build; with the cache lost it is a mismatch, never other
    rows; `--upgrade` moves the pin and prints old -> new; `--offline` builds from the cache."""
    address = f"http://127.0.0.1:{server.server_port}/rows.jsonl"
    server.files = {"/rows.jsonl": (b'{"q": "Why?", "a": "So."}\n', "one")}
    project.write({"recipes/small.yaml": f"name: small\nsources:\n  web: {{path: '{address}', {TABLE}}}\n"})
    assert project.run("lock").code == 0
    assert project.run("recipe=small", "-q").code == 0
    before = project.bytes()

    server.files = {"/rows.jsonl": (b'{"q": "Why?", "a": "Thus."}\n{"q": "When?", "a": "Now."}\n', "two")}
    server.asked.clear()
    assert project.run("lock", "--check").code == 0
    assert project.run("recipe=small", "--locked", "--force", "-q").code == 0
    assert project.run("recipe=small", "--offline", "--force", "-q").code == 0
    assert project.run("lock").out == "dsbuild.lock: 0 changed, 1 as they were\n"
    assert project.bytes() == before
    assert server.asked == []

    subprocess.run(["rm", "-r", str(project.folder / ".dsbuild")], check=True)
    offline = project.run("recipe=small", "--offline")
    assert (offline.code, "--offline forbids" in offline.err) == (4, True)
    moved = project.run("recipe=small")
    assert moved.code == 4
    assert "is not what was pinned on" in moved.err
    assert "dsbuild lock --upgrade web" in moved.err
    assert project.bytes() == before

    misspelt = project.run("lock", "--upgrade", "wib")
    assert (misspelt.code, "did you mean 'web'?" in misspelt.err) == (2, True)
    upgraded = project.run("lock", "--upgrade", "web")
    assert upgraded.code == 0
    assert "~ source web" in upgraded.out
    assert "(1 rows" in upgraded.out
    assert "(2 rows" in upgraded.out
    assert project.run("recipe=small", "--locked", "-q").code == 0
    assert project.bytes() != before


def test_databases_and_file_addresses(project: Project) -> None:
    """A database in the project is edited here: a changed row makes the lock stale, and --frozen takes the pinned rows
    from the cache; `file:` is an address that needs no network."""
    (project.folder / "x.jsonl").write_text('{"q": "Why?", "a": "So."}\n')
    with sqlite3.connect(project.folder / "h.db") as database:
        database.execute("create table f (q, a)")
        database.execute("insert into f values ('Who?', 'We.')")
    sources = f"  h: {{sql: 'sqlite:///h.db', query: 'select * from f', {TABLE}}}\n"
    sources += f"  x: {{path: 'file://{project.folder}/x.jsonl', {TABLE}}}\n"
    project.write({"recipes/small.yaml": "name: small\nsources:\n" + sources})
    assert project.run("lock").code == 0
    assert project.run("recipe=small", "--offline", "--locked", "-q").code == 0
    before = project.bytes()
    with sqlite3.connect(project.folder / "h.db") as database:
        database.execute("update f set a = 'They.'")
    assert "~ source h" in project.run("lock", "--check").out
    assert project.run("recipe=small", "--frozen", "--force", "-q").code == 0
    assert project.bytes() == before
    assert project.run("recipe=small", "--locked").code == 4


def test_no_secret_is_locked(project: Project, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses stand in the lock as people may see them."""
    monkeypatch.setenv("KEY", "hush-hush")
    server.files = {"/rows.jsonl?token=hush-hush": (b'{"q": "Why?", "a": "So."}\n', "one")}
    address = f"http://127.0.0.1:{server.server_port}/rows.jsonl?token=$KEY"
    project.write({"recipes/small.yaml": f"name: small\nsources:\n  web: {{path: '{address}', {TABLE}}}\n"})
    assert project.run("lock").code == 0
    assert "hush" not in (project.folder / "dsbuild.lock").read_text()
    server.files = {}
    assert project.run("recipe=small", "--locked", "-q").code == 0


def test_a_conflicted_lock_is_mended_by_lock(two: Project) -> None:
    """After a merge with a conflict a build names the lines; `lock` pins what the merged sources are."""
    text = (two.folder / "dsbuild.lock").read_text()
    mine, theirs = text.replace("rows: 9", "rows: 8"), text.replace("rows: 9", "rows: 7")
    code, conflicted = merged(two.folder, text, mine, theirs)
    assert code == 1
    two.write({"dsbuild.lock": conflicted})
    ran = two.run("recipe=small")
    assert ran.code == 4
    assert "dsbuild.lock has a merge conflict: lines " in ran.err
    assert two.run("lock", "--check").code == 4
    assert two.run("lock").code == 0
    assert (two.folder / "dsbuild.lock").read_text() == text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("recipe=small", "seed=3"), "a lock holds what recipes say, without overrides"),
        (("--check", "--upgrade"), "--check asks no upstream"),
    ],
)
def test_what_lock_does_not_take(two: Project, typed: tuple[str, ...], said: str) -> None:
    """Usage errors end with 2 and leave the lock alone."""
    ran = two.run("lock", *typed)
    assert (ran.code, said in ran.err) == (2, True)


def test_as_json(two: Project) -> None:
    """One document, for scripts."""
    two.write({"a.jsonl": ROWS[:1]})
    document = two.run("lock", "--check", "--json").json
    assert document["stale"] is True
    assert [(one["sign"], one["what"]) for one in document["recipes"]["small"]] == [("~", "source a")]


def test_of_many_files_some_are_named() -> None:
    """A source of which a thousand files changed is told in a few lines, one of thirteen whole; the JSON has all."""
    few, many = (Change("~", "source a", details=tuple(f"{n}.md: gone" for n in range(count))) for count in (13, 1000))
    assert len(str(few).splitlines()) == 14
    assert str(many).splitlines()[-2:] == ["    11.md: gone", "    and 988 more"]
    assert len(many.details) == 1000
