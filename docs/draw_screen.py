"""Draw docs/build.svg: the terminal screen of a real build of recipes/support_bot.yaml. `--check` only compares."""

from __future__ import annotations

import contextlib
import html
import io
import re
import shutil
import sys
import tempfile
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PICTURE = HERE / "build.svg"
CELL = 12.2
"""Width of a character in rich's SVG."""
TEXT = re.compile(r'x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength="[\d.]+"(?P<rest>[^>]*)>(?P<text>[^<]*)</text>')
COMMAND = "dsbuild recipe=support_bot"


def draw() -> str:
    """The SVG of a build in a copy of this project, with an empty cache."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI

    from datasetbuild.cli import main, output

    console = Console(record=True, width=92, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print(f"[bold green]$[/] [bold]{COMMAND}[/]")
    ours = mock.patch.object(output, "console", return_value=console)
    with tempfile.TemporaryDirectory() as folder, ours:
        for name in ("examples", "recipes"):
            shutil.copytree(ROOT / name, Path(folder) / name)
        with contextlib.chdir(folder):
            code = main([*COMMAND.split()[1:]])
    console.print()
    if code:
        raise SystemExit("the build failed")
    svg = console.export_svg(title="datasetbuild", theme=MONOKAI, unique_id="dsbuild")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # no fonts from the network
    return TEXT.sub(_trimmed, svg)


def _trimmed(match: re.Match[str]) -> str:
    """A piece of text without blanks around it: some renderers drop them, and with them the columns."""
    text = html.unescape(match["text"])
    bare = text.strip("\xa0 ")
    x = float(match["x"]) + CELL * (len(text) - len(text.lstrip("\xa0 ")))
    shown = html.escape(bare, quote=False).replace("\xa0", "&#160;")
    if not bare:
        return "></text>"
    return f'x="{x:g}" y="{match["y"]}" textLength="{CELL * len(bare):g}"{match["rest"]}>{shown}</text>'


def words(svg: str) -> list[str]:
    """What the picture says, whatever version of rich drew it and however many steps a build has."""
    screen = svg.split('clip-path="url(#dsbuild-clip-terminal)"')[-1]
    return html.unescape(re.sub(r"<[^>]*>", " ", screen)).split("(steps:")[0].split()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    drawn = draw()
    if "--check" in sys.argv:
        raise SystemExit(0 if words(drawn) == words(PICTURE.read_text(encoding="utf-8")) else "docs/build.svg is stale")
    PICTURE.write_text(drawn, encoding="utf-8")
