"""Laws of rows from databases: only read, in a declared order, identified by their bytes, no credentials anywhere."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from datasetbuild.errors import SourceError
from datasetbuild.stages.read.sql import is_ordered
from tests.conftest import Project

Rows = Callable[..., list[dict[str, Any]]]
PASSWORD = "s3cr&t/pass word"


def installed(module: str) -> Any:
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None, reason=f"{module} (the extra `sql`) is not installed"
    )


@pytest.fixture
def support(project: Project) -> Path:
    """A SQLite database of two questions."""
    path = project.folder / "support.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table faq (id integer, q text, a text, x blob)")
        connection.executemany(
            "insert into faq values (?, ?, ?, ?)", [(2, "Zwei?", "b", None), (1, "Ein\n?", "a", b"\xff\x00")]
        )
    connection.close()
    return path


def test_order(rows: Rows, support: Path) -> None:
    """With ORDER BY the rows stand in its order, without it in that of their bytes."""
    sql = "sqlite:///support.db"
    assert [row["id"] for row in rows(sql=sql, query="select id, q, a from faq order by id desc")] == [2, 1]
    assert [row["id"] for row in rows(sql=sql, query="select id, q, a from faq")] == [1, 2]
    assert rows(sql=f"sqlite:///{support}", query="select q, x from faq order by id") == [
        {"q": "Ein\n?", "x": "\\xff00"},
        {"q": "Zwei?", "x": None},
    ]


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("select 1 ORDER  by 1", True),
        ("select 1 -- order by 1", False),
        ("select 'order by' from (select 1 order by 1) /* order by */", False),
        ('select "order by", sum(x) over (order by y) from t', False),
        ("with t as (select 1) select * from t\norder\nby 1", True),
    ],
)
def test_is_ordered(query: str, ordered: bool) -> None:
    """Only the ORDER BY of the query itself counts."""
    assert is_ordered(query) is ordered


def test_identity_is_that_of_the_rows(found: Callable[..., Any], support: Path) -> None:
    """The same rows are the same input, however the database came to hold them; another row is another."""
    source = {"sql": "sqlite:///support.db", "query": "select id, q, a from faq"}
    before = found(**source)[0]
    assert before.name == "sqlite:///support.db"
    with sqlite3.connect(support) as connection:
        connection.execute("delete from faq where id = 2")
        connection.execute("insert into faq values (2, 'Zwei?', 'b', null)")
    assert found(**source)[0].sha256 == before.sha256
    with sqlite3.connect(support) as connection:
        connection.execute("update faq set a = 'c' where id = 2")
    connection.close()
    assert found(**source)[0].sha256 != before.sha256


def test_a_build_from_a_database(project: Project, support: Path) -> None:
    """A database is a source like any other: rows are told by address and number; a second build has nothing to do."""
    with sqlite3.connect(support) as connection:
        connection.execute("insert into faq values (3, null, 'no question', null)")
    connection.close()
    recipe = "name: small\nsources:\n  s: {sql: 'sqlite:///support.db', query: select * from faq order by id, "
    recipe += "format: prompt_completion, "
    project.write(
        {"recipes/small.yaml": recipe + "columns: {prompt: q, completion: a}, key: id, on_bad_row: {max: 1}}\n"}
    )
    assert project.run("build", "recipe=small").code == 0
    ledger = project.ledger().sort("line")
    assert ledger.select("file", "line", "fate", "reason").rows() == [
        ("sqlite:///support.db", 1, "kept", None),
        ("sqlite:///support.db", 2, "kept", None),
        ("sqlite:///support.db", 3, "quarantined", "wrong_type"),
    ]
    assert project.manifest()["sources"]["s"]["files"][0]["file"] == "sqlite:///support.db"
    again = project.run("build", "recipe=small")
    assert again.code == 0
    assert "up to date" in again.out + again.err


def test_nothing_is_written(rows: Rows, support: Path) -> None:
    """A query that would change the database fails, and changes nothing."""
    before = support.read_bytes()
    with pytest.raises(SourceError, match="attempt to write a readonly database"):
        rows(sql="sqlite:///support.db", query="delete from faq returning *")
    assert support.read_bytes() == before


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ({"sql": "sqlite:///suport.db", "query": "select 1"}, "no file suport.db", "did you mean support.db?"),
        ({"sql": "sqlite://", "query": "select 1"}, "sqlite:// names no file", "sqlite:///support.db"),
        (
            {"sql": "support.db", "query": "select 1"},
            "`sql: support.db` is not the address of a database",
            "sqlite:///",
        ),
        (
            {"sql": "sqlite:///support.db", "query": "selec 1"},
            'sqlite:///support.db: near "selec": syntax error',
            "is the `query` right?",
        ),
        (
            {"sql": "sqlite:///support.db", "query": "select a, q as a from faq"},
            "two columns of the query are named 'a'",
            "with AS",
        ),
        ({"sql": "sqlite:///support.db", "query": "-- nothing"}, "the query gives no rows", "one SELECT"),
        (
            {"sql": "sqlite:///$NOT_SET.db", "query": "select 1"},
            "sqlite:///$NOT_SET.db needs the environment variable NOT_SET",
            "export NOT_SET=...",
        ),
    ],
)
def test_errors(rows: Rows, support: Path, source: dict[str, Any], message: str, hint: str) -> None:
    """Each error says what, where, and what to do."""
    with pytest.raises(SourceError) as caught:
        rows(**source)
    assert caught.value.message.startswith("source 's': ")
    assert message in caught.value.message
    assert hint in str(caught.value.hint)
    assert caught.value.path == "sources.s.sql"


def test_text_that_is_not_valid_is_a_fault_of_its_row(project: Project, support: Path) -> None:
    """A text column of bytes that are no text costs that row, and says so."""
    with sqlite3.connect(support) as connection:
        connection.execute("insert into faq values (3, cast(x'ff41' as text), 'a', null)")
    connection.close()
    recipe = "name: small\nsources:\n  s: {sql: 'sqlite:///support.db', query: 'select q, a from faq order by id', "
    recipe += "format: table, messages: ["
    recipe += "{role: user, content: '{{ q }}'}, {role: assistant, content: '{{ a }}'}], on_bad_row: {max: 1}}\n"
    project.write({"recipes/small.yaml": recipe})
    assert project.run("build", "recipe=small").code == 0
    assert project.ledger().filter(fate="quarantined")["reason"].to_list() == ["bad_encoding"]


@installed("duckdb")
def test_duckdb(rows: Rows, project: Project) -> None:
    """DuckDB needs no driver of SQLAlchemy; its types come as JSON says them."""
    import duckdb

    with duckdb.connect(str(project.folder / "s.duckdb")) as connection:
        connection.execute(
            "create table t as select 1.50::decimal(6, 2) d, [1, 2] l, {'k': 'v'} s, date '2026-01-02' t"
        )
    assert rows(sql="duckdb:///s.duckdb", query="select d, l, s, t from t") == [
        {"d": "1.50", "l": [1, 2], "s": {"k": "v"}, "t": "2026-01-02"}
    ]
    with pytest.raises(SourceError, match=r"duckdb:///s\.duckdb: Catalog Error"):
        rows(sql="duckdb:///s.duckdb", query="select * from nowhere")


@pytest.mark.parametrize(("sql", "module"), [("postgresql://h/d", "sqlalchemy"), ("duckdb:///support.db", "duckdb")])
def test_the_extra_is_named(rows: Rows, support: Path, monkeypatch: pytest.MonkeyPatch, sql: str, module: str) -> None:
    """Without the package the error names the extra that brings it."""
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(SourceError, match="which is not installed") as caught:
        rows(sql=sql, query="select 1")
    assert caught.value.hint == "pip install 'datasetbuild[sql]'"


def _binaries() -> Path | None:
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if path := shutil.which("initdb"):
        folders.append(Path(path).resolve().parent)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A PostgreSQL server on a free port of this machine, started for these tests; its port."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (initdb, postgres)")
    if importlib.util.find_spec("psycopg") is None or importlib.util.find_spec("sqlalchemy") is None:
        pytest.skip("psycopg and SQLAlchemy (the extra `sql`) are not installed")
    account = _account()
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    data, secret = folder / "data", folder / "password"
    secret.write_text(PASSWORD)
    if account:
        for path in (folder, secret):
            shutil.chown(path, account)

    def run(*words: str) -> None:
        done = subprocess.run(words, user=account, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{Path(words[0]).name} fails here: {done.stderr.strip()[:200]}")

    try:
        run(
            str(binaries / "initdb"),
            "-D",
            str(data),
            "-U",
            "reader",
            "-A",
            "scram-sha-256",
            f"--pwfile={secret}",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
        run(str(binaries / "pg_ctl"), "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start")
        yield port
        run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> str | None:
    """PostgreSQL refuses to run as root: whom to run it as instead."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is no other account")


