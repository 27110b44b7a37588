"""Write the tables of bench/README.md from bench/results: medians of the repeats, ratios, and what must hold.

    python bench/report.py

Of each tool the results of its latest session count. CPU seconds are the figures to compare: wall times and, less, CPU
seconds grow with whatever else the machine does.
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

OURS = "dsbuild -j 1"
TOOLS = {
    "dsbuild -j 1": "dsbuild -j 1",
    "dsbuild -j 2": "dsbuild -j 2",
    "tutorial": "tutorial script",
    "datatrove": "datatrove",
    "data-juicer": "Data-Juicer",
}
FLOORS = ("parse", "hash words", "render", "tokenize", "write")


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
            lines.append((session, line))
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
    for tool in ("dsbuild -j 1", "dsbuild -j 2"):
        if cpu := size.value(tool, "cold", "cpu"):
            rows.append([tool, f"{cpu:.2f} = {cpu / total:.2f}x"])
    return table(["floor", "CPU s"], rows)


def decisions(size: Size) -> str:
    """Sweeps, and decisions alone."""
    cold = size.value(OURS, "cold", "cpu")
    rows = []
    for scenario in ("cold", "sweep, from nothing", "sweep, after a build", "changed", "unchanged"):
        if (cpu := size.value(OURS, scenario, "cpu")) is not None:
            title = {"cold": "one build", "changed": "one bound changed", "unchanged": "nothing changed"}.get(
                scenario, scenario
            )
            rows.append(
                [
                    title,
                    f"{cpu:.2f}",
                    number(size.value(OURS, scenario, "wall"), ".2f"),
                    number(ratio(cpu, cold), ".2f", "x"),
                ]
            )
    for lap in ("start", "look up", "gather", "decide"):
        if (cpu := size.lap(lap, "cpu")) is not None:
            rows.append([f"decision alone: {lap}", f"{cpu:.2f}", number(size.lap(lap, "wall"), ".2f"), ""])
    return table(["dsbuild -j 1", "CPU s", "wall s", "of one build"], rows)


@dataclass(frozen=True)
class Promise:
    """Something that must hold. measured: the value at a size, None where it was not measured."""

    text: str
    rows: int
    measured: Callable[[Size], float | None]
    limit: float
    least: bool = False
    unit: str = ""

    def line(self, sizes: dict[int, Size]) -> list[str]:
        size = sizes.get(self.rows)
        value = self.measured(size) if size else None
        bound = f"{'at least' if self.least else 'at most'} {self.limit:g}{self.unit}"
        if value is None:
            return [self.text, f"{self.rows:,}", bound, "not measured", ""]
        holds = value >= self.limit if self.least else value <= self.limit
        return [self.text, f"{self.rows:,}", bound, f"{value:.2f}{self.unit}", "yes" if holds else "**no**"]


def times(tool: str) -> Callable[[Size], float | None]:
    return lambda size: ratio(size.value(tool, "cold", "cpu"), size.value(OURS, "cold", "cpu"))


def missed(size: Size) -> float | None:
    found = size.all(OURS, "cold", "pairs")
    return 100 * found[0]["missed"] / max(found[0]["alike"], 1) if found else None


def below(size: Size) -> float | None:
    found = size.all(OURS, "cold", "own_account")
    return float(found[0]["below"]) if found else None


def above_floors(size: Size) -> float | None:
    return ratio(size.value(OURS, "cold", "cpu"), sum(size.floors().values()))


def decided(size: Size) -> float | None:
    laps = [size.lap(name, "wall") for name in ("look up", "gather", "decide")]
    return sum(lap for lap in laps if lap is not None) if None not in laps else None


def rewritten(size: Size) -> float | None:
    """CPU of the re-run after a changed bound without its decision, over the floor of writing."""
    laps = [size.lap(name, "cpu") for name in ("start", "look up", "gather", "decide")]
    changed, floor = size.value(OURS, "changed", "cpu"), size.floors().get("write")
    if changed is None or floor is None or None in laps:
        return None
    return (changed - sum(lap for lap in laps if lap is not None)) / floor


def promises(sizes: dict[int, Size]) -> Iterator[Promise]:
    """Issue 4's list."""
    for rows in (100_000, 1_000_000):
        yield Promise("CPU of the tutorial script / dsbuild -j 1", rows, times("tutorial"), 10, True, "x")
        yield Promise("CPU of datatrove / dsbuild -j 1", rows, times("datatrove"), 5, True, "x")
    yield Promise("CPU of Data-Juicer / dsbuild -j 1", 10_000, times("data-juicer"), 50, True, "x")
    for rows in (100_000, 1_000_000):
        yield Promise("CPU of dsbuild -j 1 / sum of the floors", rows, above_floors, 1.5, unit="x")
        yield Promise("peak memory, -j 1", rows, lambda size: size.value(OURS, "cold", "peak_mb"), 600, unit=" MB")
        yield Promise(
            "peak memory, -j 2", rows, lambda size: size.value("dsbuild -j 2", "cold", "peak_mb"), 600, unit=" MB"
        )
    yield Promise("planted pairs with Jaccard >= 0.8 missed", 100_000, missed, 1, unit=" %")
    yield Promise("near-duplicates below the threshold merged on their own account", 100_000, below, 0)
    for rows in (100_000, 1_000_000):
        yield Promise("decision after one changed bound (look up + gather + decide), wall", rows, decided, 2, unit=" s")
        yield Promise("rewriting the artifact / floor of writing, CPU", rows, rewritten, 2, unit="x")
        yield Promise(
            "sweep of 9 points / one build, CPU",
            rows,
            lambda size: ratio(size.value(OURS, "sweep, from nothing", "cpu"), size.value(OURS, "cold", "cpu")),
            1.2,
            unit="x",
        )
    yield Promise(
        "re-run unchanged, wall", 1_000_000, lambda size: size.value(OURS, "unchanged", "wall"), 1.5, unit=" s"
    )
    yield Promise("1k rows cold, wall", 1000, lambda size: size.value(OURS, "cold", "wall"), 3, unit=" s")

    def growth(size: Size) -> float | None:
        per_row = [
            ratio(sizes[rows].value(OURS, "cold", "cpu"), rows) for rows in (1_000_000, 100_000) if rows in sizes
        ]
        return ratio(per_row[0], per_row[1]) if len(per_row) == 2 else None

    yield Promise("CPU per row at 1M / at 100k", 1_000_000, growth, 1.2, unit="x")


def tables(sizes: list[Size]) -> str:
    """All tables as Markdown."""
    by_rows = {size.rows: size for size in sizes}
    parts = [
        "## What must hold\n",
        table(["", "rows", "limit", "measured", "holds"], [p.line(by_rows) for p in promises(by_rows)]),
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
