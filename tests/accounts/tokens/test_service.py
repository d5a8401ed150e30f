"""Tokens: their claims, lifetimes and cache, and the warnings that they cause."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from accounts.domain.claims import Claims, RefreshClaims
from accounts.domain.errors import TokenExpired, TokenInvalid, WrongTokenType
from accounts.domain.users import EmailAddress
from accounts.services import get_services
from accounts.tokens.key_ring import KeyRing
from accounts.tokens.service import TOKEN_CACHE_SIZE, TokenService
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import (
    Start,
    decode_claims,
    decode_header,
    forge,
    get_error,
    send,
    sign,
)

PROFILE = "/api/v1/protected/profile"
SECRET = "the-secret-of-this-test-is-long-enough"
DAY = 86_400
EXPIRED = (401, "token_expired")
INVALID = (401, "token_invalid")
REVOKED = (401, "token_revoked")

COMMON_CLAIMS: dict[str, type] = {
    "sub": str,
    "type": str,
    "iat": int,
    "exp": int,
    "jti": str,
    "sid": str,
    "ver": str,
}


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Captures the warnings of `accounts.tokens` only; read `messages`."""
    with caplog.filtering(logging.Filter("accounts.tokens")):
        yield caplog


def forge_kids(api: Api, *kids: str) -> None:
    """Present one forged token for each key ID."""
    token = api.register_and_log_in()["access_token"]
    for kid in kids:
        api.profile(forge(token, {"kid": kid}))


def make_kid(number: int) -> str:
    return f"{number:016}"


# Claims


def test_access_token_has_the_documented_claims(api: Api, clock: MovableClock) -> None:
    claims = decode_claims(api.register_and_log_in("User@Example.com")["access_token"])
    assert {name: type(value) for name, value in claims.items()} == COMMON_CLAIMS
    assert (claims["sub"], claims["type"]) == (EMAIL, "access")
    assert (claims["iat"], claims["exp"]) == (int(clock()), int(clock()) + 15 * 60)


def test_refresh_token_has_the_documented_claims(api: Api, clock: MovableClock) -> None:
    claims = decode_claims(api.register_and_log_in("User@Example.com")["refresh_token"])
    assert {name: type(value) for name, value in claims.items()} == {**COMMON_CLAIMS, "gen": int}
    assert (claims["sub"], claims["type"], claims["gen"]) == (EMAIL, "refresh", 0)
    assert (claims["iat"], claims["exp"]) == (int(clock()), int(clock()) + 7 * DAY)


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_header_has_algorithm_type_and_key_id(api: Api, name: str) -> None:
    header = decode_header(api.register_and_log_in()[name])
    assert set(header) == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == ("HS256", "JWT")


def test_tokens_of_one_login_share_the_session(api: Api) -> None:
    pair, other = api.register_and_log_in(), api.login().json()
    access, refresh = decode_claims(pair["access_token"]), decode_claims(pair["refresh_token"])
    assert access["sid"] == refresh["sid"] != decode_claims(other["access_token"])["sid"]
    assert access["ver"] == refresh["ver"]


def test_token_ids_are_unique(api: Api) -> None:
    pairs = [api.register_and_log_in(), api.login().json()]
    tokens = [pair[name] for pair in pairs for name in ("access_token", "refresh_token")]
    assert len({decode_claims(token)["jti"] for token in tokens}) == 4


def test_security_stamps_are_random(api: Api) -> None:
    emails = [f"user{number}@example.com" for number in range(5)]
    assert (
        len(
            {
                decode_claims(api.register_and_log_in(email)["access_token"])["ver"]
                for email in emails
            }
        )
        == 5
    )


def test_token_has_no_password(api: Api) -> None:
    pair = api.register_and_log_in()
    for name in ("access_token", "refresh_token"):
        assert PASSWORD not in str(decode_claims(pair[name]))


# Lifetimes


def test_lifetimes_are_settings(start: Start) -> None:
    start(ACCESS_TOKEN_LIFETIME=timedelta(seconds=30), REFRESH_TOKEN_LIFETIME=timedelta(seconds=60))
    pair = Api().register_and_log_in()
    access, refresh = decode_claims(pair["access_token"]), decode_claims(pair["refresh_token"])
    assert access["exp"] - access["iat"] == pair["expires_in"] == 30
    assert refresh["exp"] - refresh["iat"] == 60


def test_access_token_expires_with_its_session(api: Api, clock: MovableClock) -> None:
    pair = api.register_and_log_in()
    clock.advance(7 * DAY - 60)
    refreshed = api.refresh(pair["refresh_token"]).json()
    claims = decode_claims(refreshed["access_token"])
    assert refreshed["expires_in"] == claims["exp"] - claims["iat"] == 60


