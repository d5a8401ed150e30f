"""`python -m bench.compaction [USERS]`: the stalls while a file of a million users is compacted.

Prints the longest and the 99.9th percentile of a change and of a profile request, without a
compaction and during one, and how long the compaction takes.
"""

import gc
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from accounts.domain.service import AccountService
from accounts.domain.users import EmailAddress
from accounts.stores.journal import store as journal
from accounts.stores.journal.format import HEADER, encode
from bench.inprocess import Client, Scope, rsgi_application
from bench.scale import MANY, make_users
from bench.servers_under_test import OURS, SERVICE_ENVIRONMENT

EMAIL = EmailAddress("user0000001@example.com")
PAUSE_SECONDS = 0.002
BASELINE_SECONDS = 10.0
TIMEOUT_SECONDS = 300


def get_longest_changes(users: int) -> tuple[float, float]:
    """Return the ms of the longest change without a compaction, and of that during one."""
    command = [sys.executable, "-m", "bench.compaction", str(users)]
    shown = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, timeout=2 * TIMEOUT_SECONDS, check=True
    ).stdout
    without, during = (float(line.split()[1]) for line in shown.splitlines()[-2:])
    return without, during


class Writer(threading.Thread):
    """Changes one user again and again, and keeps the seconds that each change took."""

    def __init__(self, accounts: AccountService) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._store = accounts.store
        self._stopped = threading.Event()

    def run(self) -> None:
        for number in count():
            if self._stopped.wait(PAUSE_SECONDS):
                return
            update_fn = partial(replace, password_hash=f"hash{number}")
            started = time.perf_counter()
            self._store.update_user(EMAIL, update_fn)
            self.seconds.append(time.perf_counter() - started)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def measure_profiles(application: Any, token: str, is_done: Callable[[], bool]) -> list[float]:
    """Return the seconds of each profile request, counted from when it was due."""
    scope, seconds = Scope("GET", OURS.profile, authorization=f"Bearer {token}"), []
    while not is_done():
        due = time.perf_counter() + PAUSE_SECONDS
        time.sleep(PAUSE_SECONDS)
        client = Client()
        application.receive(scope, client)
        assert client.status == 200, client.status
        seconds.append(time.perf_counter() - due)
    return seconds


def get_accounts() -> AccountService:
    from accounts.services import get_services  # noqa: PLC0415  # needs Django to be set up

    return get_services().accounts


def measure(
    accounts: AccountService, application: Any, token: str, is_done: Callable[[], bool]
) -> None:
    """Print one row: change and profile while `is_done` is false."""
    writer = Writer(accounts)
    started = time.perf_counter()
    writer.start()
    profiles = measure_profiles(application, token, is_done)
    writer.stop()
    figures = [
        f"{value * 1000:9.1f} ms"
        for seconds in (writer.seconds, profiles)
        for value in (max(seconds), sorted(seconds)[len(seconds) * 999 // 1000])
    ]
    print("|", " | ".join(figures), f"| {time.perf_counter() - started:6.1f} s |", flush=True)


def main(users: int) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        path = Path(folder) / "accounts.jsonl"
        with path.open("wb") as file:
            file.write(HEADER)
            file.writelines(map(encode, make_users(users)))
        os.environ |= SERVICE_ENVIRONMENT | {"STORE_URL": f"file://{path}"}
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # open until the process ends
        application = rsgi_application()  # first: it checks the file, which is not open yet
        accounts = get_accounts()
        gc.collect()
        gc.freeze()  # as `serve` does
        user = accounts.store.get_user(EMAIL)
        assert user is not None
        token = accounts.start_session(user).access_token
        print("| longest change | 99.9 % | longest profile | 99.9 % | time |\n|" + "---|" * 5)
        end = time.perf_counter() + BASELINE_SECONDS
        measure(accounts, application, token, lambda: time.perf_counter() > end)
        before, deadline = path.stat().st_ino, time.perf_counter() + TIMEOUT_SECONDS
        journal.MIN_OBSOLETE_LINES = -users  # the next change starts a compaction
        measure(
            accounts,
            application,
            token,
            lambda: path.stat().st_ino != before or time.perf_counter() > deadline,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MANY)
