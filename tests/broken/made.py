"""Inputs of exhibits that git cannot hold as they are: large, binary, or places on disk."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable

from tests.conftest import Project

Make = Callable[[Project], object]


def _line(question: str, answer: str) -> bytes:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns}).encode() + b"\n"


def _truncated(project: Project) -> None:
    data = gzip.compress(b"".join(_line(f"How many are {n}?", f"{n * 7919} of them.") for n in range(300)), mtime=0)
    project.write({"rows.jsonl.gz": data[: len(data) * 2 // 3]})


def _no_gzip(project: Project) -> None:
    project.write({"rows.jsonl.gz": (project.folder / "rows.jsonl").read_bytes()})


def _bytes_in_jsonl(project: Project) -> None:
    project.write({"bad.jsonl": _line("Where?", "Here.") + _line("Cafe?", "Yes.").replace(b"Cafe", b"Caf\xe9")})


def _bytes_in_csv(project: Project) -> None:
    project.write({"bad.csv": b"prompt,completion\nWhere?,Here.\nCaf\xe9?,Yes.\n"})


def _large(project: Project) -> None:
    project.write(
        {"bad.jsonl": _line("Where?", "Here.") + _line("Long?", "word " * 4_000_000) + _line("When?", "Now.")}
    )


def _deep(project: Project) -> None:
    project.write({"bad.jsonl": _line("Where?", "Here.") + b'{"messages": ' + b"[" * 5000 + b"]" * 5000 + b"}\n"})


def _file_for_target(project: Project) -> None:
    shutil.rmtree(project.folder / "build" / "small")
    project.write({"build/small": "a file\n"})


def _file_for_build(project: Project) -> None:
    shutil.rmtree(project.folder / "build")
    project.write({"build": "a file\n"})


def _file_for_cache(project: Project) -> None:
    project.write({".dsbuild": "a file\n"})


def _file_for_work(project: Project) -> None:
    project.write({".dsbuild/tmp": "a file\n"})


def _folder_for_lock(project: Project) -> None:
    (project.folder / "dsbuild.lock").mkdir()


MADE: dict[str, Make] = {
    "gzip_truncated": _truncated,
    "gzip_that_is_none": _no_gzip,
    "jsonl_invalid_utf8": _bytes_in_jsonl,
    "csv_invalid_utf8": _bytes_in_csv,
    "row_of_20_megabytes": _large,
    "deep_nesting": _deep,
    "target_is_a_file": _file_for_target,
    "build_is_a_file": _file_for_build,
    "cache_is_a_file": _file_for_cache,
    "workspace_is_a_file": _file_for_work,
    "lock_is_a_folder": _folder_for_lock,
}
"""What is to be made for an exhibit, after its files were copied."""
