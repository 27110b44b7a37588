"""The local engine: `map(fn, tasks) -> results in task order`, in this process or in spawned ones.

Workers cost 0.6 CPU seconds each to start, so they start only when the work pays for them. Tasks and results are small
(paths, digests, counts): data goes through files, never through pickles.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol, TypeVar

from datasetbuild.op import section

Task = TypeVar("Task")
Result = TypeVar("Result")

PAYS_FROM_BYTES = 24 << 20
"""Input from which a second process saves more wall time than it costs."""

ONE_THREAD = {"POLARS_MAX_THREADS": "1", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Workers are the parallelism: threads inside them would only compete."""


@section("engine", version=1)
def engine(
    *,
    name: Literal["local"] = "local",
    workers: int | Literal["auto"] = "auto",
    shard_bytes: int = 8 << 20,
    shard_rows: int = 16_384,
) -> None:
    """How the work is carried out; nothing here can change a byte of the result, and nothing here is part of a key.

    name: `local` works in this process, or in spawned ones on this machine.
    workers: number of processes; `auto` takes one per core, but only as many as the input pays for.
    shard_bytes: size at which the input is cut into shards; a worker needs about 30 times as much memory.
    shard_rows: number of rows at which the input is cut into shards.
    """


class Engine(Protocol):
    """What a build needs of an engine. `fn` is pure and idempotent: it may run twice, on any node; it reads named
    inputs, writes to a temporary name and publishes by rename; it lives in an importable module."""

    def map(self, fn: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Results in the order of the tasks."""
        ...


class Serial:
    """Everything in this process."""

    def map(self, fn: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        return map(fn, tasks)


class Processes:
    """A pool of spawned processes (a fork after polars has started its threads can deadlock), one polars thread each."""

    def __init__(self, workers: int) -> None:
        from concurrent.futures import ProcessPoolExecutor

        self._pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))

    def map(self, fn: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        return self._pool.map(fn, tasks)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


@contextmanager
def local_engine(workers: int | str, input_bytes: int) -> Iterator[Engine]:
    """An engine for an input of that size."""
    wanted = (os.cpu_count() or 1) if workers == "auto" else int(workers)
    if workers == "auto":
        wanted = min(wanted, input_bytes // PAYS_FROM_BYTES + 1)
    if wanted <= 1:
        yield Serial()
        return
    with _environment(ONE_THREAD):
        pool = Processes(wanted)
        try:
            yield pool
        finally:
            pool.close()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Environment variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
