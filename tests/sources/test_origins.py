"""Laws of a source's origin: exactly one, with its own keys; every fault at once, each at its line."""

from __future__ import annotations

import pytest

from tests.conftest import Project

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        (
            "{format: messages}",
            ["sources.s.path: the source does not say where its rows come from: it needs one of `path`, `sql`, `hub`"],
        ),
        (
            "{path: a.jsonl, hub: ./x, format: messages}",
            ["sources.s.hub: the source has `path` already, and its rows come from one place"],
        ),
        (
            "{path: a.jsonl, query: select 1, split: test, format: messages}",
            ["sources.s.query: `query` belongs to `sql`", "sources.s.split: `split` belongs to `hub`"],
        ),
        ("{sql: 'sqlite:///a.db', format: messages}", ["sources.s.query: a source with `sql` needs a `query`"]),
        ("{hub: org/x, format: messages}", ["sources.s.revision: a dataset of the Hub needs a `revision`"]),
        (
            "{hub: org/x, revision: main, format: messages}",
            ["sources.s.revision: 'main' is no commit (40 hex digits), and a branch or tag can move"],
        ),
        (
            "{path: a.md, format: documents}",
            ["sources.s.format: documents are no conversations: nobody speaks in them"],
        ),
    ],
)
def test_faults(project: Project, source: str, faults: list[str]) -> None:
    """Each fault is told at its line, with what to write instead."""
    project.write({"recipes/small.yaml": f"name: small\nsources:\n  s: {source}\n"})
    done = project.run("build", "recipe=small")
    assert done.code == 3
    for fault in faults:
        assert f"recipes/small.yaml:3: {fault}" in done.err
    assert f"{len(faults)} fault" in done.err


@pytest.mark.parametrize(
    "address", ["sql: 'postgresql://me:opensesame@h/d', query: select 1", "path: ['https://me:opensesame@h/a.jsonl']"]
)
def test_a_password_in_a_recipe(project: Project, address: str) -> None:
    """A password in a recipe is a fault, and is not printed once more."""
    project.write({"recipes/small.yaml": f"name: small\nsources:\n  s: {{{address}, format: messages}}\n"})
    done = project.run("build", "recipe=small")
    assert done.code == 3
    assert "recipes/small.yaml:3" in done.err
    assert "a password stands in the recipe" in done.err
    assert "opensesame" not in done.err


def test_what_is_right(project: Project) -> None:
    """One origin with its keys is no fault, whatever others are null."""
    source = f"{{hub: org/x, revision: {COMMIT}, split: test, path: null, sql: null, format: messages}}"
    project.write({"recipes/small.yaml": f"name: small\nsources:\n  s: {source}\n"})
    assert project.run("show", "recipe=small").code == 0
