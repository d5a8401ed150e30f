from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker


@pytest.fixture
def database(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database of the project's own."""
    # A file, because Django does not close a database in memory, which is a warning in Python 3.13.
    sqlite = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "db"}}
    none = connections["default"]
    connections["default"] = ConnectionHandler(sqlite)["default"]
    with django_db_blocker.unblock():
        yield
    connections["default"].close()
    connections["default"] = none


@pytest.mark.usefixtures("database")
def test_dumpdata_with_a_database_is_djangos_own() -> None:
    written = StringIO()
    call_command("dumpdata", "jwt_accounts", stdout=written)
    assert "".join(written.getvalue().split()) == "[]"
