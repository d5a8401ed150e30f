"""`python -m bench.budget`: counts the function calls of a request, of Python and of C.

Each request sends an `Origin` that is listed. Unlike times, counts do not depend on how busy the
machine is, so a test compares them with `BUDGET`. Requests are counted in process, with production
settings and the memory store, once caches are filled.
"""

import json
import sys
from statistics import median
from types import FrameType
from typing import Any

from bench.inprocess import Client, Scope, rsgi_application, set_up_service
from bench.scale import make_users
from bench.servers_under_test import ORIGIN, OURS

BUDGET = {"profile": 402, "refresh": 655}
"""Calls a request. Python 3.11, 3.12 and 3.13 differ by less than 2 %."""

WARM_UP = 30
COUNTED = 9


def main() -> None:
    service = set_up_service()
    [user] = make_users(1)
    service.store.add_user(user)
    tokens = service.start_session(user)
    body = json.dumps({"refresh_token": tokens.refresh_token}).encode()
    length = str(len(body))
    profile = Scope(
        "GET", OURS.profile, authorization=f"Bearer {tokens.access_token}", origin=ORIGIN
    )
    refresh = Scope(
        "POST",
        OURS.refresh,
        content_type="application/json",
        content_length=length,
        origin=ORIGIN,
    )
    counts = {
        "profile": count(profile, b""),
        "refresh": count(refresh, body),
    }
    print(json.dumps(counts))


def count(scope: Scope, body: bytes) -> int:
    """Return the median calls of one request."""
    application = rsgi_application()
    counts = []
    for number in range(WARM_UP + COUNTED):
        client = Client(body)
        calls = count_once(application, scope, client)
        assert client.status == 200, client.status
        if number >= WARM_UP:
            counts.append(calls)
    return round(median(counts))


def count_once(application: Any, scope: Scope, client: Client) -> int:
    calls = 0

    def on_event(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(on_event)
    try:
        application.receive(scope, client)
    finally:
        sys.setprofile(None)
    return calls


if __name__ == "__main__":
    main()
