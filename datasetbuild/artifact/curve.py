"""The curve of a sweep as one self-contained HTML page: an SVG drawn here, no script and no address of anything else."""

from __future__ import annotations

from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 320, 64, 44, 16, 180
COLORS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f", "#57534e")

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; } td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #8884; }
svg text { fill: currentColor; font-size: 12px; } .axis { stroke: currentColor; stroke-opacity: .4; }
"""


def curve_page(name: str, rows: list[dict[str, Any]]) -> str:
    """A page with the kept records against the first swept number, one line for each value of the other ones.

    rows: as the sweep's table prints them; the columns before `kept` are what was swept.
    """
    swept = list(rows[0])[: list(rows[0]).index("kept")]
    table = _table(rows)
    if not swept or any(_number(row[swept[0]]) is None for row in rows):
        drawing = "<p>What was swept is no number, so there is no curve.</p>"
    else:
        drawing = _svg(swept[0], _lines(swept, rows))
    title = f"{escape(name)}: records kept"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>\n'
        f"<body><h1>{title}</h1>\n{drawing}\n{table}</body></html>\n"
    )


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _lines(swept: list[str], rows: list[dict[str, Any]]) -> dict[str, list[tuple[float, int]]]:
    lines: dict[str, list[tuple[float, int]]] = {}
    for row in rows:
        label = ", ".join(f"{column}={row[column]}" for column in swept[1:])
        lines.setdefault(label, []).append((float(row[swept[0]]), row["kept"]))
    return {label: sorted(points) for label, points in lines.items()}


def _svg(axis: str, lines: dict[str, list[tuple[float, int]]]) -> str:
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    low, high = min(ys), max(ys)
    low, high = (low - 1, high + 1) if low == high else (low, high)
    span = (max(xs) - min(xs)) or 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (x - min(xs)) / span * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - BOTTOM - TOP),
        )

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="records kept against {escape(axis)}">']
    for y in (low, (low + high) / 2, high):
        _, py = at(min(xs), y)
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{py:.1f}" y2="{py:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{py + 4:.1f}" text-anchor="end">{y:.0f}</text>')
    for x in sorted(set(xs)):
        px, _ = at(x, low)
        parts.append(f'<text x="{px:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(axis)}</text>')
    for place, (label, points) in enumerate(lines.items()):
        color = COLORS[place % len(COLORS)]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in (at(x, y) for x, y in points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        for x, y in points:
            px, py = at(x, y)
            parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" fill="{color}"><title>{x:g}: {y}</title></circle>')
        if label:
            parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{TOP + 14 + 18 * place}" style="fill:{color}">{escape(label)}</text>')
    return "\n".join([*parts, "</svg>"])


def _table(rows: list[dict[str, Any]]) -> str:
    head = "".join(f"<th>{escape(str(column))}</th>" for column in rows[0])
    body = "\n".join("<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row.values()) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"
