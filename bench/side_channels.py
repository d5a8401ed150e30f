"""Does the time of a response reveal whether an account exists, or what kind it is?

    .venv/bin/python -m bench.side_channels [--samples 1000]

Sends requests that should take the same time, in random order, and compares each kind with the
first of its group. Takes under two minutes for 1,000 samples of each kind, and rewrites the block
`side channels` of docs/benchmarks.md. With fewer samples it only prints the table.

bcrypt runs at cost 4, so that a hash hides less: 1 ms and not 250 ms as at cost 12.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from statistics import median

import bcrypt
from tqdm import tqdm

from accounts.domain.sessions import MAX_LISTED_SESSIONS
from bench.client import TIMEOUT_SECONDS
from bench.page import PAGE, replace_block, table
from bench.servers import BenchFailed, running
from bench.servers_under_test import OURS, PASSWORD, SERVICE, SERVICE_ENVIRONMENT, ServerSpec
from bench.valkey import valkey

SAMPLES = 1000
WARM_UP = 20
RESAMPLES = 1000
CONFIDENCE = 0.95
COST = 4

KNOWN, DISABLED, IMPORTED, CHEAP = (
    f"{name}@example.com" for name in ("known", "disabled", "imported", "cheap")
)
UNKNOWN = "unknown@example.com"
CHEAP_HASH = "pbkdf2_sha256$1$salt$1bbFwvTkOXQW1+n1OH1JoZJvNJxJU0iEfKcK0xlYU7o="
"""Of no password that is known: it is only refused."""

Body = Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """A kind of request. All of a `group` should take the same time as its first one."""

    group: str
    name: str
    path: str
    build_body: Callable[[], Body]
    status: int


def credentials(email: str, password: str) -> Callable[[], Body]:
    return lambda: {"email": email, "password": password}


def new_credentials() -> Callable[[], Body]:
    numbers = count()
    return lambda: {"email": f"new{next(numbers)}@example.com", "password": PASSWORD}


WRONG = "wrong password"
LOGIN, REGISTER = "login", "register"
LOGIN_AWAY, REGISTER_AWAY = "login, store away", "register, store away"
KINDS = [
    Kind(LOGIN, "unknown e-mail", OURS.login, credentials(UNKNOWN, WRONG), 401),
    Kind(LOGIN, "wrong password", OURS.login, credentials(KNOWN, WRONG), 401),
    Kind(LOGIN, "over-long password", OURS.login, credentials(KNOWN, "x" * 2000), 401),
    Kind(LOGIN, "over-long, unknown", OURS.login, credentials(UNKNOWN, "x" * 2000), 401),
    Kind(LOGIN, "disabled account", OURS.login, credentials(DISABLED, PASSWORD), 401),
    Kind(LOGIN, "imported bcrypt hash", OURS.login, credentials(IMPORTED, WRONG), 401),
    Kind(LOGIN, "imported cheap hash", OURS.login, credentials(CHEAP, WRONG), 401),
    Kind(REGISTER, "new e-mail", OURS.register, new_credentials(), 201),
    Kind(REGISTER, "taken e-mail", OURS.register, credentials(KNOWN, PASSWORD), 400),
]
KINDS_AWAY = [
    Kind(LOGIN_AWAY, "unknown e-mail", OURS.login, credentials(UNKNOWN, WRONG), 503),
    Kind(LOGIN_AWAY, "wrong password", OURS.login, credentials(KNOWN, WRONG), 503),
    Kind(LOGIN_AWAY, "disabled account", OURS.login, credentials(DISABLED, PASSWORD), 503),
    Kind(REGISTER_AWAY, "new e-mail", OURS.register, new_credentials(), 503),
    Kind(REGISTER_AWAY, "taken e-mail", OURS.register, credentials(KNOWN, PASSWORD), 503),
]

TRACKED = "login, sessions tracked in Valkey"
KINDS_TRACKED = [
    Kind(TRACKED, "unknown e-mail", OURS.login, credentials(UNKNOWN, WRONG), 401),
    Kind(TRACKED, "account without sessions", OURS.login, credentials(DISABLED, WRONG), 401),
    Kind(TRACKED, "account with 20 sessions", OURS.login, credentials(KNOWN, WRONG), 401),
]
GOOD_LOGIN = Kind(TRACKED, "login", OURS.login, credentials(KNOWN, PASSWORD), 200)

Samples = dict[Kind, list[float]]
"""Seconds of each request."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="requests of each kind")
    samples = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), samples)
        found |= measure_tracked(Path(folder), samples)
        found |= measure_away(Path(folder), samples)
    shown = table(HEADER, build_rows(found))
    print(shown)
    if samples >= SAMPLES:
        PAGE.write_text(replace_block(PAGE.read_text(), "side channels", shown))


