"""Runs `manage.py` with a clock that is ahead: `python -m tests.support.clock_skew SECONDS ...`."""

import sys
import time

from django.core.management import execute_from_command_line

CLOCK_SKEW_SECONDS = 1200

_real = time.time


def _skewed() -> float:
    return _real() + float(sys.argv[1])


if __name__ == "__main__":
    time.time = _skewed
    execute_from_command_line(["manage.py", *sys.argv[2:]])
