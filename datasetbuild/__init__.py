"""datasetbuild: the build system for LLM fine-tuning datasets.

A recipe in, a versioned, explained, byte-identical dataset out. The folders are the stretches that the data passes:

    recipe/    1  what you asked for
    plan/      2  what will be done
    stages/    3  what happens to a record
    engine/       the current that carries it
    artifact/  4  what came out, and after

Plugins need a few names: `fact`, `source_format`, `turns`, `File` for a parameter that names a file; and `check`,
`Subject`, `Finding`, `Measure` for checks of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasetbuild.op import File, check, fact, source_format
    from datasetbuild.stages.annotate import turns
    from datasetbuild.stages.check.subject import Finding, Measure, Subject

__version__ = "0.1.0"
__all__ = ["__version__", "check", "fact", "File", "Finding", "Measure", "source_format", "Subject", "turns"]

_HOMES = {
    "check": "datasetbuild.op",
    "File": "datasetbuild.op",
    "Finding": "datasetbuild.stages.check.subject",
    "Measure": "datasetbuild.stages.check.subject",
    "Subject": "datasetbuild.stages.check.subject",
    "fact": "datasetbuild.op",
    "source_format": "datasetbuild.op",
    "turns": "datasetbuild.stages.annotate",
}


def __getattr__(name: str) -> Any:
    """The public names are loaded when they are first used, so that `dsbuild --help` need not import polars."""
    if name not in _HOMES:
        raise AttributeError(f"module 'datasetbuild' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
