"""Key rollover: the current key signs, and old tokens verify until their key is removed."""

from collections.abc import Callable
from typing import Any, Protocol

import jwt
import pytest
from jwt.algorithms import HMACAlgorithm

from accounts.domain.errors import InvalidTokenSignature
from accounts.tokens.key_ring import HEADER_CACHE_SIZE, KeyRing
from tests.support.api import Api
from tests.support.http import Start, decode_claims, decode_header, get_error, sign

OLD = "the-old-key-of-the-rollover-tests-is-long"
NEW = "the-new-key-of-the-rollover-tests-is-long"
SSH_KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ"
OTHER = "a-third-key-of-the-rollover-tests-is-long"

TokenPair = dict[str, Any]
Use = Callable[[Api, TokenPair], Any]


class Restart(Protocol):
    """Restarts the service with these keys and the same accounts."""

    def __call__(self, current: str, *fallbacks: str, rotate: bool = False) -> Api: ...


@pytest.fixture
def restart(start: Start) -> Restart:
    store = start().accounts.store

    def restart(current: str, *fallbacks: str, rotate: bool = False) -> Api:
        start(
            SECRET_KEY=current,
            SECRET_KEY_FALLBACKS=list(fallbacks),
            ROTATE_REFRESH_TOKENS=rotate,
        ).accounts.store = store
        return Api()

    return restart


def use_access(api: Api, pair: TokenPair) -> Any:
    return get_code(api.profile(pair["access_token"]))


def use_refresh(api: Api, pair: TokenPair) -> Any:
    return get_code(api.refresh(pair["refresh_token"]))


every_use = pytest.mark.parametrize("use", [use_access, use_refresh])


def raise_invalid_key(*args: object) -> None:
    raise jwt.InvalidKeyError("the inside of PyJWT")


def get_code(response: Any) -> Any:
    return response.json().get("code", "ok")


def get_kid(token: str) -> Any:
    return decode_header(token)["kid"]


def rotate_token(api: Api, pair: TokenPair) -> TokenPair:
    body: TokenPair = api.refresh(pair["refresh_token"]).json()
    return body


def resign(pair: TokenPair, key: str, **header: Any) -> TokenPair:
    """Return the pair signed by `key` under another header."""
    return {
        name: sign({"alg": "HS256", "typ": "JWT", **header}, decode_claims(pair[name]), key=key)
        for name in ("access_token", "refresh_token")
    }


def test_new_tokens_have_kid_key_current_key(restart: Restart) -> None:
    old = restart(OLD).register_and_log_in()
    api = restart(NEW, OLD, rotate=True)
    new, refreshed = api.login().json(), rotate_token(api, old)
    [kid] = {get_kid(pair[name]) for pair in (new, refreshed) for name in resign(pair, NEW)}
    assert kid not in {get_kid(old["access_token"]), get_kid(old["refresh_token"])}


def test_kid_key_key_is_stable_over_restarts(restart: Restart) -> None:
    first = restart(OLD).register_and_log_in()
    again = restart(OLD, NEW).login().json()
    assert get_kid(first["access_token"]) == get_kid(again["access_token"])


@every_use
@pytest.mark.parametrize("keys", [(OLD,), (NEW, OLD), (NEW, OTHER, OLD), (OTHER, OLD, NEW)])
def test_token_of_listed_key_is_accepted(restart: Restart, use: Use, keys: tuple[str, ...]) -> None:
    pair = restart(OLD).register_and_log_in()
    assert use(restart(*keys), pair) == "ok"


@every_use
@pytest.mark.parametrize("keys", [(NEW,), (NEW, OTHER)])
def test_token_of_removed_key_is_invalid(restart: Restart, use: Use, keys: tuple[str, ...]) -> None:
    pair = restart(OLD).register_and_log_in()
    assert use(restart(*keys), pair) == "token_invalid"


@every_use
def test_key_that_is_listed_again_verifies_again(restart: Restart, use: Use) -> None:
    pair = restart(OLD).register_and_log_in()
    restart(NEW)
    assert use(restart(NEW, OLD), pair) == "ok"


@every_use
def test_session_rotated_under_new_key_outlives_old_key(restart: Restart, use: Use) -> None:
    pair = restart(OLD, rotate=True).register_and_log_in()
    rotated = rotate_token(restart(NEW, OLD, rotate=True), pair)
    assert use(restart(NEW, rotate=True), rotated) == "ok"


def test_retry_under_new_key_returns_same_claims(restart: Restart) -> None:
    api = restart(OLD, rotate=True)
    pair = api.register_and_log_in()
    before = rotate_token(api, pair)["refresh_token"]
    after = rotate_token(restart(NEW, OLD, rotate=True), pair)["refresh_token"]
    assert decode_claims(after) == decode_claims(before)
    assert get_kid(after) != get_kid(before)


def test_reused_token_of_fallback_key_ends_session(restart: Restart) -> None:
    api = restart(OLD, rotate=True)
    first = api.register_and_log_in()
    third = rotate_token(api, rotate_token(api, first))
    api = restart(NEW, OLD, rotate=True)
    assert use_refresh(api, first) == "token_reused"
    assert use_refresh(api, third) == "token_revoked"


