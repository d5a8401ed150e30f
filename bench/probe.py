"""`python -m bench.probe PORT PATH SECONDS`: sends 50 requests a second over one connection.

The bearer token is in BENCH_TOKEN. Prints the milliseconds of each response as a JSON list. It is
a process of its own so that the load generator does not delay it.
"""

import gc
import http.client
import json
import os
import sys
import time

PER_SECOND = 50


def probe(port: int, path: str, seconds: float, token: str) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {token}"}
    latencies: list[float] = []
    started = due = time.perf_counter()
    while due < started + seconds:
        time.sleep(max(0.0, due - time.perf_counter()))
        latencies.append(measure_response_time(connection, path, headers))
        # A late response delays the next request, without a burst afterwards.
        due = max(due + 1 / PER_SECOND, time.perf_counter())
    return latencies


def measure_response_time(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str]
) -> float:
    sent = time.perf_counter()
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.read()
    if response.status != http.HTTPStatus.OK:
        raise SystemExit(f"the profile got {response.status}")
    return (time.perf_counter() - sent) * 1000


if __name__ == "__main__":
    gc.disable()
    port, path, seconds = sys.argv[1:]
    print(json.dumps(probe(int(port), path, float(seconds), os.environ["BENCH_TOKEN"])))
