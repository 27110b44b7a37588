"""Charts as SVG, drawn here: no library, no script, every text escaped. Colours are classes of the page's style, so that
one drawing serves the light and the dark page.

Sizes are in the units of each `viewBox`; labels are placed so that none is cut off or lies over another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from datasetbuild.artifact.report.numbers import Bins, Count, Multiple

HUES = 8
"""Colours of sources; more sources start again."""


def tag(name: str, inner: str | Iterable[str] = "", **attributes: Any) -> str:
    """One SVG element. inner: escaped already, or other elements. Attribute names: `_` stands for `-`, `class_` for `class`."""
    parts = [f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"' for key, value in attributes.items() if value is not None]
    body = inner if isinstance(inner, str) else "".join(inner)
    return f"<{name}{''.join(parts)}>{body}</{name}>" if body else f"<{name}{''.join(parts)}/>"


def _plain(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text(said: str, x: float, y: float, *, anchor: str = "start", kind: str | None = None, most: int = 40) -> str:
    """A label; cut with an ellipsis, and then whole in its tooltip."""
    short = shorten(said, most)
    title = tag("title", escape(said)) if short != said else ""
    return tag("text", escape(short) + title, x=x, y=y, text_anchor=None if anchor == "start" else anchor, class_=kind)


def shorten(said: str, most: int) -> str:
    """The begin of a text, with an ellipsis where it is longer."""
    return said if len(said) <= most else said[: most - 1] + "…"


def figure(width: float, height: float, label: str, inner: Iterable[str], kind: str = "") -> str:
    """A drawing that scales with its column and says what it shows to those who cannot see it."""
    return tag("svg", inner, viewBox=f"0 0 {_plain(float(width))} {_plain(float(height))}", role="img", aria_label=label, class_=f"chart {kind}".strip())


def number(value: float) -> str:
    """A number as people write it: 12,345, 0.25, 1.5k never."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def percent(share: float) -> str:
    """A share in percent, with a decimal where it says something."""
    value = share * 100
    return f"{value:.0f} %" if value >= 99.95 or value == 0 else f"{value:.1f} %" if value >= 0.1 else "< 0.1 %"


# The river: sources on the left, where their rows ended on the right.

WIDE, LEFT, RIGHT, NODE, GAP, SLOT = 960, 150, 270, 10, 6, 20


def river(sources: Sequence[tuple[str, int]], ends: Sequence[tuple[str, str, int]], flows: dict[tuple[int, int], int]) -> str:
    """Sources to ends as bands whose height is their rows.

    sources: (name, rows). ends: (label, `kept` or `lost`, rows). flows: (source, end) -> rows.
    """
    total = sum(rows for _, rows in sources) or 1
    tall = max(240, SLOT * max(len(sources), len(ends)))
    scale = tall / total
    lefts, left_height = _stack([rows * scale for _, rows in sources])
    rights, right_height = _stack([rows * scale for _, _, rows in ends])
    height = max(left_height, right_height) + 34
    lefts = [(y + (height - 34 - left_height) / 2 + 26, h) for y, h in lefts]
    rights = [(y + (height - 34 - right_height) / 2 + 26, h) for y, h in rights]
    x0, x1 = LEFT + NODE, WIDE - RIGHT - NODE
    parts = [text("sources", LEFT + NODE, 12, anchor="end", kind="head"), text("where their rows are", WIDE - RIGHT - NODE, 12, kind="head")]
    out, into = [y for y, _ in lefts], [y for y, _ in rights]
    for (source, end), rows in sorted(flows.items()):
        thick = rows * scale
        title = tag("title", escape(f"{sources[source][0]} → {ends[end][0]}: {rows:,} rows"))
        kind = f"band s{source % HUES}" if ends[end][1] == "kept" else "band lost"
        parts.append(tag("path", title, d=_band(x0, out[source], x1, into[end], max(thick, 0.6)), class_=kind))
        out[source] += thick
        into[end] += thick
    for index, ((name, rows), (y, h)) in enumerate(zip(sources, lefts, strict=True)):
        parts.append(tag("rect", x=LEFT, y=y, width=NODE, height=max(h, 1.5), rx=2, class_=f"fill s{index % HUES}"))
        parts.append(text(name, LEFT - 10, y + h / 2 - 1, anchor="end", most=20))
        parts.append(text(f"{rows:,}", LEFT - 10, y + h / 2 + 12, anchor="end", kind="quiet") if h >= SLOT + 6 else "")
    for (label, kind, rows), (y, h) in zip(ends, rights, strict=True):
        parts.append(tag("rect", x=x1, y=y, width=NODE, height=max(h, 1.5), rx=2, class_=f"fill {kind}"))
        said = tag("tspan", escape(shorten(label, 32)), class_="strong" if kind == "kept" else None)
        said += tag("tspan", escape(f"  {rows:,}"), class_="quiet", dx=6)
        parts.append(tag("text", said + tag("title", escape(label)), x=x1 + NODE + 10, y=y + h / 2 + 4))
    return figure(WIDE, height, "rows from each source to the splits and the reasons for which they were lost", parts, "river")


