"""Measured numbers are in docs/benchmarks.md. Other pages link there: none can contradict it."""

import re
from pathlib import Path

import pytest

from tests.support.processes import ROOT

DOCS = ROOT / "docs"
WITH_NUMBERS = {
    DOCS / "benchmarks.md",
    DOCS / "decisions.md",  # what a decision gained when it was made
    DOCS / "operate" / "capacity.md",  # what is calculated from measurements
}
PAGES = sorted({ROOT / "README.md", *DOCS.rglob("*.md")} - WITH_NUMBERS)
MEASURED = re.compile(r"\d ?µs|[\d,]+ (?:\w+ )?requests (?:a|per) second|\d times as fast")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_has_no_measured_number(page: Path) -> None:
    assert MEASURED.findall(page.read_text(encoding="utf-8")) == []
