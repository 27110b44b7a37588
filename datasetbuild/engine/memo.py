"""What dear operators gave for one text: small answers by digest, in one SQLite file that several processes may share.

SQLite does not tell an answer that was changed on the disk, so each stands with its checksum: one that is not what it was is asked
for again, and so are all of a file that SQLite cannot read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import xxhash

from datasetbuild.errors import BuildError

T = TypeVar("T")

AT_ONCE = 500
"""Names in one query; SQLite allows 32,766."""

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""What SQLite says of a file that is none of its own, or no longer: the last byte of its error code."""


class Memo:
    """A file of (name, bytes). Opened for each call, so that it can be sent to a worker. Losing it costs only the asking again."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, names: Iterable[str]) -> dict[str, bytes]:
        """The answers that are known, by name. Those that are damaged go."""
        wanted = list(dict.fromkeys(names))
        return self._with(lambda database: _sound(database, wanted))

    def put(self, answers: Mapping[str, bytes]) -> None:
        """Keep answers; of two for one name the first stays."""
        lines = [(name, answer, _checksum(name, answer)) for name, answer in answers.items()]
        self._with(lambda database: database.executemany("insert or ignore into answers values (?, ?, ?)", lines))

    def _with(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """What is asked of the file, in one go. One that SQLite cannot read goes, and a new one is asked."""
        try:
            try:
                return self._once(ask)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGED:  # mistakes of ours have no code
                    raise
                for name in (self.path.name, f"{self.path.name}-journal"):  # with it SQLite would mend another file's pages
                    self.path.with_name(name).unlink(missing_ok=True)
                return self._once(ask)
        except sqlite3.Error as error:
            hint = "mend that, then run again; or remove the file: what stands in it is asked for again"
            raise BuildError(f"{self.path}, which remembers what models answered: {error}", hint=hint) from error

    def _once(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Whoever comes says first that they will write (`immediate`), and waits for those before: of two who find out while they
        read, SQLite refuses one at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as database:
            database.execute("begin immediate")
            database.execute("create table if not exists answers (name text primary key, answer blob, checksum blob) without rowid")
            answer = ask(database)
            database.execute("commit")
        return answer


def _sound(database: sqlite3.Connection, wanted: list[str]) -> dict[str, bytes]:
    """The answers that are what was written."""
    found: dict[str, bytes] = {}
    damaged: list[tuple[str]] = []
    for first in range(0, len(wanted), AT_ONCE):
        part = wanted[first : first + AT_ONCE]
        marks = ",".join("?" * len(part))
        for name, answer, checksum in database.execute(f"select * from answers where name in ({marks})", part):
            if isinstance(answer, bytes) and _checksum(name, answer) == checksum:
                found[name] = answer
            else:
                damaged.append((name,))
    database.executemany("delete from answers where name = ?", damaged)
    return found


def _checksum(name: str, answer: bytes) -> bytes:
    return xxhash.xxh3_128_digest(answer, xxhash.xxh3_64_intdigest(name.encode()))
