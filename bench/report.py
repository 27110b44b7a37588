"""Write the tables of bench/README.md from bench/results: medians of the repeats, ratios, and what must hold.

    python bench/report.py

Of each tool the results of its latest session count. CPU seconds are the figures to compare: wall times and, less, CPU
seconds grow with whatever else the machine does. What ran side by side in each round (a build and the floors behind it, a
sweep and the build behind it) is compared within its round, and the median of those ratios counts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

BENCH = Path(__file__).resolve().parent
START, END = "<!-- tables: written by bench/report.py -->", "<!-- end of tables -->"

OURS, BESIDE = "dsbuild -j 1", "build beside it"
TOOLS = {
    "dsbuild -j 1": "dsbuild -j 1",
    "dsbuild -j 2": "dsbuild -j 2",
    "tutorial": "tutorial script",
    "datatrove": "datatrove",
    "data-juicer": "Data-Juicer",
}
FLOORS = ("parse", "hash words", "render", "tokenize", "write")

Run = dict[str, Any]
Cost = tuple[str, str, Callable[[Run], float]]
"""What is compared in each round: the tool, the scenario, and the CPU seconds of one run of it."""


@dataclass
class Size:
    """What was measured at one number of rows: (tool, scenario) -> results of the tool's latest session."""

    rows: int
    found: dict[tuple[str, str], list[dict[str, Any]]]
    machine: dict[str, Any]

    def all(self, tool: str, scenario: str, field: str) -> list[Any]:
        return [one[field] for one in self.found.get((tool, scenario), []) if one.get(field) is not None]

    def value(self, tool: str, scenario: str, field: str) -> float | None:
        """The median, or None when it was not measured."""
        values = self.all(tool, scenario, field)
        return median(values) if values else None

    def rounds(self, top: Cost, base: Cost) -> list[float]:
        """What `top` cost in each round, over what `base` cost in it; empty where they are of different sessions."""
        found: list[dict[tuple[int, int], float]] = []
        for tool, scenario, cost in (top, base):
            runs = self.found.get((tool, scenario), [])
            found.append({(run["session"], run["repeat"]): cost(run) for run in runs})
        return [found[0][at] / found[1][at] for at in sorted(found[0].keys() & found[1].keys())]

    def floors(self) -> dict[str, float]:
        """Median CPU seconds of each floor; empty when they were not measured."""
        runs = self.all("floors", "cold", "floors")
        return {name: median(run[name] for run in runs) for name in FLOORS} if runs else {}

    def lap(self, name: str, clock: str) -> float | None:
        """Median seconds of one lap of the decision alone."""
        laps = self.all(OURS, "decision alone", "laps")
        return median(lap[name][clock] for lap in laps) if laps else None


def read(folder: Path) -> list[Size]:
    """All sizes, smallest first."""
    return [_size(path) for path in sorted(folder.glob("*.jsonl"), key=lambda path: int(path.stem))]


def _size(path: Path) -> Size:
    session, latest = 0, {}
    lines: list[tuple[int, dict[str, Any]]] = []
    machine: dict[str, Any] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["tool"] == "session":
            session, machine = session + 1, line["machine"]
        else:
            lines.append((session, line | {"session": session}))
            latest[line["tool"], line["scenario"]] = session
    found = defaultdict(list)
    for number, line in lines:
        if latest[line["tool"], line["scenario"]] == number:
            found[line["tool"], line["scenario"]].append(line)
    return Size(int(path.stem), dict(found), machine)


def number(value: float | None, form: str = ".1f", unit: str = "") -> str:
    return "-" if value is None else f"{value:{form}}{unit}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None


def cost(size: Size) -> str:
    """The whole workload from nothing."""
    rows = []
    for tool, title in TOOLS.items():
        if (tool, "cold") not in size.found:
            continue
        cpu = size.all(tool, "cold", "cpu")
        spread = f"{min(cpu):.1f} - {max(cpu):.1f}" if len(cpu) > 1 else "one run"
        times = ratio(size.value(tool, "cold", "cpu"), size.value(OURS, "cold", "cpu"))
        rows.append([
            title, number(size.value(tool, "cold", "cpu")), spread, number(times, ".1f", "x"),
            number(size.value(tool, "cold", "wall")), number(size.value(tool, "cold", "load")),
            number(size.value(tool, "cold", "peak_mb"), ",.0f"),
            number(size.value(tool, "cold", "peak_own_mb"), ",.0f"), number(size.value(tool, "cold", "kept"), ",.0f"),
            number(size.value(tool, "changed", "disk_mb"), ",.0f"),
        ])  # fmt: skip
    head = [
        "",
        "CPU s",
        "of repeats",
        "of dsbuild -j 1",
        "wall s",
        "load",
        "peak MB",
        "without mapped files",
        "rows kept",
        "MB on disk after 3 runs",
    ]
    return table(head, rows)


