"""Record ids as two numbers, which the key plane sorts and compares, and as the 24 hex characters that people see; and
content digests as one number and 16 characters."""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import series, sums
from datasetbuild.hashing import ID_LENGTH
from datasetbuild.record import ID_ORDER

KEY_LENGTH = 16
"""Hex characters of an id that make its 64-bit key for draws; the others are its tail."""


def id_numbers(name: str) -> list[pl.Expr]:
    """`key` (UInt64) and `tail` (UInt32) of a column of ids as text."""
    key, tail = ID_ORDER
    return [
        pl.col(name).str.head(KEY_LENGTH).str.to_integer(base=16, dtype=pl.UInt64).alias(key),
        pl.col(name).str.slice(KEY_LENGTH).str.to_integer(base=16, dtype=pl.UInt32).alias(tail),
    ]


def id_texts(rows: pl.DataFrame) -> pl.Series:
    """The ids of rows with `key` and `tail`, as text."""
    return _texts("id", _bytes(*_numbers(rows)), np.ones(len(rows), bool))


def ids_of(rows: pl.DataFrame, numbers: pl.Series) -> pl.Series:
    """The ids, as text, of the rows with these numbers; null where the number is."""
    wanted = numbers.drop_nulls().to_numpy()
    key, tail = (column[wanted] for column in _numbers(rows))
    return _texts(numbers.name, _bytes(key, tail), numbers.is_not_null().to_numpy())


def hexes(numbers: pl.Series) -> pl.Series:
    """64-bit numbers as 16 hex characters each, null where the number is."""
    raw = numbers.drop_nulls().to_numpy().astype(">u8").view(np.uint8).reshape(-1, KEY_LENGTH // 2)
    return _texts(numbers.name, raw, numbers.is_not_null().to_numpy())


def _numbers(rows: pl.DataFrame) -> Iterator[NDArray[Any]]:
    return (rows[name].to_numpy() for name in ID_ORDER)


def _bytes(key: NDArray[np.uint64], tail: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """The bytes of ids, a line for each."""
    raw = np.empty((len(key), ID_LENGTH // 2), np.uint8)
    raw[:, : KEY_LENGTH // 2] = key.astype(">u8").view(np.uint8).reshape(-1, KEY_LENGTH // 2)
    raw[:, KEY_LENGTH // 2 :] = tail.astype(">u4").view(np.uint8).reshape(-1, (ID_LENGTH - KEY_LENGTH) // 2)
    return raw


def _texts(name: str, raw: NDArray[np.uint8], known: NDArray[np.bool_]) -> pl.Series:
    """Hex texts at the places that are known, null elsewhere. raw: bytes, a line for each text."""
    import pyarrow as pa

    offsets = sums(known * (2 * raw.shape[1]))
    valid = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(hexlify(raw.tobytes()))]
    texts = pa.Array.from_buffers(pa.large_string(), len(known), buffers)
    return series(name, texts)
