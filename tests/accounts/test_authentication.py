"""The `Authorization` header, and identities that the server has looked up before."""

from dataclasses import replace
from typing import Any

import pytest

from accounts.authentication import (
    PREFETCHED_IDENTITY,
    InvalidBearerToken,
    PrefetchedIdentity,
    verify_authorization_header,
)
from accounts.domain.claims import Claims
from accounts.domain.errors import StoreUnavailable, TokenInvalid
from accounts.domain.interfaces import UserAndSession
from accounts.services import get_services
from accounts.tokens.service import TokenService
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import forge, get_error

PROFILE = "/api/v1/protected/profile"
INVALID = (401, "token_invalid")
MISSING = (401, "not_authenticated")


@pytest.fixture
def verified_tokens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects every token that is verified."""
    tokens: list[str] = []
    verify_access = TokenService.verify_access

    def verify_and_record(self: TokenService, token: str) -> Claims:
        tokens.append(token)
        return verify_access(self, token)

    monkeypatch.setattr(TokenService, "verify_access", verify_and_record)
    return tokens


def get_profile(api: Api, header: str, **environ: Any) -> Any:
    return api.client.get(PROFILE, headers={"Authorization": header}, **environ)


def verify(token: str) -> Claims:
    claims = verify_authorization_header(f"Bearer {token}")
    assert claims is not None
    return claims


def get_profile_prefetched(
    api: Api, token: str, claims: Claims, result: UserAndSession | Exception
) -> Any:
    environ = {PREFETCHED_IDENTITY: PrefetchedIdentity(claims, result)}
    return get_profile(api, f"Bearer {token}", **environ)


@pytest.mark.parametrize(
    "header",
    [
        "",  # Granian's value for bytes that are not ASCII
        " ",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer:a",
        "Bearer \xff",
        "Bearer \x00",
        "\xff a",
        ", Bearer a",
        "Bearer a, Bearer b",
        "Bearer ...",
        "Bearer " + "a." * 1000,
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_malformed_authorization_is_invalid_token(api: Api, header: str) -> None:
    response = get_profile(api, header)
    assert get_error(response) == INVALID
    assert response["WWW-Authenticate"] == (
        'Bearer realm="api", error="invalid_token", error_description="The token is not valid."'
    )


@pytest.mark.parametrize(
    "header", ["{}", "Bearer {} x", "Bearer {}, Bearer {}", 'Bearer "{}"', "Bearer\xa0{}"]
)
def test_valid_token_in_malformed_header_is_refused(api: Api, header: str) -> None:
    token = api.register_and_log_in()["access_token"]
    assert get_error(get_profile(api, header.format(token, token))) == INVALID


@pytest.mark.parametrize("header", ["Basic dTpw", "Digest a=b, c=d", "Bearerr a"])
def test_other_scheme_counts_as_no_credentials(api: Api, header: str) -> None:
    response = get_profile(api, header)
    assert get_error(response) == MISSING
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", " Bearer ", "Bearer\t"])
def test_scheme_in_any_case_is_accepted(api: Api, scheme: str) -> None:
    assert (
        get_profile(api, f"{scheme} {api.register_and_log_in()['access_token']}").status_code == 200
    )


@pytest.mark.parametrize("path", ["auth/register", "auth/login"])
def test_bad_token_on_public_endpoint_is_ignored(api: Api, path: str) -> None:
    if path == "auth/login":
        api.register()
    response = api.post(path, {"email": EMAIL, "password": PASSWORD}, token="bad")
    assert response.status_code in {200, 201}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer bad", "Basic dTpw"])
def test_verify_header_without_valid_token_is_none(api: Api, header: str) -> None:
    assert verify_authorization_header(header) is None


@pytest.mark.parametrize("claims", [{"aud": "somebody"}, {"nbf": 2_000_000_000}], ids=str)
def test_verify_header_restricted_token_is_none(api: Api, claims: dict[str, Any]) -> None:
    token = forge(api.register_and_log_in()["access_token"], **claims)
    assert verify_authorization_header(f"Bearer {token}") is None


def test_verify_header_returns_claims(api: Api, clock: MovableClock) -> None:
    token = api.register_and_log_in()["access_token"]
    assert verify(token).email == EMAIL
    clock.advance(15 * 60)
    assert verify_authorization_header(f"Bearer {token}") is None


def test_prefetched_identity_is_verified_once(api: Api, verified_tokens: list[str]) -> None:
    token = api.register_and_log_in()["access_token"]
    claims = verify(token)
    result = get_services().accounts.store.get_user_and_session(claims.email, claims.sid)
    assert get_profile_prefetched(api, token, claims, result).json()["email"] == EMAIL
    assert verified_tokens == [token]


def test_prefetched_identity_replaces_the_store_lookup(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    response = get_profile_prefetched(api, token, verify(token), (None, None))
    assert get_error(response) == (401, "token_revoked")
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_prefetched_identity_checks_security_stamp(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    claims = verify(token)
    user, session = get_services().accounts.store.get_user_and_session(claims.email, claims.sid)
    assert user is not None
    changed = replace(user, security_stamp="changed")
    response = get_profile_prefetched(api, token, claims, (changed, session))
    assert get_error(response) == (401, "token_revoked")


def test_prefetched_error_is_raised(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    response = get_profile_prefetched(api, token, verify(token), StoreUnavailable())
    assert get_error(response) == (503, "store_unavailable")


def test_prefetched_error_raised_twice_has_new_traceback(api: Api) -> None:
    claims, error = verify(api.register_and_log_in()["access_token"]), StoreUnavailable()
    lengths = set()
    for _ in range(3):
        with pytest.raises(StoreUnavailable) as raised:
            PrefetchedIdentity(claims, error).get_user_and_session()
        lengths.add(len(raised.traceback))
    assert len(lengths) == 1


def test_other_exception_handlers_know_the_code() -> None:
    assert InvalidBearerToken(TokenInvalid()).get_codes() == "token_invalid"
