"""Draws the plots of docs/benchmarks.md as SVG. The same results give the same bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from bench.results import Results, Window, median_window, percentile
from bench.servers_under_test import (
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

# Okabe and Ito's colors, which color-blind people can distinguish.
BLUE, VERMILION, ORANGE, GREY = "#0072B2", "#D55E00", "#E69F00", "#767676"
STYLE = {
    "svg.hashsalt": "bench",
    "figure.facecolor": "white",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titlepad": 10,
    "grid.color": "#dddddd",
}
# The constant responses are only in the table: their bars would dwarf all others.
COLORS = {
    SERVICE.name: BLUE,
    SERVICE_WITHOUT_CORS.name: BLUE,
    OVER_VALKEY: BLUE,
    TWO_WORKERS: BLUE,
    FASTAPI.name: VERMILION,
    FASTAPI_QUIET.name: VERMILION,
    FASTAPI_COROUTINE.name: VERMILION,
    FASTAPI_WITHOUT_CORS.name: VERMILION,
    DJOSER.name: GREY,
}
PERCENTS = (50, 90, 99, 99.9)


def draw(results: Results, folder: Path) -> None:
    """Write every plot into the folder."""
    mpl.use("svg")
    with mpl.rc_context(STYLE):
        throughput(results, folder)
        latency(results, folder)
        threads(results, folder)
        users(results, folder)


@contextmanager
def figure(path: Path, rows: int, columns: int, height: float) -> Iterator[list[Axes]]:
    drawn, axes = plt.subplots(
        rows, columns, figsize=(9, height), layout="constrained", squeeze=False
    )
    yield list(axes.flat)
    drawn.savefig(path, metadata={"Date": None})
    plt.close(drawn)


def throughput(results: Results, folder: Path) -> None:
    with figure(folder / "throughput.svg", 2, 1, 5.2) as (above, below):
        bars(above, "Profile: requests a second, one process each", results.profile)
        bars(below, "Refresh: requests a second", results.refresh)


def bars(axes: Axes, title: str, windows: dict[str, list[Window]]) -> None:
    rates = {name: median_window(windows[name]).rate for name in COLORS if name in windows}
    names = sorted(rates, key=lambda name: rates[name])
    drawn = axes.barh(names, [rates[name] for name in names], color=[COLORS[one] for one in names])
    axes.bar_label(drawn, fmt="{:,.0f}", padding=4)
    axes.set_title(title)
    axes.margins(x=0.1)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(left=False)


def latency(results: Results, folder: Path) -> None:
    with figure(folder / "latency.svg", 1, 1, 4.4) as (axes,):
        for name, found in results.latencies.items():
            label, color = f"{name}, during logins", COLORS[name]
            line(axes, label, color, "-", found.under_logins)
            line(axes, f"{name}, idle", color, ":", found.idle)
        axes.set_title("Profile while 16 clients log in without pause: latency, ms")
        axes.set_yscale("log")
        axes.set_xticks(range(len(PERCENTS)), [f"p{percent:g}" for percent in PERCENTS])
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.grid(axis="y")
        axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2)


def line(axes: Axes, label: str, color: str, style: str, latencies: list[float]) -> None:
    values = [percentile(latencies, percent) for percent in PERCENTS]
    marker = "o" if style == "-" else "s"
    axes.plot(values, color=color, linestyle=style, marker=marker, label=label)
    axes.annotate(f"{values[2]:.1f}", (2, values[2]), (0, 6), textcoords="offset points")


def threads(results: Results, folder: Path) -> None:
    found = {count: median_window(windows) for count, windows in results.threads.items()}
    serve = median_window(results.profile[SERVICE.name])
    with figure(folder / "threads.svg", 1, 2, 3.8) as (left, right):
        against_threads(left, {count: one.rate for count, one in found.items()}, serve.rate)
        left.set_title("Requests a second")
        left.yaxis.set_major_formatter("{x:,.0f}")
        against_threads(right, {count: one.p99 for count, one in found.items()}, serve.p99)
        right.set_title("p99 with 8 clients, ms")
        left.legend(frameon=False, loc="lower right")


def against_threads(axes: Axes, values: dict[int, float], serve: float) -> None:
    axes.plot(
        list(values), list(values.values()), color=ORANGE, marker="o", label="WSGI on Granian"
    )
    axes.axhline(serve, color=BLUE, linestyle="--", label="manage.py serve")
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(values), [str(count) for count in values])
    axes.set_ylim(bottom=0, top=max([serve, *values.values()]) * 1.25)
    axes.set_xlabel("threads of the server")
    axes.grid(axis="y")


def users(results: Results, folder: Path) -> None:
    with figure(folder / "users.svg", 1, 2, 3.8) as (left, right):
        against_users(left, results, "request", BLUE)
        left.set_title("A profile request, in process, µs")
        against_users(right, results, "lookup", ORANGE)
        right.set_title("Of it the store's part, µs")


def against_users(axes: Axes, results: Results, part: str, color: str) -> None:
    values = [cost[part] * 1e6 for cost in results.users.values()]
    axes.plot(list(results.users), values, color=color, marker="o")
    axes.set_xscale("log")
    axes.set_xticks(list(results.users), [f"{count:,}" for count in results.users])
    axes.minorticks_off()
    axes.set_ylim(0, max(values) * 1.25)
    axes.set_xlabel("users")
    axes.grid(axis="y")
