"""A login storm: how long does the profile endpoint take while 16 clients log in without pause?

    .venv/bin/python -m bench.storm [--seconds 20] [--rounds 2]

Runs the service as it is and the same service with its bulkhead off, in turns, at bcrypt's
cost 12, and prints the profile's latency percentiles idle and in the storm, with logins per
second. Client and server share the machine, so its figures are the harder ones.
"""

import argparse
import http.client
import statistics
import threading
import time

from bench.service import ACCOUNT, PORT, SERVE, call, served

CLIENTS = 16
PROBES_PER_SECOND = 50
GRANIAN = ("-m", "granian", "--interface", "wsgi", "--no-ws", "--blocking-threads", "32")
BARE = (*GRANIAN, "--port", str(PORT), "bench.bare:application")
VARIANTS = {"with the bulkhead": SERVE, "without": BARE}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="length of each measurement")
    parser.add_argument("--rounds", type=int, default=2, help="how often each variant is measured")
    options = parser.parse_args()
    print(f"{'':22}{'':10}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}{'logins/s':>10}")
    for _ in range(options.rounds):
        for name, command in VARIANTS.items():
            with served(command):
                measure(name, options.seconds)


def measure(name: str, seconds: float) -> None:
    call("POST", "/api/v1/auth/register", ACCOUNT)
    token = call("POST", "/api/v1/auth/login", ACCOUNT)["access_token"]
    report(name, "idle", probe(token, seconds / 2), None)
    stop = threading.Event()
    logins: list[float] = []
    storm = [threading.Thread(target=log_in, args=(stop, logins)) for _ in range(CLIENTS)]
    for client in storm:
        client.start()
    time.sleep(1)  # until the queue is as long as it gets
    before = len(logins)
    latencies = probe(token, seconds)
    rate = (len(logins) - before) / seconds
    stop.set()
    for client in storm:
        client.join()
    report(name, "storm", latencies, rate)


def probe(token: str, seconds: float) -> list[float]:
    """Ask for the profile at a steady rate; return milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    headers = {"Authorization": f"Bearer {token}"}
    latencies = []
    started = time.perf_counter()
    for number in range(int(seconds * PROBES_PER_SECOND)):
        time.sleep(max(0.0, started + number / PROBES_PER_SECOND - time.perf_counter()))
        sent = time.perf_counter()
        connection.request("GET", "/api/v1/protected/profile", headers=headers)
        response = connection.getresponse()
        response.read()
        latencies.append((time.perf_counter() - sent) * 1000)
        assert response.status == 200, response.status
    return latencies


def log_in(stop: threading.Event, logins: list[float]) -> None:
    while not stop.is_set():
        call("POST", "/api/v1/auth/login", ACCOUNT)
        logins.append(time.perf_counter())


def report(name: str, phase: str, latencies: list[float], rate: float | None) -> None:
    p99 = statistics.quantiles(latencies, n=100)[98]
    p50 = statistics.median(latencies)
    logins = "" if rate is None else f"{rate:10.1f}"
    print(f"{name:22}{phase:10}{p50:10.1f}{p99:10.1f}{max(latencies):10.1f}{logins}", flush=True)


if __name__ == "__main__":
    main()
