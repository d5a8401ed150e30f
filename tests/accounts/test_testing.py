"""Runs the tests of docs/guides/test-your-project.md, which use every fixture."""

import re
from pathlib import Path

import pytest

from accounts.services import REBUILD_SETTINGS
from tests.support.guides import read_code_blocks, read_page
from tests.support.processes import run_to_end

GUIDE = "test-your-project.md"


def test_tests_of_the_guide_pass(tmp_path: Path) -> None:
    pytest.importorskip("freezegun", reason="needs requirements-dev.txt")
    pytest.importorskip("time_machine", reason="needs requirements-dev.txt")
    conftest, *tests = read_code_blocks(GUIDE)
    (tmp_path / "conftest.py").write_text(conftest, encoding="utf-8")
    (tmp_path / "test_own.py").write_text("\n\n".join(tests), encoding="utf-8")
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path))
    run = run_to_end(*command, DJANGO_SETTINGS_MODULE="tests.settings")
    assert "6 passed" in run.stdout, run.stdout


def test_guide_names_every_setting_that_rebuilds_the_service() -> None:
    (row,) = re.findall(
        r"^\| (.*) \| if its value differs",
        read_page(GUIDE),
        re.MULTILINE,
    )
    assert set(re.findall(r"`(\w+)`", row)) == set(REBUILD_SETTINGS)
