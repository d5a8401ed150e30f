"""Keys roll over: new tokens under the new key, old ones verify until their key is removed.

The tests know nothing but HTTP and `restart`, so that any service whose accounts survive a
restart can stand behind it.
"""

from collections.abc import Callable
from typing import Any, Protocol

import pytest

from tests.support.api import Api
from tests.support.http import Start, decode_claims, decode_header, sign

OLD = "the-old-key-of-the-rollover-tests-is-long"
NEW = "the-new-key-of-the-rollover-tests-is-long"
OTHER = "a-third-key-of-the-rollover-tests-is-long"

OK = "ok"
INVALID = "token_invalid"


class Service(Protocol):
    """What a client can do, be it in process or over a socket."""

    def register(self) -> Any: ...
    def login(self) -> Any: ...
    def profile(self, access_token: str) -> Any: ...
    def post(self, path: str, body: Any) -> Any: ...


class Restart(Protocol):
    """Start the service again with these keys and the accounts that it had."""

    def __call__(self, current: str, *fallbacks: str, rotate: bool = False) -> Service: ...


Use = Callable[[Service, dict[str, Any]], str]


@pytest.fixture
def restart(start: Start) -> Restart:
    store = start().accounts.store

    def restart(current: str, *fallbacks: str, rotate: bool = False) -> Service:
        # The memory store forgets; this hands it on, as a file or a server would.
        start(
            JWT_SECRET_KEY=current,
            JWT_SECRET_KEY_FALLBACKS=list(fallbacks),
            ROTATE_REFRESH_TOKENS=rotate,
        ).accounts.store = store
        return Api()

    return restart


def said(response: Any) -> str:
    code: str = response.json().get("code", OK)
    return code


def use_access(service: Service, pair: dict[str, Any]) -> str:
    return said(service.profile(pair["access_token"]))


def use_refresh(service: Service, pair: dict[str, Any]) -> str:
    return said(refresh(service, pair))


every_use = pytest.mark.parametrize("use", [use_access, use_refresh])


def refresh(service: Service, pair: dict[str, Any]) -> Any:
    return service.post("auth/refresh", {"refresh_token": pair["refresh_token"]})


def logout(service: Service, pair: dict[str, Any]) -> None:
    service.post("auth/logout", {"refresh_token": pair["refresh_token"]})


def enter(service: Service) -> dict[str, Any]:
    service.register()
    pair: dict[str, Any] = service.login().json()
    return pair


def kid(token: str) -> str:
    name: str = decode_header(token)["kid"]
    return name


def renamed(pair: dict[str, Any], key: str, **header: Any) -> dict[str, Any]:
    """Return the pair signed by `key` under a header of the test's own making."""
    plain = {"alg": "HS256", "typ": "JWT"}
    return {
        name: sign({**plain, **header}, decode_claims(pair[name]), key=key)
        for name in ("access_token", "refresh_token")
    }


def test_every_token_is_named_after_the_current_key(restart: Restart) -> None:
    service = restart(OLD)
    old = enter(service)
    service = restart(NEW, OLD, rotate=True)
    new = service.login().json()
    refreshed = refresh(service, old).json()
    names = {kid(pair[token]) for pair in (new, refreshed) for token in renamed(pair, NEW)}
    assert len(names) == 1
    assert names.isdisjoint({kid(old["access_token"]), kid(old["refresh_token"])})


def test_a_key_keeps_its_name_over_restarts(restart: Restart) -> None:
    first = enter(restart(OLD))
    again = restart(OLD, NEW).login().json()
    assert kid(first["access_token"]) == kid(again["access_token"])


@every_use
@pytest.mark.parametrize("keys", [(OLD,), (NEW, OLD), (NEW, OTHER, OLD), (OTHER, OLD, NEW)])
def test_a_token_verifies_while_its_key_is_listed(
    restart: Restart, use: Use, keys: tuple[str, ...]
) -> None:
    pair = enter(restart(OLD))
    assert use(restart(*keys), pair) == OK


