"""A token's signature is verified once; whether it is good is judged each time."""

from dataclasses import replace

import jwt
import pytest
from django.conf import settings
from jwt.types import Options

from accounts.domain.claims import Claims, RefreshClaims
from accounts.domain.errors import TokenInvalid
from accounts.domain.users import EmailAddress
from accounts.services import Services, get_services
from accounts.tokens.key_ring import HEADER_CACHE_SIZE, KeyRing
from accounts.tokens.service import TOKEN_CACHE_SIZE, TokenService
from tests.support.api import Api, MovableClock
from tests.support.http import Start, decode_header, forge, problem

ANY_TIME: Options = {"verify_exp": False, "verify_iat": False}
SECRET = "the-secret-of-this-test-is-long-enough"
CLAIMS = Claims(
    email=EmailAddress("user@example.com"),
    security_stamp="version",
    sid="sid",
    jti="jti",
    issued_at=1_800_000_000,
    expires_at=1_900_000_000,
)


@pytest.fixture
def issuer(clock: MovableClock) -> TokenService:
    return TokenService(KeyRing([SECRET]), clock)


def remembered(issuer: TokenService) -> int:
    return issuer._verified.cache_info().currsize


def test_a_remembered_access_token_expires_all_the_same(api: Api, clock: MovableClock) -> None:
    token = api.enter()["access_token"]
    assert api.profile(token).status_code == 200
    clock.advance(15 * 60)
    assert problem(api.profile(token)) == (401, "token_expired")


def test_a_remembered_refresh_token_expires_all_the_same(api: Api, clock: MovableClock) -> None:
    token = api.enter()["refresh_token"]
    assert api.refresh(token).status_code == 200
    clock.advance(7 * 86_400)
    assert problem(api.refresh(token)) == (401, "token_expired")


def test_a_remembered_token_ends_with_its_session(api: Api) -> None:
    tokens = api.enter()
    assert api.profile(tokens["access_token"]).status_code == 200
    assert api.refresh(tokens["refresh_token"]).status_code == 200
    api.logout(tokens["refresh_token"])
    assert problem(api.profile(tokens["access_token"])) == (401, "token_revoked")
    assert problem(api.refresh(tokens["refresh_token"])) == (401, "token_revoked")


def test_a_remembered_token_ends_with_its_version(api: Api) -> None:
    token = api.enter()["access_token"]
    assert api.profile(token).status_code == 200
    api.post("auth/logout-all", token=token)
    assert problem(api.profile(token)) == (401, "token_revoked")


def test_a_remembered_access_token_is_no_refresh_token(api: Api) -> None:
    token = api.enter()["access_token"]
    assert api.profile(token).status_code == 200
    assert problem(api.refresh(token)) == (401, "token_invalid")


def test_a_restart_with_another_key_remembers_nothing(start: Start) -> None:
    before: Services = start()
    api = Api()
    token = api.enter()["access_token"]
    assert api.profile(token).status_code == 200
    start(JWT_SECRET_KEY=SECRET).accounts.store = before.accounts.store
    assert problem(api.profile(token)) == (401, "token_invalid")


def test_a_bad_token_is_not_remembered(api: Api) -> None:
    token = api.enter()["access_token"]
    before = remembered(get_services().tokens)
    assert problem(api.profile(f"{token[:-4]}AAAA")) == (401, "token_invalid")
    assert problem(api.profile(forge(token, ver=...))) == (401, "token_invalid")
    assert remembered(get_services().tokens) == before


def test_what_is_remembered_is_bounded(issuer: TokenService) -> None:
    for number in range(TOKEN_CACHE_SIZE + 10):
        issuer.verify_access(issuer.issue(replace(CLAIMS, jti=str(number))))
    assert remembered(issuer) == TOKEN_CACHE_SIZE


def test_headers_that_are_remembered_are_bounded() -> None:
    ring = KeyRing([SECRET])
    kid = jwt.get_unverified_header(ring.encode({}))["kid"]
    for number in range(HEADER_CACHE_SIZE + 10):
        header = {"kid": kid, "jku": f"https://example.com/{number}"}
        ring.decode(jwt.encode({}, SECRET, algorithm="HS256", headers=header))
    assert ring._secret_for.cache_info().currsize == HEADER_CACHE_SIZE


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS,
        RefreshClaims(
            email=EmailAddress("ünï@xn--bcher-kva.example"),
            security_stamp="version",
            sid="sid",
            jti="jti",
            issued_at=1,
            expires_at=2,
            rotation_count=3,
        ),
    ],
    ids=["access", "refresh"],
)
def test_a_token_is_what_pyjwt_would_sign(issuer: TokenService, claims: Claims) -> None:
    token = issuer.issue(claims)
    payload = jwt.decode(token, SECRET, algorithms=["HS256"], options=ANY_TIME)
    headers = {"kid": decode_header(token)["kid"]}
    assert token == jwt.encode(payload, SECRET, algorithm="HS256", headers=headers)


def test_pyjwt_refuses_a_changed_token(issuer: TokenService) -> None:
    head, payload, signature = issuer.issue(CLAIMS).split(".")
    changed = f"{head}.{payload[:-1]}{'A' if payload[-1] != 'A' else 'B'}.{signature}"
    with pytest.raises(TokenInvalid):
        issuer.verify_access(changed)


def test_the_default_key_signs(api: Api) -> None:
    token = api.enter()["access_token"]
    assert jwt.decode(token, settings.JWT_SECRET_KEY, algorithms=["HS256"], options=ANY_TIME)
