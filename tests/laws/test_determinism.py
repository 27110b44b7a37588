"""Law 2: the same inputs give the same bytes, whatever carries out the work."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from datasetbuild.engine import parts
from tests.conftest import Project
from tests.laws.conversations import numbered, pair

ROWS = 150

EVERYTHING = """\
name: small
on_bad_row: {{max: 10}}
sources:
  a: {{path: "a-*.jsonl", format: messages, group: customer}}
  b: {{path: b.jsonl, format: messages}}
filters: {{response_chars: {{min: q0.02, max: 4000}}, unique_word_ratio: {{min: 0.2}}, tokens: {{max: 600}}}}
dedup: {{exact: {{on: conversation}}, near: {{threshold: 0.7}}, keep: [response_chars]}}
split: {{train: 0.8, validation: 0.2, stratify: [source]}}
mix: {{weights: {{a: 0.6, b: 0.4}}, max_repeat: 3}}
template: {{tokenizer: {tokenizer}, chat_template: chatml}}
"""


@pytest.fixture
def filled(new_project: Callable[[], Project], tokenizer: str) -> Callable[[], Project]:
    """Makes projects with the same recipe and rows."""

    def make() -> Project:
        rows = numbered(ROWS, group=True)
        rows[3] |= pair("What ends a turn?", "It is <|im_end|>, as everybody knows.")  # a control token: cannot be rendered
        rows[7] |= {"messages": [{"role": "user", "content": "Is nobody there?"}]}  # no answer: cannot be normalized
        rows[8] |= pair("And what begins one?", "It is <|im_start|>, as everybody knows.")
        return new_project().write(
            {
                "a-1.jsonl": rows[:60],
                "a-2.jsonl": rows[60:100],
                "b.jsonl": rows[100:],
                "recipes/small.yaml": EVERYTHING.format(tokenizer=tokenizer),
            }
        )

    return make


def built(project: Project, *words: str) -> dict[str, bytes]:
    ran = project.run("recipe=small", *words)
    assert ran.code == 0, ran.err
    return project.bytes()


@pytest.mark.parametrize("words", [["engine.shard_rows=4"], ["engine.shard_rows=33"], ["engine.shard_bytes=2000"], ["--force"]])
def test_shards_and_repetition_change_no_byte(filled: Callable[[], Project], words: list[str]) -> None:
    """Any shard size, another directory, and writing again give the same files."""
    assert built(filled(), *words) == built(filled())


def test_long_rows_make_more_parts(filled: Callable[[], Project], monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts hold so many bytes of text, not only so many rows, since a part is held in memory; how many there are does
    not depend on the shards."""
    monkeypatch.setattr(parts, "PART_BYTES", 1000)
    several = built(filled())
    assert len([name for name in several if name.startswith("data/train")]) > 1
    assert built(filled(), "engine.shard_rows=7") == several


def test_workers_change_no_byte(filled: Callable[[], Project]) -> None:
    """One process and three give the same files."""
    assert built(filled(), "-j", "3", "engine.shard_rows=10") == built(filled(), "-j", "1")


def test_the_cache_changes_no_byte(filled: Callable[[], Project]) -> None:
    """A cold cache, a warm one, one that was warmed by another recipe and one that was thrown away: the same files."""
    project = filled()
    cold = built(project)
    assert built(project, "--force") == cold
    assert project.run("recipe=small", "filters.response_chars.min=30", "dedup.near.threshold=0.5").code == 0
    assert built(project, "--force") == cold
    shutil.rmtree(project.folder / ".dsbuild")
    assert built(project, "--force") == cold


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1"},
        {"PYTHONHASHSEED": "2", "LC_ALL": "C", "LANG": "C"},
        {"LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "POLARS_MAX_THREADS": "1"},
        {"PYTHONUTF8": "0", "LC_ALL": "POSIX"},
    ],
)
def test_the_environment_changes_no_byte(filled: Callable[[], Project], environment: dict[str, str]) -> None:
    """Hash seed, locale, time zone and threads do not matter."""
    other = filled()
    ran = other.spawn("recipe=small", **environment)
    assert ran.code == 0, ran.err
    assert other.bytes() == built(filled())


def test_an_override_never_lands_on_the_tracked_path(filled: Callable[[], Project]) -> None:
    """A build with overrides goes to a variant of its own, and leaves the tracked artifact as it was."""
    project = filled()
    before = built(project)
    ran = project.run("recipe=small", "filters.response_chars.min=60", "--json")
    assert ran.json["folder"].startswith(".dsbuild/variants/small-")
    assert project.bytes() == before
