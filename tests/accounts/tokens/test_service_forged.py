"""Tokens that the service never issued, most of them with a valid signature. All are rejected."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, inf, nan
from typing import Any

import pytest
from django.conf import settings

from tests.support.api import Api, MovableClock
from tests.support.http import decode_claims, decode_header, forge, get_error, sign
from tests.support.sessions import change_password

INVALID = (401, "token_invalid")
MISSING: Any = ...

INVALID_TEXTS: list[Any] = [MISSING, None, "", 5, ["a"], "\ud800", "a\nb"]
INVALID_TIMES: list[Any] = [
    *(MISSING, None, "2000000000", -1, True, [], 1.8e9, inf, -inf, nan),
    *(10**30, 10**1000, 32_503_680_001),
]
INVALID_AUDIENCES: list[Any] = [
    *("somebody", "", "testserver", "https://auth.example.com", None, 5, True, nan, {}),
    *([], ["somebody"], [""], ["a", "b"], [None]),
]
INVALID_COUNTS: list[Any] = [MISSING, None, "0", -1, True, 0.0, inf, nan, 10**30, {}]
INVALID_ALGORITHMS: list[Any] = [
    *("none", "NONE", "HS384", "HS512", "RS256", "ES256", "EdDSA"),
    *("hs256", "HS256 ", "", "dir", 256, None, ["HS256"], MISSING),
]
INVALID_KEY_IDS: list[Any] = [
    *(MISSING, None, "", " ", "unknown", 7, 1.5, True, ["a"], {"a": "b"}, inf),
    *("../../../dev/null", "' OR 1=1 --", "\0", "\ud800", "k" * 2000),
]
NOT_OBJECTS = [b"", b"[]", b"null", b'"text"', b"\xff", b"{", b"[" * 2000, b'{"a":' * 500]
REMOTE_KEYS: dict[str, Any] = {
    "jku": "https://evil.example/keys.json",
    "jwk": {"kty": "oct", "k": "ZXZpbC1rZXktdGhhdC1pcy1sb25nLWVub3VnaC0xMjM0"},
    "x5u": "https://evil.example/certificate.pem",
    "x5c": ["MIIB"],
}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that takes tokens of one type, and one token that it accepts."""

    token: str
    use: Callable[[str], Any]

    def use_forged(self, header: dict[str, Any] | None = None, /, **claims: Any) -> Any:
        """Use its token, signed anew with other header fields and claims."""
        return self.use(forge(self.token, header, **claims))


@pytest.fixture(params=["access", "refresh"])
def endpoint(api: Api, request: pytest.FixtureRequest) -> Endpoint:
    pair = api.register_and_log_in()
    if request.param == "access":
        return Endpoint(pair["access_token"], api.profile)
    return Endpoint(pair["refresh_token"], api.refresh)


def label(value: object) -> str:
    return f"{value!a:.30}"


def find_accepted(values: Iterable[Any], use: Callable[[Any], Any]) -> set[tuple[str, Any]]:
    """Use each value; return those that are not rejected as `token_invalid`, with the result."""
    results = {(label(value), get_error(use(value))) for value in values}
    return {(name, error) for name, error in results if error != INVALID}


def test_token_signed_anew_is_accepted(endpoint: Endpoint) -> None:
    """Shows that the tokens below are rejected for what they change."""
    assert endpoint.use_forged().status_code == 200


def test_unknown_claims_are_ignored(endpoint: Endpoint) -> None:
    response = endpoint.use_forged(admin=True, scope=["all"])
    assert response.status_code == 200


@pytest.mark.parametrize("issuer", ["https://somebody.example", "", 5, None], ids=ascii)
def test_issuer_is_ignored(endpoint: Endpoint, issuer: Any) -> None:
    """RFC 7519 §4.1.1 leaves it to the application: here the key ID names the issuer."""
    assert endpoint.use_forged(iss=issuer).status_code == 200


def test_audience_is_invalid(endpoint: Endpoint) -> None:
    accepted = find_accepted(INVALID_AUDIENCES, lambda value: endpoint.use_forged(aud=value))
    assert accepted == set()


def test_not_before_that_is_no_time_is_invalid(endpoint: Endpoint) -> None:
    values = [value for value in INVALID_TIMES if value is not MISSING]
    assert find_accepted(values, lambda value: endpoint.use_forged(nbf=value)) == set()


@pytest.mark.parametrize("seconds", [1, 5, 60, 7 * 86_400])
def test_not_before_in_the_future_is_invalid(
    endpoint: Endpoint, clock: MovableClock, seconds: int
) -> None:
    assert get_error(endpoint.use_forged(nbf=int(clock()) + seconds)) == INVALID


def test_not_before_in_the_past_is_accepted(endpoint: Endpoint, clock: MovableClock) -> None:
    clock.advance(ceil(clock()) - clock())  # RFC 7519 §4.1.5: from that very second on
    for not_before in (0, int(clock()) - 60, int(clock())):
        assert endpoint.use_forged(nbf=not_before).status_code == 200