def test_revoked_session_stays_revoked_under_new_key(restart: Restart) -> None:
    api = restart(OLD)
    pair = api.register_and_log_in()
    api.logout(pair["refresh_token"])
    assert use_access(restart(NEW, OLD), pair) == "token_revoked"


@pytest.mark.parametrize(
    ("keys", "afterwards"), [((NEW, OLD), "token_revoked"), ((NEW,), "ok")], ids=["kept", "removed"]
)
def test_logout_needs_the_key_of_its_token(
    restart: Restart, keys: tuple[str, ...], afterwards: str
) -> None:
    pair = restart(OLD).register_and_log_in()
    restart(*keys).logout(pair["refresh_token"])
    assert use_access(restart(NEW, OLD), pair) == afterwards


@every_use
@pytest.mark.parametrize("key", [OLD, NEW])
@pytest.mark.parametrize("kid", ["unknown", "", None, 7, ["a"], "\ud800"], ids=ascii)
def test_listed_key_under_other_kid_is_not_tried(
    restart: Restart, use: Use, key: str, kid: object
) -> None:
    api = restart(NEW, OLD)
    assert use(api, resign(api.register_and_log_in(), key, kid=kid)) == "token_invalid"


@every_use
@pytest.mark.parametrize("key", [OLD, NEW])
def test_listed_key_without_kid_is_not_tried(restart: Restart, use: Use, key: str) -> None:
    api = restart(NEW, OLD)
    assert use(api, resign(api.register_and_log_in(), key)) == "token_invalid"


@every_use
@pytest.mark.parametrize(
    ("key", "kid_key"), [(OLD, NEW), (NEW, OLD), (OTHER, NEW), (OTHER, OLD), (OLD, OTHER)]
)
def test_key_under_kid_key_another_is_invalid(
    restart: Restart, use: Use, key: str, kid_key: str
) -> None:
    kid = get_kid(restart(kid_key).register_and_log_in()["access_token"])
    api = restart(NEW, OLD)
    assert use(api, resign(api.login().json(), key, kid=kid)) == "token_invalid"


@every_use
def test_resigned_token_with_own_kid_is_accepted(restart: Restart, use: Use) -> None:
    """Shows that the tokens above are rejected for their `kid`."""
    api = restart(NEW, OLD)
    pair = api.register_and_log_in()
    assert use(api, resign(pair, NEW, kid=get_kid(pair["access_token"]))) == "ok"


@pytest.mark.parametrize("claim", ["plain", "ünï", "\ud800", "\x00\x7f\u2028", 2**64, True, None])
def test_encode_returns_the_token_of_pyjwt(claim: Any) -> None:
    payload = {"sub": "ann@xn--bcher-kva.example", "iat": 1, "gen": 3, "own": [claim]}
    token = KeyRing([OLD]).encode(payload)
    headers = {"kid": get_kid(token)}
    assert token == jwt.encode(payload, OLD, algorithm="HS256", headers=headers)


def test_decode_changed_payload_is_invalid_signature() -> None:
    ring = KeyRing([OLD])
    header, _, signature = ring.encode({"sub": "a"}).split(".")
    payload = ring.encode({"sub": "b"}).split(".")[1]
    with pytest.raises(InvalidTokenSignature):
        ring.decode(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize("keys", [(SSH_KEY,), (NEW, SSH_KEY)], ids=["current", "fallback"])
def test_key_of_another_algorithm_is_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="another algorithm"):
        KeyRing(keys)


@every_use
def test_any_error_of_pyjwt_while_verifying_is_invalid(
    restart: Restart, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = restart(NEW)
    pair = api.register_and_log_in()
    monkeypatch.setattr(HMACAlgorithm, "verify", raise_invalid_key)
    assert use(api, pair) == "token_invalid"


def test_error_of_pyjwt_while_signing_is_a_logged_bug(
    restart: Restart, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api = restart(NEW)
    api.register()
    monkeypatch.setattr(HMACAlgorithm, "sign", raise_invalid_key)
    response = api.login()
    assert get_error(response) == (500, "server_error")
    assert "inside of PyJWT" not in response.content.decode()
    assert any(record.exc_info and record.levelname == "ERROR" for record in caplog.records)


def test_key_ids_lists_the_current_key_first() -> None:
    ring = KeyRing([NEW, OLD])
    kids = [get_kid(KeyRing([key]).encode({})) for key in (NEW, OLD)]
    assert ring.key_ids == ", ".join(kids)


def test_header_cache_has_a_limit() -> None:
    ring = KeyRing([OLD])
    kid = get_kid(ring.encode({}))
    for number in range(HEADER_CACHE_SIZE + 10):
        headers = {"kid": kid, "jku": f"https://example.com/{number}"}
        ring.decode(jwt.encode({}, OLD, algorithm="HS256", headers=headers))
    assert ring._find_key_cached.cache_info().currsize == HEADER_CACHE_SIZE
