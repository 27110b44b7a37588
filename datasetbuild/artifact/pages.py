"""The pages of an artifact that people read: the card and the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasetbuild.artifact.card import make_card

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