@every_use
@pytest.mark.parametrize("keys", [(NEW,), (NEW, OTHER)])
def test_a_token_is_refused_once_its_key_is_removed(
    restart: Restart, use: Use, keys: tuple[str, ...]
) -> None:
    pair = enter(restart(OLD))
    assert use(restart(*keys), pair) == INVALID


@every_use
def test_a_key_that_comes_back_verifies_again(restart: Restart, use: Use) -> None:
    pair = enter(restart(OLD))
    restart(NEW)
    assert use(restart(NEW, OLD), pair) == OK


def test_a_session_that_rotates_meanwhile_outlives_its_first_key(restart: Restart) -> None:
    pair = enter(restart(OLD, rotate=True))
    carried = refresh(restart(NEW, OLD, rotate=True), pair).json()
    service = restart(NEW, rotate=True)
    assert use_access(service, carried) == OK
    assert use_refresh(service, carried) == OK


def test_a_replay_after_the_rollover_gets_the_same_successor_under_the_new_key(
    restart: Restart,
) -> None:
    service = restart(OLD, rotate=True)
    pair = enter(service)
    before = refresh(service, pair).json()["refresh_token"]
    after = refresh(restart(NEW, OLD, rotate=True), pair).json()["refresh_token"]
    assert decode_claims(after) == decode_claims(before)
    assert kid(after) != kid(before)


def test_a_spent_token_is_theft_under_a_fallback_too(restart: Restart) -> None:
    service = restart(OLD, rotate=True)
    first = enter(service)
    second = refresh(service, first).json()
    third = refresh(service, second).json()
    service = restart(NEW, OLD, rotate=True)
    assert use_refresh(service, first) == "token_reused"
    assert use_refresh(service, third) == "token_revoked"


def test_a_session_that_was_ended_stays_ended_after_the_rollover(restart: Restart) -> None:
    service = restart(OLD)
    pair = enter(service)
    logout(service, pair)
    assert use_access(restart(NEW, OLD), pair) == "token_revoked"


@pytest.mark.parametrize(
    ("keys", "afterwards"), [((NEW, OLD), "token_revoked"), ((NEW,), OK)], ids=["kept", "removed"]
)
def test_a_token_logs_out_only_while_its_key_is_listed(
    restart: Restart, keys: tuple[str, ...], afterwards: str
) -> None:
    pair = enter(restart(OLD))
    logout(restart(*keys), pair)
    assert use_access(restart(NEW, OLD), pair) == afterwards


@every_use
@pytest.mark.parametrize("key", [OLD, NEW])
@pytest.mark.parametrize("name", ["unknown", "", " ", None, 7, True, [], {}, ["a"], "é", "\ud800"])
def test_a_listed_key_under_another_name_is_not_tried(
    restart: Restart, use: Use, key: str, name: object
) -> None:
    service = restart(NEW, OLD)
    assert use(service, renamed(enter(service), key, kid=name)) == INVALID


@every_use
@pytest.mark.parametrize("key", [OLD, NEW])
def test_a_listed_key_without_a_name_is_not_tried(restart: Restart, use: Use, key: str) -> None:
    service = restart(NEW, OLD)
    assert use(service, renamed(enter(service), key)) == INVALID


@every_use
@pytest.mark.parametrize(
    ("key", "names"), [(OLD, NEW), (NEW, OLD), (OTHER, NEW), (OTHER, OLD), (OLD, OTHER)]
)
def test_a_key_under_the_name_of_another_is_refused(
    restart: Restart, use: Use, key: str, names: str
) -> None:
    name = kid(enter(restart(names))["access_token"])
    service = restart(NEW, OLD)
    assert use(service, renamed(service.login().json(), key, kid=name)) == INVALID


@every_use
def test_a_token_signed_by_hand_under_its_own_name_is_accepted(restart: Restart, use: Use) -> None:
    """The refusals above are for the name: the same forgery with the right one is a token."""
    service = restart(NEW, OLD)
    pair = enter(service)
    assert use(service, renamed(pair, NEW, kid=kid(pair["access_token"]))) == OK
