"""Does the time of a failed login reveal whether a user exists?

    .venv/bin/python -m bench.enumeration [--logins 40]

Logs in with a wrong password and with an unknown e-mail in turns, at bcrypt cost 12. Prints both
medians and their ratio.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bench.client import call
from bench.servers import Server, running
from bench.servers_under_test import OURS, SERVICE

WRONG = {**OURS.account, "password": "wrong password"}
UNKNOWN = WRONG | {"email": "nobody@example.com"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=40, help="failed logins of each kind")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(SERVICE, Path(folder)) as server:
        server.register()
        pairs = [(login(server, WRONG), login(server, UNKNOWN)) for _ in range(options.logins)]
    wrong, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"wrong password {wrong * 1000:.1f} ms, unknown e-mail {unknown * 1000:.1f} ms")
    print(f"ratio {unknown / wrong:.3f}")


def login(server: Server, credentials: dict[str, str]) -> float:
    started = time.perf_counter()
    call(server.port, "POST", OURS.login, credentials)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
