"""Accidents while a build runs: it is killed, interrupted, run twice at once, out of room, or its cache is damaged.

The right end of each is the same: the bytes of a build that nobody disturbed, and nothing left over.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from datasetbuild.engine import inputs
from datasetbuild.engine.known import SETTLED
from tests.conftest import ROOT, Project
from tests.laws.conversations import numbered, pair

RECIPE = """\
name: small
sources:
  a: {path: a.jsonl, format: messages}
  b: {path: b.csv, format: prompt_completion}
filters: {response_chars: {min: q0.02, max: 4000}, unique_word_ratio: {min: 0.2}}
dedup: {exact: {on: conversation}, near: {threshold: 0.7}}
split: {train: 0.8, validation: 0.2}
engine: {shard_rows: 40}
"""

ROWS = 120

_RIGHT: dict[str, bytes] = {}


@pytest.fixture
def filled(new_project: Callable[[], Project]) -> Callable[[], Project]:
    """Makes projects with the same rows, some as JSON Lines (read in place) and some as CSV (kept as blobs)."""

    def make() -> Project:
        project = new_project().write({"a.jsonl": numbered(ROWS), "recipes/small.yaml": RECIPE})
        pairs = "".join(f"What is {n}?,It is {n * n} less {n} and a bit.\n" for n in range(60))
        project.write({"b.csv": "prompt,completion\n" + pairs})
        (project.folder / "tokenizer").symlink_to(ROOT / "examples" / "tokenizer")
        return project

    return make


@pytest.fixture
def right(filled: Callable[[], Project]) -> dict[str, bytes]:
    """The artifact of a build that nobody disturbed, built once."""
    if not _RIGHT:
        _RIGHT.update(built(filled()))
    return _RIGHT


def built(project: Project, *words: str) -> dict[str, bytes]:
    ran = project.run("recipe=small", *words)
    assert ran.code == 0, ran.err
    assert_clean(project)
    return project.bytes()


def assert_clean(project: Project) -> None:
    """Nothing stands in `.dsbuild/tmp`, and the artifact's parent holds nothing but the artifact."""
    assert [path.name for path in (project.folder / ".dsbuild" / "tmp").glob("*")] == []
    assert [path.name for path in (project.folder / "build").glob("*")] in ([], ["small"])


@contextmanager
def started(project: Project, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A build in a process of its own, in a session of its own as a terminal would start it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "datasetbuild", "recipe=small", *words],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        send(process, signal.SIGKILL)
        if process.stdout and not process.stdout.closed:
            process.communicate()


def send(process: subprocess.Popen[str], what: signal.Signals) -> None:
    """A signal to a build and all of its processes, unless it is over."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, what)


def wait_for(project: Project, process: subprocess.Popen[str], pattern: str) -> None:
    """Until the build has made a file, or is over."""
    until = time.monotonic() + 60
    while process.poll() is None and not any(project.folder.glob(pattern)) and time.monotonic() < until:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.001)


GATE = """\
import os
import time
from pathlib import Path

from datasetbuild.op import fact


@fact(version=1)
def gated() -> object:
    'Says that it is reached, and waits.'

    def wait(frame):
        Path("reached").touch()
        while True:
            time.sleep(0.001)

    return wait
"""


@contextmanager
def held(project: Project, words: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A build held in the middle by a fact that never ends. Afterwards the recipe is without that fact."""
    gated = RECIPE.replace("filters: {", "plugins: [gate.py]\nfilters: {gated: {min: 0}, ")
    project.write({"gate.py": GATE, "recipes/small.yaml": gated})
    with started(project, *words) as process:
        wait_for(project, process, "reached")
        assert process.poll() is None, process.communicate()
        yield process
    project.write({"recipes/small.yaml": RECIPE})


