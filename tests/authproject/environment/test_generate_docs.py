"""What documents repeat from the code is as the code has it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from authproject.environment.generate_docs import ROOT, documents, table, write_documents
from authproject.environment.reader import Environment
from authproject.environment.variables import variables
from tests.settings import ENVIRONMENT

# The contract's table, in its order.
NAMES = [
    "JWT_SECRET_KEY",
    "JWT_SECRET_KEY_FALLBACKS",
    "ENVIRONMENT",
    "ALLOWED_HOSTS",
    "CORS_ORIGINS",
    "TRUSTED_PROXIES",
    "STORE_URL",
    "ACCESS_TOKEN_EXPIRE_MINUTES",
    "REFRESH_TOKEN_EXPIRE_DAYS",
    "ROTATE_REFRESH_TOKENS",
    "REFRESH_REUSE_GRACE_SECONDS",
    "BCRYPT_ROUNDS",
    "SEED_USERS_FILE",
    "REJECT_COMMON_PASSWORDS",
    "BROWSABLE_API",
    "API_DOCS",
    "METRICS",
    "LOG_LEVEL",
    "LOG_FORMAT",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the documents, to be written to."""
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    for path in [*documents(ROOT), ROOT / "docs" / "api.http"]:
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    return tmp_path


@pytest.mark.parametrize("path", documents(ROOT), ids=lambda path: path.name)
def test_no_document_is_stale(path: Path) -> None:
    remedy = f"{path.name} is stale; write it anew: make docs"
    assert path.read_text(encoding="utf-8") == documents(ROOT)[path], remedy


def test_settings_page_has_the_table() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    assert table() in page, "its two markers are gone"


def test_settings_stand_in_the_order_of_the_contract() -> None:
    assert [variable.name for variable in variables()] == NAMES


def test_each_setting_is_read_into_a_field() -> None:
    fields = {
        "ENVIRONMENT": "production",
        "ACCESS_TOKEN_EXPIRE_MINUTES": "access_token_lifetime",
        "REFRESH_TOKEN_EXPIRE_DAYS": "refresh_token_lifetime",
    }
    assert [fields.get(name, name.lower()) for name in NAMES] == list(Environment.__slots__)


def test_the_tests_run_with_a_value_for_each_setting() -> None:
    # Else a developer's own .env would have a say.
    assert {*ENVIRONMENT} == {*NAMES}


def test_the_table_says_each_default_of_production() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", table(), re.MULTILINE))
    assert rows["LOG_FORMAT"] == "`console`; in production `json`"
    assert rows["ALLOWED_HOSTS"].endswith("; in production empty")
    assert rows["JWT_SECRET_KEY"] == "none"


def test_stale_documents_are_written_and_named(root: Path) -> None:
    (root / ".env.example").unlink()
    page = root / "docs/reference/settings.md"
    page.write_text(page.read_text().replace("| `METRICS` | `true` |", "| `METRICS` | `false` |"))
    assert write_documents(root) == "Wrote settings.md, .env.example."
    assert (root / ".env.example").read_text() == (ROOT / ".env.example").read_text()
    assert page.read_text() == (ROOT / "docs/reference/settings.md").read_text()


def test_what_is_not_stale_is_left_alone(root: Path) -> None:
    assert write_documents(root) == "Nothing is stale."


def test_it_needs_no_packages() -> None:
    module = "authproject.environment.generate_docs"
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], env={}, check=True)