def test_access_token_is_accepted_until_it_expires(api: Api, clock: MovableClock) -> None:
    token = api.register_and_log_in()["access_token"]
    clock.now = decode_claims(token)["exp"] - 0.001
    assert api.profile(token).status_code == 200
    clock.now = decode_claims(token)["exp"]
    response = api.profile(token)
    assert get_error(response) == EXPIRED
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_refresh_token_is_accepted_until_it_expires(api: Api, clock: MovableClock) -> None:
    token = api.register_and_log_in()["refresh_token"]
    clock.now = decode_claims(token)["exp"] - 1
    assert api.refresh(token).status_code == 200
    clock.now = decode_claims(token)["exp"]
    response = api.refresh(token)
    assert get_error(response) == EXPIRED
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_expired_access_token_changes_nothing(api: Api, clock: MovableClock) -> None:
    pair = api.register_and_log_in()
    clock.advance(DAY)
    assert get_error(api.post("auth/logout-all", token=pair["access_token"])) == EXPIRED
    assert api.refresh(pair["refresh_token"]).status_code == 200


def test_token_of_deleted_account_is_revoked_for_ever(start: Start) -> None:
    start()
    api = Api()
    pair = api.register_and_log_in()
    start()  # The memory store is empty again.
    for _ in range(2):
        assert get_error(api.profile(pair["access_token"])) == REVOKED
        assert get_error(api.refresh(pair["refresh_token"])) == REVOKED
        api.register()


def test_restart_revokes_no_token(start: Start) -> None:
    store = start().accounts.store
    token = Api().register_and_log_in()["access_token"]
    start().accounts.store = store
    assert Api().profile(token).status_code == 200


# Where a token is accepted


@pytest.mark.parametrize("name", ["access_token", "Authorization"])
def test_token_in_query_is_ignored(api: Api, name: str) -> None:
    token = api.register_and_log_in()["access_token"]
    for value in (token, f"Bearer%20{token}"):
        response = send(api, f"{PROFILE}?{name}={value}", method="GET")
        assert get_error(response) == (401, "not_authenticated")