def _stack(heights: Sequence[float]) -> tuple[list[tuple[float, float]], float]:
    """Nodes below one another, each with room for its label: (top of the node, its height), and the height of all."""
    placed, y = [], 0.0
    for height in heights:
        slot = max(height, SLOT)
        placed.append((y + (slot - height) / 2, height))
        y += slot + GAP
    return placed, y


def _band(x0: float, y0: float, x1: float, y1: float, thick: float) -> str:
    mid = (x0 + x1) / 2
    n = _plain
    return (
        f"M{n(float(x0))} {n(float(y0))}C{n(mid)} {n(float(y0))} {n(mid)} {n(float(y1))} {n(float(x1))} {n(float(y1))}"
        f"V{n(float(y1 + thick))}C{n(mid)} {n(float(y1 + thick))} {n(mid)} {n(float(y0 + thick))} {n(float(x0))} {n(float(y0 + thick))}Z"
    )


# Histograms


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers between two, `most` of them at most."""
    if high <= low:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((f * power for f in (1.0, 2.0, 2.5, 5.0, 10.0) if f * power >= raw), 10.0 * power)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def histogram(counts: Sequence[int], bins: Bins, label: str, marks: Sequence[tuple[str, float]] = (), unit: str = "rows") -> str:
    """Bars over round bins, what lies beyond in one more, and marks such as a quantile as lines with their names.

    counts: `bins.count + 1` numbers. marks: (name, value), from the smallest.
    """
    width, height, left, right, bottom = 420.0, 180.0, 44.0, 14.0, 26.0
    shown = [mark for mark in marks if bins.start <= mark[1]]
    top = 14.0 + 14.0 * len(shown)
    over = counts[-1] > 0
    slots = bins.count + (2 if over else 0)
    wide = (width - left - right) / slots
    most = max(counts) or 1
    stop = bins.start + bins.count * bins.step

    def x_of(value: float) -> float:
        return left + min((value - bins.start) / bins.step, slots - 0.5 if over else float(slots)) * wide

    parts = _rungs(most, left, width - right, top, height - bottom)
    for place, count in enumerate(counts):
        if not count:
            continue
        tall = count / most * (height - bottom - top)
        x = left + (place if place < bins.count else bins.count + 1) * wide
        low = bins.start + place * bins.step
        span = f"{number(low)} to {number(low + bins.step)}" if place < bins.count else f"above {number(stop)}"
        title = tag("title", escape(f"{span}: {count:,} {unit}"))
        parts.append(tag("rect", title, x=x + 0.5, y=height - bottom - max(tall, 1), width=max(wide - 1, 0.8), height=max(tall, 1.0), class_="bar" if place < bins.count else "bar over"))
    for value in ticks(bins.start, stop):
        x = x_of(value)
        parts.append(text(number(value), x, height - 9, anchor="middle" if x > left + 8 else "start", kind="quiet"))
    if over and x_of(stop) < width - right - 30:
        parts.append(text("more", left + (bins.count + 1.5) * wide, height - 9, anchor="middle", kind="quiet"))
    for row, (name, value) in enumerate(shown):
        x, y = x_of(value), 16.0 + 14 * row
        end = x > width * 0.62
        parts.append(tag("line", x1=x, x2=x, y1=y - 6, y2=height - bottom, class_="mark"))
        parts.append(text(f"{name} {number(value)}", x - 5 if end else x + 5, y, anchor="end" if end else "start", kind="marked"))
    return figure(width, height, label, parts)


def _rungs(most: int, left: float, right: float, top: float, bottom: float) -> list[str]:
    parts = []
    for value in ticks(0, most, 3):
        if value != int(value):
            continue
        y = bottom - value / most * (bottom - top)
        parts.append(tag("line", x1=left, x2=right, y1=y, y2=y, class_="rung" if value else "axis"))
        parts.append(text(number(value), left - 6, y + 4, anchor="end", kind="quiet"))
    return parts


def multiple(one: Multiple) -> str:
    """A fact's small histograms below one another: all records pale, kept ones solid, medians and bounds as lines."""
    width, left, right, row, head, foot = 360.0, 92.0, 10.0, 30.0, 4.0, 22.0
    bins = one.bins
    over = any(spread.every[-1] for spread in one.spreads)
    slots = bins.count + (1.5 if over else 0)
    wide = (width - left - right) / slots
    height = head + row * len(one.spreads) + foot

    def x_of(value: float) -> float:
        return left + min(max((value - bins.start) / bins.step, 0.0), float(slots)) * wide

    parts = []
    for index, spread in enumerate(one.spreads):
        base = head + row * (index + 1)
        most = max(spread.every) or 1
        parts.append(text(spread.source, left - 8, base - 7, anchor="end", most=14))
        parts.append(tag("line", x1=left, x2=width - right, y1=base, y2=base, class_="axis"))
        for counts, kind in ((spread.every, "pale"), (spread.kept, "bar")):
            parts.append(_strip(counts, most, left, base, wide, row - 6, bins, kind))
        if spread.median is not None:
            x = x_of(spread.median)
            title = tag("title", escape(f"{spread.source}: median {number(spread.median)}"))
            parts.append(tag("path", title, d=f"M{_plain(x - 3.5)} {_plain(base + 5)}h7l-3.5 -5z", class_="median"))
    bottom = head + row * len(one.spreads)
    for value in ticks(bins.start, bins.stop, 4):
        x = x_of(value)
        parts.append(text(number(value), x, height - 6, anchor="middle" if x > left + 6 else "start", kind="quiet"))
    for word, value in one.bounds.items():
        if bins.start <= value <= bins.stop:
            x = x_of(value)
            title = tag("title", f"{word} {number(value)}")
            parts.append(tag("line", title, x1=x, x2=x, y1=head, y2=bottom, class_="bound"))
    return figure(width, height, f"{one.fact.name} by source", parts)


