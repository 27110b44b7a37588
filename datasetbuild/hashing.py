"""Identity and chance: canonical bytes, SHA-256 digests, and draws that depend on nothing but their key.

SHA-256 for what leaves the machine: ids, keys, the files of an artifact and of sources (1.2 GB/s with the CPU's SHA instructions).
BLAKE3 for what only the cache knows: its objects, and the shards that files are cut into (5.5 GB/s; of a million rows 3 GB are hashed so).
xxh3 for equality of texts (0.1 us a text, where a SHA-256 takes 0.8): inside one build, and for the ledger's `content`, by which two
versions of one row are compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ID_LENGTH = 24
"""Hex characters of a record id: 96 bits, so that 10^9 records collide with a probability below 10^-11."""


def canonical_json(value: Any) -> bytes:
    """The one JSON text of a value: sorted keys, no blanks, UTF-8. Floats are written in the shortest form that round-trips."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def digest(value: Any) -> str:
    """SHA-256 (hex) of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def bytes_digest(data: bytes | memoryview) -> str:
    """SHA-256 (hex) of bytes."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path | str) -> str:
    """SHA-256 (hex) of a file's bytes, read in pieces."""
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


OBJECT_LENGTH = 48
"""Hex characters of a name in the cache: 192 bits. The SHA-256 by which it named things before has more."""


class Digest:
    """BLAKE3 of bytes, given piece by piece, as the cache names what it holds."""

    def __init__(self) -> None:
        from blake3 import blake3

        self._state = blake3()

    def update(self, piece: bytes | memoryview) -> Digest:
        self._state.update(piece)
        return self

    def update_file(self, path: Path) -> Digest:
        """The bytes of a file, mapped into memory."""
        self._state.update_mmap(path)
        return self

    def name(self) -> str:
        """Hex, `OBJECT_LENGTH`."""
        return str(self._state.hexdigest(length=OBJECT_LENGTH // 2))


def checksums(texts: Iterable[str]) -> list[int]:
    """xxh3 of 64 bits of each text, 0.15 us each: by it some are chosen for a second look, whatever stands beside them."""
    from xxhash import xxh3_64_intdigest

    return [xxh3_64_intdigest(text.encode()) for text in texts]


class Hashing(Digest):
    """A file to be written to, for Arrow, that knows the digest of what was written: nothing is read or held for it."""

    PIECE = 1 << 18
    """Bytes that stay in the processor's cache between the digest and the write: a tenth less than one after the other."""

    closed = False

    def __init__(self, file: RawIOBase) -> None:
        super().__init__()
        self._file = file

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        for first in range(0, len(view), self.PIECE):
            piece = view[first : first + self.PIECE]
            self.update(piece)
            while piece:  # a raw file may take less than it is given
                piece = piece[self._file.write(piece) :]
        return len(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.flush()


def record_hash(source: str, key: bytes, occurrence: int = 0) -> str:
    """A record's id: `ID_LENGTH` hex characters that depend on its source's name, its key (the declared key column, or
    the canonical bytes of its content) and, for exact repeats within a source, on how often the key came before."""
    named = b"%b\0%b\0%d" % (source.encode(), key, occurrence) if occurrence else source.encode() + b"\0" + key
    return hashlib.sha256(named).hexdigest()[:ID_LENGTH]


def record_hashes(source: str, keys: Iterable[bytes]) -> list[str]:
    """`record_hash` of many keys of one source, none of them a repeat."""
    prefix, sha256 = source.encode() + b"\0", hashlib.sha256
    return [sha256(prefix + key).hexdigest()[:ID_LENGTH] for key in keys]


def salt(seed: int, purpose: str) -> int:
    """64 bits that set one purpose of chance apart from every other."""
    return int.from_bytes(hashlib.sha256(f"{seed}\0{purpose}".encode()).digest()[:8], "little")


def chance(seed: int, purpose: str, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A uniform 64-bit draw for each key: a pure function of (seed, purpose, key), never of order or company.

    keys: uint64, the leading bits of record ids or of other SHA-256 digests. Two rounds of the SplitMix64 finalizer
    (Steele, Lea and Flood 2014) around the purpose's salt; a bijection, so distinct keys draw distinct values.
    """
    import numpy as np

    with np.errstate(over="ignore"):
        state = keys + np.uint64(salt(seed, purpose))
        for _ in range(2):
            state ^= state >> np.uint64(30)
            state *= np.uint64(0xBF58476D1CE4E5B9)
            state ^= state >> np.uint64(27)
            state *= np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(31)
    return state


def unit_interval(draws: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Draws as floats in [0, 1), from their top 53 bits."""
    import numpy as np

    return (draws >> np.uint64(11)).astype(np.float64) * 2.0**-53
