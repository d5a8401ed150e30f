import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from accounts import checks
from accounts.conf import conf, get_settings
from accounts.services import get_services
from tests.support.guides import read_page

GUIDE = "install-in-your-project.md"
PASSWORD = "hunter2-in-a-value"
STORE_WITH_PASSWORD = f"mysql://user:{PASSWORD}@db"


@pytest.fixture(autouse=True)
def default_settings(settings: Settings) -> None:
    settings.ACCOUNTS = {}


def get_messages(*, deploy: bool = False) -> list[CheckMessage]:
    messages = run_checks(include_deployment_checks=deploy)
    return [one for one in messages if str(one.id).startswith("accounts.")]


def test_defaults_have_no_error_and_one_warning_when_deployed() -> None:
    assert get_messages() == []
    assert get_messages(deploy=True) == [checks.W001]


def test_good_values_of_every_key_are_accepted(settings: Settings, tmp_path: Path) -> None:
    settings.ACCOUNTS = {
        "SECRET_KEY": "s" * 32,
        "SECRET_KEY_FALLBACKS": ("t" * 32,),
        "STORE_URL": "valkey://127.0.0.1:1/0",
        "SEED_USERS_FILE": tmp_path / "missing.jsonl",
        "ACCESS_TOKEN_LIFETIME": timedelta(microseconds=1),
        "REFRESH_TOKEN_LIFETIME": timedelta(days=3650),
        "REFRESH_TOKEN_SHORT_LIFETIME": timedelta(days=2),
        "ROTATE_REFRESH_TOKENS": True,
        "REFRESH_REUSE_GRACE_SECONDS": 0.5,
        "REFRESH_TOKEN_SLIDING_LIFETIME": timedelta(days=3650),
        "REFRESH_TOKEN_COOKIE": True,
        "REFRESH_TOKEN_COOKIE_SAMESITE": "Lax",
        "TRACK_SESSIONS": True,
        "BCRYPT_ROUNDS": 10,
        "REJECT_COMMON_PASSWORDS": True,
        "PROFILE_SERIALIZER": "tests.support.profiles.PersonSerializer",
        "TOKEN_CLAIMS": "tests.support.profiles.get_claims",
    }
    assert settings.ACCOUNTS.keys() == get_settings().keys()
    assert get_messages(deploy=True) == []


def test_cheap_hashes_have_a_warning_when_deployed(settings: Settings) -> None:
    settings.ACCOUNTS = {"BCRYPT_ROUNDS": 9}
    assert checks.W002 in get_messages(deploy=True)


@pytest.mark.parametrize("value", [None, [], "STORE_URL"])
def test_other_than_a_dictionary_is_an_error(settings: Settings, value: Any) -> None:
    settings.ACCOUNTS = value
    assert [*checks.check_settings(), *checks.check_deployment()] == [checks.E001]
    # The URLs are loaded before the checks run: they must not fail first, with a traceback.
    assert conf.STORE_URL == "memory://"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("STORE_URI", "Did you mean STORE_URL?"),
        ("ROTATE_REFRESH_TOKEN", "Did you mean ROTATE_REFRESH_TOKENS?"),
        ("JWT_SECRET_KEY", "Did you mean SECRET_KEY?"),
        ("bcrypt_rounds", "Did you mean BCRYPT_ROUNDS?"),
        ("XYZ", f"Keys: {', '.join(get_settings())}."),
        (5, f"Keys: {', '.join(get_settings())}."),
    ],
)
def test_unknown_key_is_an_error_with_the_nearest_one(
    settings: Settings, name: Any, hint: str
) -> None:
    settings.ACCOUNTS = {name: PASSWORD}
    [error] = get_messages()
    assert (error.id, error.hint) == ("accounts.E002", hint)
    assert PASSWORD not in str(error)


def test_sliding_bound_below_the_lifetime_is_an_error(settings: Settings) -> None:
    settings.ACCOUNTS = {
        "ROTATE_REFRESH_TOKENS": True,
        "REFRESH_TOKEN_SLIDING_LIFETIME": timedelta(days=6),
    }
    [error] = get_messages()
    name = "ACCOUNTS['REFRESH_TOKEN_SLIDING_LIFETIME']"
    assert error.msg == f"{name} must not be less than REFRESH_TOKEN_LIFETIME."


