"""The pages about security name tests, and the points of OWASP ASVS."""

import re
from collections.abc import Iterator

import pytest

from tests.support.processes import ROOT

DOCS = ROOT / "docs"
STANDARDS = DOCS / "security" / "standards.md"
POINTS = {
    "4": (5, 5, 2, 4),
    "6": (3, 12, 8, 6, 8, 4, 2, 4),
    "7": (3, 4, 2, 5, 3, 2),
    "9": (3, 4),
    "13": (4, 6, 4, 7),
    "16": (1, 5, 4, 3, 4),
}
"""How many points each section of a chapter of ASVS 5.0.0 has."""
VERDICTS = {"met", "met if set", "not met", "not applicable"}


def read_rows() -> list[tuple[str, str, str]]:
    """Return the points, the verdict and the last column of each row."""
    rows = re.findall(
        r"^\| (.+?) \| .+? \| (.+?) \| (.*?) \|$", STANDARDS.read_text(), re.MULTILINE
    )
    return [row for row in rows if row[0] != "point"]


def iter_points(text: str) -> Iterator[str]:
    """Yield the single points of a text such as `6.1.2, 6.5.1-6.5.8`, with a long dash."""
    for part in text.split(", "):
        first, _, last = part.partition("\N{EN DASH}")
        section, _, number = first.rpartition(".")
        for one in range(int(number), int((last or first).rpartition(".")[2]) + 1):
            yield f"{section}.{one}"


def test_named_tests_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "security.md").read_text(encoding="utf-8")))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    defined = {
        name for text in sources for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)
    }
    assert len(named) > 10
    assert named <= defined


def test_tests_of_standards_exist() -> None:
    page = STANDARDS.read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page))
    assert len(named) > 80
    assert [(file, name) for file, name in sorted(named) if not is_defined(file, name)] == []


def is_defined(file: str, name: str) -> bool:
    path = ROOT / file
    return path.exists() and f"\ndef {name}(" in path.read_text(encoding="utf-8")


def test_every_point_of_asvs_has_one_row() -> None:
    listed = [
        point for points, _, _ in read_rows() if "§" not in points for point in iter_points(points)
    ]
    expected = [
        f"{chapter}.{section}.{number}"
        for chapter, counts in POINTS.items()
        for section, count in enumerate(counts, 1)
        for number in range(1, count + 1)
    ]
    assert sorted(listed) == sorted(expected)


@pytest.mark.parametrize("row", read_rows(), ids=lambda row: row[0])
def test_point_is_met_by_a_test_or_has_a_reason(row: tuple[str, str, str]) -> None:
    _, verdict, evidence = row
    assert verdict in VERDICTS
    if verdict in {"met", "met if set"}:
        assert "`tests/" in evidence
    else:
        assert not evidence.startswith("`tests/")
