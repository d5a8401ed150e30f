"""What the tests of sessions share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accounts.domain.events import Event
from accounts.signals import security_event
from tests.support.api import PASSWORD, Api
from tests.support.http import NEW_PASSWORD

Signals = list[tuple[Event, str]]

LIFETIME = 7 * 86_400

REUSED = (401, "token_reused")
REVOKED = (401, "token_revoked")
EXPIRED = (401, "token_expired")
INVALID = (401, "token_invalid")


def rotate(api: Api, tokens: dict[str, Any], times: int) -> list[dict[str, Any]]:
    """Refresh `times` times. Return all token pairs, the given one first."""
    pairs = [tokens]
    for _ in range(times):
        response = api.refresh(pairs[-1]["refresh_token"])
        assert response.status_code == 200, response.json()
        pairs.append(response.json())
    return pairs


def change_password(
    api: Api, token: str | None, current: str = PASSWORD, new: str = NEW_PASSWORD
) -> Any:
    body = {"current_password": current, "new_password": new}
    return api.post("auth/password", body, token=token)


@contextmanager
def record_signals() -> Iterator[Signals]:
    """Collect the security signals that are sent in the block, each with its e-mail address."""
    received: Signals = []

    def receive(event: Event, user: str, **_: object) -> None:
        received.append((event, user))

    security_event.connect(receive)
    try:
        yield received
    finally:
        security_event.disconnect(receive)
