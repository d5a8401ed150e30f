"""Tokens over HTTP: what they say, how long they live, which key they trust."""

import hashlib
from typing import Any

import pytest
from django.conf import settings

from accounts.services import Services
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import Start, decode_claims, decode_header, forge, problem, send, sign

PROFILE = "/api/v1/protected/profile"
OLD_KEY = "the-key-of-last-year-is-long-enough-too"
NEW_KEY = "the-key-of-this-year-is-long-enough-too"
DAY = 86_400

COMMON_CLAIMS: dict[str, type] = {
    "sub": str,
    "type": str,
    "iat": int,
    "exp": int,
    "jti": str,
    "sid": str,
    "ver": str,
}


def restart(start: Start, before: Services, **settings: object) -> None:
    """Start anew with other settings and the same users, as a shared store would have them."""
    start(**settings).accounts.store = before.accounts.store


def test_an_access_token_says_what_the_contract_lists(api: Api, clock: MovableClock) -> None:
    claims = decode_claims(api.enter("User@Example.com")["access_token"])
    assert {name: type(value) for name, value in claims.items()} == COMMON_CLAIMS
    assert (claims["sub"], claims["type"]) == (EMAIL, "access")
    assert (claims["iat"], claims["exp"]) == (int(clock()), int(clock()) + 15 * 60)


def test_a_refresh_token_says_what_the_contract_lists(api: Api, clock: MovableClock) -> None:
    claims = decode_claims(api.enter("User@Example.com")["refresh_token"])
    assert {name: type(value) for name, value in claims.items()} == {**COMMON_CLAIMS, "gen": int}
    assert (claims["sub"], claims["type"], claims["gen"]) == (EMAIL, "refresh", 0)
    assert (claims["iat"], claims["exp"]) == (int(clock()), int(clock()) + 7 * DAY)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_header_names_algorithm_type_and_key(api: Api, kind: str) -> None:
    header = decode_header(api.enter()[kind])
    assert set(header) == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == ("HS256", "JWT")


def test_the_tokens_of_a_login_share_session_and_version_but_no_id(api: Api) -> None:
    access, refresh = (
        decode_claims(api.enter()[kind]) for kind in ("access_token", "refresh_token")
    )
    again = decode_claims(api.login().json()["access_token"])
    assert access["ver"] == refresh["ver"] == again["ver"]
    assert len({access["jti"], refresh["jti"], again["jti"]}) == 3


def test_each_login_begins_a_session(api: Api) -> None:
    first, second = api.enter(), api.login().json()
    assert (
        decode_claims(first["access_token"])["sid"] == decode_claims(first["refresh_token"])["sid"]
    )
    assert (
        decode_claims(first["access_token"])["sid"] != decode_claims(second["access_token"])["sid"]
    )


def test_versions_are_random(api: Api) -> None:
    emails = [f"user{number}@example.com" for number in range(5)]
    assert len({decode_claims(api.enter(email)["access_token"])["ver"] for email in emails}) == 5


def test_lifetimes_are_settings(start: Start) -> None:
    start(ACCESS_TOKEN_LIFETIME=30, REFRESH_TOKEN_LIFETIME=60)
    tokens = Api().enter()
    lifetimes = [
        claims["exp"] - claims["iat"]
        for claims in map(decode_claims, (tokens["access_token"], tokens["refresh_token"]))
    ]
    assert lifetimes == [30, 60]
    assert tokens["expires_in"] == 30


def test_an_access_token_ends_with_its_session_at_the_latest(api: Api, clock: MovableClock) -> None:
    tokens = api.enter()
    clock.advance(7 * DAY - 60)
    answer = api.refresh(tokens["refresh_token"]).json()
    claims = decode_claims(answer["access_token"])
    assert answer["expires_in"] == claims["exp"] - claims["iat"] == 60


def test_an_access_token_serves_until_it_expires(api: Api, clock: MovableClock) -> None:
    token = api.enter()["access_token"]
    clock.now = decode_claims(token)["exp"] - 0.001
    assert api.profile(token).status_code == 200


def test_an_access_token_has_expired_at_its_expiry(api: Api, clock: MovableClock) -> None:
    token = api.enter()["access_token"]
    clock.now = decode_claims(token)["exp"]
    response = api.profile(token)
    assert problem(response) == (401, "token_expired")
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_a_refresh_token_serves_until_it_expires(api: Api, clock: MovableClock) -> None:
    token = api.enter()["refresh_token"]
    clock.now = decode_claims(token)["exp"] - 1
    assert api.refresh(token).status_code == 200


def test_a_refresh_token_has_expired_at_its_expiry(api: Api, clock: MovableClock) -> None:
    token = api.enter()["refresh_token"]
    clock.now = decode_claims(token)["exp"]
    response = api.refresh(token)
    assert problem(response) == (401, "token_expired")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_an_expired_access_token_changes_nothing(api: Api, clock: MovableClock) -> None:
    tokens = api.enter()
    clock.advance(DAY)
    response = api.post("auth/logout-all", token=tokens["access_token"])
    assert problem(response) == (401, "token_expired")
    assert api.refresh(tokens["refresh_token"]).status_code == 200


