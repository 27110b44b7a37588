"""The manifest: what an artifact says of itself, and what must be equal for it to be the same. Kept in git.

It holds no time, host or path of a machine: the same inputs give the same manifest, to the byte. `format_version` is
raised whenever a key changes its meaning; readers must refuse a version that they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from datasetbuild.errors import VersionError

MANIFEST_VERSION = 1


def pretty_json(value: Any) -> bytes:
    """JSON for people and git: sorted keys, two blanks, a line end."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of an artifact's folder; None when there is none that this version can read."""
    try:
        manifest = orjson.loads((folder / "manifest.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, orjson.JSONDecodeError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("format_version") == MANIFEST_VERSION else None


def parse_manifest(data: bytes, where: str = "the manifest") -> dict[str, Any]:
    """The manifest that these bytes are. where: as an error names it. `VersionError` when it is damaged, or of a version that is not ours."""
    try:
        manifest = orjson.loads(data)
        version = manifest["format_version"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise VersionError(f"{where} is damaged: it is no JSON of ours", hint="git log, then take another commit") from None
    if version != MANIFEST_VERSION:
        raise VersionError(
            f"{where} has format_version {version}, and this dsbuild reads {MANIFEST_VERSION}",
            hint="use the dsbuild that wrote it",
        )
    return dict(manifest)


def split_note(manifest: Mapping[str, Any]) -> str | None:
    """What the shares that splits achieved are of, where the mix took records out of train."""
    left_out = manifest["counts"]["sources"][-1]["mix"]
    return f"achieved: of the distinct records that are left; the mix took {left_out} out of train" if left_out else None


def make_metrics(manifest: Mapping[str, Any]) -> dict[str, float | int]:
    """Flat numbers of a manifest, for `dvc metrics diff`."""
    total = manifest["counts"]["sources"][-1]
    metrics: dict[str, float | int] = {f"rows.{name}": value for name, value in total.items() if name in ("in", "kept")}
    metrics["rows.dropped"] = manifest["counts"]["dropped"]
    metrics["rows.quarantined"] = manifest["counts"]["quarantined"]
    for line in manifest["counts"]["sources"][:-1]:
        metrics[f"sources.{line['source']}.kept"] = line["kept"]
    for line in manifest["counts"]["reasons"]:
        name = f"reasons.{line['reason']}"
        metrics[name] = metrics.get(name, 0) + line["rows"]
    for name, split in manifest["splits"].items():
        metrics[f"splits.{name}.rows"] = split["rows"]
    for name, value in (manifest["tokens"] or {}).items():
        metrics[f"tokens.{name}"] = value
    for name, value in (manifest.get("cut") or {}).items():
        metrics[f"cut.{name}"] = value
    for status in ("passed", "warned", "failed"):
        metrics[f"checks.{status}"] = sum(check["status"] == status for check in manifest["checks"].values())
    for name, check in manifest["checks"].items():
        metrics |= {f"checks.{name}": check["worst"]} if check["worst"] is not None else {}
    return dict(sorted(metrics.items()))
