"""`python -m tests.support.clock_skew SECONDS ...`: runs `manage.py` with a clock that is ahead.

Instead of SECONDS, a file may be named that has them. A test changes the clock by writing to it.
"""

import sys
import time
from pathlib import Path

from django.core.management import execute_from_command_line

CLOCK_SKEW_SECONDS = 1200

_real_time = time.time


def _skewed_time() -> float:
    return _real_time() + _read_skew(sys.argv[1])


def _read_skew(argument: str) -> float:
    return float(Path(argument).read_text() if argument.startswith("/") else argument)


if __name__ == "__main__":
    time.time = _skewed_time
    execute_from_command_line(["manage.py", *sys.argv[2:]])
