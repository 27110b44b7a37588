"""Arrow arrays over numpy's own memory: no copy, and none of what pyarrow would import for it: pandas (0.2 s), by which
`pyarrow.array` asks whether it was given one of its columns, and `pyarrow.compute` (0.04 s), which wraps 300 functions that
nobody here calls."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

T = TypeVar("T", "pa.Array", "pa.Table")


def array(values: NDArray[Any]) -> pa.Array:
    """Numbers (not booleans, which Arrow packs) as an Arrow array that shares their memory where they lie in a row."""
    import numpy as np
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def series(name: str, values: pa.Array) -> pl.Series:
    """An Arrow array as a column that shares its memory. (For an array that it knows as pyarrow's, polars imports
    `pyarrow.compute`; for one that anybody hands over it does not.)"""
    import polars as pl

    return pl.Series(_Handed(values)).alias(name)


def mapped_table(path: Path, start: int) -> pa.Table:
    """The Arrow stream that begins there in a file, mapped into memory. (Arrow's own files are opened by another thread, for twice
    the work: 0.1 ms each.)"""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        source.seek(start)
        return pa.ipc.open_stream(source).read_all()


def as_frame(table: pa.Table) -> pl.DataFrame:
    """An Arrow table as a frame that shares its memory: `pl.from_arrow(table, rechunk=False)` in a third of the time, since all
    columns are handed over at once."""
    import polars as pl

    return pl.Series(_HandedTable(table)).struct.unnest()


class _Handed:
    def __init__(self, values: pa.Array) -> None:
        self.__arrow_c_array__ = values.__arrow_c_array__


class _HandedTable:
    def __init__(self, table: pa.Table) -> None:
        self.__arrow_c_stream__ = table.__arrow_c_stream__


def take(values: T, places: NDArray[Any]) -> T:
    """The values, or of a table the rows, at some places: `values.take(places)`. That all are there, numpy finds out in a sixth
    of Arrow's time."""
    compute = _compute()
    there = len(places) > 0 and places.min() >= 0 and places.max() < len(values)
    taken: T = compute.call_function("take", [values, array(places)], compute.TakeOptions(boundscheck=not there))
    return taken


def cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with its columns as the schema has them: `table.cast(schema)`."""
    import pyarrow as pa

    compute = _compute()
    columns = [compute.call_function("cast", [table[field.name]], compute.CastOptions.safe(field.type)) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


@cache
def _compute() -> Any:
    """What `pyarrow.compute` wraps, without the wrapping; the public module should a pyarrow have it elsewhere."""
    try:
        import pyarrow._compute as compute
    except ImportError:
        import pyarrow.compute as compute
    return compute


def lists(name: str, values: NDArray[Any] | pa.Array, bounds: NDArray[Any]) -> pl.Series:
    """A list column of n rows: row i has `values[bounds[i]:bounds[i + 1]]`. bounds: int64, length n + 1, from 0."""
    import numpy as np
    import pyarrow as pa

    inside = array(values) if isinstance(values, np.ndarray) else values
    return series(name, pa.LargeListArray.from_arrays(array(np.asarray(bounds, np.int64)), inside))


def sums(counts: NDArray[Any] | pl.Series) -> NDArray[np.int64]:
    """0 and the running sums: where each of things begins, one after the other, that have so many parts."""
    import numpy as np

    found = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts if isinstance(counts, np.ndarray) else counts.to_numpy(), dtype=np.int64, out=found[1:])
    return found


def bounds_of(array: pa.Array) -> NDArray[Any]:
    """Where each list or text begins and the last ends (length n + 1), as Arrow has it: 32 or, of large types, 64 bits, not
    from 0 in a slice. (pyarrow's own way to numpy imports pandas too.)"""
    import numpy as np
    import pyarrow as pa

    large = any(known(array.type) for known in (pa.types.is_large_list, pa.types.is_large_string, pa.types.is_large_binary))
    found = np.frombuffer(array.buffers()[1] or b"", np.int64 if large else np.int32)[array.offset : array.offset + len(array) + 1]
    return found if len(found) else np.zeros(1, found.dtype)


def unfold(values: pl.Series) -> tuple[NDArray[Any], NDArray[Any]]:
    """The inverse of `lists`: the numbers of all lists, one after the other, and where each begins (length n + 1, from 0).
    values: lists of numbers, none of them null. Shares their memory."""
    import polars as pl

    bounds = bounds_of(values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()))
    return values.explode(empty_as_null=False).to_numpy(), bounds - bounds[0]


def fold(values: pl.Series, lengths: pl.Series) -> pl.Series:
    """Values as lists of so many, one list for each length; the lengths add up to the values."""
    import polars as pl

    return lists(values.name, values.rechunk().to_arrow(compat_level=pl.CompatLevel.newest()), sums(lengths))


def buffers(text: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of all texts (String or Binary), and where each begins (length n + 1, from 0)."""
    import numpy as np
    import polars as pl

    array = text.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    bounds = bounds_of(array)
    return np.frombuffer(array.buffers()[2] or b"", np.uint8)[bounds[0] : bounds[-1]], bounds - bounds[0]
