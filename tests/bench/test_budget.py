"""A request makes no more function calls than it did: a slow-down fails by count, not by clock."""

import json
import os
import subprocess
import sys

import pytest

from bench.budget import BUDGET
from tests.support.processes import ROOT

STALE = 0.95
"""Below this part of it a budget lets too much pass."""


@pytest.fixture(scope="module")
def counts() -> dict[str, int]:
    counted = subprocess.run(
        [sys.executable, "-m", "bench.budget"],
        cwd=ROOT,
        env=os.environ,
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    found: dict[str, int] = json.loads(counted.stdout)
    return found


@pytest.mark.parametrize("request_name", BUDGET)
def test_a_request_stays_within_its_budget(counts: dict[str, int], request_name: str) -> None:
    assert counts[request_name] <= BUDGET[request_name], "see bench/budget.py"


@pytest.mark.parametrize("request_name", BUDGET)
def test_a_budget_is_no_larger_than_it_has_to_be(counts: dict[str, int], request_name: str) -> None:
    assert counts[request_name] >= STALE * BUDGET[request_name], "lower it in bench/budget.py"