def test_not_before_is_checked_at_each_use(endpoint: Endpoint, clock: MovableClock) -> None:
    token = forge(endpoint.token, nbf=int(clock()) + 60)
    for seconds, status in [(0, 401), (60, 200), (-60, 401)]:
        clock.advance(seconds)
        assert endpoint.use(token).status_code == status


@pytest.mark.parametrize("claims", [{"aud": "somebody"}, {"nbf": 2_000_000_000}], ids=str)
def test_logout_restricted_token_ends_no_session(api: Api, claims: dict[str, Any]) -> None:
    pair = api.register_and_log_in()
    assert api.logout(forge(pair["refresh_token"], **claims)).status_code == 204
    assert api.profile(pair["access_token"]).status_code == 200


@pytest.mark.parametrize("claims", [{"aud": "somebody"}, {"nbf": 2_000_000_000}], ids=str)
def test_restricted_token_changes_nothing(api: Api, claims: dict[str, Any]) -> None:
    pair = api.register_and_log_in()
    token = forge(pair["access_token"], **claims)
    assert get_error(change_password(api, token)) == INVALID
    assert get_error(api.post("auth/logout-all", token=token)) == INVALID
    assert api.profile(pair["access_token"]).status_code == 200


@pytest.mark.parametrize("claim", ["sub", "sid", "ver", "jti", "type"])
def test_text_claim_of_other_type_is_invalid(endpoint: Endpoint, claim: str) -> None:
    accepted = find_accepted(INVALID_TEXTS, lambda value: endpoint.use_forged(**{claim: value}))
    assert accepted == set()


@pytest.mark.parametrize(("claim", "length"), [("sub", 321), ("sid", 65), ("ver", 65), ("jti", 65)])
def test_text_claim_that_is_too_long_is_invalid(
    endpoint: Endpoint, claim: str, length: int
) -> None:
    assert get_error(endpoint.use_forged(**{claim: "x" * length})) == INVALID


@pytest.mark.parametrize(
    ("claim", "length"), [("sub", 320), ("sid", 64), ("ver", 64), ("jti", 64), ("jti", 1)]
)
def test_text_claim_within_the_limits_is_well_formed(
    endpoint: Endpoint, claim: str, length: int
) -> None:
    assert endpoint.use_forged(**{claim: "x" * length}).json().get("code") != "token_invalid"


def test_greatest_time_is_accepted(endpoint: Endpoint) -> None:
    assert endpoint.use_forged(exp=32_503_680_000).status_code == 200


@pytest.mark.parametrize("claim", ["iat", "exp"])
def test_time_claim_of_other_type_is_invalid(endpoint: Endpoint, claim: str) -> None:
    accepted = find_accepted(INVALID_TIMES, lambda value: endpoint.use_forged(**{claim: value}))
    assert accepted == set()


def test_rotation_count_of_other_type_is_invalid(api: Api) -> None:
    token = api.register_and_log_in()["refresh_token"]
    accepted = find_accepted(INVALID_COUNTS, lambda value: api.refresh(forge(token, gen=value)))
    assert accepted == set()


def test_unknown_token_type_is_invalid(endpoint: Endpoint) -> None:
    types = ["ACCESS", "access ", "bearer", "id", "refresh\0"]
    assert find_accepted(types, lambda value: endpoint.use_forged(type=value)) == set()


def test_refresh_token_is_no_access_token(api: Api) -> None:
    assert get_error(api.profile(api.register_and_log_in()["refresh_token"])) == INVALID


def test_access_token_is_no_refresh_token(api: Api) -> None:
    assert get_error(api.refresh(api.register_and_log_in()["access_token"])) == INVALID


@pytest.mark.parametrize(
    ("claim", "value", "code"),
    [
        ("sub", "nobody@example.com", "token_revoked"),
        ("sub", "User@Example.com", "token_revoked"),
        ("ver", "another stamp", "token_revoked"),
        ("exp", 0, "token_expired"),
    ],
)
def test_claim_of_another_account_is_rejected(
    endpoint: Endpoint, claim: str, value: Any, code: str
) -> None:
    assert get_error(endpoint.use_forged(**{claim: value})) == (401, code)


def test_other_algorithm_is_invalid(endpoint: Endpoint) -> None:
    accepted = find_accepted(INVALID_ALGORITHMS, lambda name: endpoint.use_forged({"alg": name}))
    assert accepted == set()


