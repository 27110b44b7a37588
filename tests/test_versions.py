"""Versions of a dataset, with real git, real DVC and a real remote: built, tagged, pushed, cloned, pulled, merged, proved."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, Ran

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("versions")]
WHO = {f"GIT_{role}_NAME": "a" for role in ("AUTHOR", "COMMITTER")}
WHO |= {f"GIT_{role}_EMAIL": "a@example.org" for role in ("AUTHOR", "COMMITTER")}
RECIPE = """\
name: bot
seed: 3
sources:
  faq: {path: data/faq.jsonl, format: messages, key: id}
  chat: {path: data/chat.jsonl, format: messages, key: id}
filters:
  response_chars: {min: 20}
split: {train: 0.8, validation: 0.2}
mix: {weights: {faq: 0.5, chat: 0.5}}
"""


def row(name: str, answer: str) -> str:
    turns = [{"role": "user", "content": f"What about {name}?"}, {"role": "assistant", "content": answer}]
    return json.dumps({"id": name, "messages": turns}) + "\n"


def rows(name: str, count: int) -> str:
    return "".join(
        row(f"{name}{n:02}", f"About {name} number {n}: " + "it depends. " * (n % 5 + 1)) for n in range(count)
    )


class Work:
    """A working copy. `run` gives what a command left; `ok` its output, when it ended well."""

    def __init__(self, folder: Path, commands: Path) -> None:
        self.folder, self.commands = folder, commands
        path = f"{commands}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, **WHO, "PATH": path, "DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        self.environment |= {
            "CI": "true",
            "SOURCE_DATE_EPOCH": "1790000000",
            "DVC_SITE_CACHE_DIR": str(commands / "site"),
        }

    def run(self, *words: str) -> Ran:
        words = (sys.executable, "-m", "dvc", *words[1:]) if words[0] == "dvc" else words
        done = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str) -> str:
        ran = self.run(*words)
        assert ran.code == 0, f"{' '.join(words)}\n{ran.out}\n{ran.err}"
        return ran.out

    def commit(self, message: str, tag: str | None = None) -> None:
        self.ok("git", "add", "-A")
        self.ok("git", "commit", "-q", "-m", message)
        if tag:
            self.ok("git", "tag", tag)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def bytes(self) -> dict[str, bytes]:
        folder = self.folder / "build" / "bot"
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".gitignore"]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    def clean(self) -> bool:
        return json.loads(self.ok("dvc", "status", "--json")) == {} and self.ok("git", "status", "--porcelain") == ""

    def clone(self, folder: Path) -> Work:
        self.ok("git", "clone", "-q", str(self.folder), str(folder))
        return Work(folder, self.commands)


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Work, dict[str, dict[str, bytes]]]:
    """v1: built by `dvc repro`. v2: 3 rows edited, 5 added, 2 removed, one filter raised, one weight changed; built by
    dsbuild, recorded by `dsbuild dvc commit`. Both pushed. And the bytes of each."""
    base = tmp_path_factory.mktemp("versions")
    commands = base / "bin"
    commands.mkdir()
    (commands / "dsbuild").write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m datasetbuild "$@"\n')
    (commands / "dsbuild").chmod(0o755)
    work = Work(base / "work", commands)
    for name, text in {
        "recipes/bot.yaml": RECIPE,
        "data/faq.jsonl": rows("faq", 30),
        "data/chat.jsonl": rows("chat", 30),
    }.items():
        (work.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (work.folder / name).write_text(text)
    (work.folder / ".gitignore").write_text(".dsbuild/\n")
    work.ok("git", "init", "-q", "-b", "main")
    work.ok("dvc", "init", "-q")
    work.ok("dvc", "remote", "add", "-q", "-d", "store", str(base / "store"))
    work.ok("dvc", "add", "-q", "data/chat.jsonl")  # one source in git, one in DVC
    work.ok("dsbuild", "lock")
    work.ok("dsbuild", "dvc", "sync")
    work.ok("dvc", "repro", "-q")
    work.commit("v1", "v1")
    work.ok("dvc", "push", "-q")
    made = {"v1": work.bytes()}

    lines = (work.folder / "data/faq.jsonl").read_text().splitlines(keepends=True)
    edited = [line.replace("it depends", "it depends on much") for line in lines[:3]]
    (work.folder / "data/faq.jsonl").write_text("".join([*edited, *lines[3:-2]]) + rows("new", 5))
    work.edit("recipes/bot.yaml", "min: 20", "min: 40")
    work.edit("recipes/bot.yaml", "faq: 0.5", "faq: 0.7")
    work.ok("dsbuild", "lock")
    work.ok("dsbuild", "recipe=bot", "--locked", "--quiet")
    work.ok("dsbuild", "dvc", "commit")
    work.commit("v2", "v2")
    work.ok("dvc", "push", "-q")
    made["v2"] = work.bytes()
    return work, made


Two = tuple[Work, dict[str, dict[str, bytes]]]


def test_recorded_builds_leave_both_clean(two_versions: Two) -> None:
    """After `dvc repro`, or a build and `dsbuild dvc commit`, neither git nor DVC has anything to say or to do."""
    work, made = two_versions
    assert work.clean()
    assert made["v1"].keys() == made["v2"].keys()
    assert made["v1"] != made["v2"]
    assert "Data and pipelines are up to date" in work.ok("dvc", "repro")
    assert work.bytes() == made["v2"]


def test_an_old_version_in_another_clone(two_versions: Two, tmp_path: Path) -> None:
    """Checked out and pulled, v1 has v1's bytes; built again from nothing it has them too; and so has v2 from v1."""
    work, made = two_versions
    clone = work.clone(tmp_path / "clone")
    clone.ok("git", "checkout", "-q", "v1")
    clone.ok("dvc", "pull", "-q")
    assert clone.bytes() == made["v1"]
    assert clone.ok("dsbuild", "verify", "recipe=bot").startswith("verified bot: ")
    assert json.loads(clone.ok("dsbuild", "recipe=bot", "--locked", "--json"))["status"] == "up to date"
    assert clone.ok("dsbuild", "verify", "recipe=bot", "--at", "v2").startswith("verified bot at v2: ")
    assert clone.clean()
    shutil.rmtree(clone.folder / "build")
    clone.ok("git", "checkout", "-q", ".")
    clone.ok("dsbuild", "recipe=bot", "--quiet")
    assert clone.bytes() == made["v1"]


