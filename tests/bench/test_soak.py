"""How `make soak` decides that a run was bad."""

import pytest

from bench.soak import Run, Sample, build_row, find_problems


def build_run(*, pss: float = 60, threads: int = 20, descriptors: int = 50) -> Run:
    """Return a run of 100 s. The arguments are what its last ten samples have."""
    run = Run("file")
    run.samples = [Sample(second, 60, 20, 50) for second in range(90)]
    run.samples += [Sample(second, pss, threads, descriptors) for second in range(90, 101)]
    return run


def test_steady_run_has_no_problem() -> None:
    assert find_problems(build_run()) == []


@pytest.mark.parametrize(
    ("grown", "problem"),
    [
        ({"pss": 80}, "PSS, MiB grew from 60 to 80"),
        ({"threads": 30}, "threads grew from 20 to 30"),
        ({"descriptors": 90}, "descriptors grew from 50 to 90"),
    ],
)
def test_growth_is_a_problem(grown: dict[str, int], problem: str) -> None:
    assert find_problems(build_run(**grown)) == [f"file: {problem}"]


def test_lost_write_and_false_logout_are_problems() -> None:
    run = build_run()
    run.record.lost_writes.append("an account")
    run.record.false_logouts.append("a client")
    assert find_problems(run) == ["file: lost an account", "file: logged out a client"]
    assert build_row(run)[5:7] == ("1", "1")
