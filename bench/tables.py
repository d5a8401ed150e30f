"""Builds the generated blocks of docs/benchmarks.md."""

from statistics import median

from bench.costs import STARTED
from bench.page import table
from bench.results import Latencies, Results, Window, median_window, percentile
from bench.servers_under_test import (
    BARE_RSGI,
    BARE_WSGI,
    DJOSER,
    FASTAPI,
    FASTAPI_COROUTINE,
    FASTAPI_QUIET,
    FASTAPI_WITHOUT_CORS,
    OVER_VALKEY,
    SERVICE,
    SERVICE_WITHOUT_CORS,
    TWO_WORKERS,
)
from bench.targets import targets

PERCENTS = (50, 90, 99, 99.9)
ORDER = (
    SERVICE,
    FASTAPI,
    FASTAPI_QUIET,
    FASTAPI_COROUTINE,
    SERVICE_WITHOUT_CORS,
    FASTAPI_WITHOUT_CORS,
    DJOSER,
    BARE_WSGI,
    BARE_RSGI,
)
NAMES = (*(one.name for one in ORDER), OVER_VALKEY, TWO_WORKERS)


def blocks(
    results: Results, machine: list[tuple[str, str]], versions: list[tuple[str, str]]
) -> dict[str, str]:
    """Return the content of each block by its name."""
    return {
        "machine": table(("the machine", ""), machine),
        "versions": table(("", "versions"), versions),
        "targets": target_table(results),
        "profile": throughput_table(results.profile),
        "refresh": throughput_table(results.refresh),
        "latency": latency_table(results),
        "start": start_table(results),
        "threads": thread_table(results),
        "users": user_table(results),
    }


def target_table(results: Results) -> str:
    header = ("what", "measured", "target", "moonshot", "met")
    return table(header, (target.row() for target in targets(results)))


def throughput_table(windows: dict[str, list[Window]]) -> str:
    found = {name: median_window(windows[name]) for name in NAMES if name in windows}
    own = found[SERVICE.name]
    header = ("", "requests/s", "this service against it", "CPU a request", "p99, 8 clients")
    rows = (
        (name, f"{one.rate:,.0f}", times(own.rate / one.rate), f"{one.cpu:.0f} µs", ms(one.p99))
        for name, one in found.items()
    )
    return table(header, rows)


def times(ratio: float) -> str:
    return f"{ratio:.2f} times"


def ms(value: float) -> str:
    return f"{value:.2f} ms"


def latency_table(results: Results) -> str:
    header = ("", *(f"p{percent:g}" for percent in PERCENTS), "logins/s", "of bcrypt alone", "503")
    baseline = median(results.bcrypt_baseline)
    rows = []
    for name, found in results.latencies.items():
        rows.append((f"{name}, idle", *percentiles(found.idle), "", "", ""))
        rows.append(
            (f"{name}, during logins", *percentiles(found.under_logins), *logins(found, baseline))
        )
    rows.append(("bcrypt alone", "", "", "", "", f"{baseline:.2f}", "1.00", ""))
    for name, rates in (
        ("logins and nothing else", results.logins),
        ("logins beside 8 clients that request the profile without pause", results.storm_logins),
    ):
        rate = median(rates)
        shown = (f"{rate:.2f}", f"{rate / baseline:.2f}", "0")
        rows.append((f"{SERVICE.name}, {name}", "", "", "", "", *shown))
    return table(header, rows)


def percentiles(latencies: list[float]) -> list[str]:
    return [ms(percentile(latencies, percent)) for percent in PERCENTS]


def logins(found: Latencies, baseline: float) -> tuple[str, str, str]:
    rate = median(found.logins)
    return f"{rate:.2f}", f"{rate / baseline:.2f}", str(found.overloaded)


def start_table(results: Results) -> str:
    header = ("", "start to first response", "idle memory, PSS", "RSS")
    rows = []
    for one in STARTED:
        memory = results.memory[one.name]
        seconds = median(results.starts[one.name])
        rows.append(
            (one.name, f"{seconds:.2f} s", f"{memory.pss:.0f} MiB", f"{memory.rss:.0f} MiB")
        )
    return table(header, rows)


def thread_table(results: Results) -> str:
    found = {f"WSGI, {threads}": one for threads, one in results.threads.items()}
    found["`manage.py serve`, as it is"] = results.profile[SERVICE.name]
    header = ("threads", "requests/s", "CPU a request", "p99, 8 clients")
    return table(header, (thread_row(name, median_window(one)) for name, one in found.items()))


def thread_row(name: str, one: Window) -> tuple[str, str, str, str]:
    return name, f"{one.rate:,.0f}", f"{one.cpu:.0f} µs", ms(one.p99)


def user_table(results: Results) -> str:
    first = min(results.users)
    header = ("users", "a profile request, in process", "against the fewest", "the store's part")
    rows = (
        (
            f"{users:,}",
            f"{cost['request'] * 1e6:.0f} µs",
            times(cost["request"] / results.users[first]["request"]),
            f"{cost['lookup'] * 1e6:.2f} µs",
        )
        for users, cost in results.users.items()
    )
    return table(header, rows)
