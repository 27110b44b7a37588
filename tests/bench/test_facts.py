"""The benchmark of facts measures every fact that is registered."""

from __future__ import annotations

import pytest

from bench.quality.facts import main
from datasetbuild.op import operators


def test_every_fact_is_in_the_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each fact has a line or is named as left out; a limit that is passed ends with 1."""
    monkeypatch.setattr("sys.argv", ["facts", "--records", "50", "--limit", "1e9"])
    assert main() == 0
    told = capsys.readouterr().out
    for op in operators("fact"):
        assert f"{op.name} " in told or op.name in told.split("left out: ")[1]
    monkeypatch.setattr("sys.argv", ["facts", "--records", "50", "--limit", "0"])
    assert main() == 1
