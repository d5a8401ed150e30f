"""`python -m bench.budget`: how many function calls a request costs, Python's and C's.

A count is the same on a noisy machine and on a quiet one, so CI holds it against `BUDGET`: what
makes requests slower without being seen to do so fails there. Counted from RSGI's scope to
`response_bytes`, as `serve` runs it in production, on the memory store, once all is warm.
"""

import asyncio
import json
import sys
from statistics import median
from types import FrameType
from typing import Any

from bench.contestants import OURS
from bench.inprocess import Client, Scope, rsgi_application, set_up_service
from bench.scale import make_users

BUDGET = {"profile": 370, "refresh": 641}
"""Calls a request; 3.11, 3.12 and 3.13 differ by less than one in fifty."""

WARM_UP = 30
COUNTED = 9


def main() -> None:
    service = set_up_service()
    [user] = make_users(1)
    service.store.add_user(user)
    tokens = service.start_session(user)
    body = json.dumps({"refresh_token": tokens.refresh_token}).encode()
    length = str(len(body))
    profile = Scope("GET", OURS.profile, authorization=f"Bearer {tokens.access_token}")
    refresh = Scope("POST", OURS.refresh, content_type="application/json", content_length=length)
    counts = {
        "profile": asyncio.run(count(profile, b"")),
        "refresh": asyncio.run(count(refresh, body)),
    }
    print(json.dumps(counts))


async def count(scope: Scope, body: bytes) -> int:
    """Return the calls of one request."""
    application = rsgi_application()
    counts = []
    for number in range(WARM_UP + COUNTED):
        client = Client(body)
        calls = await counted(application, scope, client)
        assert client.status == 200, client.status
        if number >= WARM_UP:
            counts.append(calls)
    return round(median(counts))


async def counted(application: Any, scope: Scope, client: Client) -> int:
    calls = 0

    def notice(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(notice)
    try:
        await application.__rsgi__(scope, client)
    finally:
        sys.setprofile(None)
    return calls


if __name__ == "__main__":
    main()
