"""Laws of files at addresses: fetched once for each state, identified by their bytes, no credentials anywhere."""

from __future__ import annotations

import base64
import gzip
import importlib.util
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from datasetbuild.errors import SourceError
from datasetbuild.stages.read.address import address, shown, written_password
from tests.conftest import Project

Found = Callable[..., list[Any]]
ROWS = b'{"q": "Why?", "a": "So."}\n'
RECIPE = """name: small
sources:
  s: {path: %s, format: table, messages: [{role: user, content: "{{ q }}"}, {role: assistant, content: "{{ a }}"}]%s}
"""


class Server(ThreadingHTTPServer):
    """A web server with files in memory. files: path -> (bytes, ETag or None). asked: (method, path) of requests."""

    files: dict[str, tuple[bytes, str | None]]
    asked: list[tuple[str, str]]
    password: str | None = None


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Send a file."""
        self.server.asked.append((self.command, self.path))
        expected = "Basic " + base64.b64encode(f"me:{self.server.password}".encode()).decode()
        if self.server.password and self.headers.get("Authorization") != expected:
            self.send_error(401, "go away")
            return
        if self.path not in self.server.files:
            self.send_error(404)
            return
        content, etag = self.server.files[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[tuple[Server, str]]:
    server = Server(("127.0.0.1", 0), Handler)
    server.files, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetches(server: Server) -> int:
    return sum(method == "GET" and path.endswith((".jsonl", ".gz")) for method, path in server.asked)


def test_fetched_once_for_each_state(found: Found, web: tuple[Server, str]) -> None:
    """A file is fetched when its ETag is new; its identity is that of its bytes, its name the address."""
    server, at = web
    server.files["/a.jsonl"] = (ROWS, '"1"')
    (first,) = found(path=f"{at}/a.jsonl")
    assert first.path.read_bytes() == ROWS
    assert first.name == f"{at}/a.jsonl"
    seen = fetches(server)
    assert found(path=f"{at}/a.jsonl") == [first]
    assert fetches(server) == seen
    server.files["/a.jsonl"] = (ROWS, '"2"')
    assert found(path=f"{at}/a.jsonl")[0].sha256 == first.sha256
    assert fetches(server) > seen
    server.files["/a.jsonl"] = (ROWS * 2, '"3"')
    assert found(path=f"{at}/a.jsonl")[0].sha256 != first.sha256


def test_a_server_that_tells_no_state(found: Found, web: tuple[Server, str]) -> None:
    """Without an ETag or a date a file is fetched every time, so that a change of the same size is seen."""
    server, at = web
    server.files["/a.jsonl"] = (ROWS, None)
    first = found(path=f"{at}/a.jsonl")[0]
    server.files["/a.jsonl"] = (ROWS.replace(b"So.", b"No."), None)
    assert found(path=f"{at}/a.jsonl")[0].sha256 != first.sha256


def test_a_build_from_addresses_and_files(project: Project, web: tuple[Server, str]) -> None:
    """Addresses and paths stand side by side; packed files are unpacked; rows are told by address and line; a damaged
    file of the cache is fetched again."""
    server, at = web
    server.files["/b.jsonl.gz"] = (gzip.compress(b'\n{"q": "Who?", "a": "I."}\n'), '"1"')
    server.files["/c.jsonl"] = (b'{"q": "When?", "a": "Now."}\n', '"1"')
    project.write(
        {"a.jsonl": ROWS, "recipes/small.yaml": RECIPE % (f"['{at}/b.jsonl.gz', a.jsonl, '{at}/c.jsonl']", "")}
    )
    done = project.run("build", "recipe=small")
    assert done.code == 0, done.err
    wanted = [(f"{at}/b.jsonl.gz", 2), ("a.jsonl", 1), (f"{at}/c.jsonl", 1)]
    assert sorted(project.ledger().select("file", "line").rows()) == sorted(wanted)
    before = project.bytes()
    cached = next((project.folder / ".dsbuild" / "cache" / "remote" / "files").rglob("c.jsonl"))
    cached.write_bytes(b"rubbish")
    project.run("build", "recipe=small", "--force")
    assert project.bytes() == before
    shown_by_why = project.run("why", "recipe=small", "When?")
    assert f"{at}/c.jsonl:1" in shown_by_why.out


def test_errors_name_address_and_remedy(found: Found, web: tuple[Server, str]) -> None:
    """What is not there, what cannot be listed, what is not known, who does not answer: each has its own sentence."""
    _, at = web
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        for path, message in {
            f"{at}/none.jsonl": "there is no file http",
            f"{at}/*.jsonl": "a web server does not list its files",
            "ftq://host/a.jsonl": "ftq://host/a.jsonl: addresses of ftq:// are not known",
            f"http://127.0.0.1:{port}/a.jsonl": f"http://127.0.0.1:{port}/a.jsonl cannot be read: ",
            "$NOT_SET": "$NOT_SET needs the environment variable NOT_SET",
        }.items():
            with pytest.raises(SourceError, match="source 's': ") as caught:
                found(path=path)
            assert message in caught.value.message
            assert caught.value.hint


def test_credentials_come_from_the_environment(
    project: Project, web: tuple[Server, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password reaches the server, and no file and no error."""
    server, at = web
    server.password = "pass/word @1"
    server.files["/a.jsonl"] = (ROWS, '"1"')
    path = at.replace("://", "://me:$DATA_PASSWORD@") + "/a.jsonl"
    project.write({"recipes/small.yaml": RECIPE % (path, "")})
    monkeypatch.setenv("DATA_PASSWORD", server.password)
    done = project.run("build", "recipe=small")
    assert done.code == 0, done.err
    assert project.manifest()["sources"]["s"]["files"][0]["file"] == f"{at}/a.jsonl"
    words = (server.password.encode(), b"pass%2Fword")
    written = [file for file in project.folder.rglob("*") if file.is_file()]
    assert not [file for file in written if any(word in file.read_bytes() for word in words)]
    monkeypatch.setenv("DATA_PASSWORD", "another&word")
    server.files["/a.jsonl"] = (ROWS, '"2"')
    failed = project.run("build", "recipe=small")
    assert failed.code == 1
    assert "401" in failed.err
    assert "another" not in failed.err


