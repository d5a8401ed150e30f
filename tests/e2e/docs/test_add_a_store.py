"""The code of docs/guides/add-a-store.md, in a copy of the project."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.guides import copy_project, insert, read_code_blocks, run_tests_in
from tests.support.processes import Service, run_python

GUIDE = "add-a-store.md"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with the store."""
    copy = copy_project(tmp_path_factory.mktemp("project"))
    parsed, parse, open_, fixture = read_code_blocks(GUIDE)
    stores = copy / "accounts/stores"
    shutil.copy(copy / "docs/examples/sqlite_store.py", stores / "sqlite.py")
    insert(stores / "url.py", f"{parsed}\n\n", before="def parse_url(")
    insert(stores / "url.py", parse, indent=4, before='    if url in {"memory://", "memory:"}:\n')
    insert(stores / "__init__.py", open_, indent=4, before="    return MemoryStore(clock)\n")
    imported = "from accounts.stores.url import SQLiteURL"
    insert(stores / "__init__.py", imported, before="from accounts.stores.url import RedisURL")
    fixtures = copy / "tests/support/store_fixtures.py"
    insert(fixtures, fixture, indent=4, before='    if request.param == "memory":\n')
    text = fixtures.read_text()
    fixtures.write_text(text.replace('params=["memory", ', 'params=["sqlite", "memory", '))
    return copy


@pytest.fixture
def service(project: Path, tmp_path: Path) -> Iterator[Service]:
    command = (str(project / "manage.py"), "serve", "--port", "{port}")
    with run_python(tmp_path, *command, STORE_URL=f"sqlite://{tmp_path}/accounts.db") as service:
        yield service


def test_store_passes_the_tests_of_every_store(project: Path) -> None:
    printed = run_tests_in(project, "tests/accounts/stores", "-k", "sqlite")
    passed = re.search(r"(\d+) passed", printed)
    assert passed is not None, printed
    assert int(passed[1]) > 40
    assert "failed" not in printed, printed


def test_service_keeps_accounts_in_the_store(service: Service, tmp_path: Path, email: str) -> None:
    assert service.request("GET", "/health").json()["store"] == "sqlite"
    service.register(email)
    access = service.login(email).json()["access_token"]
    assert service.profile(access).status == 200
    assert email.encode() in b"".join(file.read_bytes() for file in tmp_path.glob("accounts.db*"))
