"""The code of docs/guides/add-a-setting.md, in a copy of the project."""

import re
from pathlib import Path

import pytest

from tests.support.guides import (
    copy_project,
    insert,
    read_code_blocks,
    read_page,
    run_in,
    run_tests_in,
)

GUIDE = "add-a-setting.md"
TESTS = ("tests/authproject/environment", "tests/e2e/docs/test_api_reference.py")

# Where the guide's lines go: after these lines of the tests and of the API reference.
TEST_LINES = (
    '        "LOG_FORMAT": "console",\n',
    '        ("JWT_SECRET_KEY", EXAMPLE_SECRET, EXAMPLE_SECRET),\n',
    '        ("LOG_FORMAT", "xml"),\n',
)
LAST_ROW = (
    "| `LOG_FORMAT` | `console`; in production `json` | anything but `console` and `json` |\n"
)


def read_table() -> list[str]:
    """Return the code of the table of tests."""
    return re.findall(r"^ *\| `test_\w+` \| `(.*)` \|$", read_page(GUIDE), re.MULTILINE)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with the setting and its tests, but without its documents."""
    copy = copy_project(tmp_path_factory.mktemp("project"))
    declaration, use, value = read_code_blocks(GUIDE)
    variables = copy / "authproject/environment/variables.py"
    insert(variables, declaration, indent=4, before="\n    def __init__(self, values")
    insert(copy / "authproject/settings.py", use, after="METRICS = env.METRICS\n")
    insert(copy / "tests/settings.py", value, indent=4, after='    "LOG_FORMAT": "json",\n')
    for line, test in zip(TEST_LINES, read_table(), strict=True):
        insert(copy / "tests/authproject/environment/test_reader.py", test, indent=8, after=line)
    return copy


def read_setting(project: Path, **environment: str) -> str:
    script = "from django.conf import settings; print(settings.PAGE_SIZE)"
    return run_in(project, "-c", script, **environment).stdout.strip()


def test_setting_has_its_default_and_takes_a_value(project: Path) -> None:
    assert read_setting(project) == "20"
    assert read_setting(project, PAGE_SIZE="5") == "5"


def test_refused_value_stops_the_start(project: Path) -> None:
    run = run_in(project, "manage.py", "serve", PAGE_SIZE="0")
    assert run.returncode == 78
    assert "PAGE_SIZE: must be a whole number from 1 to 100" in run.stderr


def test_project_tests_ask_for_the_documents(project: Path) -> None:
    stale = run_tests_in(project, *TESTS)
    assert {*re.findall(r"^FAILED .*::(\w+)", stale, re.MULTILINE)} == {
        "test_document_is_up_to_date",
        "test_settings_match_the_declared_variables",
        "test_settings_page_contains_the_table",
        "test_write_documents_restores_each_document",
    }
    row = re.findall(r"^ *(\| `PAGE_SIZE` .*)$", read_page(GUIDE), re.MULTILINE)
    insert(project / "docs/reference/api.md", *row, after=LAST_ROW)
    run_in(project, "-m", "authproject.environment.generate_docs")
    assert "#PAGE_SIZE=20" in (project / ".env.example").read_text()
    passed = run_tests_in(project, *TESTS)
    assert "passed" in passed
    assert "failed" not in passed
