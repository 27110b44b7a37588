"""The page of what exports carry says what the profiles say."""

from __future__ import annotations

import runpy

from tests.conftest import ROOT


def test_the_page_of_exports_is_current() -> None:
    """`python docs/write_exports.py` writes it."""
    script = runpy.run_path(str(ROOT / "docs" / "write_exports.py"), run_name="page")
    assert script["PAGE"].read_text(encoding="utf-8") == script["page"]()