def test_verify_fetches_what_dvc_keeps(two_versions: Two, tmp_path: Path) -> None:
    """`verify --at` in a clone that pulled nothing: sources come from the remote; without it the command is named."""
    work, _ = two_versions
    clone = work.clone(tmp_path / "clone")
    assert clone.ok("dsbuild", "verify", "recipe=bot", "--at", "v1").startswith("verified bot at v1: ")
    missing = clone.run("dsbuild", "verify", "recipe=bot")
    assert missing.code == 1
    assert "no file data/chat.jsonl" in missing.err
    assert "dvc pull data/chat.jsonl" in missing.err
    clone.ok("dvc", "remote", "modify", "store", "url", str(tmp_path / "nothing"))
    shutil.rmtree(clone.folder / ".dvc" / "cache", ignore_errors=True)
    lost = clone.run("dsbuild", "verify", "recipe=bot", "--at", "v1")
    assert lost.code == 6
    assert "data/chat.jsonl of v1 is neither in DVC's cache nor on its remote" in lost.err
    assert "dvc pull data/chat.jsonl" in lost.err


def test_checkout_goes_back_and_forth(two_versions: Two, tmp_path: Path) -> None:
    """`git checkout` and `dvc checkout` move between versions without a build."""
    work, made = two_versions
    clone = work.clone(tmp_path / "clone")
    clone.ok("dvc", "fetch", "-q", "--all-tags")
    for tag in ("v1", "v2", "v1"):
        clone.ok("git", "checkout", "-q", tag)
        clone.ok("dvc", "checkout", "-q")
        assert clone.bytes() == made[tag]
        assert clone.clean()


def test_an_overridden_build_leaves_both_clean(two_versions: Two) -> None:
    """A variant changes nothing that git or DVC tracks, so nothing false can be committed."""
    work, made = two_versions
    work.ok("dsbuild", "recipe=bot", "filters.response_chars.min=65", "--quiet")
    assert work.clean()
    assert work.ok("dsbuild", "dvc", "commit") == "recorded build/bot\n"
    assert work.clean()
    assert work.bytes() == made["v2"]


