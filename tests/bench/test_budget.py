"""A request makes no more function calls than its budget. Calls are counted, not timed."""

import json
import os
import subprocess
import sys

import pytest

from bench.budget import BUDGET
from tests.support.processes import ROOT


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
def test_request_stays_within_budget(counts: dict[str, int], request_name: str) -> None:
    assert counts[request_name] <= BUDGET[request_name], "see bench/budget.py"
