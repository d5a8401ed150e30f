from collections.abc import Iterator

import pytest

from authproject.monitoring.formatters import JSONLineFormatter
from tests.support.logs import LogLines, capture_log_lines


@pytest.fixture
def lines() -> Iterator[LogLines]:
    """Everything that is logged during the test, as JSON lines."""
    yield from capture_log_lines(JSONLineFormatter())