def test_commit_refuses_a_lie(two_versions: Two, tmp_path: Path) -> None:
    """An artifact of other files, one that was edited, and a variant put in its place are not recorded."""
    work, _ = two_versions
    clone = work.clone(tmp_path / "clone")
    clone.ok("dvc", "pull", "-q")
    recorded = (clone.folder / "dvc.lock").read_bytes()

    def refused() -> bool:
        ran = clone.run("dsbuild", "dvc", "commit")
        same = (clone.folder / "dvc.lock").read_bytes() == recorded
        return ran.code == 4 and "is not what its files say now" in ran.err and same

    clone.edit("recipes/bot.yaml", "min: 40", "min: 55")
    assert refused()
    clone.ok("git", "checkout", "-q", ".")
    assert clone.run("dsbuild", "plan", "recipe=bot", "--check").code == 0
    quarantine = clone.folder / "build/bot/quarantine.jsonl"
    quarantine.unlink()
    quarantine.write_text("{}\n")
    assert refused()
    clone.ok("dsbuild", "recipe=bot", "filters.response_chars.min=65", "--quiet")
    shutil.rmtree(clone.folder / "build/bot")
    shutil.copytree(next((clone.folder / ".dsbuild/variants").iterdir()), clone.folder / "build/bot")
    assert refused()
    clone.ok("git", "checkout", "-q", ".")
    clone.edit("recipes/bot.yaml", "data/faq.jsonl", "data/*.jsonl")
    unknown = clone.run("dsbuild", "dvc", "commit")
    assert (unknown.code, "dvc.yaml is not what the recipes need: ~ bot deps" in unknown.err) == (4, True)


CHARTS = {
    "plots/rows.json": ("source", "outcome", "rows"),
    "plots/mix.json": ("source", "achieved", "requested"),
}


def test_metrics_and_plots_of_two_versions(two_versions: Two) -> None:
    """`dvc metrics diff` and `dvc plots diff` read both versions, in numbers."""
    work, made = two_versions
    diff = json.loads(work.ok("dvc", "metrics", "diff", "--json", "v1", "v2"))["build/bot/metrics.json"]
    for side, tag in (("old", "v1"), ("new", "v2")):
        assert diff["rows.kept"][side] == json.loads(made[tag]["metrics.json"])["rows.kept"]
    drawn = json.loads(work.ok("dvc", "plots", "diff", "--json", "v1", "v2"))
    assert not drawn.get("errors")
    assert drawn["data"].keys() == {f"build/bot/{name}" for name in CHARTS}
    for name, columns in CHARTS.items():
        (plot,) = drawn["data"][f"build/bot/{name}"]
        values = plot["content"]["data"]["values"]
        for tag in ("v1", "v2"):
            mine = [{column: one[column] for column in columns} for one in values if one["rev"] == tag]
            assert mine == json.loads(made[tag][name]) != []


def test_an_experiment_of_dvc(two_versions: Two, tmp_path: Path) -> None:
    """`dvc exp run -S` edits a key of the recipe, builds, and shows the numbers of a build with that override."""
    work, _ = two_versions
    clone = work.clone(tmp_path / "clone")
    clone.ok("dvc", "pull", "-q")
    clone.ok("dvc", "exp", "run", "-q", "-n", "longer", "-S", "recipes/bot.yaml:filters.response_chars.min=55")
    shown = list(csv.DictReader(io.StringIO(clone.ok("dvc", "exp", "show", "--csv"))))
    kept = {line["Experiment"] or line["rev"]: line["rows.kept"] for line in shown}
    clone.ok("git", "checkout", "-q", ".")
    wanted = json.loads(clone.ok("dsbuild", "recipe=bot", "filters.response_chars.min=55", "--json"))
    assert int(kept["longer"]) == wanted["manifest"]["counts"]["kept"] < int(kept["main"])


def test_two_branches_merge(two_versions: Two, tmp_path: Path) -> None:
    """Two branches add a row each, to two sources: git merges rows and lock, only what DVC recorded is stale, a build
    has both rows. To one source: the lock conflicts, a build says so, `lock` mends it."""
    work, _ = two_versions
    clone = work.clone(tmp_path / "clone")
    clone.ok("dvc", "pull", "-q")
    for branch, name, first in (("a", "faq", True), ("b", "chat", True), ("c", "faq", False)):
        clone.ok("git", "checkout", "-q", "-b", branch, "v2")
        clone.ok("dvc", "checkout", "-q")
        path = clone.folder / "data" / f"{name}.jsonl"
        added = row(f"branch-{branch}", "A row that was added on a branch of its own, long enough to stay.")
        text = path.read_text()
        path.unlink()  # DVC's own are links of the cache in some setups
        path.write_text(added + text if first else text + added)
        if name == "chat":
            clone.ok("dvc", "add", "-q", "data/chat.jsonl")
        clone.ok("dsbuild", "lock")
        clone.ok("git", "commit", "-q", "-a", "-m", f"A row on {branch}")
    clone.ok("git", "checkout", "-q", "a")
    clone.ok("git", "merge", "-q", "-m", "both", "b")
    clone.ok("dvc", "checkout", "-q", "data/chat.jsonl.dvc")
    assert clone.ok("dsbuild", "lock", "--check") == "dsbuild.lock is current: 2 are as pinned\n"
    assert "input_changed" in clone.ok("dsbuild", "explain", "recipe=bot")
    built = json.loads(clone.ok("dsbuild", "recipe=bot", "--locked", "--json"))
    assert built["manifest"]["counts"]["sources"][-1]["in"] == 33 + 30 + 2

    clone.ok("git", "commit", "-q", "-a", "-m", "built")
    merged = clone.run("git", "merge", "-q", "-m", "all", "c")
    assert merged.code == 1
    assert clone.ok("git", "diff", "--name-only", "--diff-filter=U").split() == ["dsbuild.lock"]
    refused = clone.run("dsbuild", "recipe=bot")
    assert refused.code == 4
    assert "dsbuild.lock has a merge conflict: lines " in refused.err
    assert "~ source faq" in clone.ok("dsbuild", "lock")
    assert clone.run("dsbuild", "lock", "--check").code == 0
    assert json.loads(clone.ok("dsbuild", "recipe=bot", "--json"))["manifest"]["counts"]["sources"][-1]["in"] == 66


