"""Run a command and measure its whole process tree: CPU seconds, wall seconds, peak memory, the machine's load.

CPU is what the kernel charged to the command and all its descendants, those included that outlived their parent.
Memory is the sum of their proportional set sizes (shared pages are counted once), sampled five times a second, so that
a shorter peak may be missed; `peak_own_mb` leaves out pages of mapped files, which the system can take back.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.2
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: orphans of a command become ours, so that their CPU is counted
PATIENCE = 5.0


@dataclass(frozen=True)
class Measured:
    """What a command cost. code: its exit code, None when it was stopped for time. peak_mb: with pages of mapped
    files; peak_own_mb: without; None without /proc."""

    code: int | None
    user: float
    sys: float
    wall: float
    peak_mb: float | None
    peak_own_mb: float | None
    load: float

    @property
    def cpu(self) -> float:
        return self.user + self.sys


def run(
    command: Sequence[str], *, env: Mapping[str, str], folder: Path, log: Path, timeout: float | None = None
) -> Measured:
    """Run a command to its end; its output goes to `log`."""
    _adopt_orphans()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with open(log, "wb") as output:
        child = subprocess.Popen(
            list(command),
            env={**os.environ, **env},
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        sampler = Sampler(child.pid)
        sampler.start()
        code = _wait(child, timeout)
    wall = time.perf_counter() - start
    peak, own = sampler.finish()
    _reap()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return Measured(code, round(user, 3), round(system, 3), round(wall, 3), peak, own, round(os.getloadavg()[0], 2))


def _wait(child: subprocess.Popen[bytes], timeout: float | None) -> int | None:
    try:
        return child.wait(timeout)
    except subprocess.TimeoutExpired:
        for pid in [*descendants(child.pid), child.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        child.wait()
        return None


class Sampler(threading.Thread):
    """Watches the memory of a process and its descendants."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = self.own = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(EVERY):
            found = [sizes(pid) for pid in [self.pid, *descendants(self.pid)]]
            self.peak = max(self.peak, sum(whole for whole, _ in found))
            self.own = max(self.own, sum(own for _, own in found))

    def finish(self) -> tuple[float | None, float | None]:
        """The peaks in MB, with and without pages of mapped files."""
        self.over.set()
        self.join()
        return _mb(self.peak), _mb(self.own)


def _mb(kib: int) -> float | None:
    return round(kib * 1.024 / 1000, 1) if kib else None


def sizes(pid: int) -> tuple[int, int]:
    """Proportional set size of a process in KiB, and what of it is no mapped file; zeros when it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
            found = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Pss")}
    except (OSError, ValueError):
        return 0, 0
    return found.get("Pss", 0), found.get("Pss_Anon", 0)


def descendants(pid: int) -> list[int]:
    """All processes below a process."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, path.read_text(encoding="ascii").split()):
                found += [child, *descendants(child)]
    return found


def _adopt_orphans() -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def _reap() -> None:
    """Wait for orphans of the command, and end those that stay."""
    deadline = time.perf_counter() + PATIENCE
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if time.perf_counter() > deadline:
                for orphan in descendants(os.getpid()):
                    with suppress(ProcessLookupError):
                        os.kill(orphan, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(0.05)
