"""Templates of ours, compiled once for an installation and not at each start: what Jinja makes of them lies beside what Python
makes of our modules, in `__pycache__`. The report's page takes 45 ms to compile, a chat template 15.

A template of a project is none of these: it is compiled in the process that renders by it.
"""

from __future__ import annotations

import marshal
import os
import sys
from contextlib import suppress
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

from datasetbuild.hashing import bytes_digest

if TYPE_CHECKING:
    from jinja2 import Environment


def compiled(environment: Environment, text: str, module: str) -> CodeType:
    """The code of a template, for `jinja2.Template.from_code`. module: `__file__` of the one that made the environment, which
    may change what the template means, as another Jinja or Python may."""
    from jinja2 import __version__

    try:
        own = Path(module).read_bytes()
    except OSError:  # there is no source in this installation
        return environment.compile(text)
    name = bytes_digest(b"\0".join([MAGIC_NUMBER, __version__.encode(), own, text.encode()]))
    place = Path(cache_from_source(module)).with_name(f"{Path(module).stem}.{name[:16]}.code")
    with suppress(OSError, EOFError, ValueError, TypeError):  # not there, or damaged
        code = marshal.loads(place.read_bytes())
        if isinstance(code, CodeType):
            return code
    code = environment.compile(text)
    if not sys.dont_write_bytecode:
        with suppress(OSError):  # the installation is not ours to write to
            _publish(place, marshal.dumps(code))
    return code


def _publish(place: Path, data: bytes) -> None:
    """Write a file that no reader meets half."""
    draft = place.with_name(f"{place.name}.{os.getpid()}")
    place.parent.mkdir(exist_ok=True)
    try:
        draft.write_bytes(data)
        os.replace(draft, place)
    finally:
        draft.unlink(missing_ok=True)
