import contextlib

import pytest

pytest.importorskip("hypothesis", reason="needs requirements-dev.txt")

from hypothesis import assume, given
from hypothesis import strategies as st

from accounts.domain.errors import InvalidEmail
from accounts.domain.users import EmailAddress, normalize_email

ADDRESSES = st.emails() | st.builds(
    "{}@{}.example.com".format, st.text(max_size=30), st.text(max_size=20)
)


def normalise_or_skip(raw: str) -> EmailAddress:
    email: EmailAddress | None = None
    with contextlib.suppress(InvalidEmail):
        email = normalize_email(raw)
    assume(email is not None)
    assert email is not None
    return email


@given(ADDRESSES)
def test_normalising_twice_is_normalising_once(raw: str) -> None:
    email = normalise_or_skip(raw)
    assert normalize_email(email) == email


@given(ADDRESSES)
def test_a_normalised_address_is_printable_and_lower_case(raw: str) -> None:
    email = normalise_or_skip(raw)
    assert email.isprintable()
    assert email == email.lower()


@given(st.text())
def test_any_text_is_an_address_or_is_refused(raw: str) -> None:
    with contextlib.suppress(InvalidEmail):
        normalize_email(raw)