def test_a_read_only_checkout(two_versions: Two) -> None:
    """What only looks works where nothing can be written; what writes says so, and nothing is lost."""
    work, made = two_versions
    script = (
        f'mount --bind "{work.folder}" "{work.folder}" && mount -o remount,ro,bind "{work.folder}" && cd "{work.folder}" '
        "&& dsbuild lock --check && dsbuild plan recipe=bot && dsbuild verify recipe=bot && dsbuild verify recipe=bot --at v1 "
        "&& { dsbuild recipe=bot --force; echo rc $?; }"
    )
    if shutil.which("unshare") is None or work.run("unshare", "-m", "mount", "--bind", ".", ".").code:
        pytest.skip("this user cannot mount a folder read-only")
    shutil.rmtree(work.folder / ".dsbuild", ignore_errors=True)
    ran = work.run("unshare", "-m", "sh", "-c", script)
    assert "dsbuild.lock is current" in ran.out
    assert "build/bot: up to date" in ran.out
    assert ran.out.count("verified bot") == 2
    assert "rc 1" in ran.out
    assert "Read-only file system" in ran.err
    assert "Traceback" not in ran.err
    assert work.bytes() == made["v2"]


def test_without_dvc(two_versions: Two, tmp_path: Path) -> None:
    """Git alone: builds, lock and verify work; what asks for DVC ends with 6 and says how to get it."""
    work, made = two_versions
    alone = Work(tmp_path / "alone", work.commands)
    shutil.copytree(work.folder, alone.folder, ignore=shutil.ignore_patterns(".dvc", ".dsbuild", "build", "*.dvc"))
    assert alone.run("dsbuild", "lock", "--check").code == 0
    alone.ok("dsbuild", "recipe=bot", "--locked", "--quiet")
    assert alone.bytes() == made["v2"]
    alone.ok("dsbuild", "dvc", "sync", "--check")
    refused = alone.run("dsbuild", "dvc", "commit")
    assert refused.code == 6
    assert "not inside of a DVC repository" in refused.err
    assert "dvc init" in refused.err


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a local S3 server; credentials and endpoint stand in the environment."""
    for module in ("moto", "dvc_s3", "boto3", "flask"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install dvc-s3 'moto[server]'")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden-word", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**settings, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
        monkeypatch.setenv(name, value)
    import boto3

    boto3.client("s3").create_bucket(Bucket="versions")
    yield "s3://versions/store"
    server.stop()


def test_a_remote_on_s3(two_versions: Two, tmp_path: Path, bucket: str) -> None:
    """Pushed to a bucket, pulled from it, read from it by `verify --at`: the same bytes."""
    origin, made = two_versions
    work = Work(origin.folder, origin.commands)  # with the environment of the bucket
    work.ok("dvc", "push", "-q", "--all-tags", "-r", "store")
    work.ok("dvc", "remote", "add", "-q", "--local", "bucket", bucket)
    work.ok("dvc", "push", "-q", "--all-tags", "-r", "bucket")
    clone = work.clone(tmp_path / "clone")
    clone.ok("dvc", "remote", "modify", "-q", "--local", "store", "url", bucket)
    assert clone.ok("dsbuild", "verify", "recipe=bot", "--at", "v1").startswith("verified bot at v1: ")
    clone.ok("dvc", "pull", "-q")
    assert clone.bytes() == made["v2"]
    work.ok("dvc", "remote", "remove", "--local", "bucket")
