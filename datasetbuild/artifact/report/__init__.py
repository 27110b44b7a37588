"""The report: one self-contained page that a person wants to read, and the same in short for a pull request.

    numbers     a ledger as counts, bins and shares: integers wherever something is decided
    charts      those as SVG, drawn here
    page        the page: template, style, script and samples in one file that asks nothing of the network
    brief       the same in short, as Markdown
"""

from __future__ import annotations
