"""Tokens that we never issued, most of them well signed: each is refused, and none is a bug."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import pytest
from django.conf import settings

from tests.support.api import Api
from tests.support.http import decode_claims, decode_header, forge, problem, sign

INVALID = (401, "token_invalid")

NO_TEXT: list[Any] = [
    ...,
    None,
    "",
    5,
    1.5,
    True,
    False,
    [],
    ["a"],
    {},
    {"a": "b"},
    "\0",
    "\ud800",
    "a\nb",
]
NO_TIME: list[Any] = [
    *(..., None, "", "2000000000", "never", -1, True, False, [], {}, 1.8e9, 1e30, inf, -inf, nan),
    *(10**30, 10**1000, 32_503_680_001),
]
NO_COUNT: list[Any] = [..., None, "", "0", -1, True, False, 0.0, 1.5, inf, nan, 10**30, [], {}]
NO_ALGORITHM = ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA"]
NOT_OURS: list[Any] = ["hs256", "HS256 ", "", "dir", 256, None, True, [], ["HS256"], {}, ...]
NO_KEY: list[Any] = [
    *(..., None, "", " ", "unknown", 0, 7, 1.5, True, [], ["a"], {}, {"a": "b"}, inf),
    *("../../../dev/null", "/dev/null", "' OR 1=1 --", "\0", "\ud800", "k" * 2000),
]
NO_OBJECT = [b"", b"[]", b"null", b"1", b'"text"', b"\xff", b"{", b"[" * 2000, b'{"a":' * 500]


@dataclass(frozen=True)
class Door:
    """Where tokens of one kind are presented: an endpoint, and one token that it takes."""

    token: str
    present: Callable[[str], Any]


@pytest.fixture(params=["access", "refresh"])
def door(api: Api, request: pytest.FixtureRequest) -> Door:
    tokens = api.enter()
    if request.param == "access":
        return Door(tokens["access_token"], api.profile)
    return Door(tokens["refresh_token"], api.refresh)


def label(value: object) -> str:
    return f"{value!a:.30}"


def test_a_token_that_is_signed_anew_is_good(door: Door) -> None:
    # Else every refusal below could have another reason than the one that it names.
    assert door.present(forge(door.token)).status_code == 200


def test_claims_that_the_table_does_not_list_are_ignored(door: Door) -> None:
    token = forge(door.token, admin=True, aud="somebody", iss=5, scope=["all"])
    assert door.present(token).status_code == 200


@pytest.mark.parametrize("value", NO_TEXT, ids=label)
@pytest.mark.parametrize("claim", ["sub", "sid", "ver", "jti", "type"])
def test_a_claim_that_is_no_text_is_refused(door: Door, claim: str, value: object) -> None:
    assert problem(door.present(forge(door.token, **{claim: value}))) == INVALID


@pytest.mark.parametrize(
    ("claim", "length"), [("sub", 321), ("sid", 65), ("ver", 65), ("jti", 65), ("jti", 2000)]
)
def test_a_claim_that_is_too_long_is_refused(door: Door, claim: str, length: int) -> None:
    assert problem(door.present(forge(door.token, **{claim: "x" * length}))) == INVALID


@pytest.mark.parametrize("value", NO_TIME, ids=label)
@pytest.mark.parametrize("claim", ["iat", "exp"])
def test_a_claim_that_is_no_time_is_refused(door: Door, claim: str, value: object) -> None:
    assert problem(door.present(forge(door.token, **{claim: value}))) == INVALID


@pytest.mark.parametrize("value", NO_COUNT, ids=label)
def test_a_generation_that_is_no_count_is_refused(api: Api, value: object) -> None:
    token = forge(api.enter()["refresh_token"], gen=value)
    assert problem(api.refresh(token)) == INVALID


@pytest.mark.parametrize("value", ["ACCESS", "Access", "access ", "bearer", "id", "refresh\0"])
def test_an_unknown_type_is_refused(door: Door, value: str) -> None:
    assert problem(door.present(forge(door.token, type=value))) == INVALID


def test_a_refresh_token_is_no_access_token(api: Api) -> None:
    assert problem(api.profile(api.enter()["refresh_token"])) == INVALID


def test_an_access_token_is_no_refresh_token(api: Api) -> None:
    assert problem(api.refresh(api.enter()["access_token"])) == INVALID


def test_an_access_token_logs_nobody_out(api: Api) -> None:
    token = api.enter()["access_token"]
    api.logout(token)
    assert api.profile(token).status_code == 200


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("sub", "nobody@example.com"),
        ("sub", "User@Example.com"),
        ("sub", " user@example.com"),
        ("ver", "another version"),
        ("exp", 0),
        ("exp", 1),
    ],
)
def test_a_claim_that_does_not_hold_is_refused(door: Door, claim: str, value: object) -> None:
    status, code = problem(door.present(forge(door.token, **{claim: value})))
    assert (status, code[:6]) == (401, "token_")


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("algorithm", [*NO_ALGORITHM, *NOT_OURS], ids=label)
def test_another_algorithm_is_refused(door: Door, algorithm: object, digest: str) -> None:
    header = {**decode_header(door.token), "alg": algorithm}
    if algorithm is ...:
        del header["alg"]
    token = sign(header, decode_claims(door.token), digest=digest)
    assert problem(door.present(token)) == INVALID


@pytest.mark.parametrize("digest", ["sha1", "sha384", "sha512"])
def test_another_digest_under_the_right_name_is_refused(door: Door, digest: str) -> None:
    token = sign(decode_header(door.token), decode_claims(door.token), digest=digest)
    assert problem(door.present(token)) == INVALID


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "HS256"])
def test_a_token_without_a_signature_is_refused(door: Door, algorithm: str) -> None:
    token = forge(door.token, {"alg": algorithm})
    unsigned = token[: token.rindex(".") + 1]
    assert problem(door.present(unsigned)) == INVALID
    assert problem(door.present(unsigned.rstrip("."))) == INVALID


@pytest.mark.parametrize("kid", NO_KEY, ids=label)
def test_a_kid_that_names_no_key_is_refused(door: Door, kid: object) -> None:
    assert problem(door.present(forge(door.token, {"kid": kid}))) == INVALID


@pytest.mark.parametrize("part", ["kid", "claim"])
def test_a_token_of_100_kilobytes_is_refused(api: Api, part: str) -> None:
    token, long = api.enter()["access_token"], "k" * 100_000
    token = forge(token, {"kid": long}) if part == "kid" else forge(token, more=long)
    assert problem(api.profile(token)) == INVALID


def test_a_kid_is_matched_exactly(door: Door) -> None:
    kid = decode_header(door.token)["kid"]
    for other in (kid.upper(), f" {kid}", f"{kid}\0", kid[:-1], [kid], {kid: kid}):
        assert problem(door.present(forge(door.token, {"kid": other}))) == INVALID


@pytest.mark.parametrize(
    "crit", [[], ["exp"], ["b64"], ["kid", "alg"], "exp", None, 1, {}], ids=label
)
def test_a_critical_extension_is_refused(door: Door, crit: object) -> None:
    assert problem(door.present(forge(door.token, {"crit": crit, "b64": True}))) == INVALID


def test_a_detached_payload_is_refused(door: Door) -> None:
    assert problem(door.present(forge(door.token, {"b64": False}))) == INVALID


KEYS_FROM_AFAR = {
    "jku": "https://evil.example/keys.json",
    "jwk": {"kty": "oct", "k": "ZXZpbC1rZXktdGhhdC1pcy1sb25nLWVub3VnaC0xMjM0"},
    "x5u": "https://evil.example/certificate.pem",
    "x5c": ["MIIB"],
}


@pytest.mark.parametrize("name", KEYS_FROM_AFAR)
def test_a_key_that_a_token_brings_is_ignored(door: Door, name: str) -> None:
    header = {name: KEYS_FROM_AFAR[name]}
    assert door.present(forge(door.token, header)).status_code == 200


@pytest.mark.parametrize("name", KEYS_FROM_AFAR)
def test_a_key_that_a_token_brings_signs_nothing(door: Door, name: str) -> None:
    header = {**decode_header(door.token), name: KEYS_FROM_AFAR[name]}
    token = sign(header, decode_claims(door.token), key="evil-key-that-is-long-enough-1234")
    assert problem(door.present(token)) == INVALID


def test_another_key_is_refused(door: Door) -> None:
    header = decode_header(door.token)
    for key in ("", "secret", header["kid"], settings.SECRET_KEY):
        assert problem(door.present(sign(header, decode_claims(door.token), key=key))) == INVALID


@pytest.mark.parametrize("part", NO_OBJECT, ids=label)
def test_a_header_that_is_no_object_is_refused(door: Door, part: bytes) -> None:
    assert problem(door.present(sign(part, decode_claims(door.token)))) == INVALID


@pytest.mark.parametrize("part", NO_OBJECT, ids=label)
def test_a_payload_that_is_no_object_is_refused(door: Door, part: bytes) -> None:
    assert problem(door.present(sign(decode_header(door.token), part))) == INVALID


def test_every_changed_character_is_noticed(door: Door) -> None:
    token = door.token
    for at in range(0, len(token), 7):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        assert problem(door.present(changed)) == INVALID


def test_a_token_has_one_spelling(door: Door) -> None:
    token = door.token
    header, payload, signature = token.split(".")
    others = [
        *(f"{token}!!!!", f"{token}.", f"{token}.{signature}", f".{token}", f"{token}A"),
        *(f"{header}.{payload}", f"{header}.{payload}.", f"{header}..{signature}", token[:-1]),
        *(f"{payload}.{header}.{signature}", f"{token[:-4]}!!!!{token[-4:]}", token * 2),
    ]
    for other in others:
        assert problem(door.present(other)) == INVALID


def test_a_stranger_s_payload_under_our_signature_is_refused(api: Api) -> None:
    mine, theirs = api.enter()["access_token"], api.enter("other@example.com")["access_token"]
    parts = mine.split(".")
    parts[1] = theirs.split(".")[1]
    assert problem(api.profile(".".join(parts))) == INVALID
