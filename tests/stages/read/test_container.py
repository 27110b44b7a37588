"""Laws of archives and encodings."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from datasetbuild.errors import SourceError
from datasetbuild.stages.read import RawRows, cut, load

LINES = b"".join(b'{"n": %d, "text": "caf\xc3\xa9 %d"}\n' % (number, number * 7919) for number in range(3000))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def rows_of(path: Path, **options: object) -> RawRows:
    shards = cut(path, project=path.parent, folder=path.parent / "blobs", **options)  # type: ignore[arg-type]
    loaded = [load([shard], path.parent) for shard in shards]
    lines = [shard.first_line + line for shard, rows in zip(shards, loaded, strict=True) for line in rows.lines]
    return RawRows(
        lines, [raw for rows in loaded for raw in rows.raws], [fault for rows in loaded for fault in rows.faults]
    )


@pytest.mark.parametrize("suffix", PACKERS)
def test_an_archive_gives_the_rows_of_its_content(tmp_path: Path, suffix: str) -> None:
    """Packed and plain files give the same rows and lines, also when the archive has several members."""
    pack = PACKERS[suffix]
    middle = LINES.index(b"\n", len(LINES) // 2) - 5
    (tmp_path / f"x.jsonl{suffix}").write_bytes(pack(LINES[:middle]) + pack(LINES[middle:]))
    (tmp_path / "plain.jsonl").write_bytes(LINES)
    assert rows_of(tmp_path / f"x.jsonl{suffix}") == rows_of(tmp_path / "plain.jsonl")


@pytest.mark.parametrize("suffix", PACKERS)
def test_magic_bytes_win_over_the_name(tmp_path: Path, suffix: str) -> None:
    """A packed file whose name does not say so is unpacked."""
    (tmp_path / "x.jsonl").write_bytes(PACKERS[suffix](LINES))
    assert b"\n".join(rows_of(tmp_path / "x.jsonl").raws) + b"\n" == LINES


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_truncated_archive_is_an_error(tmp_path: Path, suffix: str) -> None:
    """An archive that ends early never passes for a short file."""
    packed = PACKERS[suffix](LINES)
    (tmp_path / f"x.jsonl{suffix}").write_bytes(packed[: len(packed) * 3 // 4])
    with pytest.raises(SourceError, match=r"x\.jsonl.*ends too early; [\d,]+ bytes of content"):
        rows_of(tmp_path / f"x.jsonl{suffix}")


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_damaged_archive_is_an_error(tmp_path: Path, suffix: str) -> None:
    """Bytes changed within an archive are found, or change nothing."""
    packed = bytearray(PACKERS[suffix](LINES))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / f"x.jsonl{suffix}").write_bytes(packed)
    if suffix == ".zst":  # a frame without a checksum may not notice
        return
    with pytest.raises(SourceError, match=r"damaged|too early"):
        rows_of(tmp_path / f"x.jsonl{suffix}")


def test_a_name_that_lies_about_compression_is_an_error(tmp_path: Path) -> None:
    """`.gz` over plain text is not read as text: the file is not what it was meant to be."""
    (tmp_path / "x.jsonl.gz").write_bytes(LINES)
    with pytest.raises(SourceError, match="holds no gzip data") as caught:
        rows_of(tmp_path / "x.jsonl.gz")
    assert "x.jsonl" in str(caught.value.hint)


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_padding_is_passed_over_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    """Zeros after a member are padding; anything else might be lost rows, so it is an error."""
    packed = PACKERS[suffix](LINES)
    (tmp_path / f"x.jsonl{suffix}").write_bytes(packed + b"\0" * 99_999 + packed)
    assert len(rows_of(tmp_path / f"x.jsonl{suffix}")) == 6000
    (tmp_path / f"x.jsonl{suffix}").write_bytes(packed + b"junk" * 99)
    with pytest.raises(SourceError, match="damaged"):
        rows_of(tmp_path / f"x.jsonl{suffix}")


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8-sig", None), ("utf-16", None), ("utf-32", None), ("cp1252", "cp1252"), ("utf-16-le", "utf-16-le")],
)
def test_encodings_give_the_same_rows(tmp_path: Path, encoding: str, declared: str | None) -> None:
    """A byte order mark is honoured and stripped, and a declared encoding is used: the rows are the same, in UTF-8."""
    (tmp_path / "x.jsonl").write_bytes(LINES.decode().encode(encoding))
    assert b"\n".join(rows_of(tmp_path / "x.jsonl", encoding=declared).raws) + b"\n" == LINES


def test_a_bom_counts_for_the_span(tmp_path: Path) -> None:
    """A plain file with a byte order mark is cut without a copy, behind the mark."""
    (tmp_path / "x.jsonl").write_bytes(codecs.BOM_UTF8 + LINES)
    shards = cut(tmp_path / "x.jsonl", project=tmp_path, folder=tmp_path / "blobs")
    assert shards[0].span == (3, 3 + len(LINES))
    assert not (tmp_path / "blobs").exists()


def test_an_unknown_encoding_is_an_error(tmp_path: Path) -> None:
    """A misspelt encoding is a sentence, not a LookupError."""
    (tmp_path / "x.jsonl").write_bytes(LINES)
    with pytest.raises(SourceError, match="no encoding is named 'utf-ate'"):
        rows_of(tmp_path / "x.jsonl", encoding="utf-ate")


def test_text_that_ends_within_a_character_is_an_error(tmp_path: Path) -> None:
    """UTF-16 cut in the middle of a character is a truncated file."""
    (tmp_path / "x.jsonl").write_bytes(LINES.decode().encode("utf-16")[:-1])
    with pytest.raises(SourceError, match="not valid utf-16"):
        rows_of(tmp_path / "x.jsonl")
