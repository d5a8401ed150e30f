"""Logins of accounts with password hashes of other software."""

import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from accounts.domain.users import EmailAddress, User
from accounts.passwords.imported_hashes import parse_hash
from accounts.services import Services
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.django_hashes import (
    every_algorithm,
    every_other_hash,
    make_django_hash,
    needs_argon2,
)

Start = Callable[..., Services]
NFD = "cafe\u0301"
LIGATURE = "\ufb01sh"


@pytest.fixture
def import_hash(start: Start) -> Callable[[str], Services]:
    def import_hash(encoded: str) -> Services:
        services = start()
        user = User(EmailAddress(EMAIL), parse_hash(encoded), "stamp", 1.5)
        services.accounts.store.add_user(user)
        return services

    return import_hash


ImportHash = Callable[[str], Services]


def get_hash(services: Services) -> str:
    user = services.accounts.store.get_user(EmailAddress(EMAIL))
    assert user is not None
    return user.password_hash


def change_password(current: str, new: str) -> Any:
    api = Api()
    token = api.login(password=current).json()["access_token"]
    body = {"current_password": current, "new_password": new}
    return api.post("auth/password", body, token=token)


@every_algorithm
def test_short_password_logs_in_again_after_the_upgrade(
    algorithm: str, import_hash: ImportHash
) -> None:
    services = import_hash(make_django_hash(algorithm, "secret"))
    assert Api().login(password="secret").status_code == 200
    assert get_hash(services).startswith("bcrypt_sha256$$2b$04$")
    assert Api().login(password="secret").status_code == 200
    assert Api().login(password="Secret").status_code == 401


@every_other_hash
def test_hash_of_another_program_is_upgraded(text: str, import_hash: ImportHash) -> None:
    services = import_hash(text)
    assert Api().login(password="wrong").status_code == 401
    assert not get_hash(services).startswith("bcrypt_sha256$")
    assert Api().login(password="secret").status_code == 200
    assert get_hash(services).startswith("bcrypt_sha256$$2b$04$")
    assert Api().login(password="secret").status_code == 200


@pytest.mark.parametrize("password", [NFD, LIGATURE])
@pytest.mark.parametrize("algorithm", ["bcrypt_sha256", "pbkdf2_sha256"])
def test_password_hashed_as_sent_logs_in(
    algorithm: str, password: str, import_hash: ImportHash
) -> None:
    import_hash(make_django_hash(algorithm, password))
    assert [Api().login(password=password).status_code for _ in range(2)] == [200, 200]


def test_upgraded_hash_is_of_the_normalized_password(import_hash: ImportHash) -> None:
    import_hash(make_django_hash("pbkdf2_sha256", NFD))
    composed = unicodedata.normalize("NFKC", NFD)
    assert Api().login(password=composed).status_code == 401
    assert Api().login(password=NFD).status_code == 200
    assert Api().login(password=composed).status_code == 200


def test_password_hashed_normalized_logs_in(import_hash: ImportHash) -> None:
    import_hash(make_django_hash("pbkdf2_sha256", unicodedata.normalize("NFKC", NFD)))
    assert [Api().login(password=NFD).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("upgraded", [False, True])
def test_short_password_can_be_changed(upgraded: bool, import_hash: ImportHash) -> None:
    services = import_hash(make_django_hash("pbkdf2_sha256", "secret"))
    imported = services.accounts.store.get_user(EmailAddress(EMAIL))
    token = Api().login(password="secret").json()["access_token"]
    if not upgraded:
        services.accounts.store.update_user(EmailAddress(EMAIL), lambda user: imported or user)
    body = {"current_password": "secret", "new_password": PASSWORD}
    assert Api().post("auth/password", body, token=token).status_code == 200
    assert Api().login().status_code == 200
    assert Api().login(password="secret").status_code == 401


def test_short_password_cannot_be_set_again(import_hash: ImportHash) -> None:
    import_hash(make_django_hash("pbkdf2_sha256", "secret"))
    response = change_password("secret", "secret")
    assert response.json()["errors"]["new_password"][0]["code"] == "password_too_short"


def test_bcrypt_with_a_long_password_logs_in(import_hash: ImportHash) -> None:
    import_hash(make_django_hash("bcrypt", "p" * 72))
    password = "p" * 2000
    assert [Api().login(password=password).status_code for _ in range(2)] == [200, 200]


@every_algorithm
@pytest.mark.parametrize("password", ["", "sec\0ret", "p" * 8000, "\ufdfa" * 1000])
def test_impossible_password_is_a_wrong_one(
    algorithm: str, password: str, import_hash: ImportHash
) -> None:
    import_hash(make_django_hash(algorithm, "secret"))
    response = Api().login(password=password)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_credentials")


@needs_argon2
def test_login_without_the_library_of_argon2_is_401_and_logged(
    import_hash: ImportHash, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import_hash(make_django_hash("argon2", "secret"))
    monkeypatch.setitem(sys.modules, "argon2", None)
    assert Api().login(password="secret").status_code == 401
    assert "argon2-cffi" in caplog.text


@pytest.mark.parametrize("encoded", ["", "!", "no hash", f"$2b$31${'.' * 53}"])
def test_login_of_a_damaged_hash_is_as_a_wrong_password(
    start: Start, encoded: str, caplog: pytest.LogCaptureFixture
) -> None:
    services = start()
    services.accounts.store.add_user(User(EmailAddress(EMAIL), encoded, "stamp", 1.5))
    damaged, unknown = Api().login(), Api().login("unknown@example.com")
    assert damaged.status_code == unknown.status_code == 401
    assert damaged.content == unknown.content
    changing = {"X-Request-ID"}
    assert {*damaged.items()} ^ {*unknown.items()} <= {
        (name, one[name]) for one in (damaged, unknown) for name in changing
    }
    assert f"the password_hash of {EMAIL} cannot be verified" in caplog.text


def test_change_of_a_password_with_damaged_hash_is_refused_and_logged(
    import_hash: ImportHash, caplog: pytest.LogCaptureFixture
) -> None:
    services = import_hash(make_django_hash("bcrypt_sha256", PASSWORD))
    api = Api()
    token = api.login().json()["access_token"]
    services.accounts.store.update_user(
        EmailAddress(EMAIL), lambda user: replace(user, password_hash="no hash")
    )
    body = {"current_password": PASSWORD, "new_password": "another password"}
    response = api.post("auth/password", body, token=token)
    [error] = response.json()["errors"]["current_password"]
    assert (response.status_code, error["code"]) == (400, "invalid_credentials")
    assert f"the password_hash of {EMAIL} cannot be verified" in caplog.text
