"""Tokens that version 0.1.0 issued. Every later version must accept them."""

import pytest

from accounts.domain.users import EmailAddress, User
from tests.support.api import EMAIL, Api, MovableClock
from tests.support.http import Start

SECRET = "the-secret-of-the-tests-is-long-enough"
SECURITY_STAMP = "jzE2GGWwQqP1wy3cgcvGbw"
ISSUED_AT = 1_800_000_000
ACCESS_TOKEN = (
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjMyMzJjMDgwODRjZDkxNzYiLCJ0eXAiOiJKV1QifQ."
    "eyJ0eXBlIjoiYWNjZXNzIiwic3ViIjoidXNlckBleGFtcGxlLmNvbSIsInZlciI6Imp6RTJHR1d3UXFQMXd5M2NnY3Z"
    "HYnciLCJzaWQiOiIwNTY5ZjFkZGE3ZGI0MGEyM2UyYzZlNDliMzNjN2YyYiIsImp0aSI6IjlmM2I1MGU1MTIxNDlmZGY"
    "2NzQ2ZDhmMTI4MjkwNTA2IiwiaWF0IjoxODAwMDAwMDAwLCJleHAiOjE4MDAwMDA5MDB9."
    "6wAk_hUS6TasxSqas9Jmt1NDKpW05IT5-TPvzcEpj5M"
)
REFRESH_TOKEN = (
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjMyMzJjMDgwODRjZDkxNzYiLCJ0eXAiOiJKV1QifQ."
    "eyJ0eXBlIjoicmVmcmVzaCIsInN1YiI6InVzZXJAZXhhbXBsZS5jb20iLCJ2ZXIiOiJqekUyR0dXd1FxUDF3eTNjZ2N"
    "2R2J3Iiwic2lkIjoiMDU2OWYxZGRhN2RiNDBhMjNlMmM2ZTQ5YjMzYzdmMmIiLCJqdGkiOiJkNWQ1Njc5NDBhYjlkMGY"
    "2OWFmMmY4MmYxMjgxOTc4YyIsImlhdCI6MTgwMDAwMDAwMCwiZXhwIjoxODAwNjA0ODAwLCJnZW4iOjB9."
    "DEPZhiBjb_IAo_WOTKJDLMAgI7hmW0F11o8h6K5i8kc"
)


@pytest.fixture
def api(start: Start, clock: MovableClock) -> Api:
    """A service with the account of the tokens, one minute after they were issued."""
    store = start(SECRET_KEY=SECRET).accounts.store
    store.add_user(User(EmailAddress(EMAIL), "no hash", SECURITY_STAMP, ISSUED_AT))
    clock.now = ISSUED_AT + 60
    return Api()


def test_access_token_of_0_1_0_is_accepted(api: Api) -> None:
    assert api.profile(ACCESS_TOKEN).json()["email"] == EMAIL


def test_refresh_token_of_0_1_0_is_accepted(api: Api) -> None:
    assert api.refresh(REFRESH_TOKEN).status_code == 200


def test_refresh_token_of_0_1_0_ends_its_session(api: Api) -> None:
    assert api.logout(REFRESH_TOKEN).status_code == 204
    assert api.profile(ACCESS_TOKEN).status_code == 401
