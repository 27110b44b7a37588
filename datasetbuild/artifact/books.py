"""The books of an artifact that people read: the card, the report, and what else is written of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasetbuild.artifact.card import make_card
from datasetbuild.artifact.manifest import MANIFEST_VERSION as MANIFEST_VERSION
from datasetbuild.artifact.manifest import make_metrics as make_metrics
from datasetbuild.artifact.manifest import pretty_json as pretty_json
from datasetbuild.artifact.manifest import read_manifest as read_manifest
from datasetbuild.artifact.plots import make_plots as make_plots

if TYPE_CHECKING:
    import polars as pl


def write_pages(
    draft: Path, manifest: Mapping[str, Any], ledger: pl.DataFrame, samples: Mapping[str, Any], description: str | None
) -> list[str]:
    """Write README.md and report.html into the draft of an artifact; returns their names.

    manifest: without `files`. samples: rows to read, as `engine.samples` draws them.
    """
    from datasetbuild.artifact.report.page import make_page

    (draft / "README.md").write_text(make_card(manifest, description), encoding="utf-8")
    (draft / "report.html").write_text(make_page(manifest, ledger, samples, description), encoding="utf-8")
    return ["README.md", "report.html"]