def measure(folder: Path, samples: int) -> Samples:
    with running(build_spec(folder, "memory://"), folder) as server:
        return send_in_turns(server.port, KINDS, samples)


def measure_tracked(folder: Path, samples: int) -> Samples:
    with valkey(folder) as valkey_port:
        spec = build_spec(folder, f"valkey://127.0.0.1:{valkey_port}", TRACK_SESSIONS="true")
        with running(spec, folder) as server:
            send_in_turns(server.port, [GOOD_LOGIN], MAX_LISTED_SESSIONS)
            return send_in_turns(server.port, KINDS_TRACKED, samples)


def measure_away(folder: Path, samples: int) -> Samples:
    with ExitStack() as stack:
        with valkey(folder) as valkey_port:
            spec = build_spec(folder, f"valkey://127.0.0.1:{valkey_port}")
            server = stack.enter_context(running(spec, folder))
        return send_in_turns(server.port, KINDS_AWAY, samples)


def build_spec(folder: Path, url: str, **changes: str) -> ServerSpec:
    seeds = folder / "seeds.jsonl"
    seeds.write_text("\n".join(map(json.dumps, build_seeds())))
    changed = {
        "ENVIRONMENT": "development",  # production refuses the cost
        "BCRYPT_ROUNDS": str(COST),
        "STORE_URL": url,
        "SEED_USERS_FILE": str(seeds),
        "LOG_LEVEL": "CRITICAL",
    }
    return replace(SERVICE, environment=SERVICE_ENVIRONMENT | changed | changes)


def build_seeds() -> list[dict[str, object]]:
    imported = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode()
    return [
        {"email": KNOWN, "password": PASSWORD},
        {"email": DISABLED, "password": PASSWORD, "disabled": True},
        {"email": IMPORTED, "password_hash": imported},
        {"email": CHEAP, "password_hash": CHEAP_HASH},
    ]


def send_in_turns(port: int, kinds: Sequence[Kind], samples: int) -> Samples:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    found: Samples = {kind: [] for kind in kinds}
    for number in tqdm(range(-WARM_UP, samples), file=sys.stderr):
        for kind in random.sample(kinds, len(kinds)):
            seconds = send(connection, kind)
            if number >= 0:
                found[kind].append(seconds)
    connection.close()
    return found


def send(connection: http.client.HTTPConnection, kind: Kind) -> float:
    body = json.dumps(kind.build_body())
    started = time.perf_counter()
    connection.request("POST", kind.path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    seconds = time.perf_counter() - started
    if response.status != kind.status:
        raise BenchFailed(f"{kind.group}, {kind.name}: got {response.status}")
    return seconds


HEADER = ("", "status", "median", "difference", "95 % interval", "slower in", "differs")


def build_rows(found: Samples) -> list[tuple[str, ...]]:
    firsts: dict[str, list[float]] = {}
    rows = []
    for kind, seconds in found.items():
        first = firsts.setdefault(kind.group, seconds)
        name = (f"{kind.group}: {kind.name}", str(kind.status), f"{median(seconds) * 1e6:,.0f} µs")
        rows.append((*name, *(compare(first, seconds) if first is not seconds else [""] * 4)))
    return rows


def compare(first: Sequence[float], other: Sequence[float]) -> tuple[str, ...]:
    """Return the difference of the medians, its interval, and how often `other` is slower."""
    low, high = bootstrap(first, other)
    difference = (median(other) - median(first)) * 1e6
    return (
        f"{difference:+,.0f} µs",
        f"{low * 1e6:+,.0f} to {high * 1e6:+,.0f} µs",
        f"{estimate_slower(first, other):.0%} of pairs",
        "no" if low <= 0 <= high else "**yes**",
    )


def bootstrap(first: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Return the percentile interval of the difference of the medians."""
    chosen = random.Random(1)
    differences = sorted(
        median(chosen.choices(other, k=len(other))) - median(chosen.choices(first, k=len(first)))
        for _ in range(RESAMPLES)
    )
    tail = round((1 - CONFIDENCE) / 2 * RESAMPLES)
    return differences[tail], differences[-1 - tail]


def estimate_slower(first: Sequence[float], other: Sequence[float]) -> float:
    """Return the share of pairs in which `other` is slower: Mann and Whitney's U by its maximum."""
    ordered = sorted(first)
    wins = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in other) / 2
    return wins / (len(first) * len(other))


if __name__ == "__main__":
    main()
