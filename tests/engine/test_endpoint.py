"""Embeddings of an endpoint: a real server on the loopback that is busy, refuses, and is asked once for each text."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import polars as pl
import pytest

from datasetbuild.stages.embed import models
from tests.conftest import ROOT, Project


class Server(ThreadingHTTPServer):
    """Answers as /v1/embeddings does: a vector by the text's letters. busy: answers 429 so many times first."""

    asked: list[str]
    busy = 0
    status = 200
    short = False


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.busy:
            self.server.busy -= 1
            return self._answer(429, {"error": "busy"}, {"Retry-After": "0"})
        if self.server.status != 200:
            return self._answer(self.server.status, {"error": "no"})
        self.server.asked += question["input"]
        data = [{"index": n, "embedding": vector(text)} for n, text in enumerate(question["input"])]
        return self._answer(200, {"data": data[1:] if self.server.short else data[::-1]})

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


def vector(text: str) -> list[float]:
    """What the server says of a text: texts about the moon are alike, all others are not."""
    if "moon" in text:
        return [1.0] * 16 + [len(text) / 1000] * 16
    return [byte / 128 - 1 for byte in hashlib.sha256(text.encode()).digest()]


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), Handler)
    found.asked = []
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture
def asking(project: Project, server: Server) -> Project:
    rows = [*(f"Tell me about the moon, part {n}." for n in range(3)), *(f"How is the weather in town {n * 17}?" for n in range(9))]
    recipe = {
        "name": "asked",
        "sources": {"a": {"path": "a.jsonl", "format": "messages"}},
        "dedup": {"semantic": {"threshold": 0.95}},
        "embeddings": {"model": "openai", "name": "any", "url": f"http://127.0.0.1:{server.server_port}/v1"},
    }
    made = [{"messages": [{"role": "user", "content": row}, {"role": "assistant", "content": "Gladly."}]} for row in rows]
    return project.write({"a.jsonl": made, "recipes/asked.yaml": json.dumps(recipe)})


def lost(project: Project) -> list[tuple[str, int]]:
    ledger = pl.read_parquet(project.folder / "build/asked/ledger.parquet")
    return ledger.filter(pl.col("fate") == "dropped").select("reason", "row").sort("row").rows()


def test_a_text_is_asked_for_once(asking: Project, server: Server) -> None:
    """A busy server is asked again; a second build, and one with a new row, ask only for what is new."""
    server.busy = 2
    assert asking.run("recipe=asked").code == 0
    assert [reason for reason, _ in lost(asking)] == ["semantic_duplicate"] * 2
    assert len(server.asked) == 12
    rows = (asking.folder / "a.jsonl").read_text()
    new = {"messages": [{"role": "user", "content": "A new one."}, {"role": "assistant", "content": "Yes."}]}
    asking.write({"a.jsonl": rows + json.dumps(new) + "\n"})
    assert asking.run("recipe=asked").code == 0
    assert len(server.asked) == 13


def test_a_server_that_refuses_or_talks_nonsense(asking: Project, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says who answered what, and what to do; nothing is built."""
    monkeypatch.setattr(models, "TRIES", 1)
    server.status = 401
    ran = asking.run("recipe=asked")
    assert ran.code == 1
    assert "/v1 answers 401" in ran.err
    assert "DSBUILD_EMBEDDINGS_KEY" in ran.err
    server.status, server.short = 200, True
    ran = asking.run("recipe=asked")
    assert ran.code == 1
    assert "for 12 texts" in ran.err
    server.shutdown()
    server.server_close()
    ran = asking.run("recipe=asked")
    assert ran.code == 1
    assert "cannot be asked" in ran.err
    assert not (asking.folder / "build/asked").exists()


def test_a_model_that_is_not_there(asking: Project) -> None:
    """A missing package is named with the command that installs it; an endpoint without an address is a fault of the recipe."""
    ran = asking.run("recipe=asked", "embeddings.model=model2vec", "embeddings.url=null")
    assert ran.code == 1
    assert "model2vec" in ran.err
    ran = asking.run("recipe=asked", "embeddings.url=null")
    assert ran.code == 3
    assert "the model 'openai' needs a 'url'" in ran.err


def test_a_model_in_a_folder_is_known_by_its_bytes(asking: Project) -> None:
    """A model2vec model loads from a folder of the project; the key knows its content, not its path."""
    model2vec = pytest.importorskip("model2vec", reason="model2vec (the extra `embeddings`) is not installed")
    import numpy as np
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(ROOT / "examples" / "tokenizer" / "tokenizer.json"))
    keys = []
    for folder, seed in (("one", 1), ("two", 1), ("three", 2)):
        vectors = np.random.default_rng(seed).normal(size=(tokenizer.get_vocab_size(), 64)).astype(np.float32)
        model2vec.StaticModel(vectors, tokenizer).save_pretrained(str(asking.folder / folder))
        ran = asking.run("recipe=asked", "embeddings.model=model2vec", f"embeddings.name={folder}", "embeddings.url=null")
        assert ran.code == 0, ran.err
        manifest = next((asking.folder / ".dsbuild" / "variants").glob("*/manifest.json"))
        keys.append(json.loads(manifest.read_text())["key"])
        shutil.rmtree(manifest.parent)
    assert keys[0] == keys[1] != keys[2]