def reruns(size: Size) -> str:
    """Nothing changed, and one bound changed."""
    rows = []
    for tool, title in TOOLS.items():
        cold = size.value(tool, "cold", "cpu")
        if cold is None:
            continue
        cells = [title, number(cold)]
        for scenario in ("unchanged", "changed"):
            again = size.value(tool, scenario, "cpu")
            share = ratio(again, cold)
            cells += [
                number(again),
                number(size.value(tool, scenario, "wall")),
                number(share and 100 * share, ".0f", " %"),
            ]
        stale = size.all(tool, "changed", "kept_digest") == size.all(tool, "cold", "kept_digest")
        rows.append([*cells, "**no: the old result**" if stale else "yes"])
    head = [
        "",
        "cold CPU s",
        "unchanged: CPU s",
        "wall s",
        "of cold",
        "changed: CPU s",
        "wall s",
        "of cold",
        "new bound applied",
    ]
    return table(head, rows)


def pairs(size: Size) -> str:
    """Planted pairs that near dedup decides about."""
    rows = []
    for tool, title in TOOLS.items():
        for found in size.all(tool, "cold", "pairs")[:1]:
            missed, merged = (100 * found[a] / max(found[b], 1) for a, b in (("missed", "alike"), ("merged", "unlike")))
            rows.append(
                [
                    title,
                    f"{found['missed']} of {found['alike']}",
                    f"{missed:.1f} %",
                    f"{found['merged']} of {found['unlike']}",
                    f"{merged:.1f} %",
                ]
            )
    return table(["", "Jaccard >= 0.8, both kept (missed)", "", "below 0.8, one removed (merged)", ""], rows)


def floors(size: Size) -> str:
    """The floors, and how far above them the build is."""
    found = size.floors()
    total = sum(found.values())
    rows = [[name, f"{value:.2f}"] for name, value in found.items()]
    rows.append(["**sum**", f"**{total:.2f}**"])
    if (cpu := size.value(OURS, "cold", "cpu")) and (rounds := above_floors(size)):
        rows.append([OURS, f"{cpu:.2f}, in its rounds {', '.join(f'{one:.2f}x' for one in rounds)}"])
    return table(["floor", "CPU s"], rows)


def decisions(size: Size) -> str:
    """Sweeps, and decisions alone."""
    build = size.value(OURS, BESIDE, "cpu")
    titles = {BESIDE: "one build", "changed": "one bound changed", "unchanged": "nothing changed"}
    rows = []
    for scenario in (BESIDE, "sweep, from nothing", "sweep, after a build", "changed", "unchanged"):
        if (cpu := size.value(OURS, scenario, "cpu")) is not None:
            title = titles.get(scenario, scenario)
            rows.append(
                [
                    title,
                    f"{cpu:.2f}",
                    number(size.value(OURS, scenario, "wall"), ".2f"),
                    number(ratio(cpu, build), ".2f", "x"),
                ]
            )
    for lap in ("start", "look up", "gather", "decide"):
        if (cpu := size.lap(lap, "cpu")) is not None:
            rows.append([f"decision alone: {lap}", f"{cpu:.2f}", number(size.lap(lap, "wall"), ".2f"), ""])
    return table(["dsbuild -j 1", "CPU s", "wall s", "of one build"], rows)


@dataclass(frozen=True)
class Promise:
    """Something that must hold. measured: its values at a size, one a round where rounds are compared; the median counts."""

    text: str
    rows: int
    measured: Callable[[Size], list[float]]
    limit: float
    least: bool = False
    unit: str = ""

    def line(self, sizes: dict[int, Size]) -> list[str]:
        size = sizes.get(self.rows)
        values = self.measured(size) if size else []
        bound = f"{'at least' if self.least else 'at most'} {self.limit:g}{self.unit}"
        if not values:
            return [self.text, f"{self.rows:,}", bound, "not measured", "", ""]
        value = median(values)
        holds = value >= self.limit if self.least else value <= self.limit
        spread = f"{min(values):.2f} - {max(values):.2f}" if len(values) > 1 else ""
        return [self.text, f"{self.rows:,}", bound, f"{value:.2f}{self.unit}", spread, "yes" if holds else "**no**"]


def one(value: float | None) -> list[float]:
    """A figure that is no ratio within rounds."""
    return [] if value is None else [value]


def times(tool: str) -> Callable[[Size], list[float]]:
    return lambda size: one(ratio(size.value(tool, "cold", "cpu"), size.value(OURS, "cold", "cpu")))


def taken(tool: str, scenario: str, field: str) -> Callable[[Size], list[float]]:
    """Every run's value."""
    return lambda size: size.all(tool, scenario, field)


def missed(size: Size) -> list[float]:
    return [100 * found["missed"] / max(found["alike"], 1) for found in size.all(OURS, "cold", "pairs")]


def below(size: Size) -> list[float]:
    return [float(found["below"]) for found in size.all(OURS, "cold", "own_account")]


