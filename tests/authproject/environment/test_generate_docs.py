"""Generated documents match the code."""

import re
import shutil
from pathlib import Path

import pytest

from authproject.environment.generate_docs import (
    ROOT,
    build_documents,
    build_settings_table,
    write_documents,
)
from authproject.environment.variables import get_variables
from tests.settings import TEST_ENVIRONMENT

SETTINGS_PAGE = Path("docs/reference/settings.md")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the documents, to be written to."""
    for path in [*build_documents(ROOT), ROOT / "docs" / "api.http"]:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path


@pytest.mark.parametrize("path", build_documents(ROOT), ids=lambda path: path.name)
def test_document_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == build_documents(ROOT)[path], "run: make docs"


def test_settings_page_contains_the_table() -> None:
    page = (ROOT / SETTINGS_PAGE).read_text(encoding="utf-8")
    assert build_settings_table() in page, "the page has lost its two markers"


def test_tests_set_every_variable() -> None:
    # Otherwise a developer's own .env would change the tests.
    assert {*TEST_ENVIRONMENT} == {variable.name for variable in get_variables()}


def test_settings_table_has_defaults_of_production() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", build_settings_table(), re.MULTILINE))
    assert rows["LOG_FORMAT"] == "`console`; in production `json`"
    assert rows["ALLOWED_HOSTS"].endswith("; in production empty")
    assert rows["JWT_SECRET_KEY"] == "none"


def test_write_documents_restores_each_document(root: Path) -> None:
    page = root / SETTINGS_PAGE
    original = page.read_text()
    page.write_text(original.replace("| `METRICS` | `true` |", "| `METRICS` | `false` |"))
    (root / ".env.example").unlink()
    write_documents(root)
    assert page.read_text() == original
    assert (root / ".env.example").read_text() == (ROOT / ".env.example").read_text()
