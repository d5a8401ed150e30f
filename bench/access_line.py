"""`python -m bench.access_line`: what its line in the log costs a request, in each format.

A profile request, from RSGI's scope to `response_bytes`, as in `bench.budget`: with the line,
which is formatted and written to the null device, and with that logger silenced. The two take
turns, so that whatever else the machine does meets both.
"""

import asyncio
import logging
import time
from statistics import median
from typing import Any

from bench.contestants import OURS
from bench.inprocess import Client, Scope, rsgi_application, set_up_service
from bench.scale import make_users

ROUNDS = 40
REQUESTS = 500


def main() -> None:
    service = set_up_service()
    from authproject.monitoring.formatters import (  # noqa: PLC0415  # needs Django to be set up
        ConsoleFormatter,
        JSONLineFormatter,
    )

    [user] = make_users(1)
    service.store.add_user(user)
    token = service.start_session(user).access_token
    scope = Scope("GET", OURS.profile, authorization=f"Bearer {token}")
    formats: dict[str, logging.Formatter] = {
        "json": JSONLineFormatter(),
        "console": ConsoleFormatter(colour=False),
        "console, in colour": ConsoleFormatter(colour=True),
    }
    for name, formatter in formats.items():
        logging.getLogger().handlers[0].setFormatter(formatter)
        silent, told = asyncio.run(take_turns(scope))
        print(
            f"{name}: {told - silent:.1f} µs a line; a request takes {told:.1f} µs with it and "
            f"{silent:.1f} µs without: {told / silent:.2f} times"
        )


async def take_turns(scope: Scope) -> tuple[float, float]:
    """Return microseconds a request, without the line and with it."""
    application, logger = rsgi_application(), logging.getLogger("authproject.access")
    taken: dict[int, list[float]] = {logging.WARNING: [], logging.NOTSET: []}
    for _ in range(ROUNDS):
        for level, times in taken.items():
            logger.setLevel(level)
            times.append(await timed(application, scope))
    return median(taken[logging.WARNING]), median(taken[logging.NOTSET])


async def timed(application: Any, scope: Scope) -> float:
    client = Client()
    began = time.perf_counter()
    for _ in range(REQUESTS):
        await application.__rsgi__(scope, client)
    seconds = time.perf_counter() - began
    assert client.status == 200, client.status
    return seconds / REQUESTS * 1e6


if __name__ == "__main__":
    main()
