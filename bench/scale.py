"""`python -m bench.scale [USERS]`: measures the cost of many users, by default a million.

Prints a table: the time of a profile request, memory per user, and the start from a journal. The
password hashes are random: a million real ones would take three days.
"""

import gc
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_bytes

from accounts.domain.interfaces import AccountStore
from accounts.domain.users import EmailAddress, User, new_security_stamp
from accounts.stores import check_store, open_store
from accounts.stores.journal.format import HEADER, encode
from accounts.stores.memory import MemoryStore
from bench.inprocess import Client, Scope, rsgi_application, set_up_service
from bench.servers_under_test import OURS

FEW, MANY = 1_000, 1_000_000
LOOKUPS = 200_000
PAIRS = 5_000
TIMEOUT_SECONDS = 300
"""The timeout of one part, several times what it takes for a million users."""
ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def make_users(count: int) -> Iterator[User]:
    for number in range(1, count + 1):
        digest = "".join(ALPHABET[byte & 63] for byte in token_bytes(53))
        email = EmailAddress(f"user{number:07}@example.com")
        yield User(email, f"bcrypt_sha256$$2b$12${digest}", new_security_stamp(), time.time())


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def get_string_bytes(user: User) -> int:
    return sum(map(sys.getsizeof, (user.email, user.password_hash, user.security_stamp)))


def seconds_per_lookup(store: AccountStore, count: int) -> float:
    """Return the seconds of `get_user_and_session`, which authentication calls."""
    chosen = random.Random(1)
    emails = [f"user{chosen.randint(1, count):07}@example.com" for _ in range(LOOKUPS)]
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for email in emails:
            store.get_user_and_session(EmailAddress(email), "sid")
        best = min(best, time.perf_counter() - started)
    return best / LOOKUPS


def memory(count: int) -> dict[str, float]:
    gc.collect()
    before = resident()
    store = MemoryStore(time.time)
    store.add_users(make_users(count))
    gc.collect()
    each = (resident() - before) / count
    sample = store.get_user(EmailAddress("user0000001@example.com"))
    assert sample is not None
    return {"in all": each, "above": each - get_string_bytes(sample)}


def token_pair(count: int) -> dict[str, float]:
    """Return the median seconds to create the tokens of a login, with `count` users."""
    service = set_up_service()
    service.store.add_users(make_users(count))
    user = service.store.get_user(EmailAddress(f"user{count:07}@example.com"))
    assert user is not None
    times = []
    for _ in range(PAIRS):
        started = time.perf_counter()
        service.start_session(user)
        times.append(time.perf_counter() - started)
    return {"pair": statistics.median(times)}


def request_cost(count: int) -> dict[str, float]:
    """Return the seconds of a profile request, from RSGI's scope to the response."""
    service = set_up_service()
    service.store.add_users(make_users(count))
    gc.collect()
    gc.freeze()  # as `serve` does
    chosen = random.Random(1)
    scopes = []
    for _ in range(500):
        user = service.store.get_user(
            EmailAddress(f"user{chosen.randint(1, count):07}@example.com")
        )
        assert user is not None
        token = service.start_session(user).access_token
        scopes.append(Scope("GET", OURS.profile, authorization=f"Bearer {token}"))
    best = best_time(scopes)
    return {"request": best / len(scopes), "lookup": seconds_per_lookup(service.store, count)}


def best_time(scopes: list[Scope]) -> float:
    """Return the seconds of all these requests, in the fastest of five rounds."""
    application = rsgi_application()
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for scope in scopes:
            client = Client()
            application.receive(scope, client)
            assert client.status == 200, client.status
        best = min(best, time.perf_counter() - started)
    return best


def journal(count: int) -> dict[str, float]:
    logging.basicConfig(level=logging.INFO, format="    %(message)s", stream=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "accounts.jsonl"
        with path.open("wb") as file:
            file.write(HEADER)
            file.writelines(map(encode, make_users(count)))
        started = time.perf_counter()
        check_store(f"file://{path}")
        verified = time.perf_counter()
        store = open_store(f"file://{path}", time.time)
        opened = time.perf_counter()
        assert store.get_user(EmailAddress(f"user{count:07}@example.com")) is not None
        store.close()
        return {
            "bytes": path.stat().st_size / count,
            "verify": verified - started,
            "open": opened - verified,
        }


PARTS = {
    "memory": memory,
    "request_cost": request_cost,
    "token_pair": token_pair,
    "journal": journal,
}


def run_in_subprocess(part: str, count: int) -> dict[str, float]:
    """Run a part in a new process, so that no other part's memory is counted."""
    command = [sys.executable, "-m", "bench.scale", part, str(count)]
    shown = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_SECONDS, check=True
    ).stdout
    return {name: float(value) for name, value in (line.split("\t") for line in shown.splitlines())}


def main(many: int) -> None:
    few, many_users = (
        run_in_subprocess("request_cost", FEW),
        run_in_subprocess("request_cost", many),
    )
    memory_cost = run_in_subprocess("memory", many)
    start = run_in_subprocess("journal", many)
    rows = [
        ("users", f"{FEW:,}", f"{many:,}", ""),
        (
            "an authenticated request",
            *format_times(few, many_users, "request"),
            "at most 1.5 times",
        ),
        ("the store's lookup in it", *format_times(few, many_users, "lookup"), ""),
        (
            "memory per user, without strings",
            "",
            f"{memory_cost['above']:.0f} bytes",
            "under 600",
        ),
        ("memory per user, total", "", f"{memory_cost['in all']:.0f} bytes", "under 1,024"),
        ("journal per user", "", f"{start['bytes']:.0f} bytes", ""),
        ("start: check before a socket", "", f"{start['verify']:.1f} s", ""),
        ("start: load in the worker", "", f"{start['open']:.1f} s", ""),
        ("start, total", "", f"{start['verify'] + start['open']:.1f} s", "under 30 s"),
    ]
    for row in rows:
        print("| {:36} | {:>12} | {:>24} | {:18} |".format(*row))


def format_times(few: dict[str, float], many: dict[str, float], what: str) -> tuple[str, str]:
    ratio = many[what] / few[what]
    return f"{few[what] * 1e6:.2f} µs", f"{many[what] * 1e6:.2f} µs ({ratio:.2f} times)"


if __name__ == "__main__":
    if len(sys.argv) == 3:
        for name, value in PARTS[sys.argv[1]](int(sys.argv[2])).items():
            print(f"{name}\t{value}")
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else MANY)
