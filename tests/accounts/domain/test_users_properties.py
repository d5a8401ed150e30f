from contextlib import suppress

import pytest

pytest.importorskip("hypothesis", reason="needs requirements-dev.txt")

from hypothesis import given, reject
from hypothesis import strategies as st
from idna.idnadata import codepoint_classes
from idna.intranges import intranges_contain

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


@given(st.characters(categories=["L", "Nd"]))
def test_normalize_email_accepts_letters_of_all_scripts(letter: str) -> None:
    # RFC 5892 has them as PVALID: letters and digits that are in lower case and normalized.
    # So are capital Cherokee letters, which Unicode once had without small ones.
    is_valid = intranges_contain(ord(letter), codepoint_classes["PVALID"])
    if not is_valid or letter != letter.lower():
        reject()
    assert normalize_email(f"{letter}@example.com") == f"{letter}@example.com"
