"""`python -m bench.access_line`: measures the cost of a request's log line, in each format.

Sends profile requests in process, as `bench.budget` does: with the line, which goes to the null
device, and with that logger disabled. The two alternate, so that the machine's noise affects both.
"""

import logging
import time
from statistics import median
from typing import Any

from bench.inprocess import Client, Scope, rsgi_application, set_up_service
from bench.scale import make_users
from bench.servers_under_test import OURS

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
        "console": ConsoleFormatter(color=False),
        "console, in color": ConsoleFormatter(color=True),
    }
    for name, formatter in formats.items():
        logging.getLogger().handlers[0].setFormatter(formatter)
        without, with_line = alternate(scope)
        print(
            f"{name}: {with_line - without:.1f} µs a line; a request takes {with_line:.1f} µs "
            f"with it and {without:.1f} µs without: {with_line / without:.2f} times"
        )


def alternate(scope: Scope) -> tuple[float, float]:
    """Return µs a request, without the line and with it."""
    application, logger = rsgi_application(), logging.getLogger("authproject.access")
    taken: dict[int, list[float]] = {logging.WARNING: [], logging.NOTSET: []}
    for _ in range(ROUNDS):
        for level, times in taken.items():
            logger.setLevel(level)
            times.append(time_requests(application, scope))
    return median(taken[logging.WARNING]), median(taken[logging.NOTSET])


def time_requests(application: Any, scope: Scope) -> float:
    client = Client()
    began = time.perf_counter()
    for _ in range(REQUESTS):
        application.receive(scope, client)
    seconds = time.perf_counter() - began
    assert client.status == 200, client.status
    return seconds / REQUESTS * 1e6


if __name__ == "__main__":
    main()