def _strip(counts: Sequence[int], most: int, left: float, base: float, wide: float, tall: float, bins: Bins, kind: str) -> str:
    """The bars of one source as one path: a hundred sources of thirty bars stay a small page."""
    d = []
    for place, count in enumerate(counts):
        if count:
            x = left + (place if place < bins.count else bins.count + 0.5) * wide
            h = max(count / most * tall, 0.8)
            d.append(f"M{_plain(x)} {_plain(base)}v{_plain(-h)}h{_plain(max(wide - 0.6, 0.6))}v{_plain(h)}z")
    return tag("path", d="".join(d), class_=kind) if d else ""


# Rings


def sunburst(rings: Sequence[tuple[str, int, list[Count]]]) -> str:
    """Verbs inside, their objects outside; what is too narrow for a label has it in its tooltip."""
    size, middle = 420.0, 210.0
    total = sum(count for _, count, _ in rings) or 1
    parts, angle = [], 0.0
    for index, (verb, count, objects) in enumerate(rings):
        sweep = count / total * 360
        parts.append(_arc(middle, 62, 126, angle, angle + sweep, f"arc s{index % HUES}", f"{verb}: {count:,}"))
        parts += _on_arc(verb, middle, 94, angle + sweep / 2, sweep, 11)
        inner = angle
        for one in objects:
            part = one.kept / total * 360
            parts.append(_arc(middle, 128, 196, inner, inner + part, f"arc outer s{index % HUES}", f"{verb} {one.value}: {one.kept:,}"))
            parts += _on_arc(one.value, middle, 162, inner + part / 2, part, 11)
            inner += part
        angle += sweep
    return figure(size, size, "instructions by verb and object", parts, "sunburst")


def _point(middle: float, radius: float, degrees: float) -> tuple[float, float]:
    turn = math.radians(degrees - 90)
    return round(middle + radius * math.cos(turn), 2), round(middle + radius * math.sin(turn), 2)


def _arc(middle: float, inside: float, outside: float, start: float, stop: float, kind: str, title: str) -> str:
    stop = min(stop, start + 359.99)
    large = int(stop - start > 180)
    (ax, ay), (bx, by) = _point(middle, outside, start), _point(middle, outside, stop)
    (cx, cy), (dx, dy) = _point(middle, inside, stop), _point(middle, inside, start)
    d = f"M{ax} {ay}A{outside} {outside} 0 {large} 1 {bx} {by}L{cx} {cy}A{inside} {inside} 0 {large} 0 {dx} {dy}Z"
    return tag("path", tag("title", escape(title)), d=d, class_=kind)


def _on_arc(said: str, middle: float, radius: float, degrees: float, sweep: float, most: int) -> list[str]:
    """A label along the radius, where the arc is wide enough for a line of text."""
    if math.radians(sweep) * radius < 13:
        return []
    x, y = _point(middle, radius, degrees)
    turn = degrees - 90 if degrees <= 180 else degrees + 90
    label = escape(shorten(said, most))
    return [tag("text", label, x=x, y=y + 3.5, text_anchor="middle", transform=f"rotate({_plain(float(round(turn, 2)))} {x} {y})", class_="onarc")]
