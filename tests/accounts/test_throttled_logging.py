import logging

import pytest

from accounts.throttled_logging import INTERVAL_SECONDS, OutageLogger, ThrottledLogger
from tests.support.api import MovableClock

logger = logging.getLogger("tests.throttled_logging")


@pytest.fixture
def throttled(clock: MovableClock) -> ThrottledLogger:
    return ThrottledLogger(logger, clock)


def test_same_message_within_interval_is_suppressed(
    throttled: ThrottledLogger, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    assert throttled.warning("%s", 1)
    clock.advance(INTERVAL_SECONDS - 1)
    assert not throttled.warning("%s", 2)
    clock.advance(1)
    assert throttled.warning("%s", 3)
    assert caplog.messages == ["1", "3"]


def test_other_message_is_logged(
    throttled: ThrottledLogger, caplog: pytest.LogCaptureFixture
) -> None:
    throttled.warning("one")
    throttled.warning("another")
    assert caplog.messages == ["one", "another"]


def test_message_is_logged_after_clock_is_set_back(
    throttled: ThrottledLogger, clock: MovableClock
) -> None:
    throttled.warning("message")
    clock.advance(-3600)
    assert throttled.warning("message")


def test_outage_is_logged_at_start_and_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = OutageLogger(logger, "it does not work")
    outage.recovered()
    for _ in range(3):
        outage.failed(OSError("disk full"))
    for _ in range(3):
        outage.recovered()
    assert caplog.messages == [
        "it does not work: OSError: disk full",
        "recovered from: it does not work",
    ]
