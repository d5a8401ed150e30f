"""Round trips, keys and expiry."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from accounts.domain.errors import DuplicateEmail, StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from tests.support.api import MovableClock
from tests.support.redis import OpenStore, assert_unavailable, count_commands
from tests.support.stores import (
    EMAIL,
    SID,
    USER,
    WEEK,
    make_user,
    new_session,
    revoked_session,
    set_stamp,
    tracked_session,
)
from tests.support.valkey import Server, ask

IMPORTS_REDIS = (
    "import sys; from accounts.stores import is_multi_process; is_multi_process('redis://host'); "
    "print('redis' in sys.modules)"
)


def test_user_and_session_are_one_round_trip(
    open_url: OpenStore, valkey_url: str, valkey_server: Server
) -> None:
    store = open_url(valkey_url)
    store.add_user(USER)
    before = count_commands(valkey_server.port)
    store.get_user_and_session(EMAIL, SID)
    assert count_commands(valkey_server.port) - before == 2  # INFO counts itself


def test_batch_is_one_round_trip(
    open_url: OpenStore, valkey_url: str, valkey_server: Server
) -> None:
    store = open_url(valkey_url)
    store.add_user(USER)
    before = count_commands(valkey_server.port)
    found = store.get_users_and_sessions([(EMAIL, SID)] * 50)
    assert count_commands(valkey_server.port) - before == 2  # INFO counts itself
    assert found == [(USER, None)] * 50


def test_batch_damaged_record_fails_alone(
    open_url: OpenStore, valkey_url: str, valkey_server: Server
) -> None:
    store = open_url(valkey_url)
    store.add_user(USER)
    ask(valkey_server.port, "SET", "acct:{damaged@example.com}:user", "{")
    before, damaged, after = store.get_users_and_sessions(
        [(EMAIL, SID), (EmailAddress("damaged@example.com"), SID), (EMAIL, SID)]
    )
    assert isinstance(damaged, StoreUnavailable)
    assert before == after == (USER, None)


def test_unchanged_value_is_not_written(
    open_url: OpenStore, valkey_url: str, valkey_server: Server, clock: MovableClock
) -> None:
    store = open_url(valkey_url)
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda current: new_session(clock))
    ask(valkey_server.port, "CONFIG", "RESETSTAT")
    store.update_user(EMAIL, lambda user: user)
    store.update_session(EMAIL, SID, lambda current: current or new_session(clock))
    stats = ask(valkey_server.port, "INFO", "commandstats")
    assert b"cmdstat_get:" in stats
    assert b"cmdstat_set:" not in stats
    assert b"cmdstat_eval:" not in stats


def test_session_expires_a_minute_late(
    open_url: OpenStore, valkey_url: str, valkey_server: Server, clock: MovableClock
) -> None:
    open_url(valkey_url).update_session(EMAIL, SID, lambda current: new_session(clock))
    expiry = ask(valkey_server.port, "PTTL", f"acct:{{{EMAIL}}}:session:{SID}")
    assert WEEK * 1000 < int(expiry[1:]) <= (WEEK + 60) * 1000


def test_expired_session_is_kept_for_a_minute(
    open_url: OpenStore, valkey_url: str, valkey_server: Server, clock: MovableClock
) -> None:
    expired = replace(new_session(clock), expires_at=int(clock.now) - 3600)
    open_url(valkey_url).update_session(EMAIL, SID, lambda current: expired)
    expiry = ask(valkey_server.port, "PTTL", f"acct:{{{EMAIL}}}:session:{SID}")
    assert 50_000 < int(expiry[1:]) <= 60_000


def test_users_are_added_and_listed_batch_by_batch(
    open_url: OpenStore,
    valkey_url: str,
    valkey_server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("accounts.stores.redis.store.BATCH_SIZE", 10)
    store = open_url(valkey_url)
    store.ping()

    def make_users() -> Iterator[User]:
        for number in range(30):
            stored = int(ask(valkey_server.port, "DBSIZE")[1:]) - 1  # the marker
            assert stored == number // 10 * 10
            yield make_user(number)

    assert store.add_users(make_users()) == 30
    ask(valkey_server.port, "CONFIG", "RESETSTAT")
    next(iter(store.iter_users()))
    assert b"cmdstat_get:calls=10," in ask(valkey_server.port, "INFO", "commandstats")


def test_new_connection_sends_nothing_of_its_own(
    open_url: OpenStore, valkey_url: str, valkey_server: Server
) -> None:
    ask(valkey_server.port, "CONFIG", "RESETSTAT")
    open_url(valkey_url).get_user_and_session(EMAIL, SID)
    stats = ask(valkey_server.port, "INFO", "commandstats")
    assert b"cmdstat_mget:" in stats
    for command in (b"hello", b"client", b"select"):
        assert b"cmdstat_" + command not in stats


INDEX = f"acct:{{{EMAIL}}}:sessions"


def track(store: AccountStore, session: Session) -> None:
    store.update_sessions(EMAIL, lambda listed: [*listed, session])


def test_index_expires_with_the_last_session(
    open_url: OpenStore, valkey_url: str, valkey_server: Server, clock: MovableClock
) -> None:
    def get_expiry_hours() -> int:
        return round(int(ask(valkey_server.port, "PTTL", INDEX)[1:]) / 3_600_000)

    store = open_url(valkey_url)
    session = tracked_session(clock, 1)
    track(store, session)
    short = replace(tracked_session(clock, 2), expires_at=int(clock.now) + 3600)
    track(store, short)
    assert get_expiry_hours() == 7 * 24
    later = replace(session, expires_at=session.expires_at + WEEK)
    store.update_session(EMAIL, session.sid, lambda current: later)
    assert get_expiry_hours() == 14 * 24


def test_sessions_that_the_server_forgot_leave_the_index(
    open_url: OpenStore, valkey_url: str, valkey_server: Server, clock: MovableClock
) -> None:
    store = open_url(valkey_url)
    sessions = [tracked_session(clock, number) for number in range(3)]
    track(store, sessions[0])
    track(store, sessions[1])
    ask(valkey_server.port, "DEL", f"acct:{{{EMAIL}}}:session:{sessions[0].sid}")
    track(store, sessions[2])
    assert sorted(store.get_sessions(EMAIL), key=lambda one: one.sid) == sessions[1:]
    assert ask(valkey_server.port, "SCARD", INDEX) == b":2\r\n"


def test_index_has_only_listed_sessions(
    open_url: OpenStore, valkey_url: str, valkey_server: Server, clock: MovableClock
) -> None:
    store = open_url(valkey_url)
    listed, ended = tracked_session(clock, 1), tracked_session(clock, 2)
    track(store, listed)
    track(store, ended)
    store.update_session(EMAIL, SID, lambda current: new_session(clock))
    store.update_session(EMAIL, ended.sid, lambda current: replace(ended, revoked=True))
    assert ask(valkey_server.port, "SMEMBERS", INDEX) == b"*1\r\n$8\r\n%b\r\n" % listed.sid.encode()
    ask(valkey_server.port, "CONFIG", "RESETSTAT")
    untracked = replace(new_session(clock), revoked=True)
    store.update_session(EMAIL, SID, lambda current: untracked)
    assert b"cmdstat_srem:" not in ask(valkey_server.port, "INFO", "commandstats")


def test_change_between_read_and_write_is_not_lost(
    open_url: OpenStore, valkey_url: str, clock: MovableClock
) -> None:
    """The sessions are changed in every way: one more, one that ended, and one rotated."""
    store, rival = open_url(valkey_url), open_url(valkey_url)
    sessions = [tracked_session(clock, number) for number in range(4)]
    ended = replace(sessions[0], revoked=True)
    rotated = replace(sessions[1], rotation_count=1)
    track(store, sessions[0])
    track(store, sessions[1])
    changes: list[Callable[[], object]] = [
        lambda: track(rival, sessions[2]),
        lambda: rival.update_session(EMAIL, ended.sid, lambda _: ended),
        lambda: rival.update_session(EMAIL, rotated.sid, lambda _: rotated),
    ]

    def add_last(listed: Sequence[Session]) -> list[Session]:
        if changes:
            changes.pop()()
        return [*listed, sessions[3]]

    store.update_sessions(EMAIL, add_last)
    assert changes == []
    found = sorted(store.get_sessions(EMAIL), key=lambda one: one.sid)
    assert found == [rotated, sessions[2], sessions[3]]


def test_user_never_expires(open_url: OpenStore, valkey_url: str, valkey_server: Server) -> None:
    store = open_url(valkey_url)
    store.add_user(USER)
    store.update_user(EMAIL, set_stamp("version-2"))
    assert ask(valkey_server.port, "PTTL", f"acct:{{{EMAIL}}}:user") == b":-1\r\n"


def test_email_that_looks_like_an_escaped_one_is_another(
    open_url: OpenStore, valkey_url: str
) -> None:
    store = open_url(valkey_url)
    emails = [EmailAddress("a}b@example.com"), EmailAddress("a%7Db@example.com")]
    for email in emails:
        store.add_user(replace(USER, email=email))
    assert sorted(user.email for user in store.iter_users()) == sorted(emails)


def test_key_of_an_email_is_that_of_earlier_versions(
    open_url: OpenStore, valkey_url: str, valkey_server: Server
) -> None:
    open_url(valkey_url).add_user(replace(USER, email=EmailAddress("a%{}b@example.com")))
    assert ask(valkey_server.port, "EXISTS", "acct:{a%25{%7Db@example.com}:user") == b":1\r\n"


def test_full_server_refuses_changes_but_reads(open_url: OpenStore, server: Server) -> None:
    store = open_url(server.url)
    store.add_user(USER)
    ask(server.port, "CONFIG", "SET", "maxmemory", "1")
    assert_unavailable(lambda: store.update_user(EMAIL, set_stamp("version-2")))
    assert store.get_user(EMAIL) == USER
    ask(server.port, "CONFIG", "SET", "maxmemory", "0")
    store.update_user(EMAIL, set_stamp("version-2"))


def test_two_stores_share_users_and_sessions(
    open_url: OpenStore, valkey_url: str, clock: MovableClock
) -> None:
    one, other = open_url(valkey_url), open_url(valkey_url)
    one.add_user(USER)
    with pytest.raises(DuplicateEmail):
        other.add_user(USER)
    session = one.update_session(EMAIL, SID, lambda current: revoked_session(clock))
    assert other.get_user_and_session(EMAIL, SID) == (USER, session)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # 3.12's, of fork
def test_forked_child_opens_own_connections(open_url: OpenStore, valkey_url: str) -> None:
    store = open_url(valkey_url)
    store.add_user(USER)
    child = os.fork()
    if not child:
        found = [store.get_user(EMAIL) for _ in range(200)]
        os._exit(0 if found == [USER] * 200 else 1)
    assert [store.get_user(EMAIL) for _ in range(200)] == [USER] * 200
    assert os.waitpid(child, 0)[1] == 0


def test_parsing_a_url_imports_no_redis_py() -> None:
    process = subprocess.run(
        [sys.executable, "-c", IMPORTS_REDIS], capture_output=True, check=True, text=True
    )
    assert process.stdout == "False\n"
