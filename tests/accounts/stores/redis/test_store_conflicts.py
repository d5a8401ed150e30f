"""A service loses its compare-and-set again and again: a second one changes the value before it.

Each request ends as if it had come after all of the second service's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.domain.users import EmailAddress
from accounts.stores.redis.store import RedisStore
from tests.support.api import MovableClock
from tests.support.redis import OpenStore
from tests.support.service_driver import ServiceDriver
from tests.support.session_model import OK, Policy, StoreState

EMAIL, PASSWORD = EmailAddress("ann@example.com"), "correct horse"
KEYS = ["key number 1 is long enough for HS256"]
LOSSES = 5


class SharedControl:
    """Opens one more store of the same server."""

    outages: Sequence[StoreState] = []

    def __init__(self, open_url: OpenStore, url: str) -> None:
        self._open_url = open_url
        self._url = url

    def open(self) -> AccountStore:
        return self._open_url(self._url)

    def set_state(self, state: StoreState) -> None:
        """The server is up."""

    def close(self) -> None:
        """The fixture closes the store."""


@pytest.fixture
def services(
    open_url: OpenStore, valkey_url: str, clock: MovableClock
) -> tuple[ServiceDriver, ServiceDriver]:
    """Two services that share a server, in which Ann has an account."""
    control = SharedControl(open_url, valkey_url)
    first, second = (ServiceDriver(Policy(True, 0, tracks=True), clock, control) for _ in "12")
    for service in (first, second):
        service.restart(KEYS)
    first.register(EMAIL, PASSWORD)
    return first, second


def log_in(service: ServiceDriver) -> Any:
    return service.log_in(EMAIL, PASSWORD, remember=True)


def lose(service: ServiceDriver, rival: Callable[[], Any]) -> list[Any]:
    """Call the rival before each of the service's next `LOSSES` changes.

    The returned list gets its results.
    """
    store = service.store
    assert isinstance(store, RedisStore)
    use, got = store._connection, list[Any]()

    @contextmanager
    def lose_and_use(key: Any = None, *, changes: bool = False) -> Iterator[Any]:
        if changes and len(got) < LOSSES:
            got.append(rival())
        with use(key, changes=changes) as client:
            yield client

    setattr(store, "_connection", lose_and_use)  # noqa: B010  # for mypy
    return got


def refresh_on(service: ServiceDriver, tokens: Any) -> Callable[[], Any]:
    """Return a call that refreshes, each time with the newest token."""
    newest = [tokens]

    def refresh() -> Any:
        newest.append(service.refresh(newest[-1].refresh))
        return newest[-1]

    return refresh


def test_stolen_token_that_loses_ends_the_session(
    services: tuple[ServiceDriver, ServiceDriver],
) -> None:
    thief, honest = services
    stolen = log_in(honest)
    refreshed = honest.refresh(stolen.refresh)
    results = lose(thief, refresh_on(honest, refreshed))
    assert thief.refresh(stolen.refresh).code == "token_reused"
    assert [result.code for result in results] == [OK] * LOSSES
    assert honest.refresh(results[-1].refresh).code == "token_revoked"


def test_logout_that_loses_ends_the_session(services: tuple[ServiceDriver, ServiceDriver]) -> None:
    first, second = services
    tokens = log_in(first)
    results = lose(first, refresh_on(second, tokens))
    assert first.log_out(tokens.refresh).code == OK
    assert [result.code for result in results] == [OK] * LOSSES
    assert second.get_profile(results[-1].access).code == "token_revoked"


def test_login_that_loses_to_logins_loses_none(
    services: tuple[ServiceDriver, ServiceDriver],
) -> None:
    first, second = services
    results = lose(first, lambda: log_in(second))
    tokens = log_in(first)
    assert [result.code for result in results] == [OK] * LOSSES
    assert len(first.list_sessions(tokens.access).sessions or []) == LOSSES + 1


def test_logout_everywhere_that_loses_keeps_every_change(
    services: tuple[ServiceDriver, ServiceDriver],
) -> None:
    first, second = services
    tokens, numbers = log_in(first), iter(range(LOSSES))

    def change_profile() -> object:
        changes = {f"field {next(numbers)}": True}
        return second.store.update_user(EMAIL, lambda user: user.with_profile(changes))

    results = lose(first, change_profile)
    assert first.log_out_everywhere(tokens.access).code == OK
    assert len(results) == LOSSES
    user = second.store.get_user(EMAIL)
    assert user is not None
    assert len(user.profile) == LOSSES
    assert second.get_profile(tokens.access).code == "token_revoked"