@pytest.mark.parametrize(
    ("name", "value", "check_id"),
    [
        ("SECRET_KEY", f"{PASSWORD}-short", "E003"),
        ("SECRET_KEY", b"b" * 32, "E003"),
        ("SECRET_KEY", f"ssh-rsa {PASSWORD * 3}", "E003"),
        ("SECRET_KEY", f"-----BEGIN {PASSWORD * 3}", "E003"),
        ("SECRET_KEY", f"{PASSWORD * 3}\udcff", "E003"),
        ("SECRET_KEY_FALLBACKS", PASSWORD * 3, "E003"),
        ("SECRET_KEY_FALLBACKS", ["s" * 32, PASSWORD], "E003"),
        ("SECRET_KEY_FALLBACKS", [None], "E003"),
        ("STORE_URL", STORE_WITH_PASSWORD, "E004"),
        ("STORE_URL", None, "E004"),
        ("SEED_USERS_FILE", "users.jsonl", "E004"),
        ("ACCESS_TOKEN_LIFETIME", 900, "E004"),
        ("ACCESS_TOKEN_LIFETIME", timedelta(0), "E004"),
        ("ACCESS_TOKEN_LIFETIME", timedelta(days=7), "E004"),
        ("REFRESH_TOKEN_LIFETIME", timedelta(days=3651), "E004"),
        ("ROTATE_REFRESH_TOKENS", "false", "E004"),
        ("REFRESH_REUSE_GRACE_SECONDS", -1, "E004"),
        ("REFRESH_REUSE_GRACE_SECONDS", 3601, "E004"),
        ("REFRESH_REUSE_GRACE_SECONDS", timedelta(seconds=10), "E004"),
        ("REFRESH_TOKEN_SHORT_LIFETIME", 1, "E004"),
        ("REFRESH_TOKEN_SLIDING_LIFETIME", 30, "E004"),
        ("REFRESH_TOKEN_SLIDING_LIFETIME", timedelta(days=30), "E004"),  # without rotation
        ("TRACK_SESSIONS", 1, "E004"),
        ("REFRESH_TOKEN_COOKIE", "true", "E004"),
        ("REFRESH_TOKEN_COOKIE_SAMESITE", "None", "E004"),
        ("BCRYPT_ROUNDS", 17, "E004"),
        ("BCRYPT_ROUNDS", "12", "E004"),
        ("BCRYPT_ROUNDS", 12.0, "E004"),
        ("REJECT_COMMON_PASSWORDS", 1, "E004"),
        ("PROFILE_SERIALIZER", ["tests.support.profiles.PersonSerializer"], "E004"),
        ("PROFILE_SERIALIZER", "tests.support.profiles.Missing", "E004"),
        ("PROFILE_SERIALIZER", "nowhere.Serializer", "E004"),
        ("PROFILE_SERIALIZER", "json.dumps", "E004"),
        ("PROFILE_SERIALIZER", "tests.support.profiles.ClashingSerializer", "E004"),
        ("PROFILE_SERIALIZER", ".profiles.PersonSerializer", "E004"),
        ("PROFILE_SERIALIZER", "rest_framework.serializers.Serializer", "E004"),
        ("PROFILE_SERIALIZER", "rest_framework.serializers.ModelSerializer", "E004"),
        ("TOKEN_CLAIMS", lambda user: {}, "E004"),
        ("TOKEN_CLAIMS", "nowhere.get_claims", "E004"),
        ("TOKEN_CLAIMS", "tests.support.profiles.PATH", "E004"),
    ],
)
def test_invalid_value_is_an_error_and_builds_no_services(
    settings: Settings, name: str, value: Any, check_id: str
) -> None:
    settings.ACCOUNTS = {name: value}
    [error] = get_messages(deploy=True)
    assert error.id == f"accounts.{check_id}"
    assert error.msg.startswith(f"ACCOUNTS[{name!r}] ")
    assert error.hint
    assert PASSWORD not in str(error)
    with pytest.raises(ImproperlyConfigured, match=name) as raised:
        get_services()
    assert PASSWORD not in str(raised.value)


def test_guide_has_every_check() -> None:
    documented = re.findall(r"^\| `([EW]\d+)` \|", read_page(GUIDE), re.MULTILINE)
    source = Path(checks.__file__).read_text(encoding="utf-8")
    assert documented == sorted(set(re.findall(r'"accounts\.([EW]\d+)"', source)))


def test_secret_fallback_error_does_not_show_derived_secrets(settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = ["one"]
    [derived] = get_settings()["SECRET_KEY_FALLBACKS"].get_default()
    settings.ACCOUNTS = {"SECRET_KEY_FALLBACKS": None}
    assert derived not in str(get_messages())


def test_store_server_without_its_client_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ACCOUNTS = {"STORE_URL": "valkey://127.0.0.1:1/0"}
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    assert get_messages() == [checks.E005]


@pytest.mark.parametrize("cookie", [True, False])
@pytest.mark.parametrize("credentials", [True, False])
@pytest.mark.parametrize("all_origins", [True, False])
def test_refresh_cookie_for_every_site_is_an_error(
    settings: Settings, *, cookie: bool, credentials: bool, all_origins: bool
) -> None:
    settings.ACCOUNTS = {"REFRESH_TOKEN_COOKIE": cookie}
    settings.CORS_ALLOW_CREDENTIALS = credentials
    settings.CORS_ALLOW_ALL_ORIGINS = all_origins
    expected = [checks.E006] if cookie and credentials and all_origins else []
    assert get_messages() == expected


def test_refresh_cookie_without_cors_has_no_error(settings: Settings) -> None:
    settings.ACCOUNTS = {"REFRESH_TOKEN_COOKIE": True}
    del settings.CORS_ALLOW_CREDENTIALS
    del settings.CORS_ALLOW_ALL_ORIGINS
    assert get_messages() == []
