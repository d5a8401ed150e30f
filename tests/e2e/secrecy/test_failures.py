"""What breaks while passwords and tokens are in its hands: bugs, stores, too many logins."""

import json
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings

from accounts.passwords.executor import HASHING_THREADS, MAX_PENDING_HASHES
from tests.support.processes import running, serving
from tests.support.recording_client import Visitor
from tests.support.secrets import Secrets
from tests.support.valkey import Server, ask, eventually, valkey_binary

PASSWORD, STORE_PASSWORD = "a password of Somebody's", "the store's Pass/word?"
in_both_formats = pytest.mark.parametrize("log_format", ["json", "console"])


def our_secrets(*more: str) -> Secrets:
    return Secrets(settings.JWT_SECRET_KEY, settings.SECRET_KEY, PASSWORD, *more)


@in_both_formats
def test_a_traceback_shows_no_values(tmp_path: Path, log_format: str) -> None:
    command = ("-m", "tests.support.store_with_bug", "serve", "--port", "{port}")
    secrets = our_secrets()
    with running(tmp_path, *command, LOG_FORMAT=log_format) as service:
        visitor = Visitor(service, secrets)
        answer = visitor.log_in(PASSWORD)
        assert (answer.status, answer.json()["code"]) == (500, "server_error")
    assert "the planted bug" in service.log
    assert "in authenticate" in service.log
    assert secrets.found_in(service.log) == []


@in_both_formats
def test_a_store_s_password_stays_with_it(tmp_path: Path, log_format: str) -> None:
    valkey = Server(valkey_binary(), tmp_path)
    user = ("ACL", "SETUSER", "service", "on", f">{STORE_PASSWORD}", "~*", "+@all")
    assert ask(valkey.port, *user) == b"+OK\r\n"
    secrets = our_secrets(STORE_PASSWORD)
    place = f"127.0.0.1:{valkey.port}"
    url = f"valkey://service:{quote(STORE_PASSWORD, safe='')}@{place}/0"
    try:
        with serving(tmp_path, STORE_URL=url, LOG_FORMAT=log_format) as service:
            visitor = Visitor(service, secrets)
            visitor.post("register", {"email": "one@example.com", "password": PASSWORD})
            tokens = visitor.log_in(PASSWORD, "one@example.com").json()
            assert visitor.profile(tokens["access_token"]).status == 200
            valkey.kill()
            assert visitor.profile(tokens["access_token"]).status == 503
            assert visitor.log_in(PASSWORD, "one@example.com").status == 503
            assert visitor.post("refresh", {"refresh_token": tokens["refresh_token"]}).status == 503
            visitor.post("logout", {"refresh_token": tokens["refresh_token"]})
            valkey.start()
            # It has forgotten the user whom it gave that password.
            assert visitor.profile(tokens["access_token"]).status == 503
    finally:
        valkey.kill()
    assert "the store cannot be reached" in service.log
    assert secrets.found_in(service.log) == []


@in_both_formats
def test_a_login_that_is_turned_away_is_not_repeated(tmp_path: Path, log_format: str) -> None:
    secrets = our_secrets()
    many = MAX_PENDING_HASHES + HASHING_THREADS + 8
    with serving(tmp_path, BCRYPT_ROUNDS="12", LOG_FORMAT=log_format) as service:
        visitor = Visitor(service, secrets)
        with ThreadPoolExecutor(many) as people:
            answers = list(people.map(lambda _: visitor.log_in(PASSWORD).status, range(many)))
        assert 503 in answers
    assert "overloaded" in service.log
    assert secrets.found_in(service.log) == []


def test_seeds_that_are_sown_late_stay_secret(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seed = {"email": "one@example.com", "password": PASSWORD}
    seeds.write_text(json.dumps(seed))
    valkey = Server(valkey_binary(), tmp_path)
    valkey.kill()
    secrets = our_secrets()
    options = {
        "STORE_URL": f"valkey://127.0.0.1:{valkey.port}",
        "SEED_USERS_FILE": str(seeds),
    }
    with serving(tmp_path, **options) as service:
        visitor = Visitor(service, secrets)
        eventually(lambda: "cannot be reached" in service.log)
        valkey.start()
        try:
            eventually(lambda: visitor.log_in(PASSWORD, "one@example.com").status == HTTPStatus.OK)
        finally:
            valkey.kill()
    assert secrets.found_in(service.log) == []
