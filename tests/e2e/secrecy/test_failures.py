"""Logs contain no secret if something fails during a login: a bug, the store, an overload."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings

from accounts.conf import conf
from authproject.server.application import THREADS
from tests.support.processes import run_python, run_service
from tests.support.recording_client import RecordingClient
from tests.support.secrets import Secrets
from tests.support.valkey import Server, ask, valkey_binary, wait_until

PASSWORD, STORE_PASSWORD = "a password of Somebody's", "the store's Pass/word?"


def build_secrets(*more: str) -> Secrets:
    return Secrets(conf.SECRET_KEY, settings.SECRET_KEY, PASSWORD, *more)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_traceback_in_log_contains_no_values(tmp_path: Path, log_format: str) -> None:
    command = ("-m", "tests.support.store_with_bug", "serve", "--port", "{port}")
    secrets = build_secrets()
    with run_python(tmp_path, *command, LOG_FORMAT=log_format) as service:
        response = RecordingClient(service, secrets).log_in(PASSWORD)
        assert (response.status, response.json()["code"]) == (500, "server_error")
    assert "the planted bug" in service.log
    assert "in authenticate" in service.log
    assert secrets.find_in(service.log) == []


def test_store_password_is_not_logged(tmp_path: Path) -> None:
    valkey = Server(valkey_binary(), tmp_path)
    user = ("ACL", "SETUSER", "service", "on", f">{STORE_PASSWORD}", "~*", "+@all")
    assert ask(valkey.port, *user) == b"+OK\r\n"
    secrets = build_secrets(STORE_PASSWORD)
    url = f"valkey://service:{quote(STORE_PASSWORD, safe='')}@127.0.0.1:{valkey.port}/0"
    try:
        with run_service(tmp_path, STORE_URL=url) as service:
            client = RecordingClient(service, secrets)
            client.register(PASSWORD)
            tokens = client.log_in(PASSWORD).json()
            refresh_token = {"refresh_token": tokens["refresh_token"]}
            assert client.profile(tokens["access_token"]).status == 200
            valkey.kill()
            assert client.profile(tokens["access_token"]).status == 503
            assert client.log_in(PASSWORD).status == 503
            assert client.post("refresh", refresh_token).status == 503
            assert client.post("logout", refresh_token).status == 503
            valkey.start()  # without the user that the service logs in as
            assert client.profile(tokens["access_token"]).status == 503
    finally:
        valkey.kill()
    assert "reads from the store fail" in service.log
    assert secrets.find_in(service.log) == []


# A client that waits too long leaves its socket open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_password_of_overloaded_login_is_not_logged(tmp_path: Path) -> None:
    secrets = build_secrets()
    with run_service(tmp_path, BCRYPT_ROUNDS="14") as service:
        client = RecordingClient(service, secrets)

        def log_in(_: int) -> int | None:
            # Hashes have a low priority: on a busy machine, an accepted one takes too long.
            with suppress(TimeoutError):
                return client.log_in(PASSWORD).status
            return None

        with ThreadPoolExecutor(THREADS) as threads:
            statuses = list(threads.map(log_in, range(THREADS)))
        assert 503 in statuses
    assert "overloaded" in service.log
    assert secrets.find_in(service.log) == []


def test_seed_password_is_not_logged_during_retries(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text(json.dumps({"email": "one@example.com", "password": PASSWORD}))
    valkey = Server(valkey_binary(), tmp_path)
    valkey.kill()
    secrets = build_secrets()
    options = {
        "STORE_URL": f"valkey://127.0.0.1:{valkey.port}",
        "SEED_USERS_FILE": str(seeds),
    }
    with run_service(tmp_path, **options) as service:
        client = RecordingClient(service, secrets, "one@example.com")
        wait_until(lambda: "fail: ConnectionError" in service.log)
        valkey.start()
        try:
            wait_until(lambda: client.log_in(PASSWORD).status == HTTPStatus.OK)
        finally:
            valkey.kill()
    assert secrets.find_in(service.log) == []
