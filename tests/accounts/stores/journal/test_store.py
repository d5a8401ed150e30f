"""What the journal file holds, and that it survives a restart."""

import json
from dataclasses import replace
from pathlib import Path

from accounts.stores.journal.format import HEADER, encode
from accounts.stores.memory import DELETION_MARGIN_SECONDS
from tests.support.api import MovableClock
from tests.support.journal import Reopen, read_lines, wait_for_compaction
from tests.support.stores import EMAIL, SID, USER, WEEK, make_user, revoked_session


def test_records_survive_restart(reopen: Reopen, clock: MovableClock) -> None:
    store = reopen()
    store.add_user(USER)
    store.add_users([make_user(1), make_user(2)])
    changed = store.update_user(
        EMAIL, lambda user: replace(user, security_stamp="v2", password_hash="h2")
    )
    store.update_session(EMAIL, SID, lambda session: revoked_session(clock))
    store = reopen()
    assert store.get_user_and_session(EMAIL, SID) == (changed, revoked_session(clock))
    assert store.get_user(make_user(2).email) == make_user(2)


def test_expired_session_is_dropped_at_restart(
    reopen: Reopen, path: Path, clock: MovableClock
) -> None:
    store = reopen()
    store.update_session(EMAIL, SID, lambda session: revoked_session(clock))
    clock.advance(WEEK + DELETION_MARGIN_SECONDS)
    user = replace(USER, created_at=clock.now)
    store.add_user(user)
    assert reopen().get_user_and_session(EMAIL, SID) == (user, None)
    wait_for_compaction(path, lines=2)
    assert path.read_bytes() == HEADER + encode(user)


def test_added_user_is_in_file(reopen: Reopen, path: Path) -> None:
    reopen().add_user(USER)
    assert json.loads(read_lines(path)[1])["user"]["email"] == EMAIL


def test_unchanged_value_is_not_written(reopen: Reopen, path: Path, clock: MovableClock) -> None:
    store = reopen()
    store.add_user(USER)
    store.update_session(EMAIL, SID, lambda session: revoked_session(clock))
    written = path.read_bytes()
    store.update_user(EMAIL, lambda user: user)
    store.update_session(EMAIL, SID, lambda session: revoked_session(clock))
    store.add_users([USER])
    assert path.read_bytes() == written


def test_file_is_readable_by_owner_only(reopen: Reopen, path: Path) -> None:
    path.write_bytes(HEADER)
    path.chmod(0o644)
    reopen()
    assert path.stat().st_mode & 0o777 == 0o600
    assert Path(f"{path}.lock").stat().st_mode & 0o777 == 0o600


def test_new_file_is_readable_by_owner_only(reopen: Reopen, path: Path) -> None:
    reopen()
    assert path.stat().st_mode & 0o777 == 0o600


def test_empty_file_becomes_journal(reopen: Reopen, path: Path) -> None:
    path.touch()
    reopen().add_user(USER)
    assert reopen().get_user(EMAIL) == USER
