"""Writes Markdown tables, and replaces the generated blocks of a page."""

import re
from collections.abc import Iterable, Sequence

from bench.servers_under_test import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"

Rows = Iterable[Sequence[str]]


class NoSuchBlock(Exception):
    """The page has no markers with this name."""


def replace_block(page: str, name: str, content: str) -> str:
    """Return the page with `content` between the markers of `name`."""
    begin, end = f"<!-- begin generated: {name} -->", f"<!-- end generated: {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    replaced, count = pattern.subn(lambda _: f"{begin}\n{content.strip()}\n{end}", page)
    if count != 1:
        raise NoSuchBlock(f"{count} blocks are named {name!r}; there must be one")
    return replaced


def table(header: Sequence[str], rows: Rows) -> str:
    """Return a Markdown table. All columns but the first are aligned right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))
