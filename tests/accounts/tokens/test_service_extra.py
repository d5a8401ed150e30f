"""The claims that a project adds to access tokens."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from accounts.domain.service import AccountService
from accounts.domain.users import User
from accounts.services import get_services
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.http import Start, decode_claims, forge, get_error
from tests.support.sessions import change_password, rotate

ROLES = {"roles": ["admin", "é"], "plan": None}
FILLER = "x" * (2048 - len('{"a":""}'))
RESERVED = [
    *("iss", "sub", "aud", "exp", "nbf", "iat", "jti"),
    *("type", "sid", "gen", "ver", "remember", "auth_time"),
    *("alg", "kid", "typ"),
]
"""As the guide lists them."""


@pytest.fixture
def service(start: Start) -> AccountService:
    return start(ROTATE_REFRESH_TOKENS=True).accounts


@pytest.fixture
def add_claims(service: AccountService) -> Callable[[Mapping[str, Any]], None]:
    def add_claims(extra: Mapping[str, Any]) -> None:
        service.get_extra_claims = lambda user: extra

    return add_claims


AddClaims = Callable[[Mapping[str, Any]], None]


def get_extra(pair: dict[str, Any]) -> dict[str, Any]:
    """Return the claims that a view finds in `request.auth`."""
    return get_services().tokens.verify_access(pair["access_token"]).extra


def test_extra_claims_are_in_access_tokens_only(add_claims: AddClaims) -> None:
    add_claims(ROLES)
    api = Api()
    first = api.register_and_log_in()
    [_, refreshed] = rotate(api, first, 1)
    changed = change_password(api, refreshed["access_token"]).json()
    for pair in (first, refreshed, changed):
        assert decode_claims(pair["access_token"]).items() >= ROLES.items()
        assert get_extra(pair) == ROLES
        assert not ROLES.keys() & decode_claims(pair["refresh_token"]).keys()


def test_extra_claims_are_those_of_the_user_now(service: AccountService) -> None:
    def get_extra_claims(user: User) -> dict[str, Any]:
        return {"email": user.email, "level": user.profile.get("level", 0)}

    service.get_extra_claims = get_extra_claims
    api = Api()
    first = api.register_and_log_in()
    service.store.update_user(get_extra_user().email, lambda user: user.with_profile({"level": 5}))
    [_, refreshed] = rotate(api, first, 1)
    assert get_extra(first) == {"email": EMAIL, "level": 0}
    assert get_extra(refreshed) == {"email": EMAIL, "level": 5}


def get_extra_user() -> User:
    [user] = get_services().accounts.store.iter_users()
    return user


def test_repeated_refresh_gets_the_same_refresh_token(
    add_claims: AddClaims, service: AccountService
) -> None:
    add_claims(ROLES)
    api = Api()
    first = api.register_and_log_in()
    [_, refreshed] = rotate(api, first, 1)
    add_claims({"roles": []})
    repeated = api.refresh(first["refresh_token"]).json()
    assert repeated["refresh_token"] == refreshed["refresh_token"]
    assert get_extra(repeated) == {"roles": []}


def test_cached_extra_claims_cannot_be_changed(add_claims: AddClaims) -> None:
    add_claims(ROLES)
    pair = Api().register_and_log_in()
    get_extra(pair)["roles"].append("root")
    assert get_extra(pair) == ROLES


def test_token_without_extra_claims_has_none(api: Api) -> None:
    pair = api.register_and_log_in()
    assert get_extra(pair) == {}
    assert get_extra({"access_token": forge(pair["access_token"], iss="me", x=1)}) == {"x": 1}


def test_largest_extra_claims_are_accepted(add_claims: AddClaims) -> None:
    add_claims({"a": FILLER})
    api = Api()
    email = f"{'é' * 32}@{'d' * 60}.{'d' * 60}.{'d' * 60}.com"
    assert api.profile(api.register_and_log_in(email)["access_token"]).status_code == 200


@pytest.mark.parametrize(
    "extra",
    [
        *({name: "mine"} for name in RESERVED),
        {"a": f"{FILLER}x"},
        {"a": object()},
        {"a": float("nan")},
    ],
    ids=lambda extra: str(extra)[:20],
)
def test_unacceptable_extra_claims_are_a_bug(
    add_claims: AddClaims, caplog: pytest.LogCaptureFixture, extra: Mapping[str, Any]
) -> None:
    add_claims(extra)
    api = Api()
    api.register()
    assert get_error(api.login()) == (500, "server_error")
    assert "TOKEN_CLAIMS returned" in caplog.text
    assert PASSWORD not in caplog.text


def test_function_that_raises_uses_no_refresh_token_up(service: AccountService) -> None:
    api = Api()
    token = api.register_and_log_in()["refresh_token"]
    service.get_extra_claims = lambda user: {"level": user.profile["level"]}
    assert get_error(api.refresh(token)) == (500, "server_error")
    service.get_extra_claims = None
    assert api.refresh(token).status_code == 200
