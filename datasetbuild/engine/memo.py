"""What dear operators gave for one text: small answers by digest, in one SQLite file that several processes may share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

AT_ONCE = 500
"""Names in one query; SQLite allows 32,766."""


class Memo:
    """A file of (name, bytes). Opened for each call, so that it can be sent to a worker. Losing it costs only the asking again."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, names: Iterable[str]) -> dict[str, bytes]:
        """The answers that are known, by name."""
        wanted = list(dict.fromkeys(names))
        found: dict[str, bytes] = {}
        with closing(self._open()) as database:
            for first in range(0, len(wanted), AT_ONCE):
                part = wanted[first : first + AT_ONCE]
                marks = ",".join("?" * len(part))
                found.update(database.execute(f"select name, answer from memo where name in ({marks})", part))
        return found

    def put(self, answers: Mapping[str, bytes]) -> None:
        """Keep answers; of two for one name the first stays."""
        with closing(self._open()) as database:
            database.execute("begin immediate")
            database.executemany("insert or ignore into memo values (?, ?)", answers.items())
            database.execute("commit")

    def _open(self) -> sqlite3.Connection:
        """The file, made where it is not there. Whoever writes says so first (`immediate`) and waits for those before: of two who
        find out while they read, SQLite refuses one at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        database.execute("begin immediate")
        database.execute("create table if not exists memo (name text primary key, answer blob) without rowid")
        database.execute("commit")
        return database
