"""Arrow arrays over numpy's own memory: no copy, and no pandas, which `pyarrow.array` imports (0.2 s) to ask whether it
was given one of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray


def array(values: NDArray[Any]) -> pa.Array:
    """Numbers (not booleans, which Arrow packs) as an Arrow array that shares their memory where they lie in a row."""
    import numpy as np
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def lists(name: str, values: NDArray[Any] | pa.Array, bounds: NDArray[Any]) -> pl.Series:
    """A list column of n rows: row i has `values[bounds[i]:bounds[i + 1]]`. bounds: int64, length n + 1, from 0."""
    import numpy as np
    import polars as pl
    import pyarrow as pa

    inside = array(values) if isinstance(values, np.ndarray) else values
    return pl.Series(name, pa.LargeListArray.from_arrays(array(np.asarray(bounds, np.int64)), inside))


def unfold(values: pl.Series) -> tuple[NDArray[Any], NDArray[Any]]:
    """The inverse of `lists`: the numbers of all lists, one after the other, and where each begins (length n + 1, from 0).
    values: lists of numbers, none of them null. Shares their memory."""
    import numpy as np
    import polars as pl

    array = values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    bounds = np.frombuffer(array.buffers()[1], np.int64, len(array) + 1, 8 * array.offset) if len(array) else np.zeros(1, np.int64)
    return values.explode(empty_as_null=False).to_numpy(), bounds - bounds[0]


def fold(values: pl.Series, lengths: pl.Series) -> pl.Series:
    """Values as lists of so many, one list for each length; the lengths add up to the values."""
    import numpy as np
    import polars as pl

    bounds = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths.to_numpy(), out=bounds[1:])
    return lists(values.name, values.rechunk().to_arrow(compat_level=pl.CompatLevel.newest()), bounds)


def buffers(text: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of all texts (String or Binary), and where each begins (length n + 1, from 0)."""
    import numpy as np
    import polars as pl

    array = text.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offset_buffer, data_buffer = array.buffers()
    if not len(array):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    offsets = np.frombuffer(offset_buffer, np.int64, len(array) + 1, array.offset * 8)
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    return data[offsets[0] : offsets[-1]], offsets - offsets[0]
