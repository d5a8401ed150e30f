"""`python -m tests.support.clock_skew SECONDS ...`: runs `manage.py` with a clock that is ahead."""

import sys
import time

from django.core.management import execute_from_command_line

CLOCK_SKEW_SECONDS = 1200

_real_time = time.time


def _skewed_time() -> float:
    return _real_time() + float(sys.argv[1])


if __name__ == "__main__":
    time.time = _skewed_time
    execute_from_command_line(["manage.py", *sys.argv[2:]])
