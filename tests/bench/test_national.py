"""National ids: every country's numbers are found and its decoys are not, as the table of the docs says."""

from __future__ import annotations

import pytest

from datasetbuild.stages.detect.national import REGIONS


@pytest.mark.parametrize("region", REGIONS)
def test_precision_and_recall(region: str) -> None:
    """At least 0.95 each, on numbers made with another implementation of their checks."""
    pytest.importorskip("stdnum", reason="python-stdnum, the oracle of the benchmark, is not installed")
    from bench.quality.national import measure

    (line,), sentences = measure(region)
    assert min(line[3], line[4]) >= 0.95, sentences  # type: ignore[type-var]
