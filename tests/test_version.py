"""What git and DVC keep is read back as it was, and every way in which they fail is said in a sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from datasetbuild.artifact import version
from datasetbuild.artifact.version import find_repo, in_git, run_dvc
from datasetbuild.errors import VersionError

pytestmark = pytest.mark.xdist_group("versions")
WHO = {f"GIT_{role}_NAME": "a" for role in ("AUTHOR", "COMMITTER")}
WHO |= {f"GIT_{role}_EMAIL": "a@example.org" for role in ("AUTHOR", "COMMITTER")}


def run(folder: Path, *words: str) -> None:
    environment = {**os.environ, **WHO, "GIT_CONFIG_GLOBAL": os.devnull, "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"


def dvc(folder: Path, *words: str) -> None:
    run(folder, sys.executable, "-m", "dvc", *words)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project below the top of a repository: a file in git, a file and a folder in DVC, two commits, a remote."""
    top = tmp_path_factory.mktemp("repository")
    folder = top / "project"
    (folder / "shards").mkdir(parents=True)
    run(top, "git", "init", "-q")
    dvc(top, "init", "-q")
    dvc(top, "remote", "add", "-q", "-d", "store", str(tmp_path_factory.mktemp("store")))
    (folder / "notes.txt").write_text("one\n")
    (folder / "large.bin").write_text("large one\n")
    (folder / "shards" / "a.txt").write_text("shard one\n")
    dvc(folder, "add", "-q", "large.bin", "shards")
    run(top, "git", "add", "-A")
    run(top, "git", "commit", "-q", "-m", "The first")
    run(top, "git", "tag", "v1")
    (folder / "notes.txt").write_text("two\n")
    (folder / "large.bin").write_text("large two\n")
    dvc(folder, "add", "-q", "large.bin")
    run(top, "git", "commit", "-q", "-a", "-m", "The second")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The repository, for one test."""
    version._dvc_files.cache_clear()
    shutil.copytree(made.parent, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy" / "project"


def test_a_file_of_a_revision_comes_from_where_it_is_kept(folder: Path, tmp_path: Path) -> None:
    """Git's files from git, DVC's from its cache, those of a folder of DVC's too."""
    repository = find_repo(folder)
    assert repository.read_at("v1", "notes.txt") == b"one\n"
    assert repository.read_at("HEAD", folder / "notes.txt") == b"two\n"
    wanted = {"notes.txt": ("one\n", "two\n"), "large.bin": ("large one\n", "large two\n")}
    wanted["shards/a.txt"] = ("shard one\n", "shard one\n")
    for name, texts in wanted.items():
        for rev, text in zip(("v1", "HEAD"), texts, strict=True):
            assert repository.fetch_at(rev, name, tmp_path / "into" / "it").read_text() == text
    with pytest.raises(FileNotFoundError):
        repository.fetch_at("v1", "nothing.txt", tmp_path / "it")
    with pytest.raises(IsADirectoryError):
        repository.fetch_at("v1", "shards", tmp_path / "it")


def test_a_dvc_project_in_a_subfolder_of_git(tmp_path: Path) -> None:
    """Of a repository of several teams, each with `dvc init --subdir`: found at a revision, also from the remote."""
    folder = tmp_path / "teams" / "da ta" / "Prüf"
    folder.mkdir(parents=True)
    run(tmp_path / "teams", "git", "init", "-q")
    dvc(folder, "init", "-q", "--subdir")
    dvc(folder, "remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    (folder / "größe 1.bin").write_text("large one\n")
    dvc(folder, "add", "-q", "größe 1.bin")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "The first")
    dvc(folder, "push", "-q")
    repository = find_repo(folder)
    assert repository.fetch_at("HEAD", "größe 1.bin", tmp_path / "cached").read_text() == "large one\n"
    shutil.rmtree(folder / ".dvc" / "cache")
    version._dvc_files.cache_clear()
    assert repository.fetch_at("HEAD", "größe 1.bin", tmp_path / "remote").read_text() == "large one\n"
    assert repository.fetch_tracked("HEAD", ["größe*"], tmp_path / "all") == ["größe 1.bin"]
    with pytest.raises(FileNotFoundError):
        repository.fetch_at("HEAD", "nothing.bin", tmp_path / "none")


def test_history_is_newest_first(folder: Path) -> None:
    """The commits that changed a file, each with its subject and the id that a tag resolves to."""
    repository = find_repo(folder)
    assert [commit.subject for commit in repository.history("notes.txt")] == ["The second", "The first"]
    assert repository.history("notes.txt")[1].id == repository.resolve("v1")


