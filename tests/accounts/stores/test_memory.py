"""When sessions are deleted, also with a wrong clock. The journal inherits it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from accounts.stores.journal.format import HEADER, encode
from accounts.stores.journal.store import JournalStore
from accounts.stores.memory import DELETION_MARGIN_SECONDS, DeletedUser, MemoryStore
from tests.support.api import MovableClock
from tests.support.journal import wait_for_no_compaction
from tests.support.stores import EMAIL, SID, USER, WEEK, new_session, revoked_session

DAY = 86_400
Open = Callable[[], MemoryStore]


@pytest.fixture
def elapsed() -> MovableClock:
    """The time that passes, which nobody can set."""
    return MovableClock()


@pytest.fixture
def pass_time(clock: MovableClock, elapsed: MovableClock) -> Callable[[float], None]:
    def pass_time(seconds: float) -> None:
        clock.advance(seconds)
        elapsed.advance(seconds)

    return pass_time


@pytest.fixture
def reopen(clock: MovableClock, elapsed: MovableClock, tmp_path: Path) -> Iterator[Open]:
    """Open the journal, as a restart does."""
    stores: list[JournalStore] = []

    def close_and_open() -> JournalStore:
        if stores:
            stores.pop().close()
        stores.append(JournalStore(tmp_path / "accounts.jsonl", clock, elapsed))
        return stores[0]

    yield close_and_open
    stores.pop().close()


@pytest.fixture(params=["memory", "file"])
def store(
    request: pytest.FixtureRequest, clock: MovableClock, elapsed: MovableClock
) -> MemoryStore:
    if request.param == "memory":
        return MemoryStore(clock, elapsed)
    opened: MemoryStore = request.getfixturevalue("reopen")()
    return opened


def change_another_session(store: MemoryStore, clock: MovableClock) -> None:
    """Expired sessions are deleted at such a change."""
    store.update_session(EMAIL, "other", lambda _: replace(new_session(clock), sid="other"))


def count_sessions(store: MemoryStore) -> int:
    return sum(1 for _ in store.iter_sessions())


def test_expired_session_is_deleted_a_day_later(
    store: MemoryStore, clock: MovableClock, pass_time: Callable[[float], None]
) -> None:
    session = store.update_session(EMAIL, SID, lambda _: new_session(clock))
    pass_time(session.expires_at - clock.now + DELETION_MARGIN_SECONDS - 1)
    change_another_session(store, clock)
    assert count_sessions(store) == 2
    pass_time(1)
    change_another_session(store, clock)
    assert count_sessions(store) == 1


def test_prolonged_session_is_deleted_after_its_new_end(
    store: MemoryStore, clock: MovableClock, pass_time: Callable[[float], None]
) -> None:
    store.update_session(EMAIL, SID, lambda _: new_session(clock))
    longer = replace(new_session(clock), expires_at=new_session(clock).expires_at + WEEK)
    store.update_session(EMAIL, SID, lambda _: longer)
    pass_time(2 * WEEK)
    change_another_session(store, clock)
    assert count_sessions(store) == 2
    pass_time(DELETION_MARGIN_SECONDS)
    change_another_session(store, clock)
    assert count_sessions(store) == 1


@pytest.mark.parametrize("days", [10, 4000])
def test_clock_once_ahead_keeps_a_logout(
    store: MemoryStore, clock: MovableClock, days: int
) -> None:
    session = store.update_session(EMAIL, SID, lambda _: revoked_session(clock))
    clock.advance(days * DAY)
    change_another_session(store, clock)
    assert store.get_user_and_session(EMAIL, SID) == (None, None)
    clock.advance(-days * DAY)
    assert store.get_user_and_session(EMAIL, SID) == (None, session)


def test_clock_set_back_keeps_a_logout_until_its_expiry(
    store: MemoryStore, clock: MovableClock, pass_time: Callable[[float], None]
) -> None:
    session = store.update_session(EMAIL, SID, lambda _: revoked_session(clock))
    clock.advance(-10 * DAY)
    pass_time(WEEK + DELETION_MARGIN_SECONDS)
    change_another_session(store, clock)
    assert store.get_user_and_session(EMAIL, SID) == (None, session)


def test_step_of_the_clock_is_logged_once(
    store: MemoryStore,
    clock: MovableClock,
    pass_time: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    store.ping()
    pass_time(WEEK)
    clock.advance(60)
    store.ping()
    assert caplog.messages == []
    clock.advance(3600)
    for _ in range(2):
        store.ping()
        change_another_session(store, clock)
    clock.advance(-3660)
    store.add_user(USER)
    assert [message.partition(", or")[0] for message in caplog.messages] == [
        "this machine's clock was set ahead by 3660 s",
        "this machine's clock was set back by 3660 s",
    ]


@pytest.mark.parametrize("days", [10, 4000])
def test_start_with_clock_ahead_keeps_a_logout(
    reopen: Open, clock: MovableClock, caplog: pytest.LogCaptureFixture, days: int
) -> None:
    store = reopen()
    store.add_user(USER)
    session = store.update_session(EMAIL, SID, lambda _: revoked_session(clock))
    clock.advance(days * DAY)
    for _ in range(2):
        store = reopen()
        change_another_session(store, clock)
        wait_for_no_compaction()
    assert f"{days}.0 days before this machine's clock" in caplog.text
    clock.advance(-days * DAY)
    assert reopen().get_user_and_session(EMAIL, SID) == (USER, session)


def test_start_with_clock_behind_is_logged(
    reopen: Open, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    reopen().add_user(replace(USER, created_at=clock.now))
    clock.advance(-DAY)
    reopen()
    assert caplog.messages == []
    clock.advance(-DAY)
    reopen()
    assert "2.0 days after this machine's clock" in caplog.text


@pytest.mark.parametrize("field", ["created_at", "rotated_at", "refreshed_at"])
def test_start_compares_the_clock_with_each_time_of_a_session(
    reopen: Open, clock: MovableClock, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    session = replace(new_session(clock), **{field: clock.now})  # type: ignore[arg-type]  # a time
    reopen().update_session(EMAIL, SID, lambda _: session)
    clock.advance(2 * DAY)
    reopen()
    assert "2.0 days before this machine's clock" in caplog.text


def test_loaded_session_is_deleted_when_its_time_has_passed(
    reopen: Open, clock: MovableClock, pass_time: Callable[[float], None]
) -> None:
    store = reopen()
    store.add_user(replace(USER, created_at=clock.now))
    session = store.update_session(EMAIL, SID, lambda _: new_session(clock))
    pass_time(0.5)  # which is not known to have passed
    store = reopen()
    pass_time(session.expires_at - clock.now + DELETION_MARGIN_SECONDS)
    change_another_session(store, clock)
    assert count_sessions(store) == 2
    pass_time(0.5)
    change_another_session(store, clock)
    assert count_sessions(store) == 1


def test_file_without_times_is_no_sign_of_a_wrong_clock(
    tmp_path: Path, reopen: Open, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "accounts.jsonl").write_bytes(HEADER + encode(DeletedUser(EMAIL)))
    reopen()
    assert caplog.messages == []
