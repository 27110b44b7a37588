"""The report in a real browser: a person searches, filters, reads, and presses keys; hostile text stays text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import BREAKOUT, EVIL

pytestmark = pytest.mark.xdist_group("browser")  # one browser


class Reader:
    """An open report, with all that it asked of the network and all that it complained of."""

    def __init__(self, page: Any, requests: list[str], complaints: list[str]) -> None:
        self.page, self.requests, self.complaints = page, requests, complaints

    @property
    def listed(self) -> int:
        return int(self.page.locator("#list li").count())

    @property
    def chosen(self) -> int:
        """The place of the row that is read."""
        return int(self.page.evaluate("[...document.querySelectorAll('#list li')].findIndex((one) => one.ariaSelected === 'true')"))

    @property
    def shown(self) -> str:
        return str(self.page.locator("#row").inner_text())

    @property
    def theme(self) -> str:
        return str(self.page.evaluate("document.documentElement.dataset.theme"))


@pytest.fixture
def read(browser: Any, hostile: Path) -> Any:
    """Opens the report: `read(width, scheme)`."""
    contexts = []

    def opened(width: int = 1200, scheme: str = "light") -> Reader:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page, requests, complaints = context.new_page(), [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.goto((hostile / "report.html").as_uri())
        return Reader(page, requests, complaints)

    yield opened
    for context in contexts:
        context.close()


def test_it_asks_for_nothing_and_runs_nothing(read: Callable[..., Reader], hostile: Path) -> None:
    """One request, for the page itself; no text of the data became markup or ran, wherever it stands, whatever is read."""
    report = read()
    assert report.requests == [(hostile / "report.html").as_uri()]
    assert report.complaints == []
    assert report.page.evaluate("window.hacked") is None
    assert report.page.locator("main script, main img, main iframe, main b > script").count() == 0
    for place in range(report.listed):
        report.page.locator("#list li").nth(place).click()
        if report.page.locator("#mask").is_visible():
            report.page.keyboard.press("m")
    assert report.page.evaluate("window.hacked") is None
    assert len(report.requests) == 1
    assert report.complaints == []


def test_markup_of_the_data_cannot_run(read: Callable[..., Reader]) -> None:
    """Even as markup it could not: the page's policy lets nothing run but its own script, and nothing load."""
    report = read()
    report.page.evaluate("(html) => { document.body.insertAdjacentHTML('beforeend', html) }", BREAKOUT)
    report.page.evaluate("() => { const one = document.createElement('script'); one.textContent = 'window.hacked = 9'; document.body.append(one) }")
    report.page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => null)")
    assert report.page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in one for one in report.complaints)


def test_searching_and_filtering(read: Callable[..., Reader]) -> None:
    """A search keeps the rows that hold it, marked; a reason and a source narrow it; nothing found is said."""
    report = read()
    every = report.listed
    assert every > 30
    report.page.keyboard.press("/")
    report.page.keyboard.type("bedside lamp")
    assert 0 < report.listed < every
    assert report.page.locator("#told").inner_text() == (f"{report.listed} rows" if report.listed > 1 else "1 row")
    assert report.page.locator("#row mark").count() > 0
    report.page.locator("#find").fill(EVIL)
    assert report.listed > 0
    assert EVIL in report.shown
    report.page.locator("#find").fill("no row says this")
    assert (report.listed, report.shown) == (0, "No sampled row matches.")
    report.page.locator("#find").fill("")
    report.page.locator("#group").select_option(label="filter: below min (1 of 1)")
    assert report.listed == 1
    assert "response_chars" in report.shown
    report.page.locator("#group").select_option("")
    report.page.locator("#source").select_option("more")
    assert 0 < report.listed < every


def test_keys(read: Callable[..., Reader]) -> None:
    """j and k walk, / searches, Escape leaves, m shows mask or conversation, t turns the light, ? explains."""
    report = read()
    press = report.page.keyboard.press
    press("j")
    press("j")
    assert report.chosen == 2
    press("k")
    assert report.chosen == 1
    assert report.page.locator("#row .trained").count() > 0
    press("m")
    assert report.page.locator("#row .trained").count() == 0
    assert report.page.locator("#row .turn").count() >= 2
    press("m")
    assert report.page.locator("#row .trained").count() > 0
    press("/")
    assert report.page.evaluate("document.activeElement.id") == "find"
    report.page.keyboard.type("j")
    assert report.page.locator("#find").input_value() == "j", "keys are letters while one types"
    press("Escape")
    before = report.theme
    press("t")
    assert report.theme != before
    press("?")
    assert report.page.locator("#help").is_visible()
    press("Escape")
    assert not report.page.locator("#help").is_visible()


def test_the_mask_is_that_of_the_tokens(read: Callable[..., Reader]) -> None:
    """What is coloured is what the template trains: the answers and the token that ends them."""
    report = read()
    report.page.locator("#source").select_option("more")
    report.page.locator("#group").select_option(index=1)
    trained = "".join(report.page.locator("#row .trained").all_inner_texts()).replace("↵", "")
    assert "It is number" in trained
    assert "<|im_end|>" in trained
    assert "And the other lamp" not in trained
    assert report.page.locator("#row .weighed").count() > 0, "the prompt has a weight of its own here"


def test_light_and_dark(read: Callable[..., Reader]) -> None:
    """The system's wish is followed, the button turns it, and both have enough contrast for their text."""
    contrast = """() => {
        const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map((n) => { n /= 255; return n <= .03928 ? n / 12.92 : ((n + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
        const of = (name) => { const one = document.createElement('i'); one.className = name; document.body.append(one); const found = getComputedStyle(one).color; one.remove(); return light(found) };
        const paper = light(getComputedStyle(document.body).backgroundColor);
        return ['', 'quiet', 'passed', 'warned', 'failed', 'control'].map((name) => { const ink = of(name); return (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05) });
    }"""
    for scheme, other in (("light", "dark"), ("dark", "light")):
        report = read(scheme=scheme)
        assert report.theme == scheme
        assert min(report.page.evaluate(contrast)) >= 4.5
        report.page.locator("#theme").click()
        assert report.theme == other


@pytest.mark.parametrize("width", [400, 768, 1200])
def test_nothing_is_cut_off(read: Callable[..., Reader], width: int) -> None:
    """The page is never wider than the window; every label of a drawing lies inside it, and none over another of its column."""
    report = read(width)
    assert report.page.evaluate("document.documentElement.scrollWidth") <= width
    outside = report.page.evaluate(
        """() => [...document.querySelectorAll('svg.chart text')].filter((one) => {
            const box = one.getBBox(), view = one.ownerSVGElement.viewBox.baseVal;
            if (one.hasAttribute('transform')) return false;
            return box.x < -1 || box.x + box.width > view.width + 1 || box.y < -2 || box.y + box.height > view.height + 2;
        }).map((one) => one.textContent)"""
    )
    assert outside == []
    overlapping = report.page.evaluate(
        """() => [...document.querySelectorAll('svg.river')].flatMap((chart) => {
            const boxes = [...chart.querySelectorAll('text')].map((one) => [one.getBBox(), one.textContent]);
            return boxes.flatMap(([a, said], n) => boxes.slice(n + 1).filter(([b]) => a.x < b.x + b.width && b.x < a.x + a.width && a.y + 3 < b.y + b.height && b.y + 3 < a.y + a.height).map(([, other]) => said + ' / ' + other));
        })"""
    )
    assert overlapping == []