def test_a_checkout_leaves_nothing_behind(folder: Path) -> None:
    """A revision's files lie in a folder of their own as long as they are needed, and the repository is as it was."""
    before = sorted(path for path in (folder.parent / ".git").rglob("*"))
    with find_repo(folder).checkout("v1") as top:
        assert (top / "project" / "notes.txt").read_text() == "one\n"
        assert not (top / "project" / "large.bin").exists()
    assert not top.exists()
    assert sorted(path for path in (folder.parent / ".git").rglob("*")) == before


def test_a_hook_may_ask(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What git sets for its hooks does not lead to another repository."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert find_repo(folder).read_at("v1", "notes.txt") == b"one\n"


def test_missing_and_damaged_objects_are_told_apart(folder: Path, tmp_path: Path) -> None:
    """A damaged object of DVC's cache is never handed on; a missing one comes from the remote, or `dvc pull` is named."""
    run_dvc(folder, "push", "-q")
    for path in (folder.parent / ".dvc" / "cache" / "files" / "md5").glob("*/*"):
        if not path.suffix:
            path.chmod(0o644)
            path.write_bytes(b"large TWO\n"[: path.stat().st_size])
    with pytest.raises(VersionError, match="other bytes than were recorded") as damaged:
        find_repo(folder).fetch_at("HEAD", "large.bin", tmp_path / "it")
    assert not (tmp_path / "it").exists()
    assert "rm .dvc/cache/files/md5/" in str(damaged.value.hint)

    shutil.rmtree(folder.parent / ".dvc" / "cache")
    shutil.rmtree(folder.parent / ".dvc" / "tmp")
    version._dvc_files.cache_clear()
    assert find_repo(folder).fetch_at("HEAD", "large.bin", tmp_path / "it").read_text() == "large two\n"
    with pytest.raises(VersionError, match="neither in DVC's cache nor on its remote") as missing:
        find_repo(folder).fetch_at("v1", "large.bin", tmp_path / "it")
    assert "dvc pull project/large.bin" in str(missing.value.hint)


def test_a_folder_whose_list_is_lost_is_missing(folder: Path, tmp_path: Path) -> None:
    """DVC lists a folder's files in an object of its own; without it a file of the folder is missing, not unknown."""
    run_dvc(folder, "remote", "modify", "store", "url", str(tmp_path / "empty"))
    for name in ("cache", "tmp"):
        shutil.rmtree(folder.parent / ".dvc" / name)
    with pytest.raises(VersionError, match="neither in DVC's cache nor on its remote"):
        find_repo(folder).fetch_at("v1", "shards/a.txt", tmp_path / "it")
    version._dvc_files.cache_clear()
    for pattern in ("shards", "shards/a.txt", "shards/*.txt"):
        with pytest.raises(VersionError, match="shards of v1 is neither in DVC's cache nor on its remote"):
            find_repo(folder).fetch_tracked("v1", [pattern], tmp_path / "all")
    assert find_repo(folder).fetch_tracked("v1", ["notes.txt", "shard"], tmp_path / "all") == []  # a folder that nobody asked for is no loss


def test_unknown_revision(folder: Path) -> None:
    """A misspelt revision is answered with the nearest names."""
    with pytest.raises(VersionError, match="no revision 'v11'") as error:
        find_repo(folder).resolve("v11")
    assert "did you mean 'v1'?" in str(error.value.hint)
    assert error.value.exit_code == 6


def test_no_commit_yet(tmp_path: Path) -> None:
    """A new repository has no revision at all."""
    run(tmp_path, "git", "init", "-q")
    with pytest.raises(VersionError, match="no commit yet"):
        find_repo(tmp_path).resolve("HEAD")


def test_no_repository(tmp_path: Path) -> None:
    """Outside of a repository the next command is `git init`."""
    with pytest.raises(VersionError, match="not in a git repository") as error:
        find_repo(tmp_path)
    assert "git init" in str(error.value.hint)
    assert in_git(tmp_path) is None


def test_no_git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git there is a sentence, and what can work without it does."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(VersionError, match="git is not installed"):
        find_repo(folder)
    assert in_git(folder) is None


def test_no_dvc(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without DVC git's files can still be read, and DVC's say what to install."""
    monkeypatch.setattr(version.importlib.util, "find_spec", lambda name: None)
    assert find_repo(folder).fetch_at("v1", "notes.txt", tmp_path / "it").read_text() == "one\n"
    with pytest.raises(VersionError, match="DVC is not installed"):
        find_repo(folder).fetch_at("v1", "large.bin", tmp_path / "it")
    with pytest.raises(VersionError, match="DVC is not installed"):
        run_dvc(folder, "status")


def test_dvc_says_why_it_failed(tmp_path: Path) -> None:
    """DVC's exit code says nothing, so its own sentence is passed on, with the next command."""
    with pytest.raises(VersionError, match="not inside of a DVC repository") as error:
        run_dvc(tmp_path, "status")
    assert error.value.hint == "dvc init"