MOMENTS = {
    "cut the CSV": ".dsbuild/cache/blake3/raw/*.arrow",
    "measured a shard": ".dsbuild/cache/blake3/objects/*/*",
    "began to write": ".dsbuild/tmp/*/artifact/data/*",
    "wrote the ledger": ".dsbuild/tmp/*/artifact/ledger.parquet",
    "published": "build/small",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_run_again(filled: Callable[[], Project], right: dict[str, bytes], moment: str) -> None:
    """kill -9 at any moment, run again: the bytes of an undisturbed build, nothing left over or half-published."""
    project = filled()
    with started(project) as process:
        wait_for(project, process, MOMENTS[moment])
        send(process, signal.SIGKILL)
        process.wait()
    if project.artifact().exists():
        assert project.bytes() == right, "what is published is whole"
    assert built(project) == right


def test_killed_with_workers(filled: Callable[[], Project], right: dict[str, bytes]) -> None:
    """When only the build itself is killed, its workers end too, and the next build gives the right bytes."""
    project = filled()
    with held(project, ["-j", "2"]) as process:
        process.kill()
        process.wait()
        until = time.monotonic() + 20
        while _members(process.pid) and time.monotonic() < until:
            select.select([], [], [], 0.001)
        assert _members(process.pid) == [], "no worker outlives its build"
    assert built(project) == right


def _members(session: int) -> list[int]:
    """Processes of a session that still run, from Linux's /proc."""
    if not Path("/proc/self/stat").exists():
        return []
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("words", [[], ["-j", "2"]], ids=["one process", "workers"])
def test_interrupted(filled: Callable[[], Project], right: dict[str, bytes], words: list[str]) -> None:
    """Ctrl-C, which reaches every process: exit 130, one line, nothing published, and the next build is right."""
    project = filled()
    with held(project, words) as process:
        send(process, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "dsbuild: interrupted; nothing was published\n")
    assert not project.artifact().exists()
    assert_clean(project)
    assert built(project) == right


def test_a_worker_that_dies(filled: Callable[[], Project]) -> None:
    """A worker that the system kills (out of memory) ends the build with a sentence."""
    fact = "@fact(version=1)\ndef fatal() -> object:\n    'Kills.'\n    return lambda _: os.kill(os.getpid(), 9)\n"
    project = filled().write({"bad.py": f"import os\n\nfrom datasetbuild.op import fact\n\n\n{fact}"})
    project.write(
        {"recipes/small.yaml": RECIPE.replace("filters: {", "plugins: [bad.py]\nfilters: {fatal: {min: 0}, ")}
    )
    ran = project.spawn("recipe=small", "-j", "2")
    assert ran.code == 1
    assert ran.err == (
        "dsbuild: a worker process died: the system killed it, most often because memory ran out\n"
        "  -> run again with fewer workers (-j 1) or smaller shards (engine.shard_bytes=1000000)\n"
    )
    assert not project.artifact().exists()


def test_two_builds_at_once(filled: Callable[[], Project], right: dict[str, bytes]) -> None:
    """Two builds of one recipe in one project: both succeed, and the artifact is whole and right."""
    project = filled()
    with started(project) as one, started(project) as two:
        for process in (one, two):
            _, err = process.communicate(timeout=30)
            assert (process.returncode, err) == (0, "")
    assert_clean(project)
    assert project.bytes() == right


def flip(path: Path, at: float = 0.5) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 4
    path.write_bytes(data)


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("what", "harm"),
    [
        ("blake3/objects/*/*", flip),
        ("blake3/objects/*/*", halve),
        ("actions/*/*", flip),
        ("actions/*/*", halve),
        ("blake3/raw/*.arrow", flip),
        ("blake3/raw/*.arrow", empty),
        ("files/*", flip),
        ("cuts/*", flip),
        ("cuts/*", halve),
    ],
)
def test_a_damaged_cache(
    filled: Callable[[], Project], right: dict[str, bytes], what: str, harm: Callable[[Path], None]
) -> None:
    """Every file of one kind in the cache damaged: the next build gives the right bytes and no error."""
    project = filled()
    time.sleep(1.1 * SETTLED / 1e9)  # only a file that has settled is noted in `files`
    assert built(project) == right
    harmed = list((project.folder / ".dsbuild" / "cache").glob(what))
    assert harmed
    for path in harmed:
        harm(path)
    assert built(project, "--force") == right