@pytest.mark.parametrize(("algorithm", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_other_hmac_is_invalid(endpoint: Endpoint, algorithm: str, digest: str) -> None:
    header = {**decode_header(endpoint.token), "alg": algorithm}
    token = sign(header, decode_claims(endpoint.token), digest=digest)
    assert get_error(endpoint.use(token)) == INVALID


@pytest.mark.parametrize("digest", ["sha1", "sha384", "sha512"])
def test_other_digest_under_hs256_is_invalid(endpoint: Endpoint, digest: str) -> None:
    token = sign(decode_header(endpoint.token), decode_claims(endpoint.token), digest=digest)
    assert get_error(endpoint.use(token)) == INVALID


@pytest.mark.parametrize("algorithm", ["none", "nOnE", "HS256"])
def test_token_without_signature_is_invalid(endpoint: Endpoint, algorithm: str) -> None:
    token = forge(endpoint.token, {"alg": algorithm})
    unsigned = token[: token.rindex(".") + 1]
    assert get_error(endpoint.use(unsigned)) == INVALID
    assert get_error(endpoint.use(unsigned.rstrip("."))) == INVALID


def test_unknown_key_id_is_invalid(endpoint: Endpoint) -> None:
    accepted = find_accepted(INVALID_KEY_IDS, lambda kid: endpoint.use_forged({"kid": kid}))
    assert accepted == set()


def test_similar_key_id_is_invalid(endpoint: Endpoint) -> None:
    kid = decode_header(endpoint.token)["kid"]
    for other in (kid.upper(), f" {kid}", f"{kid}\0", kid[:-1], [kid], {kid: kid}):
        assert get_error(endpoint.use_forged({"kid": other})) == INVALID


@pytest.mark.parametrize("part", ["kid", "claim"])
def test_token_of_100_kilobytes_is_invalid(api: Api, part: str) -> None:
    token, long = api.register_and_log_in()["access_token"], "k" * 100_000
    token = forge(token, {"kid": long}) if part == "kid" else forge(token, more=long)
    assert get_error(api.profile(token)) == INVALID


def test_critical_extension_is_invalid(endpoint: Endpoint) -> None:
    values: list[Any] = [[], ["exp"], ["b64"], "exp", None, {}]
    accepted = find_accepted(values, lambda crit: endpoint.use_forged({"crit": crit, "b64": True}))
    assert accepted == set()


def test_detached_payload_is_invalid(endpoint: Endpoint) -> None:
    assert get_error(endpoint.use_forged({"b64": False})) == INVALID


@pytest.mark.parametrize("name", REMOTE_KEYS)
def test_key_in_header_is_ignored(endpoint: Endpoint, name: str) -> None:
    assert endpoint.use_forged({name: REMOTE_KEYS[name]}).status_code == 200


@pytest.mark.parametrize("name", REMOTE_KEYS)
def test_key_in_header_verifies_nothing(endpoint: Endpoint, name: str) -> None:
    header = {**decode_header(endpoint.token), name: REMOTE_KEYS[name]}
    token = sign(header, decode_claims(endpoint.token), key="evil-key-that-is-long-enough-1234")
    assert get_error(endpoint.use(token)) == INVALID


@pytest.mark.parametrize("key", ["", "secret", "kid", "SECRET_KEY"])
def test_other_key_is_invalid(endpoint: Endpoint, key: str) -> None:
    header = decode_header(endpoint.token)
    secret = {"kid": header["kid"], "SECRET_KEY": settings.SECRET_KEY}.get(key, key)
    token = sign(header, decode_claims(endpoint.token), key=secret)
    assert get_error(endpoint.use(token)) == INVALID


def test_header_that_is_no_object_is_invalid(endpoint: Endpoint) -> None:
    claims = decode_claims(endpoint.token)
    assert find_accepted(NOT_OBJECTS, lambda part: endpoint.use(sign(part, claims))) == set()


def test_payload_that_is_no_object_is_invalid(endpoint: Endpoint) -> None:
    header = decode_header(endpoint.token)
    assert find_accepted(NOT_OBJECTS, lambda part: endpoint.use(sign(header, part))) == set()


def test_changed_character_is_invalid(endpoint: Endpoint) -> None:
    token = endpoint.token
    for at in range(0, len(token), 7):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        assert get_error(endpoint.use(changed)) == INVALID


def test_other_spelling_of_token_is_invalid(endpoint: Endpoint) -> None:
    token = endpoint.token
    header, payload, signature = token.split(".")
    others = [
        *(f"{token}!!!!", f"{token}.", f"{token}.{signature}", f".{token}", f"{token}A"),
        *(f"{header}.{payload}", f"{header}.{payload}.", f"{header}..{signature}", token[:-1]),
        *(f"{payload}.{header}.{signature}", f"{token[:-4]}!!!!{token[-4:]}", token * 2),
    ]
    for other in others:
        assert get_error(endpoint.use(other)) == INVALID


def test_payload_of_another_token_is_invalid(api: Api) -> None:
    mine, theirs = (
        api.register_and_log_in()["access_token"],
        api.register_and_log_in("other@example.com")["access_token"],
    )
    parts = mine.split(".")
    parts[1] = theirs.split(".")[1]
    assert get_error(api.profile(".".join(parts))) == INVALID
