"""Can the time of a failed login tell whether an e-mail has an account?

    .venv/bin/python -m bench.enumeration [--logins 40]

Fails to log in with a wrong password and with an unknown e-mail, in turns, at bcrypt's cost 12,
and prints both medians and their ratio.
"""

import argparse
import statistics
import time

from bench.service import ACCOUNT, SERVE, call, served

WRONG = ACCOUNT | {"password": "wrong password"}
UNKNOWN = WRONG | {"email": "nobody@example.com"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=40, help="failed logins of each kind")
    options = parser.parse_args()
    with served(SERVE):
        call("POST", "/api/v1/auth/register", ACCOUNT)
        pairs = [(login(WRONG), login(UNKNOWN)) for _ in range(options.logins)]
    wrong, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"wrong password {wrong * 1000:.1f} ms, unknown e-mail {unknown * 1000:.1f} ms")
    print(f"ratio {unknown / wrong:.3f}")


def login(credentials: dict[str, str]) -> float:
    started = time.perf_counter()
    call("POST", "/api/v1/auth/login", credentials)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
