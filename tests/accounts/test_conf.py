from datetime import timedelta

from pytest_django import Settings

from accounts.conf import conf, derive_secret


def test_every_key_has_a_default(settings: Settings) -> None:
    del settings.ACCOUNTS
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "one", ["two", b"three"]
    assert {name: getattr(conf, name) for name in dir(conf) if name.isupper()} == {
        "SECRET_KEY": derive_secret("one"),
        "SECRET_KEY_FALLBACKS": [derive_secret("two"), derive_secret("three")],
        "STORE_URL": "memory://",
        "SEED_USERS_FILE": None,
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
        "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
        "ROTATE_REFRESH_TOKENS": False,
        "REFRESH_REUSE_GRACE_SECONDS": 10,
        "REFRESH_TOKEN_COOKIE": False,
        "REFRESH_TOKEN_COOKIE_SAMESITE": "Strict",
        "TRACK_SESSIONS": False,
        "BCRYPT_ROUNDS": 12,
        "REJECT_COMMON_PASSWORDS": False,
        "PROFILE_SERIALIZER": None,
        "TOKEN_CLAIMS": None,
    }


def test_configured_key_wins_over_its_default(settings: Settings) -> None:
    settings.ACCOUNTS = {"BCRYPT_ROUNDS": 10}
    assert (conf.BCRYPT_ROUNDS, conf.STORE_URL) == (10, "memory://")


def test_derived_secret_stays_the_same() -> None:
    # Otherwise an upgrade would invalidate the tokens of every project without its own secret.
    expected = "a957a618e30ea19f26035ffad4567eb84eb5c11f4c9223c8e30ec0a0ee895a25"
    assert derive_secret("one") == expected