def above_floors(size: Size) -> list[float]:
    return size.rounds(
        (OURS, "cold", lambda run: run["cpu"]), ("floors", "cold", lambda run: sum(run["floors"][f] for f in FLOORS))
    )


def swept(size: Size) -> list[float]:
    """A sweep from nothing over the build behind it."""
    return size.rounds((OURS, "sweep, from nothing", lambda run: run["cpu"]), (OURS, BESIDE, lambda run: run["cpu"]))


def decided(size: Size) -> list[float]:
    laps = size.all(OURS, "decision alone", "laps")
    return [sum(lap[name]["wall"] for name in ("look up", "gather", "decide")) for lap in laps]


def rewritten(size: Size) -> list[float]:
    """CPU of the re-run after a changed bound without its decision, over the floor of writing."""
    laps = [size.lap(name, "cpu") for name in ("start", "look up", "gather", "decide")]
    if None in laps:
        return []
    decision = sum(lap for lap in laps if lap is not None)
    return size.rounds(
        (OURS, "changed", lambda run: run["cpu"] - decision), ("floors", "cold", lambda run: run["floors"]["write"])
    )


def promises(sizes: dict[int, Size]) -> Iterator[Promise]:
    """Issue 4's list."""
    both = (100_000, 1_000_000)
    for rows in both:
        yield Promise("CPU of the tutorial script / dsbuild -j 1", rows, times("tutorial"), 10, True, "x")
        yield Promise("CPU of datatrove / dsbuild -j 1", rows, times("datatrove"), 5, True, "x")
    yield Promise("CPU of Data-Juicer / dsbuild -j 1", 10_000, times("data-juicer"), 50, True, "x")
    for rows in both:
        yield Promise("CPU of dsbuild -j 1 / sum of the floors", rows, above_floors, 1.5, unit="x")
        yield Promise("peak memory, -j 1", rows, taken(OURS, "cold", "peak_mb"), 600, unit=" MB")
        yield Promise("peak memory, -j 2", rows, taken("dsbuild -j 2", "cold", "peak_mb"), 600, unit=" MB")
    yield Promise("planted pairs with Jaccard >= 0.8 missed", 100_000, missed, 1, unit=" %")
    yield Promise("near-duplicates below the threshold merged on their own account", 100_000, below, 0)
    for rows in both:
        yield Promise("decision after one changed bound (look up + gather + decide), wall", rows, decided, 2, unit=" s")
        yield Promise("rewriting the artifact / floor of writing, CPU", rows, rewritten, 2, unit="x")
        yield Promise("sweep of 9 points / one build, CPU", rows, swept, 1.2, unit="x")
    yield Promise("re-run unchanged, wall", 1_000_000, taken(OURS, "unchanged", "wall"), 1.5, unit=" s")
    yield Promise("1k rows cold, wall", 1000, taken(OURS, "cold", "wall"), 3, unit=" s")

    def growth(size: Size) -> list[float]:
        per_row = [ratio(sizes[rows].value(OURS, "cold", "cpu"), rows) for rows in reversed(both) if rows in sizes]
        return one(ratio(per_row[0], per_row[1])) if len(per_row) == 2 else []

    yield Promise("CPU per row at 1M / at 100k", 1_000_000, growth, 1.2, unit="x")


def tables(sizes: list[Size]) -> str:
    """All tables as Markdown."""
    by_rows = {size.rows: size for size in sizes}
    parts = [
        "## What must hold\n",
        table(["", "rows", "limit", "measured", "of rounds", "holds"], [p.line(by_rows) for p in promises(by_rows)]),
    ]
    for size in reversed(sizes):
        machine = size.machine
        parts.append(f"\n## {size.rows:,} rows\n")
        where = f"{machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, Python {machine['python']}"
        parts.append(f"{where}; medians of the repeats.\n")
        sections: list[tuple[str, Callable[[Size], str], bool]] = [
            ("From nothing", cost, any((tool, "cold") in size.found for tool in TOOLS)),
            ("Run again", reruns, any((tool, "changed") in size.found for tool in TOOLS)),
            ("Near-duplicates", pairs, any(size.all(tool, "cold", "pairs") for tool in TOOLS)),
            ("Floors", floors, bool(size.floors())),
            ("Decisions", decisions, (OURS, "decision alone") in size.found),
        ]
        for title, make, there in sections:
            if there:
                parts += [f"### {title}\n", make(size), ""]
    versions = next((size.machine["versions"] for size in reversed(sizes)), {})
    parts.append(
        "Versions: "
        + ", ".join(f"{name} {value}" for name, value in versions.items())
        + "; the peers' are in `requirements/`."
    )
    return "\n".join(parts)


def main() -> None:
    """Write the tables between their marks."""
    page = BENCH / "README.md"
    text = page.read_text(encoding="utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    page.write_text(f"{before}{START}\n{tables(read(BENCH / 'results'))}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
