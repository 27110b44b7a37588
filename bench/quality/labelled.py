"""Where the labelled samples lie, and what a table of results looks like."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path


def data(name: str) -> Path:
    """A folder of labelled samples below `DSBUILD_REAL_DATA`; ends the program where it is not there."""
    folder = Path(os.environ.get("DSBUILD_REAL_DATA", "")) / name
    if not os.environ.get("DSBUILD_REAL_DATA") or not folder.is_dir():
        sys.exit(f"set DSBUILD_REAL_DATA to a folder that holds {name}/")
    return folder


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns with their widths made even."""
    cells = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)
