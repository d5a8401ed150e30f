from unicodedata import normalize

import pytest

from accounts.domain.errors import (
    InvalidPassword,
    PasswordInvalidCharacters,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)
from accounts.domain.interfaces import NormalizedPassword, SubmittedPassword
from accounts.passwords.policy import PasswordPolicy, parse_password
from tests.support.api import PASSWORD

POLICY = PasswordPolicy(reject_common=False)
REJECTED: list[tuple[str, type[InvalidPassword]]] = [
    ("", PasswordTooShort),
    ("p" * 7, PasswordTooShort),
    ("\ufdfa", PasswordTooShort),  # NFKC makes 18 characters of each
    ("\ufb00" * 7, PasswordTooShort),  # and here two
    ("a\u0301" * 7, PasswordTooShort),  # and one of these two
    ("p" * 1025, PasswordTooLong),
    ("\ufdfa" * 57, PasswordTooLong),
    ("a\u0301" * 513, PasswordTooLong),
    ("with a \0 in it", PasswordInvalidCharacters),
    ("with a surrogate \ud800", PasswordInvalidCharacters),
    ("with a surrogate \udfff", PasswordInvalidCharacters),
]


@pytest.mark.parametrize(
    "password",
    ["p" * 8, "p" * 1024, " not trimmed ", "Upper and lower", "\U0001f511" * 8, "\u00e1" * 1024],
)
def test_validate_acceptable_password_returns_it(password: str) -> None:
    assert POLICY.validate(password) == password


def test_validate_decomposed_password_composes_it() -> None:
    assert POLICY.validate("cafe\u0301 cafe\u0301") == "caf\u00e9 caf\u00e9"


@pytest.mark.parametrize(
    ("sent", "normalized"),
    [
        ("\ufb00" * 8, "ff" * 8),
        ("a\u0301" * 8, "\u00e1" * 8),
        ("\ufdfa" * 56, normalize("NFKC", "\ufdfa") * 56),
        ("a\u0301" * 512, "\u00e1" * 512),
    ],
)
def test_validate_length_counts_before_and_after_nfkc(sent: str, normalized: str) -> None:
    assert POLICY.validate(sent) == normalized


@pytest.mark.parametrize(("password", "error"), REJECTED)
def test_validate_rejects_password(password: str, error: type[InvalidPassword]) -> None:
    with pytest.raises(error):
        POLICY.validate(password)


def test_validate_common_password_depends_on_setting() -> None:
    assert PasswordPolicy(reject_common=False).validate("password123") == "password123"
    with pytest.raises(PasswordTooCommon):
        PasswordPolicy(reject_common=True).validate("Password123")


def test_validate_uncommon_password_is_accepted() -> None:
    assert PasswordPolicy(reject_common=True).validate(PASSWORD) == PASSWORD


@pytest.mark.parametrize("password", ["cafe\u0301 cafe\u0301", "secret", "p" * 1025])
def test_parse_password_keeps_it_as_sent_and_normalized(password: str) -> None:
    normalized = NormalizedPassword(normalize("NFC", password))
    assert parse_password(password) == SubmittedPassword(password, normalized)


def test_parse_overlong_password_is_not_normalized() -> None:
    """NFKC sorts combining characters in quadratic time: 0.3 s for a body full of them."""
    password = "a" + "\u0301\u0316" * 512
    assert parse_password(password) == SubmittedPassword(password, NormalizedPassword(password))


@pytest.mark.parametrize("password", ["", "with a \0 in it", "surrogate \ud800", "\udfff"])
def test_parse_impossible_password_returns_none(password: str) -> None:
    assert parse_password(password) is None


def test_submitted_password_repr_shows_no_secret() -> None:
    assert "secret" not in repr(parse_password("secret"))