@pytest.fixture
def server(postgres: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server's address as a recipe writes it; user and password stand in the environment."""
    import psycopg

    monkeypatch.setenv("PGUSER", "reader")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with psycopg.connect(
        host="127.0.0.1", port=postgres, user="reader", password=PASSWORD, dbname="postgres"
    ) as connection:
        connection.execute("drop table if exists faq")
        connection.execute("create sequence if not exists numbers")
        connection.execute(
            "create table faq (id int, q text, a text, at timestamptz, price numeric, raw bytea, more jsonb)"
        )
        rich = "2, '100 %', 'b', '2026-01-02 03:04:05+02', 1.50, 'ab', '{\"k\": [1]}'"
        connection.execute(f"insert into faq values ({rich}), (1, 'Eins?', 'a', null, null, null, null)")
    return f"postgresql+psycopg://$PGUSER:$PGPASSWORD@127.0.0.1:{postgres}/postgres"


def test_postgres_rows(rows: Rows, server: str) -> None:
    """Rows come in their order, their types as JSON says them; a percent sign in a query is one."""
    query = "select id, q, at, price, raw, more from faq where q like '%' order by id desc"
    assert rows(sql=server, query=query)[0] == {
        "id": 2,
        "q": "100 %",
        "at": "2026-01-02T01:04:05+00:00",
        "price": "1.50",
        "raw": "ab",
        "more": {"k": [1]},
    }
    assert [row["id"] for row in rows(sql=server, query="select id, q, a from faq")] == [1, 2]


def test_postgres_is_only_read(rows: Rows, server: str) -> None:
    """A query that would change the database fails."""
    with pytest.raises(SourceError, match="read-only transaction"):
        rows(sql=server, query="select nextval('numbers')")


def test_postgres_build_shows_no_credentials(project: Project, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the artifact nor the cache nor an error holds the user or the password."""
    recipe = f"name: small\nsources:\n  s: {{sql: '{server}', query: 'select id, q, a from faq order by id', "
    recipe += "format: prompt_completion, "
    project.write({"recipes/small.yaml": recipe + "columns: {prompt: q, completion: a}, key: id}\n"})
    done = project.run("build", "recipe=small")
    assert done.code == 0, done.err
    shown = server.replace("$PGUSER:$PGPASSWORD@", "")
    assert project.manifest()["sources"]["s"]["files"][0]["file"] == shown
    written = [path for path in project.folder.rglob("*") if path.is_file() and path.parent.name != "recipes"]
    assert not [path for path in written if PASSWORD.encode() in path.read_bytes()]
    monkeypatch.setenv("PGPASSWORD", "wrong-word")
    failed = project.run("build", "recipe=small")
    assert failed.code == 1
    assert "password authentication failed" in failed.err
    assert "wrong-word" not in failed.out + failed.err
    assert PASSWORD not in failed.out + failed.err


def test_postgres_that_is_not_there(rows: Rows, server: str) -> None:
    """A server that cannot be reached is an error with its address, and without credentials."""
    with pytest.raises(SourceError, match=r"127\.0\.0\.1") as caught:
        rows(sql="postgresql+psycopg://$PGUSER:$PGPASSWORD@127.0.0.1:1/x", query="select 1")
    assert PASSWORD not in str(caught.value)
