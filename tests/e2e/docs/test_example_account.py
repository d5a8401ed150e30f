"""All documents use one example account, so that a reader may go from one to the next."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from accounts.domain.users import normalize_email
from accounts.management.commands.make_users import DEFAULT_PASSWORD
from authproject.openapi.operations import NEW_PASSWORD, PASSWORD
from authproject.openapi.response_serializers import EMAIL
from tests.support.processes import ROOT

SUFFIXES = {".md", ".http", ".py", ".js", ".ts", ".json"}
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / ".env.example",
    *sorted(path for path in (ROOT / "docs").rglob("*") if path.suffix in SUFFIXES),
]
# Its accounts are those of other software, with the passwords that they had there.
DOCUMENTS.remove(ROOT / "docs" / "operate" / "import-accounts.md")
WRONG_PASSWORD = "wrong horse"
TOO_SHORT = "short"
"""What the documents send to show the error."""
VALUES = (
    r'{}": ?"(.+?)"',  # JSON
    r"{}='(.+?)'",  # HTTPie
    r"{}=([^'\"`{{&,)\s]+)(?=[&\s])",  # HTTPie and HTML forms
    r"^@{} = (.+)$",  # .http files
)
CALL = r'(?:login|register)\("(.+?)", "(.+?)"\)'


def get_values(text: str, field: str) -> Iterator[str]:
    """Yield the values that a document's requests have for a field."""
    for pattern in VALUES:
        yield from re.findall(pattern.format(rf"\b(?:\w+_)?{field}"), text, re.MULTILINE)
    for email, password in re.findall(CALL, text):
        yield email if field == "email" else password


def get_literals(path: Path, field: str) -> set[str]:
    values = get_values(path.read_text(encoding="utf-8"), field)
    return {unquote_plus(value) for value in values if value[:2] != "{{" and not value.isupper()}


def name_document(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_document)
def test_document_has_the_example_email(path: Path) -> None:
    assert {*map(normalize_email, get_literals(path, "email"))} <= {EMAIL}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_document)
def test_document_has_the_example_passwords(path: Path) -> None:
    assert get_literals(path, "password") <= {PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, TOO_SHORT}


@pytest.mark.parametrize(
    "name",
    ["README.md", "docs/api.http", "docs/httpie.md", "docs/openapi.json", "docs/request-flow.md"],
)
def test_document_registers_the_example_account(name: str) -> None:
    assert get_literals(ROOT / name, "email") >= {EMAIL}
    assert get_literals(ROOT / name, "password") >= {PASSWORD}


def test_test_users_have_the_example_password() -> None:
    assert DEFAULT_PASSWORD == PASSWORD
