"""Checks from the command line: what fails is not published, what was published stays, and the rows at fault are named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Project

ROWS: list[Any] = [
    {
        "messages": [{"role": "user", "content": f"Question {n} of many?"}, {"role": "assistant", "content": f"Answer {n}" + " word" * n}],
        "topic": "odd" if n % 2 else "even",
    }
    for n in range(40)
]

RECIPE = """\
name: small
sources: {rows: {path: rows.jsonl, format: messages, license: MIT, category: topic}}
split: {train: 0.75, validation: 0.25, assign: exact, stratify: []}
checks:
  licenses: {allow: [MIT]}
  long: {check: fact_share, fact: response_chars, above: 100, max: 0.9, severity: warn}
"""


@pytest.fixture
def small(project: Project) -> Project:
    return project.write({"rows.jsonl": ROWS, "recipes/small.yaml": RECIPE})


def test_a_failed_check_publishes_nothing(small: Project) -> None:
    """The last good artifact stays to the byte; the new one lies whole beside it; exit code 5; mended, it is gone."""
    assert small.run("recipe=small", "-q").code == 0
    good = small.bytes()
    small.write({"recipes/small.yaml": RECIPE.replace("allow: [MIT]", "allow: [CC0-1.0]")})
    ran = small.run("recipe=small")
    assert ran.code == 5
    assert "licenses: MIT 40, wanted only CC0-1.0" in ran.err
    assert small.bytes() == good
    rejected = small.folder / ".dsbuild" / "rejected" / "small"
    manifest = json.loads((rejected / "manifest.json").read_bytes())
    assert manifest["checks"]["licenses"]["status"] == "failed"
    failing = [json.loads(line) for line in (rejected / "checks.jsonl").read_text().splitlines()]
    assert len(failing) == 40 == manifest["checks"]["licenses"]["failing_rows"]
    assert {"check", "id", "file", "line", "license"} <= set(failing[0])
    assert {row["check"] for row in failing} == {"licenses"}
    assert small.run("recipe=small", "-q").code == 5, "and again, from the cache"
    small.write({"recipes/small.yaml": RECIPE})
    assert small.run("recipe=small", "-q", "--force").code == 0
    assert not rejected.exists()
    assert small.bytes() == good


def test_a_variant_is_rejected_too(small: Project) -> None:
    """An override that fails a check leaves no variant."""
    assert small.run("recipe=small", "checks.licenses.allow=[CC0-1.0]", "-q").code == 5
    assert not (small.folder / "build").exists()
    assert not (small.folder / ".dsbuild" / "variants").exists()


def test_accept_publishes(small: Project) -> None:
    """`--accept` publishes what fails; the manifest says so, and a later run without it still ends with 5."""
    small.write({"recipes/small.yaml": RECIPE.replace("allow: [MIT]", "allow: [CC0-1.0]")})
    assert small.run("recipe=small", "-q", "--accept").code == 0
    assert small.manifest()["checks"]["licenses"]["status"] == "failed"
    again = small.run("recipe=small")
    assert (again.code, "up to date" in again.out) == (5, True)


def test_a_warning_is_recorded(small: Project) -> None:
    """A check of severity `warn` fails nothing; its rows and its number are written down."""
    small.write({"recipes/small.yaml": RECIPE.replace("max: 0.9", "max: 0.1")})
    assert small.run("recipe=small", "-q").code == 0
    manifest = small.manifest()
    assert manifest["checks"]["long"]["status"] == "warned"
    assert small.bytes()["checks.jsonl"].count(b'"check":"long"') == manifest["checks"]["long"]["failing_rows"]
    metrics = json.loads((small.artifact() / "metrics.json").read_bytes())
    assert (metrics["checks.warned"], metrics["checks.failed"]) == (1, 0)
    assert metrics["checks.long"] == manifest["checks"]["long"]["worst"]


def test_check_builds_nothing(small: Project) -> None:
    """`dsbuild check` finds on the artifact what a build finds, and leaves it as it is; another bound needs no build."""
    assert small.run("check", "recipe=small").code == 2, "there is nothing to check yet"
    small.run("recipe=small", "-q")
    before = small.bytes()
    ran = small.run("check", "recipe=small", "--json")
    assert (ran.code, ran.json["checks"]) == (0, small.manifest()["checks"])
    tighter = small.run("check", "recipe=small", "checks.long.max=0.1", "checks.long.severity=error", "--json")
    assert tighter.code == 5
    lines = (small.folder / tighter.json["rows"]).read_text().splitlines()
    assert len(lines) == tighter.json["checks"]["long"]["failing_rows"] > 0
    assert small.bytes() == before
    missing = small.run("check", "recipe=small", "checks.new={check: fact_mean, fact: turns, max: 1}")
    assert (missing.code, "build once more" in missing.err) == (1, True)


def test_a_check_has_its_fact_measured(small: Project) -> None:
    """What a check names is a column of the ledger, without a filter; and a changed bound measures nothing again."""
    small.run("recipe=small", "-q")
    assert {"response_chars.min", "response_chars.max"} <= set(small.ledger().columns)
    ran = small.run("recipe=small", "checks.long.max=0.8", "--json")
    assert ran.json["steps"]["ran"] == 0


def test_presets(small: Project) -> None:
    """The volume presets ask for their rows on top of the standard checks."""
    for option, least in (("style", 500), ("format", 200), ("domain", 1000)):
        ran = small.run("recipe=small", f"checks={option}", "--json")
        checks = ran.json["manifest"]["checks"]
        assert ran.code == 5
        assert checks["enough_rows"]["wanted"] == f"at least {least:,}"
        assert {"split_overlap", "validation_share", "licenses", "lost_share", "system_prompt"} <= set(checks)
