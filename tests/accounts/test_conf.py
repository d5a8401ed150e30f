import re
from datetime import timedelta

from pytest_django import Settings

from accounts.conf import conf, derive_secret, get_settings
from tests.support.guides import read_page


def test_guide_has_every_key_with_its_default(settings: Settings) -> None:
    del settings.ACCOUNTS
    page = read_page("install-in-your-project.md")
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", page, re.MULTILINE)
    assert [name for name, _ in rows] == [*get_settings()]
    for name, default in rows:
        if not default.startswith("derived from"):
            value = eval(default.strip("`"), {"timedelta": timedelta})
            assert (name, getattr(conf, name)) == (name, value)


def test_secrets_are_derived_by_default(settings: Settings) -> None:
    del settings.ACCOUNTS
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "one", ["two", b"three"]
    assert derive_secret("one") == conf.SECRET_KEY
    assert [derive_secret("two"), derive_secret("three")] == conf.SECRET_KEY_FALLBACKS


def test_configured_key_wins_over_its_default(settings: Settings) -> None:
    settings.ACCOUNTS = {"BCRYPT_ROUNDS": 10}
    assert (conf.BCRYPT_ROUNDS, conf.STORE_URL) == (10, "memory://")


def test_derived_secret_stays_the_same() -> None:
    # Otherwise an upgrade would invalidate the tokens of every project without its own secret.
    expected = "a957a618e30ea19f26035ffad4567eb84eb5c11f4c9223c8e30ec0a0ee895a25"
    assert derive_secret("one") == expected