@pytest.mark.parametrize("what", ["blake3/objects/*/*", "actions/*/*", "blake3/raw/*.arrow", "files/*", "cuts/*", "inputs/*/*", "remote/files/*/*/*", "remote/states/*"])
@pytest.mark.parametrize("left", ["all", "inputs"])
def test_a_folder_in_the_place_of_a_file(project: Project, what: str, left: str) -> None:
    """As a copy that went wrong leaves one: the next build makes the file anew, also where nothing was measured yet."""
    sources = f"  a: {{path: a.csv, format: prompt_completion}}\n  b: {{path: 'file://{project.folder}/b.jsonl', format: messages}}\n"
    recipe = "name: small\nsources:\n" + sources + "filters: {verbatim_words: {references: [words.txt], max: 50}}\n"
    project.write({"a.csv": "prompt,completion\nWhy?,So it is.\nWhat?,That.\n", "b.jsonl": numbered(9), "words.txt": "words " * 20, "recipes/small.yaml": recipe})
    time.sleep(1.1 * SETTLED / 1e9)
    right, cache = built(project), project.folder / ".dsbuild" / "cache"
    harmed = list(cache.glob(what))
    assert harmed
    for path in harmed:
        path.unlink()
        (path / "stray").mkdir(parents=True)
    if left == "inputs" and what not in ("blake3/objects/*/*", "actions/*/*"):
        for kind in {"actions", "cuts"} - {what.split("/")[0]}:
            shutil.rmtree(cache / kind)
    assert built(project, "--force") == right
    assert project.run("cache", "verify", "--json").json["damaged"] == []


def test_what_lies_under_another_name(filled: Callable[[], Project], right: dict[str, bytes]) -> None:
    """Actions and digests of files that were put in one another's places, each whole in itself, are taken for damaged: none
    says what is in another shard or another source."""
    project = filled()
    assert built(project) == right
    time.sleep(SETTLED / 1e9)
    assert project.run("recipe=small").code == 0, "the artifact's files are noted too"
    cache = project.folder / ".dsbuild" / "cache"
    for kind in ("actions/*/*", "files/*"):
        files = sorted(cache.glob(kind))
        texts = [path.read_bytes() for path in files]
        assert len(files) > 1
        for path, text in zip(files, [*texts[1:], texts[0]], strict=True):
            path.write_bytes(text)
    assert built(project, "--force") == right


def test_everything_in_the_cache_damaged(filled: Callable[[], Project], right: dict[str, bytes]) -> None:
    """Objects, actions and blobs damaged at once: the right bytes, and `why` works on what is left."""
    project = filled().write(
        {"recipes/small.yaml": RECIPE + "template: {tokenizer: tokenizer, chat_template: chatml}\n"}
    )
    rendered = built(project)
    assert rendered["data/train-00000-of-00001.parquet"] != right["data/train-00000-of-00001.parquet"]
    for path in (project.folder / ".dsbuild" / "cache").rglob("*"):
        if path.is_file():
            flip(path)
    assert project.run("why", "recipe=small", "question 17:").code == 0
    assert built(project, "--force") == rendered


def test_a_damaged_artifact(filled: Callable[[], Project], right: dict[str, bytes]) -> None:
    """An artifact that somebody changed is not up to date: it is written again."""
    project = filled()
    assert built(project) == right
    flip(next((project.artifact() / "data").glob("train-*.parquet")))
    assert built(project) == right
    halve(project.artifact() / "manifest.json")
    assert built(project) == right


