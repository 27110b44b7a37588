"""The code keeps the rules that pyproject.toml sets: every type holds, and every lint is clean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("command", [["mypy"], ["ruff", "check", "--no-cache", "."]], ids=lambda command: command[0])
def test_the_code_keeps_its_rules(command: list[str], tmp_path: Path) -> None:
    """mypy in strict mode and ruff find nothing."""
    pytest.importorskip(command[0])
    cache = ["--cache-dir", str(tmp_path)] if command[0] == "mypy" else []
    found = subprocess.run([sys.executable, "-m", *command, *cache], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