def test_no_token_outlives_the_account_it_was_issued_for(start: Start) -> None:
    start()
    api = Api()
    tokens = api.enter()
    start()  # a memory store forgets
    for _ in range(2):
        assert problem(api.profile(tokens["access_token"])) == (401, "token_revoked")
        assert problem(api.refresh(tokens["refresh_token"])) == (401, "token_revoked")
        api.register()


def test_a_restart_voids_no_token_by_itself(start: Start) -> None:
    before = start()
    api = Api()
    token = api.enter()["access_token"]
    restart(start, before)
    assert api.profile(token).status_code == 200


@pytest.mark.parametrize("name", ["access_token", "token", "Authorization", "authorization"])
def test_a_token_in_the_query_opens_nothing(api: Api, name: str) -> None:
    token = api.enter()["access_token"]
    for value in (token, f"Bearer%20{token}"):
        response = send(api, f"{PROFILE}?{name}={value}", method="GET")
        assert problem(response) == (401, "not_authenticated")


@pytest.mark.parametrize("name", ["access_token", "token", "Authorization"])
def test_a_token_in_the_body_opens_nothing(api: Api, name: str) -> None:
    token = api.enter()["access_token"]
    response = api.post("auth/logout-all", {name: token})
    assert problem(response) == (401, "not_authenticated")
    assert api.profile(token).status_code == 200


@pytest.mark.parametrize("name", ["Cookie", "X-Access-Token", "Proxy-Authorization"])
def test_a_token_in_another_header_opens_nothing(api: Api, name: str) -> None:
    value = f"access_token={api.enter()['access_token']}"
    response = api.client.get(PROFILE, headers={name: value})
    assert problem(response) == (401, "not_authenticated")


def test_a_kid_reveals_nothing_of_its_key(api: Api) -> None:
    kid = decode_header(api.enter()["access_token"])["kid"]
    key = settings.JWT_SECRET_KEY
    digests = [hashlib.new(name, key.encode()).hexdigest() for name in ("md5", "sha1", "sha256")]
    assert kid not in key
    assert not any(kid in digest or digest in kid for digest in digests)
    assert not any(key[at : at + 4] in kid for at in range(len(key) - 3))


def test_a_kid_is_its_key_s_alone(start: Start) -> None:
    def kid(key: str) -> Any:
        start(JWT_SECRET_KEY=key)
        return decode_header(Api().enter()["access_token"])["kid"]

    assert kid(OLD_KEY) == kid(OLD_KEY) != kid(NEW_KEY)


@pytest.mark.parametrize("fallbacks", [[OLD_KEY], ["x" * 40, OLD_KEY, "y" * 40]])
def test_a_token_of_a_fallback_key_is_good(start: Start, fallbacks: list[str]) -> None:
    before = start(JWT_SECRET_KEY=OLD_KEY)
    api = Api()
    tokens = api.enter()
    restart(start, before, JWT_SECRET_KEY=NEW_KEY, JWT_SECRET_KEY_FALLBACKS=fallbacks)
    assert api.profile(tokens["access_token"]).status_code == 200
    assert api.refresh(tokens["refresh_token"]).status_code == 200


def test_the_current_key_signs(start: Start) -> None:
    before = start(JWT_SECRET_KEY=OLD_KEY)
    api = Api()
    tokens = api.enter()
    restart(start, before, JWT_SECRET_KEY=NEW_KEY, JWT_SECRET_KEY_FALLBACKS=[OLD_KEY])
    fresh = api.refresh(tokens["refresh_token"]).json()["access_token"]
    assert decode_header(fresh)["kid"] != decode_header(tokens["access_token"])["kid"]
    assert forge(fresh) == sign(decode_header(fresh), decode_claims(fresh), key=NEW_KEY)
    assert api.profile(forge(fresh)).status_code == 200


def test_a_token_of_a_removed_key_is_invalid(start: Start) -> None:
    before = start(JWT_SECRET_KEY=OLD_KEY)
    api = Api()
    tokens = api.enter()
    restart(start, before, JWT_SECRET_KEY=NEW_KEY, JWT_SECRET_KEY_FALLBACKS=[])
    assert problem(api.profile(tokens["access_token"])) == (401, "token_invalid")
    assert problem(api.refresh(tokens["refresh_token"])) == (401, "token_invalid")


def test_keys_are_never_tried_in_turn(start: Start) -> None:
    before = start(JWT_SECRET_KEY=OLD_KEY)
    api = Api()
    old = api.enter()["access_token"]
    restart(start, before, JWT_SECRET_KEY=NEW_KEY, JWT_SECRET_KEY_FALLBACKS=[OLD_KEY])
    new = api.login().json()["access_token"]
    for kid, key in ((old, NEW_KEY), (new, OLD_KEY)):
        crossed = sign(decode_header(kid), decode_claims(new), key=key)
        assert problem(api.profile(crossed)) == (401, "token_invalid")


def test_a_password_is_in_no_token(api: Api) -> None:
    tokens = api.enter()
    for kind in ("access_token", "refresh_token"):
        assert PASSWORD not in str(decode_claims(tokens[kind]))
