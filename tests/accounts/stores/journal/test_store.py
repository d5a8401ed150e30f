"""The journal file: what survives a restart."""

import json
from dataclasses import replace
from pathlib import Path

from accounts.stores.journal.format import HEADER
from tests.support.api import MovableClock
from tests.support.journal import EMAIL, SID, USER, WEEK, Open, lines, session, user


def test_everything_survives_a_restart(start: Open, clock: MovableClock) -> None:
    store = start()
    store.add_user(USER)
    store.add_users([user(1), user(2)])
    changed = store.update_user(
        EMAIL, lambda known: replace(known, security_stamp="v2", password_hash="h2")
    )
    store.update_session(EMAIL, SID, lambda known: session(clock))
    store = start()
    assert store.get_user_and_session(EMAIL, SID) == (changed, session(clock))
    assert store.get_user(user(2).email) == user(2)


def test_a_session_that_expired_meanwhile_is_forgotten(
    start: Open, path: Path, clock: MovableClock
) -> None:
    start().update_session(EMAIL, SID, lambda known: session(clock))
    clock.advance(WEEK)
    assert start().get_user_and_session(EMAIL, SID) == (None, None)
    assert path.read_bytes() == HEADER


def test_a_change_is_in_the_file_when_it_is_answered(start: Open, path: Path) -> None:
    start().add_user(USER)
    assert json.loads(lines(path)[1])["user"]["email"] == EMAIL


def test_a_value_that_is_returned_unchanged_is_not_written(
    start: Open, path: Path, clock: MovableClock
) -> None:
    store = start()
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda known: session(clock))
    written = path.read_bytes()
    store.update_user(EMAIL, lambda known: known)
    store.update_session(EMAIL, SID, lambda known: session(clock))
    store.add_users([USER])
    assert path.read_bytes() == written


def test_only_its_owner_can_read_the_file(start: Open, path: Path) -> None:
    path.write_bytes(HEADER)
    path.chmod(0o644)
    start()
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    start()
    assert path.stat().st_mode & 0o777 == 0o600
    assert Path(f"{path}.lock").stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_a_new_journal(start: Open, path: Path) -> None:
    path.touch()
    start().add_user(USER)
    assert start().get_user(EMAIL) == USER
