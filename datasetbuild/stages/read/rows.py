"""Raw rows, and the small value that says where those of a file or of a piece of it lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

RowFault = tuple[str, str]
"""(reason, detail) of a row that the reader already knows to be unusable."""

MAX_ROW_BYTES = 16 << 20
"""Default of a source's `max_row_bytes`."""

HEAD_BYTES = 1 << 16
"""How much is kept of a row that is larger than `max_row_bytes`: enough to recognise it, little enough for
quarantine."""


class Row(NamedTuple):
    """One row as a reader finds it. line: 1-based, in the file. raw: JSON text, or the raw text when there is a
    fault."""

    line: int
    raw: bytes
    fault: RowFault | None = None


@dataclass(frozen=True, slots=True)
class RawRows:
    """Rows as three parallel lists.

    lines: line of each row, relative to the first line of its raw shard. raws: JSON text of each row, for plain JSON Lines the
    very bytes of the line. faults: None, or why the row cannot be used; `raws` then holds its raw text, cut after
    `HEAD_BYTES` when the fault is `too_large`. Files without lines (Parquet, Arrow) count rows in the place of lines.
    """

    lines: list[int]
    raws: list[bytes]
    faults: list[RowFault | None]

    def __len__(self) -> int:
        return len(self.raws)


@dataclass(frozen=True, slots=True)
class RawShard:
    """Where the rows of a file, or of a piece of a large one, lie: a byte span of a plain JSON Lines file, or a blob of ours.

    file: as written, posix, relative to the project where it lies inside. first_row: 0-based in the file.
    first_line: 1-based. bytes: of its rows, unpacked. digest: BLAKE3 of the content alone, the same wherever the shard stands. span: byte offsets
    (start, stop) in `file`. path: where its bytes lie when `file` is an address and not a path. blob: an Arrow IPC
    file, relative to the project where it lies inside, whose row `at` is the first.
    """

    file: str
    rows: int
    first_row: int
    first_line: int
    bytes: int
    digest: str
    span: tuple[int, int] | None = None
    blob: str | None = None
    path: str | None = None
    at: int = 0