def test_token_in_body_is_ignored(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    response = api.post("auth/logout-all", {"access_token": token})
    assert get_error(response) == (401, "not_authenticated")
    assert api.profile(token).status_code == 200


@pytest.mark.parametrize("name", ["Cookie", "X-Access-Token", "Proxy-Authorization"])
def test_token_in_another_header_is_ignored(api: Api, name: str) -> None:
    value = f"access_token={api.register_and_log_in()['access_token']}"
    response = api.client.get(PROFILE, headers={name: value})
    assert get_error(response) == (401, "not_authenticated")


# The cache of verified tokens


def get_cache_size(tokens: TokenService) -> int:
    return tokens._verify_cached.cache_info().currsize


def test_cached_access_token_expires(api: Api, clock: MovableClock) -> None:
    token = api.register_and_log_in()["access_token"]
    assert api.profile(token).status_code == 200
    clock.advance(15 * 60)
    assert get_error(api.profile(token)) == EXPIRED


@pytest.mark.parametrize("remember", [True, False])
@pytest.mark.parametrize("auth_time", [None, 1_700_000_000])
def test_verify_returns_the_issued_claims(
    clock: MovableClock, remember: bool, auth_time: int | None
) -> None:
    tokens = TokenService(KeyRing([SECRET]), clock)
    claims = RefreshClaims(
        email=EmailAddress(EMAIL),
        security_stamp="stamp",
        sid="sid",
        jti="jti",
        issued_at=int(clock()),
        expires_at=int(clock()) + 900,
        remember=remember,
        rotation_count=3,
        auth_time=auth_time,
    )
    assert tokens.verify_refresh(tokens.issue(claims)) == claims


@pytest.mark.parametrize("padding", ["=", "=="])
def test_padded_token_is_invalid(start: Start, padding: str) -> None:
    """RFC 7515 §2: base64url without padding. Each token has one spelling."""
    tokens = start().tokens
    token = Api().register_and_log_in()["access_token"]
    header, payload, signature = token.split(".")
    for padded in (f"{token}{padding}", f"{header}.{payload}{padding}.{signature}"):
        with pytest.raises(TokenInvalid):
            tokens.verify_access(padded)


@pytest.mark.parametrize(
    ("name", "error"), [("refresh", WrongTokenType), ("bearer", TokenInvalid), ("", TokenInvalid)]
)
def test_other_type_and_unknown_type_have_different_errors(
    clock: MovableClock, name: str, error: type[TokenInvalid]
) -> None:
    ring = KeyRing([SECRET])
    with pytest.raises(TokenInvalid) as caught:
        TokenService(ring, clock).verify_access(ring.encode({"type": name}))
    assert type(caught.value) is error


def test_expired_token_says_for_how_long(start: Start, clock: MovableClock) -> None:
    tokens = start().tokens
    token = Api().register_and_log_in()["access_token"]
    clock.advance(15 * 60 + 90)
    with pytest.raises(TokenExpired) as caught:
        tokens.verify_access(token)
    assert caught.value.seconds_ago == pytest.approx(90, abs=1)


def test_cached_refresh_token_expires(api: Api, clock: MovableClock) -> None:
    token = api.register_and_log_in()["refresh_token"]
    assert api.refresh(token).status_code == 200
    clock.advance(7 * DAY)
    assert get_error(api.refresh(token)) == EXPIRED


def test_cached_tokens_are_revoked_by_logout(api: Api) -> None:
    pair = api.register_and_log_in()
    assert api.profile(pair["access_token"]).status_code == 200
    assert api.refresh(pair["refresh_token"]).status_code == 200
    api.logout(pair["refresh_token"])
    assert get_error(api.profile(pair["access_token"])) == REVOKED
    assert get_error(api.refresh(pair["refresh_token"])) == REVOKED


def test_cached_token_is_revoked_by_logout_all(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    assert api.profile(token).status_code == 200
    api.post("auth/logout-all", token=token)
    assert get_error(api.profile(token)) == REVOKED


def test_cached_access_token_is_no_refresh_token(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    assert api.profile(token).status_code == 200
    assert get_error(api.refresh(token)) == INVALID


def test_cache_is_empty_after_start_with_another_key(start: Start) -> None:
    store = start().accounts.store
    api = Api()
    token = api.register_and_log_in()["access_token"]
    assert api.profile(token).status_code == 200
    start(SECRET_KEY=SECRET).accounts.store = store
    assert get_error(api.profile(token)) == INVALID


def test_invalid_token_is_not_cached(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    before = get_cache_size(get_services().tokens)
    assert get_error(api.profile(f"{token[:-4]}AAAA")) == INVALID
    assert get_error(api.profile(forge(token, ver=...))) == INVALID
    assert get_cache_size(get_services().tokens) == before


def test_cache_has_a_limit(clock: MovableClock) -> None:
    tokens = TokenService(KeyRing([SECRET]), clock)
    claims = Claims(
        email=EmailAddress(EMAIL),
        security_stamp="stamp",
        sid="sid",
        jti="jti",
        issued_at=int(clock()),
        expires_at=int(clock()) + 900,
    )
    for number in range(TOKEN_CACHE_SIZE + 10):
        tokens.verify_access(tokens.issue(replace(claims, jti=str(number))))
    assert get_cache_size(tokens) == TOKEN_CACHE_SIZE


# Warnings about keys and clocks


def test_unknown_key_is_logged_with_the_known_ones(
    api: Api, warnings: pytest.LogCaptureFixture
) -> None:
    forge_kids(api, "0123456789abcdef")
    known = decode_header(api.login().json()["access_token"])["kid"]
    [message] = warnings.messages
    assert message == (
        f"a token was refused: its key 0123456789abcdef is unknown, the known keys are {known}; "
        "does JWT_SECRET_KEY_FALLBACKS lack a secret?"
    )


@pytest.mark.parametrize(
    "kid", ["", "x", "0123456789ABCDEF", "g" * 16, "0" * 15, "0" * 17, "0123456789abcde\n"]
)
def test_malformed_key_id_is_not_logged(
    api: Api, warnings: pytest.LogCaptureFixture, kid: str
) -> None:
    forge_kids(api, kid)
    assert warnings.messages == []


def test_invalid_signature_is_not_logged(api: Api, warnings: pytest.LogCaptureFixture) -> None:
    token = api.register_and_log_in()["access_token"]
    api.profile(sign(decode_header(token), decode_claims(token), key="x" * 32))
    assert warnings.messages == []


def test_token_from_the_future_is_accepted_and_logged(
    api: Api, clock: MovableClock, warnings: pytest.LogCaptureFixture
) -> None:
    token = api.register_and_log_in()["access_token"]
    clock.advance(-1200)
    assert api.profile(token).status_code == 200
    [message] = warnings.messages
    assert message == (
        "a token was issued 1200 s in the future: "
        "this machine's clock is behind, or another's is ahead"
    )


def test_clock_difference_within_tolerance_is_not_logged(
    api: Api, clock: MovableClock, warnings: pytest.LogCaptureFixture
) -> None:
    token = api.register_and_log_in()["access_token"]
    clock.advance(decode_claims(token)["iat"] - 5 - clock())  # exactly, and iat is a whole second
    api.profile(token)
    assert warnings.messages == []


def test_many_unknown_keys_log_one_line_a_minute(
    api: Api, clock: MovableClock, warnings: pytest.LogCaptureFixture
) -> None:
    forge_kids(api, *map(make_kid, range(100)))
    assert len(warnings.messages) == 1
    clock.advance(60)
    forge_kids(api, "0" * 16)
    assert len(warnings.messages) == 2
