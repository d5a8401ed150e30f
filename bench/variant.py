"""`python -m bench.variant PORT NAME=VALUE`: serves with another value of a constant.

`bench.grid` uses it to compare values. These constants are no settings, because one value was
measured to be best.
"""

import os
import sys
import threading
from collections.abc import Callable
from enum import Enum
from functools import partial
from importlib import import_module
from typing import Any

from granian.constants import Loops, RuntimeModes

from bench.servers_under_test import SERVICE_ENVIRONMENT


def module(name: str) -> Any:
    """Return a module of the service. Django has to be set up."""
    return import_module(name)


def hashing_threads(value: str) -> None:
    services = module("accounts.services")
    services.HashingExecutor = partial(services.HashingExecutor, threads=int(value))


def niceness(value: str) -> None:
    module("accounts.passwords.executor").HASHING_NICENESS = int(value)


def policy(value: str) -> None:
    def lower() -> None:
        chosen = {"idle": os.SCHED_IDLE, "batch": os.SCHED_BATCH}[value]
        os.sched_setscheduler(threading.get_native_id(), chosen, os.sched_param(0))

    module("accounts.passwords.executor")._lower_priority = lower  # noqa: SLF001  # the variant


def switch_interval(value: str) -> None:
    sys.setswitchinterval(float(value))


def threads(value: str) -> None:
    module("authproject.server.application").THREADS = int(value)


def granian(name: str, kind: type[Enum], value: str) -> None:
    serve = module("authproject.management.commands.serve")
    serve.Server = partial(serve.Server, **{name: kind(value)})


CHOICES: dict[str, Callable[[str], None]] = {
    "hashing threads": hashing_threads,
    "niceness of hashing": niceness,
    "scheduling policy of hashing": policy,
    "GIL switch interval, s": switch_interval,
    "threads": threads,
    "loop": partial(granian, "loop", Loops),
    "runtime mode": partial(granian, "runtime_mode", RuntimeModes),
}


def main() -> None:
    port, choice = sys.argv[1:]
    os.environ |= SERVICE_ENVIRONMENT
    import django  # noqa: PLC0415  # needs the environment
    from django.core.management import execute_from_command_line  # noqa: PLC0415  # the same

    django.setup()
    name, _, value = choice.partition("=")
    CHOICES[name](value)
    execute_from_command_line(["manage.py", "serve", "--port", port])


if __name__ == "__main__":
    main()
