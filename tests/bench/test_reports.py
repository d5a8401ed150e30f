"""How `make bench` evaluates and prints its measurements."""

import re

import pytest

from bench.page import NoSuchBlock, replace_block, table
from bench.processes import Memory
from bench.results import Results, Window, median_window, percentile
from bench.servers import BenchFailed
from bench.servers_under_test import (
    DJOSER,
    FASTAPI,
    FASTAPI_COROUTINE,
    FASTAPI_QUIET,
    OVER_VALKEY,
    SERVICE,
    TWO_WORKERS,
)
from bench.side_channels import compare
from bench.tables import blocks
from bench.targets import Target, targets
from bench.wrk import Load, check_load, parse
from tests.support.processes import ROOT

RESULT = (
    'RESULT {"requests": 600, "seconds": 2.0, "p50": 1.5, "p99": 4.0, '
    '"statuses": 0, "overloaded": 0, "sockets": 0}'
)
PAGE = "before\n<!-- begin generated: one -->\nold\n<!-- end generated: one -->\nafter\n"


def load(*, requests: int = 600, statuses: int = 0, overloaded: int = 0, sockets: int = 0) -> Load:
    return Load(requests, 2.0, 1.5, 4.0, statuses, overloaded, sockets)


def results() -> Results:
    found = Results(
        bcrypt_baseline=[8.0],
        logins=[7.8],
        storm_logins=[6.0],
        token_pair=60e-6,
        compaction=(1_000_000, 1.3, 2.2),
    )
    for number, one in enumerate([SERVICE, FASTAPI, FASTAPI_QUIET, FASTAPI_COROUTINE, DJOSER]):
        found.profile[one.name] = [Window(8_000 - 1_500 * number, 100 + 100 * number, 3)]
        found.refresh[one.name] = [Window(4_000, 200, 4)]
        found.starts[one.name] = [0.5]
        found.memory[one.name] = Memory(60, 90)
    found.profile[OVER_VALKEY] = found.profile[TWO_WORKERS] = [Window(6_000, 200, 4)]
    for one in (SERVICE, FASTAPI):
        found.latencies[one.name].idle = [1.0, 2.0, 3.0]
        found.latencies[one.name].under_logins = [4.0, 5.0, 6.0]
        found.latencies[one.name].logins = [7.0]
    found.threads[1] = [Window(3_000, 300, 4)]
    found.users[100] = {"request": 250e-6, "lookup": 0.1e-6}
    return found


def test_wrk_result_line_is_parsed() -> None:
    assert parse(f"Running 2s test\n\n{RESULT}\n") == load()


def test_wrk_output_without_result_raises() -> None:
    with pytest.raises(BenchFailed, match="unable to connect"):
        parse("unable to connect to 127.0.0.1")


def test_load_without_errors_is_valid() -> None:
    assert check_load(load(), "server").served == 300


@pytest.mark.parametrize(
    "bad", [load(statuses=1), load(sockets=1), load(requests=0)], ids=["status", "socket", "none"]
)
def test_load_with_errors_raises(bad: Load) -> None:
    with pytest.raises(BenchFailed, match="server"):
        check_load(bad, "server")


def test_overload_503_is_allowed_and_not_counted() -> None:
    assert check_load(load(statuses=100, overloaded=100), "server", allow_503=True).served == 250


def test_other_error_under_overload_raises() -> None:
    with pytest.raises(BenchFailed, match="1 responses were errors"):
        check_load(load(statuses=101, overloaded=100), "server", allow_503=True)


def test_block_is_replaced_and_rest_stays() -> None:
    assert replace_block(PAGE, "one", "new \\1\n") == PAGE.replace("old", "new \\1")


def test_unknown_block_raises() -> None:
    with pytest.raises(NoSuchBlock, match="'two'"):
        replace_block(PAGE, "two", "new")


def test_table_aligns_numbers_right() -> None:
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_median_ignores_one_disturbed_window() -> None:
    windows = [Window(100, 10, 1), Window(20, 90, 50), Window(102, 11, 2)]
    assert median_window(windows) == Window(100, 11, 2)


def test_percentile_has_unit_of_latencies() -> None:
    assert percentile([float(number) for number in range(1, 1002)], 99) == pytest.approx(991)


@pytest.mark.parametrize(("value", "verdict"), [(2.0, "moonshot"), (1.3, "yes"), (1.29, "**no**")])
def test_minimum_target_is_met_at_bound(value: float, verdict: str) -> None:
    assert Target("speed", value, "≥", 1.3, 2).verdict == verdict


@pytest.mark.parametrize(("value", "verdict"), [(7.9, "moonshot"), (8, "yes"), (15, "**no**")])
def test_maximum_target_is_missed_at_bound(value: float, verdict: str) -> None:
    assert Target("time", value, "<", 15, 8).verdict == verdict


def test_target_row_shows_measured_values() -> None:
    row = Target("time", 2.5, "<", 15, 8, " ms", 1, "theirs: 4 ms").row()
    assert row == ("time", "2.5 ms (theirs: 4 ms)", "< 15 ms", "< 8 ms", "moonshot")


def test_fastapi_target_uses_its_faster_variant() -> None:
    found = results()
    found.profile[FASTAPI_QUIET.name] = [Window(16_000, 50, 1)]
    rate, cpu = (target.value for target in targets(found)[:2])
    assert (rate, cpu) == (0.5, 2)


@pytest.mark.parametrize(
    ("added", "share", "differs"), [(0, "50% of pairs", "no"), (1, "100% of pairs", "**yes**")]
)
def test_time_of_a_response_differs(added: float, share: str, differs: str) -> None:
    seconds = [number / 100_000 for number in range(100)]
    shown = compare(seconds, [one + added for one in seconds])
    assert shown[2:] == (share, differs)


def test_page_has_exactly_the_generated_blocks() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert sorted(re.findall("<!-- begin generated: (.+) -->", page)) == sorted(
        [*blocks(results(), [], []), "grid", "side channels"]  # those have their own scripts
    )