@pytest.mark.parametrize("file", ["a.jsonl", "b.csv"])
def test_a_source_that_changes_under_the_build(
    filled: Callable[[], Project], right: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """A file written to between its hash and its reading fails the build, and poisons no cache."""
    project = filled()
    before, cut = (project.folder / file).read_bytes(), inputs.cut
    more = {
        "a.jsonl": json.dumps(pair("What is new?", "This row, and no other row is like it.")),
        "b.csv": "What is new?,This row.",
    }
    after = before + more[file].encode() + b"\n"

    def late(path: Path, **options: object) -> object:
        if path.name == file:
            path.write_bytes(after)
        return cut(path, **options)

    monkeypatch.setattr(inputs, "cut", late)
    ran = project.run("recipe=small")
    assert ran.code == 4
    assert ran.err == f"dsbuild: {file} changed while the build was reading it\n  -> run again\n"
    assert not project.artifact().exists()
    monkeypatch.setattr(inputs, "cut", cut)
    changed = built(project)
    (project.folder / file).write_bytes(before)
    undone = built(project)
    assert undone == right
    assert changed["ledger.parquet"] != undone["ledger.parquet"]


def test_a_disk_that_is_full(filled: Callable[[], Project], right: dict[str, bytes]) -> None:
    """ENOSPC at any size of disk: one sentence, nothing published; with room, the right bytes."""
    project = filled()
    hidden = project.folder / ".dsbuild"
    hidden.mkdir()
    (project.folder / "build").rmdir() if (project.folder / "build").exists() else None
    for kilobytes in (16, 120):
        with mounted(hidden, kilobytes):
            ran = project.run("recipe=small")
            assert ran.code == 1
            assert "No space left on device" in ran.err
            assert ran.err.endswith(
                "  -> make room, then run again: what was measured is kept, and the artifact stands as it was\n"
            )
            assert list((hidden / "tmp").glob("*")) == []
        assert not project.artifact().exists()
    assert built(project) == right


@contextmanager
def mounted(folder: Path, kilobytes: int) -> Iterator[None]:
    """A small file system in memory at a folder; skips the test where it cannot be mounted."""
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here (it takes root)")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_file_system_that_is_mounted_read_only(filled: Callable[[], Project]) -> None:
    """It is said, and no command that changes nothing there."""
    project = filled()
    build = project.folder / "build"
    build.mkdir()
    with mounted(build, 64):
        if subprocess.run(["mount", "-o", "remount,ro", str(build)], capture_output=True, check=False).returncode:
            pytest.skip("nothing can be mounted read-only here")
        ran = project.run("recipe=small")
    assert ran.code == 1
    assert ran.err.endswith(
        "build lies on a file system that is mounted read-only\n  -> copy the project to one that can be written\n"
    )


@pytest.mark.parametrize(
    ("path", "mode", "code", "message", "hint"),
    [
        (
            "a.jsonl",
            0o000,
            1,
            "recipes/small.yaml:3: source 'a': a.jsonl cannot be read: permission denied",
            "chmod u+r a.jsonl",
        ),
        ("recipes/small.yaml", 0o000, 3, "cannot be read: Permission denied", "chmod u+r recipes/small.yaml"),
        ("build", 0o500, 1, "build cannot be written: permission denied", "chmod u+wx build, then run again"),
        (".dsbuild", 0o500, 1, ".dsbuild cannot be written: permission denied", "chmod u+wx .dsbuild, then run again"),
    ],
)
def test_no_permission(filled: Callable[[], Project], path: str, mode: int, code: int, message: str, hint: str) -> None:
    """What may not be read or written is named, with the command that helps."""
    project = filled()
    target = project.folder / path
    target.exists() or target.mkdir()
    before = target.stat().st_mode
    target.chmod(mode)
    try:
        if os.access(target, os.W_OK):
            pytest.skip("this user may read and write everything, as root may")
        ran = project.run("recipe=small")
    finally:
        target.chmod(before)
    assert ran.code == code
    assert message in ran.err
    assert ran.err.endswith(f"  -> {hint}\n")
    assert not project.artifact().exists()
