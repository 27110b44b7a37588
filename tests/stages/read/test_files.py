"""Laws of finding the files of a source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datasetbuild.errors import SourceError
from datasetbuild.stages.read import resolve


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("chat/b.jsonl", "chat/a.jsonl", "chat/deep/c.jsonl", "tickets.csv", "odd [1].json"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    return tmp_path


def names(files: list[Path], project: Path) -> list[str]:
    return [file.relative_to(project).as_posix() for file in files]


def test_globs_are_sorted_and_descend(project: Path) -> None:
    """A glob's files come by name, whatever the order of the directory; `**` takes folders of any depth."""
    assert names(resolve("chat/*.jsonl", project), project) == ["chat/a.jsonl", "chat/b.jsonl"]
    assert names(resolve("**/*.jsonl", project), project) == ["chat/a.jsonl", "chat/b.jsonl", "chat/deep/c.jsonl"]


def test_overlapping_globs_name_a_file_once(project: Path) -> None:
    """A file that several patterns match is read once, in the place of the first."""
    found = resolve(["chat/b.jsonl", "chat/*.jsonl", "./chat/a.jsonl"], project)
    assert names(found, project)[:2] == ["chat/b.jsonl", "chat/a.jsonl"]
    assert len(found) == 2


def test_a_link_gives_a_file_no_other_name(project: Path) -> None:
    """A link to the folder above it leads round in circles: each file is found once, under its own name."""
    (project / "chat" / "again").symlink_to(".", target_is_directory=True)
    assert names(resolve("**/*.jsonl", project), project) == ["chat/a.jsonl", "chat/b.jsonl", "chat/deep/c.jsonl"]


def test_a_glob_that_finds_no_file_to_read_says_so(project: Path) -> None:
    """A pipe would be waited for without end; a link to nothing is a file that is missing, and is not passed over."""
    os.mkfifo(project / "chat/c.jsonl")
    with pytest.raises(SourceError, match=r"chat/c.jsonl is a pipe or a device"):
        resolve("chat/*.jsonl", project)
    (project / "chat/c.jsonl").unlink()
    (project / "chat/c.jsonl").symlink_to("gone.jsonl")
    with pytest.raises(SourceError, match=r"chat/c.jsonl is a link to gone.jsonl, which is not there"):
        resolve("chat/*.jsonl", project)


def test_a_name_that_looks_like_a_glob_is_a_name_first(project: Path) -> None:
    """Files are called `sft [100].parquet` in the wild; a file that exists is never taken for a pattern."""
    assert names(resolve("odd [1].json", project), project) == ["odd [1].json"]


@pytest.mark.parametrize(
    ("path", "said", "hint"),
    [
        ("ticket.csv", "no file ticket.csv", "did you mean tickets.csv?"),
        ("chta/a.jsonl", "no file", "did you mean chat?"),
        ("chat", "is a directory", "chat/*.jsonl"),
        ("chat/*.csv", "no file matches", "holds: a.jsonl"),
        ("https://example.org/x.jsonl", "is an address", "only the `path` of a source"),
        ([], "empty list", "at least one"),
    ],
)
def test_what_is_not_there_is_said_with_the_next_step(
    project: Path, path: str | list[str], said: str, hint: str
) -> None:
    """A path that gives no file is an error that names what is near."""
    with pytest.raises(SourceError) as caught:
        resolve(path, project)
    assert said in caught.value.message
    assert hint in str(caught.value.hint)


def test_an_unreadable_file_is_an_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permission is asked before the build starts, not in its middle."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SourceError, match="permission denied"):
        resolve("tickets.csv", project)
