"""The page about real data shows what its command prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.quality.found import build, tell
from tests.conftest import ROOT
from tests.test_docs import blocks, tidy

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_the_page_shows_what_is_found(data: Path, tmp_path: Path) -> None:
    """The table of docs/explanation/found-in-real-data.md is that of today's facts on the same sources."""
    page = (ROOT / "docs" / "explanation" / "found-in-real-data.md").read_text(encoding="utf-8")
    shown = next(block.text for block in blocks(page) if "found" in block.marks)
    assert tidy("\n".join(tell(build(data, tmp_path / "project")))) == tidy(shown)
