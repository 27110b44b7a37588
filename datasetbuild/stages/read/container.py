"""A file as decompressed bytes or decoded text: gzip, zstd, bzip2 and xz by their first bytes, encodings by BOM or
declaration."""

from __future__ import annotations

import bz2
import codecs
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasetbuild.errors import SourceError

BLOCK = 1 << 19
"""Bytes read at a time: as many as stay in the processor's cache while they are cut into lines. With 4 MiB that takes half as
much again."""

PACKED_BLOCK = 1 << 16
"""Compressed bytes taken at a time: small, since a well packed block grows a thousandfold."""

MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Input:
    """An input file, opened as often as it is asked for.

    file: how people know it. codec: name of the compression or None. encoding: Python's name. bom: bytes of a UTF-8
    BOM. whole: all of a file that is plain and small.
    """

    path: Path
    file: str
    codec: str | None
    encoding: str
    bom: int
    whole: bytes | None = None

    @property
    def plain(self) -> bool:
        """Whether the bytes on disk are the UTF-8 text itself."""
        return self.codec is None and self.encoding == "utf-8"

    def blocks(self) -> Iterator[bytes]:
        """The decompressed bytes, without a UTF-8 BOM."""
        skip = self.bom
        stored = _unpacked(self.path, self.file, self.codec) if self.whole is None else filter(None, [self.whole])
        for block in stored:
            yield block[skip:] if skip else block
            skip = max(0, skip - len(block))

    def bytes(self) -> bytes:
        return b"".join(self.blocks())

    def text(self) -> io.TextIOWrapper:
        """The decoded text, line ends as they are. Bytes that are not valid become lone surrogates, to be found per
        row."""
        raw = io.BufferedReader(_Pour(self.blocks()), BLOCK)
        return io.TextIOWrapper(raw, encoding=self.encoding, errors="surrogateescape", newline="")


def inspect(path: Path, file: str, encoding: str | None = None) -> Input:
    """Look at a file's first bytes and name; `encoding` as declared, else by BOM, else UTF-8."""
    with _opened(path, file) as stream:
        head = stream.read(BLOCK)
    codec = next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)
    if codec == "bzip2" and head[4:10] not in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"):
        codec = None
    named = SUFFIXES.get(path.suffix.lower())
    if named and codec is None:
        raise SourceError(
            f"{file} is named {path.suffix}, but it holds no {named} data: it starts with {head[:8]!r}",
            hint=f"rename it to {path.with_suffix('').name} if it is not compressed, or fetch it again",
        )
    start = next((block for block in _unpacked(path, file, codec) if block), b"") if codec else head
    found = next(((bom, name) for bom, name in BOMS if start.startswith(bom)), (b"", None))
    chosen = _encoding(encoding, file) if encoding else found[1] or "utf-8"
    bom = len(found[0]) if chosen == found[1] == "utf-8" else 0
    return Input(path, file, codec, chosen, bom, head if codec is None and len(head) < BLOCK else None)


def _encoding(name: str, file: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise SourceError(
            f"{file}: no encoding is named {name!r}", hint="use one of Python's names: utf-8, utf-16, cp1252, ..."
        ) from None


def _opened(path: Path, file: str) -> io.BufferedReader:
    try:
        return open(path, "rb")
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}") from error


def _unpacked(path: Path, file: str, codec: str | None) -> Iterator[bytes]:
    with _opened(path, file) as stream:
        if codec is None:
            while block := stream.read(BLOCK):
                yield block
        else:
            yield from _decompressed(stream, file, codec)


def _decompressed(stream: io.BufferedReader, file: str, codec: str) -> Iterator[bytes]:
    """Every member of the archive, one after the other; an archive that ends within a member is an error, never a short
    file."""
    start, broken = _decompressor(codec)
    member, given, fresh = start(), 0, True
    while data := stream.read(PACKED_BLOCK):
        while (
            data := data.lstrip(b"\0") if fresh and given else data
        ):  # zeros between members and at the end are padding
            try:
                block = member.decompress(data)
            except broken as error:
                raise SourceError(
                    f"{file}: the {codec} data is damaged ({error}); {given:,} bytes of content came before", hint=AGAIN
                ) from error
            given, fresh, data = given + len(block), False, b""
            if block:
                yield block
            if member.eof:
                data, member, fresh = member.unused_data, start(), True
    if not fresh:
        raise SourceError(
            f"{file}: the {codec} data ends too early; {given:,} bytes of content came before", hint=AGAIN
        )


AGAIN = "the file is truncated or damaged: fetch it again"


def _decompressor(codec: str) -> tuple[Callable[[], Any], type[Exception]]:
    if codec == "gzip":
        return lambda: zlib.decompressobj(wbits=31), zlib.error
    if codec == "bzip2":
        return bz2.BZ2Decompressor, OSError
    if codec == "xz":
        return lzma.LZMADecompressor, lzma.LZMAError
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj, zstandard.ZstdError


class _Pour(io.RawIOBase):
    """Blocks of bytes behind a file's face."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
