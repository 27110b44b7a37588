"""The local engine: `map(fn, tasks) -> results in task order`, in this process or in spawned ones.

Workers cost 0.6 CPU seconds each to start, so they start only when the work pays for them. Tasks and results are small
(paths, digests, counts): data goes through files, never through pickles.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import InvalidStateError
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from multiprocessing import connection
from typing import Literal, Protocol, TypeVar

from datasetbuild import process
from datasetbuild.engine.rest import rest, rest_before
from datasetbuild.errors import BuildError
from datasetbuild.op import section

Task = TypeVar("Task")
Result = TypeVar("Result")

PAYS_FROM_BYTES = 24 << 20
"""Input from which a second process saves more wall time than it costs."""


@section("engine", version=1)
def engine(
    *,
    name: Literal["local"] = "local",
    workers: int | Literal["auto"] = "auto",
    shard_bytes: int = 4 << 20,
    shard_rows: int = 8_192,
) -> None:
    """How the work is carried out; nothing here can change a byte of the result, and nothing here is part of a key.

    name: `local` works in this process, or in spawned ones on this machine.
    workers: number of processes; `auto` takes one per core, but only as many as the input pays for.
    shard_bytes: size at which the input is cut into shards, and up to which small files of a source are put together; a worker needs about 25 times as much memory, beside 150 MB.
    shard_rows: number of rows at which the input is cut into shards.
    """


MUCH = 50
"""Tasks after which a worker that waits ends, and another starts when there is work: for 0.6 CPU seconds, 3 % of what it did.
While the driver gathers a million rows and finds their pairs, two that wait hold 200 MB, and 60 MB more than new ones later."""


class Engine(Protocol):
    """What a build needs of an engine. `fn` is pure and idempotent: it may run twice, on any node; it reads named
    inputs, writes to a temporary name and publishes by rename; it lives in an importable module."""

    def map(self, fn: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Results in the order of the tasks."""
        ...

    def rest(self) -> None:
        """A phase is over, and the driver works alone: whoever waits for the next need not hold what it has."""
        ...


class Serial:
    """Everything in this process."""

    def map(self, fn: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        return (_done(fn, task, process.SPARE) for task in tasks)

    def rest(self) -> None:
        """It is the driver itself."""


def _done(fn: Callable[[Task], Result], task: Task, spare: int) -> Result:
    """A task's result. What it took goes back to the system: the next may not need it, or be another process's. spare: bytes
    that the process may keep."""
    rest_before(fn)
    try:
        return fn(task)
    finally:
        process.give_back(spare)


def _done_beside(fn: Callable[[Task], Result], task: Task, last: bool) -> Result:
    """A task's result, in one process of several. last: none may follow for a while, so the tokenizer goes too."""
    try:
        return _done(fn, task, 0)
    finally:
        if last:
            rest()


class Processes:
    """A pool of spawned processes (a fork after polars has started its threads can deadlock), one polars thread each."""

    def __init__(self, workers: int) -> None:
        from concurrent.futures import ProcessPoolExecutor

        context = multiprocessing.get_context("spawn")
        self._workers = workers
        self._hire = partial(ProcessPoolExecutor, workers, mp_context=context, initializer=_set_up_worker)
        self._pool, self._tasks = self._hire(), 0

    def map(self, fn: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        from concurrent.futures.process import BrokenProcessPool

        # the last tasks are most often one a worker: what each holds then would stay while the driver gathers and decides
        last = [number >= len(tasks) - self._workers for number in range(len(tasks))]
        try:
            with _no_interrupts():  # the workers are started here
                results = self._pool.map(_done_beside, repeat(fn), tasks, last)
            if hasattr(signal, "siginterrupt"):  # polars' handler of Ctrl-C would let us wait for the next result
                signal.siginterrupt(signal.SIGINT, True)
            yield from results
            self._tasks += len(tasks)
        except BrokenProcessPool:
            raise BuildError(
                "a worker process died: the system killed it, most often because memory ran out",
                hint="run again with fewer workers (-j 1) or smaller shards (engine.shard_bytes=1000000)",
            ) from None

    def rest(self) -> None:
        if self._tasks >= MUCH * self._workers:
            self.close()
            self._pool, self._tasks = self._hire(), 0

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def stop(self) -> None:
        """End the workers in the middle of their work, which is never half-published: nobody waits after Ctrl-C."""
        _overlook_cancelled()
        for worker in list((self._pool._processes or {}).values()):
            worker.terminate()
        self.close()


def _overlook_cancelled() -> None:
    """The pool's own thread may meet a future that was cancelled under it while it stops: no news."""
    usual = threading.excepthook

    def hook(found: threading.ExceptHookArgs) -> None:
        if not issubclass(found.exc_type, InvalidStateError):
            usual(found)

    threading.excepthook = hook


def _set_up_worker() -> None:
    """Let a worker end when the build was killed, instead of waiting for work that never comes."""
    process.set_up()
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel
        threading.Thread(target=lambda: (connection.wait([sentinel]), os._exit(1)), daemon=True).start()


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Processes that are started meanwhile never see Ctrl-C: it is for the build to end them, and to say one line."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def local_engine(workers: int | str, input_bytes: int) -> Iterator[Engine]:
    """An engine for an input of that size."""
    wanted = (os.cpu_count() or 1) if workers == "auto" else int(workers)
    if workers == "auto":
        wanted = min(wanted, input_bytes // PAYS_FROM_BYTES + 1)
    if wanted <= 1:
        yield Serial()
        return
    with _environment({**process.ONE_THREAD, **process.LITTLE_MEMORY}):
        pool = Processes(wanted)
        try:
            yield pool
        except BaseException:
            pool.stop()
            raise
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
