from contextlib import suppress

import pytest

pytest.importorskip("hypothesis", reason="needs requirements-dev.txt")

from hypothesis import given, reject
from hypothesis import strategies as st

from accounts.domain.errors import InvalidEmail
from accounts.domain.users import EmailAddress, normalize_email

ADDRESSES = st.emails() | st.builds(
    "{}@{}.example.com".format, st.text(max_size=30), st.text(max_size=20)
)


def normalize_or_reject(raw: str) -> EmailAddress:
    try:
        return normalize_email(raw)
    except InvalidEmail:
        reject()


@given(ADDRESSES)
def test_normalize_email_twice_equals_once(raw: str) -> None:
    email = normalize_or_reject(raw)
    assert normalize_email(email) == email


@given(ADDRESSES)
def test_normalize_email_is_printable_and_lower_case(raw: str) -> None:
    email = normalize_or_reject(raw)
    assert email.isprintable()
    assert email == email.lower()


@given(st.text())
def test_normalize_email_any_text_raises_only_invalid_email(raw: str) -> None:
    with suppress(InvalidEmail):
        normalize_email(raw)
