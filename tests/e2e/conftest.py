"""Fixtures for all end-to-end tests."""

import os
from collections.abc import Iterator
from secrets import token_hex

import pytest


@pytest.fixture(scope="package", autouse=True)
def no_coverage_of_processes() -> Iterator[None]:
    """The processes that these tests start are not measured: it costs a third of their time.

    So every line has to be covered by the tests of its own module.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in [name for name in os.environ if name.startswith("COVERAGE_PROCESS")]:
            monkeypatch.delenv(name)
        yield


@pytest.fixture
def email() -> str:
    """An address that no other test of the same service uses."""
    return f"ada.{token_hex(4)}@example.com"
