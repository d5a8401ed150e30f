import os
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from django.core.exceptions import ImproperlyConfigured

from authproject.server.startup import EX_CONFIG, check_startup_files, exit_with_error
from tests.support.processes import run_to_end


def test_missing_files_are_reported_by_setting(tmp_path: Path) -> None:
    store_url = f"file://{tmp_path}/missing/accounts.jsonl"
    errors = check_startup_files(store_url, tmp_path / "absent", reject_common=False)
    assert errors.keys() == {"STORE_URL", "SEED_USERS_FILE"}


@pytest.mark.parametrize("store_url", ["memory://", None])
def test_defaults_have_no_files_to_check(store_url: str | None) -> None:
    assert check_startup_files(store_url, None, reject_common=False) == {}


def test_error_in_another_thread_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """runserver's reloader starts the service in a thread. SystemExit would end only the thread."""
    statuses: list[int] = []
    monkeypatch.setattr(os, "_exit", statuses.append)

    def start() -> None:
        with suppress(SystemExit):  # the patched `_exit` returns
            exit_with_error(ImproperlyConfigured("an error"), check_files=False)

    thread = Thread(target=start)
    thread.start()
    thread.join()
    assert statuses == [EX_CONFIG]


def test_start_warns_of_a_variable_that_is_nearly_a_setting() -> None:
    command = "from authproject.server.startup import start; start()"
    run = run_to_end("-c", command, CORS_ORIGIN="https://app.example.com")
    assert run.returncode == 0
    assert "CORS_ORIGINS" in run.stderr
