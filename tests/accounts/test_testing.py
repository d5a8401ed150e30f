"""Runs the tests of docs/guides/test-your-project.md, which use every fixture."""

import re
from pathlib import Path

import pytest

from accounts.services import REBUILD_SETTINGS
from tests.support.guides import read_code_blocks, read_page
from tests.support.processes import run_to_end

GUIDE = "test-your-project.md"


LOGIN_BEFORE_CLOCK = """
import time
from types import SimpleNamespace
import pytest

@pytest.fixture
def a_second_passes(account_client, monkeypatch):
    later = time.time() + 1
    monkeypatch.setattr("accounts.testing.time", SimpleNamespace(time=lambda: later))

def test_token_is_not_older_than_the_clock(account_client, a_second_passes, accounts_clock):
    accounts_clock.advance(15 * 60 - 1)
    assert account_client.get("/api/v1/protected/profile").status_code == 200
"""


def run_tests(folder: Path, text: str) -> str:
    """Run tests of another project that uses the fixtures, and return what pytest prints."""
    (folder / "conftest.py").write_text(read_code_blocks(GUIDE)[0], encoding="utf-8")
    (folder / "test_own.py").write_text(text, encoding="utf-8")
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder))
    return run_to_end(*command, DJANGO_SETTINGS_MODULE="tests.settings").stdout


def test_tests_of_the_guide_pass(tmp_path: Path) -> None:
    pytest.importorskip("freezegun", reason="needs requirements-dev.txt")
    pytest.importorskip("time_machine", reason="needs requirements-dev.txt")
    output = run_tests(tmp_path, "\n\n".join(read_code_blocks(GUIDE)[1:]))
    assert "6 passed" in output, output


def test_clock_stands_still_from_before_the_login(tmp_path: Path) -> None:
    output = run_tests(tmp_path, LOGIN_BEFORE_CLOCK)
    assert "1 passed" in output, output


def test_guide_names_every_setting_that_rebuilds_the_service() -> None:
    (row,) = re.findall(
        r"^\| (.*) \| if its value differs",
        read_page(GUIDE),
        re.MULTILINE,
    )
    assert set(re.findall(r"`(\w+)`", row)) == set(REBUILD_SETTINGS)
