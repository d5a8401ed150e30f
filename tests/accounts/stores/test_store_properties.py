"""Every valid e-mail address can be stored and found, in every store."""

import pytest

pytest.importorskip("hypothesis", reason="needs requirements-dev.txt")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.domain.errors import InvalidEmail
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import User, normalize_email
from tests.support.stores import SID


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(local=st.text(min_size=1, max_size=64))
def test_valid_email_is_stored_and_found(store: AccountStore, local: str) -> None:
    try:
        email = normalize_email(f"{local}@example.com")
    except InvalidEmail:
        return
    user = User(email, "hash", "version-1", 1.5)
    store.add_users([user])
    stored = store.get_user(email)
    assert stored is not None
    assert stored.email == email
    assert store.get_user_and_session(email, SID) == (stored, None)
