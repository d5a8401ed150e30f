"""Runs the tests of docs/guides/test-your-project.md in a copy of the project."""

import re
from pathlib import Path

import pytest

from accounts.services import REBUILD_SETTINGS
from tests.support.guides import copy_project, read_code_blocks, read_page, run_tests_in

GUIDE = "test-your-project.md"


def test_tests_of_the_guide_pass(tmp_path: Path) -> None:
    pytest.importorskip("freezegun", reason="needs requirements-dev.txt")
    pytest.importorskip("time_machine", reason="needs requirements-dev.txt")
    project = copy_project(tmp_path)
    code = "\n\n".join(read_code_blocks(GUIDE))
    (project / "test_logins.py").write_text(code, encoding="utf-8")
    printed = run_tests_in(project, "test_logins.py")
    assert "2 passed" in printed, printed


def test_guide_names_every_setting_that_rebuilds_the_service() -> None:
    (row,) = re.findall(
        r"^\| (.*) \| if its value differs",
        read_page(GUIDE),
        re.MULTILINE,
    )
    assert set(re.findall(r"`(\w+)`", row)) == set(REBUILD_SETTINGS)
