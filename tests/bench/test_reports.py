"""What `make bench` makes of its measurements; the measuring itself is no test's business."""

import re

import pytest

from bench.contestants import DJOSER, FASTAPI, FASTAPI_QUIET, OVER_VALKEY, SERVICE
from bench.page import NoSuchBlock, replace_block, table
from bench.processes import Memory
from bench.results import Results, Window, middle, percentile
from bench.servers import BenchFailed
from bench.tables import blocks
from bench.targets import Target, targets
from bench.wrk import Load, checked, parse
from tests.support.processes import ROOT

RESULT = (
    'RESULT {"requests": 600, "seconds": 2.0, "p50": 1.5, "p99": 4.0, '
    '"statuses": 0, "overloaded": 0, "sockets": 0}'
)
PAGE = "before\n<!-- begin generated: one -->\nold\n<!-- end generated: one -->\nafter\n"


def load(*, requests: int = 600, statuses: int = 0, overloaded: int = 0, sockets: int = 0) -> Load:
    return Load(requests, 2.0, 1.5, 4.0, statuses, overloaded, sockets)


def results() -> Results:
    found = Results(raw_bcrypt=[8.0], logins=[7.8], token_pair=60e-6)
    for number, one in enumerate([SERVICE, FASTAPI, FASTAPI_QUIET, DJOSER]):
        found.profile[one.name] = [Window(8_000 - 2_000 * number, 100 + 100 * number, 3)]
        found.refresh[one.name] = [Window(4_000, 200, 4)]
        found.starts[one.name] = [0.5]
        found.memory[one.name] = Memory(60, 90)
    found.profile[OVER_VALKEY] = [Window(6_000, 200, 4)]
    for one in (SERVICE, FASTAPI):
        found.latencies[one.name].idle = [1.0, 2.0, 3.0]
        found.latencies[one.name].storm = [4.0, 5.0, 6.0]
        found.latencies[one.name].logins = [7.0]
    found.threads[1] = [Window(3_000, 300, 4)]
    found.users[100] = {"request": 250e-6, "find": 0.1e-6}
    return found


def test_what_wrk_counted_is_read_from_the_line_that_its_script_prints() -> None:
    assert parse(f"Running 2s test\n\n{RESULT}\n") == load()


def test_an_output_of_wrk_without_a_result_fails() -> None:
    with pytest.raises(BenchFailed, match="unable to connect"):
        parse("unable to connect to 127.0.0.1")


def test_a_load_without_refusals_counts() -> None:
    assert checked(load(), "server").served == 300


@pytest.mark.parametrize(
    "bad", [load(statuses=1), load(sockets=1), load(requests=0)], ids=["status", "socket", "none"]
)
def test_a_load_with_refusals_or_without_answers_fails(bad: Load) -> None:
    with pytest.raises(BenchFailed, match="server"):
        checked(bad, "server")


def test_in_a_storm_503_is_borne_and_is_not_a_login() -> None:
    assert checked(load(statuses=100, overloaded=100), "server", bear_503=True).served == 250


def test_in_a_storm_another_refusal_fails() -> None:
    with pytest.raises(BenchFailed, match="1 answers were refusals"):
        checked(load(statuses=101, overloaded=100), "server", bear_503=True)


def test_a_block_is_replaced_and_the_rest_of_the_page_stays() -> None:
    assert replace_block(PAGE, "one", "new \\1\n") == PAGE.replace("old", "new \\1")


def test_a_block_that_the_page_lacks_is_not_dropped_silently() -> None:
    with pytest.raises(NoSuchBlock, match="'two'"):
        replace_block(PAGE, "two", "new")


def test_a_table_aligns_every_column_but_the_first_to_the_right() -> None:
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_one_disturbed_window_does_not_count() -> None:
    windows = [Window(100, 10, 1), Window(20, 90, 50), Window(102, 11, 2)]
    assert middle(windows) == Window(100, 11, 2)


def test_a_percentile_is_in_the_unit_of_the_latencies() -> None:
    assert percentile([float(number) for number in range(1, 1002)], 99) == pytest.approx(991)


@pytest.mark.parametrize(("value", "verdict"), [(2.0, "moonshot"), (1.3, "yes"), (1.29, "**no**")])
def test_a_target_to_reach_is_met_from_its_bound_on(value: float, verdict: str) -> None:
    assert Target("speed", value, "≥", 1.3, 2).verdict == verdict


@pytest.mark.parametrize(("value", "verdict"), [(7.9, "moonshot"), (8, "yes"), (15, "**no**")])
def test_a_target_to_stay_below_is_missed_at_its_bound(value: float, verdict: str) -> None:
    assert Target("time", value, "<", 15, 8).verdict == verdict


def test_a_targets_row_shows_what_its_ratio_comes_from() -> None:
    row = Target("time", 2.5, "<", 15, 8, " ms", 1, "theirs: 4 ms").row()
    assert row == ("time", "2.5 ms (theirs: 4 ms)", "< 15 ms", "< 8 ms", "moonshot")


def test_fastapi_is_judged_by_its_faster_variant() -> None:
    found = results()
    found.profile[FASTAPI_QUIET.name] = [Window(16_000, 50, 1)]
    rate, cpu = (target.value for target in targets(found)[:2])
    assert (rate, cpu) == (0.5, 2)


def test_the_page_has_a_place_for_every_block_and_no_other() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert sorted(re.findall("<!-- begin generated: (.+) -->", page)) == sorted(
        [*blocks(results(), [], []), "grid"]  # that one is bench.grid's
    )
