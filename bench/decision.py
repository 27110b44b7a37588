"""How long a decision takes after everything was measured: load the recipe, find the measurements, gather, decide.

    python bench/decision.py PROJECT OVERRIDE...     (in a project that was built before)

Prints one JSON object with CPU and wall seconds: `start` (imports, recipe, plan), `look up` (the shards' measurements
in the cache), `gather` (the key plane), `decide` (every row's fate, balanced).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


class Laps:
    """CPU and wall seconds between marks."""

    def __init__(self) -> None:
        self.at = (0.0, time.perf_counter() - time.process_time())
        self.taken: dict[str, dict[str, float]] = {}

    def mark(self, name: str) -> None:
        now = (time.process_time(), time.perf_counter())
        self.taken[name] = {"cpu": round(now[0] - self.at[0], 3), "wall": round(now[1] - self.at[1], 3)}
        self.at = now


def main() -> None:
    """Decide once, and print what it took."""
    laps = Laps()
    from datasetbuild.engine.cache import Cache
    from datasetbuild.engine.decide import decide
    from datasetbuild.engine.evidence import Evidence
    from datasetbuild.engine.gather import gather
    from datasetbuild.engine.inputs import find_inputs
    from datasetbuild.engine.ledger import balance
    from datasetbuild.engine.local import Serial
    from datasetbuild.engine.resolve import resolve
    from datasetbuild.engine.run import measure, rows_read, silent
    from datasetbuild.plan.steps import make_plan
    from datasetbuild.recipe import load

    project = Path(sys.argv[1]).resolve()
    recipe = load(["recipe=w", *sys.argv[2:]], project=project)[0]
    plan, engine = make_plan(recipe.config), Serial()
    cache = Cache(project / ".dsbuild" / "cache")
    laps.mark("start")
    files = find_inputs(plan, cache, project)
    plan = resolve(plan, cache, project)
    pieces = measure(plan, cache, engine, project, files, silent)
    laps.mark("look up")
    plane = gather(cache, pieces)
    laps.mark("gather")
    decision = decide(plan, plane, Evidence(plan, cache, engine, pieces, plane, project, silent))
    balance(decision.rows, rows_read(plan, pieces))
    laps.mark("decide")
    fresh = sum(len(piece.measured.fresh) for piece in pieces)
    print(json.dumps({"laps": laps.taken, "kept": int((decision.rows["fate"] == "kept").sum()), "measured": fresh}))


if __name__ == "__main__":
    main()
