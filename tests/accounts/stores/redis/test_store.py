"""Trips, keys, expiry, and what the server's configuration forgets."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from accounts.domain.errors import DuplicateEmail
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import EmailAddress, User
from tests.support.api import MovableClock
from tests.support.redis import (
    EMAIL,
    SID,
    USER,
    WEEK,
    assert_unavailable,
    commands,
    session,
    url_of,
)
from tests.support.valkey import Server, ask


def test_find_is_one_round_trip(
    opened: Callable[[str], AccountStore], valkey_url: str, valkey_server: Server
) -> None:
    store = opened(valkey_url)
    store.add_user(USER)
    before = commands(valkey_server.port)
    store.get_user_and_session(EMAIL, SID)
    assert commands(valkey_server.port) - before == 2  # find's, and that INFO itself


def test_many_are_found_in_one_round_trip(
    opened: Callable[[str], AccountStore], valkey_url: str, valkey_server: Server
) -> None:
    store = opened(valkey_url)
    store.add_user(USER)
    before = commands(valkey_server.port)
    found = store.get_users_and_sessions([(EMAIL, SID)] * 50)
    assert (
        commands(valkey_server.port) - before == 2
    )  # get_users_and_sessions's, and that INFO itself
    assert found == [(USER, None)] * 50


def test_a_damaged_record_is_nobody_elses_answer(
    opened: Callable[[str], AccountStore], valkey_url: str, valkey_server: Server
) -> None:
    store = opened(valkey_url)
    store.add_user(USER)
    ask(valkey_server.port, "SET", "acct:{damaged@example.com}:user", "{")
    before, damaged, after = store.get_users_and_sessions(
        [(EMAIL, SID), (EmailAddress("damaged@example.com"), SID), (EMAIL, SID)]
    )
    assert isinstance(damaged, ValueError)
    assert before == after == (USER, None)


def test_a_value_that_is_returned_unchanged_is_not_written(
    opened: Callable[[str], AccountStore],
    valkey_url: str,
    valkey_server: Server,
    clock: MovableClock,
) -> None:
    store = opened(valkey_url)
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda known: session(clock))
    ask(valkey_server.port, "CONFIG", "RESETSTAT")
    store.update_user(EMAIL, lambda user: user)
    store.update_session(EMAIL, SID, lambda known: known or session(clock))
    stats = ask(valkey_server.port, "INFO", "commandstats")
    assert b"cmdstat_get:" in stats
    assert b"cmdstat_set:" not in stats
    assert b"cmdstat_eval:" not in stats


def test_the_server_drops_a_session_a_minute_after_it_expired(
    opened: Callable[[str], AccountStore],
    valkey_url: str,
    valkey_server: Server,
    clock: MovableClock,
) -> None:
    opened(valkey_url).update_session(EMAIL, SID, lambda known: session(clock))
    answer = ask(valkey_server.port, "PTTL", f"acct:{{{EMAIL}}}:session:{SID}")
    assert 0 <= (WEEK + 60) * 1000 - int(answer[1:]) < 5000


def test_users_never_expire(
    opened: Callable[[str], AccountStore], valkey_url: str, valkey_server: Server
) -> None:
    store = opened(valkey_url)
    store.add_user(USER)
    store.update_user(EMAIL, lambda user: User(EMAIL, "hash-2", "version-2", 1.5))
    assert ask(valkey_server.port, "PTTL", f"acct:{{{EMAIL}}}:user") == b":-1\r\n"


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (("noeviction", "3600 1"), []),
        (("allkeys-lru", "3600 1"), ["drops users"]),
        (("volatile-ttl", "3600 1"), ["revoked tokens work again"]),
        (("noeviction", ""), ["keeps nothing on disk"]),
    ],
)
def test_a_forgetful_server_is_warned_of_when_it_is_first_reached(
    opened: Callable[[str], AccountStore],
    server: Server,
    caplog: pytest.LogCaptureFixture,
    configured: tuple[str, str],
    expected: list[str],
) -> None:
    policy, save = configured
    ask(server.port, "CONFIG", "SET", "maxmemory-policy", policy)
    ask(server.port, "CONFIG", "SET", "save", save)
    store = opened(url_of(server))
    assert not caplog.records
    store.ping()
    store.ping()
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == len(expected)
    assert all(text in warning for text, warning in zip(expected, warnings, strict=True))


def test_a_server_that_does_not_tell_its_configuration_is_fine(
    opened: Callable[[str], AccountStore], server: Server
) -> None:
    ask(
        server.port,
        "ACL",
        "SETUSER",
        "app",
        "on",
        ">secret",
        "~acct:*",
        "+@read",
        "+@write",
        "+@scripting",
        "+@connection",
    )
    store = opened(f"valkey://app:secret@127.0.0.1:{server.port}")
    store.add_user(USER)
    assert store.get_user(EMAIL) == USER


def test_a_server_that_is_full_refuses_changes_and_answers_reads(
    opened: Callable[[str], AccountStore], server: Server
) -> None:
    store = opened(url_of(server))
    store.add_user(USER)
    ask(server.port, "CONFIG", "SET", "maxmemory", "1")
    assert_unavailable(lambda: store.update_user(EMAIL, lambda user: User(EMAIL, "h", "v2", 1.5)))
    assert store.get_user(EMAIL) == USER
    ask(server.port, "CONFIG", "SET", "maxmemory", "0")
    store.update_user(EMAIL, lambda user: User(EMAIL, "h", "v2", 1.5))


def test_two_processes_share_users_and_sessions(
    opened: Callable[[str], AccountStore], valkey_url: str, clock: MovableClock
) -> None:
    one, other = opened(valkey_url), opened(valkey_url)
    one.add_user(USER)
    with pytest.raises(DuplicateEmail):
        other.add_user(USER)
    one.update_session(EMAIL, SID, lambda known: session(clock, revoked=True))
    assert other.get_user_and_session(EMAIL, SID) == (USER, session(clock, revoked=True))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # 3.12's, of fork
def test_a_forked_child_uses_connections_of_its_own(
    opened: Callable[[str], AccountStore], valkey_url: str
) -> None:
    store = opened(valkey_url)
    store.add_user(USER)
    child = os.fork()
    if not child:
        found = [store.get_user(EMAIL) for _ in range(200)]
        os._exit(0 if found == [USER] * 200 else 1)
    assert [store.get_user(EMAIL) for _ in range(200)] == [USER] * 200
    assert os.waitpid(child, 0)[1] == 0


def test_memory_users_do_not_import_the_client() -> None:
    code = (
        "import sys; from accounts.stores import check_url; check_url('redis://host'); "
        "print('redis' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert shown.stdout == "False\n"
