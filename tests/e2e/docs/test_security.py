"""docs/security.md names the tests of some of its rows."""

import re

from tests.support.processes import ROOT

PAGE = ROOT / "docs" / "security.md"


def test_named_tests_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    defined = {
        name for text in sources for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)
    }
    assert len(named) > 10
    assert named <= defined
