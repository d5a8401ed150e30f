import logging

import pytest

from accounts.throttled_logging import HOLD_SECONDS, INTERVAL_SECONDS, OutageLogger, ThrottledLogger
from tests.support.api import MovableClock
from tests.support.stores import run_together

logger = logging.getLogger("tests.throttled_logging")


@pytest.fixture
def throttled(clock: MovableClock) -> ThrottledLogger:
    return ThrottledLogger(logger, clock)


def test_same_message_within_interval_is_suppressed(
    throttled: ThrottledLogger, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    throttled.warning("%s", 1)
    clock.advance(INTERVAL_SECONDS - 1)
    throttled.warning("%s", 2)
    clock.advance(1)
    throttled.warning("%s", 3)
    assert caplog.messages == ["1", "3"]


def test_other_message_is_logged(
    throttled: ThrottledLogger, caplog: pytest.LogCaptureFixture
) -> None:
    throttled.warning("one")
    throttled.warning("another")
    assert caplog.messages == ["one", "another"]


def test_message_is_logged_after_clock_is_set_back(
    throttled: ThrottledLogger, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    throttled.warning("message")
    clock.advance(-3600)
    throttled.warning("message")
    assert caplog.messages == ["message", "message"]


def test_memory_of_messages_is_limited(
    throttled: ThrottledLogger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("accounts.throttled_logging.MAX_MESSAGES", 2)
    for message in ("one", "two", "three", "three", "one"):
        throttled.warning(message)
    assert caplog.messages == ["one", "two", "three", "one"]


@pytest.fixture
def outage(clock: MovableClock, caplog: pytest.LogCaptureFixture) -> OutageLogger:
    caplog.set_level(logging.INFO)
    return OutageLogger(logger, "it does not work", clock)


def test_outage_is_logged_at_start_and_end(
    outage: OutageLogger, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    outage.recovered()
    for _ in range(3):
        outage.failed(OSError("disk full"))
        clock.advance(2)
    clock.advance(HOLD_SECONDS)
    for _ in range(3):
        outage.recovered()
    outage.failed("again")
    assert caplog.messages == [
        "it does not work: OSError: disk full",
        "recovered from: it does not work; 3 failures in 4 s",
        "it does not work: again",
    ]


def test_calls_that_fail_and_succeed_in_turn_are_one_outage(
    outage: OutageLogger, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(100):
        outage.failed("timeout")
        clock.advance(HOLD_SECONDS - 1)
        outage.recovered()
    began, *reminders = caplog.messages
    assert began == "it does not work: timeout"
    assert reminders[0] == "it does not work; 16 failures in 60 s: timeout"
    assert len(reminders) == 6  # in 396 seconds


def test_end_of_outage_is_logged_once_by_many_threads(
    outage: OutageLogger, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    run_together(16, lambda number: outage.failed("timeout"))
    clock.advance(HOLD_SECONDS)
    run_together(16, lambda number: outage.recovered())
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
