"""Parameters for facts that need some, so that tests and benchmarks can measure every registered fact."""

from __future__ import annotations

from typing import Any

from datasetbuild.op import Operator, operators

GIVEN: dict[str, dict[str, Any]] = {"phrases": {"patterns": ["as an AI", r"I(?:'m| am) sorry", r"(?:a+)+$"]}}
"""For facts with a required parameter; one that needs a file or a preparation is left out."""


def measurable() -> list[tuple[Operator, dict[str, Any]]]:
    """Every fact of ours that is measured from records alone, with parameters."""
    found = []
    for op in operators("fact"):
        required = [name for name, parameter in op.parameters.items() if parameter.required]
        if op.needs == "records" and op.prepare is None and op.code is None and set(required) <= set(GIVEN.get(op.name, {})):
            found.append((op, GIVEN.get(op.name, {})))
    return found