@pytest.mark.parametrize(
    ("written", "used", "said"),
    [
        ("https://h/a", "https://h/a", "https://h/a"),
        ("postgresql://$U:$P@h/d", "postgresql://u%40x:p%2Fw@h/d", "postgresql://h/d"),
        ("https://$HOST/a?token=$P&n=1", "https://h.org/a?token=p/w&n=1", "https://$HOST/a?token=***&n=1"),
        ("$URL", "s3://bucket/key", "$URL"),
        ("postgresql://a@h/d", "postgresql://a@h/d", "postgresql://h/d"),
    ],
)
def test_faces_of_an_address(written: str, used: str, said: str) -> None:
    """Variables are quoted before an @ and nowhere else; what is shown has neither user nor password nor token."""
    values = {"U": "u@x", "P": "p/w", "HOST": "h.org", "URL": "s3://bucket/key"}
    found = address(written, values)
    assert (found.used, found.shown) == (used, said)
    assert "p/w" not in repr(found)
    if "$P" in written:
        assert "p/w" not in found.scrub(f"cannot open {found.used}: p/w, p%2Fw")


def test_a_password_inside_a_variable_is_hidden_too() -> None:
    """Of a whole address in one variable the password is known as a secret."""
    found = address("$URL", {"URL": "postgresql://me:hid%2Fden@h/d"})
    assert found.scrub("bad password hid/den or hid%2Fden") == "bad password *** or ***"
    assert shown("postgresql://me:x@h/d?sslkey=abc") == "postgresql://h/d?sslkey=***"
    assert [written_password(one) for one in ("a://u:p@h", "a://u:$P@h", "a://u@h", "a://h/x:y", "s3://b")] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_the_extra_is_named(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package of a store the error names the extra that brings it."""
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    from fsspec.registry import _registry

    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(SourceError, match=r"s3://bucket/a\.jsonl needs a package that is not installed") as caught:
        found(path="s3://bucket/a.jsonl")
    assert caught.value.hint == "pip install 'datasetbuild[s3]'"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket of a local S3 server; credentials and endpoint stand in the environment."""
    for module in ("moto", "s3fs", "boto3", "flask"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed (the extras `s3` and `test`)")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden-word", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**settings, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
        monkeypatch.setenv(name, value)
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket="support")
    yield client
    server.stop()


def test_s3(project: Project, found: Found, bucket: Any) -> None:
    """Objects of a bucket are files, by name or by glob; a changed object is fetched again."""
    for name in ("2026/b", "2026/a", "2025/c"):
        bucket.put_object(Bucket="support", Key=f"{name}.jsonl", Body=ROWS.replace(b"Why", name.encode()))
    files = found(path="s3://support/2026/*.jsonl")
    assert [file.name for file in files] == ["s3://support/2026/a.jsonl", "s3://support/2026/b.jsonl"]
    assert [file.path.name for file in files] == ["a.jsonl", "b.jsonl"]
    assert found(path="s3://support/2026/a.jsonl") == files[:1]
    bucket.put_object(Bucket="support", Key="2026/a.jsonl", Body=ROWS)
    assert found(path="s3://support/2026/a.jsonl")[0].path.read_bytes() == ROWS
    for path, message in {
        "s3://support/none.jsonl": "there is no file s3://support/none.jsonl",
        "s3://support/20*/x*": "no file matches s3://support/20*/x*",
        "s3://support/2026": "s3://support/2026 is a folder, not a file",
    }.items():
        with pytest.raises(SourceError) as caught:
            found(path=path)
        assert message in caught.value.message
    project.write({"recipes/small.yaml": RECIPE % ("s3://support/20*/*.jsonl", "")})
    assert project.run("build", "recipe=small").code == 0
    assert len(project.ledger()) == 3
    assert not [
        file for file in Path(project.folder).rglob("*") if file.is_file() and b"hidden-word" in file.read_bytes()
    ]
