"""A process with a journal is killed in the middle of its compactions."""

import random
import time
from contextlib import closing
from pathlib import Path

from accounts.stores import open_store
from tests.support.journal import read_lines
from tests.support.journal_writer import CHANGED_USERS, build_user, start_writer

KILLS = 20
USERS = 5_000
MAX_CONFIRMED = 60
"""A writer is killed after up to so many changes. A compaction takes about as long."""


def kill_in_compaction(path: Path, first: int, changes: int) -> tuple[int, bool]:
    """Return the last confirmed change, and whether a compaction was running."""
    process, receiver = start_writer(path, first)
    with closing(receiver):
        confirmed = [receiver.recv() for _ in range(changes)][-1]
        process.kill()
        process.join()
        while receiver.poll():
            try:
                confirmed = receiver.recv()
            except EOFError:
                break
    return confirmed, Path(f"{path}.new").exists()


def test_20_kills_in_compactions_lose_no_change(tmp_path: Path) -> None:
    path = tmp_path / "accounts.jsonl"
    with closing(open_store(f"file://{path}", time.time)) as store:
        store.add_users([build_user(number) for number in range(USERS)])
    chosen = random.Random(1)
    confirmed, kills = -1, 0
    while kills < KILLS:
        first = confirmed + 1
        confirmed, in_compaction = kill_in_compaction(path, first, chosen.randint(1, MAX_CONFIRMED))
        kills += in_compaction
    # Some compactions came to their end.
    assert len(read_lines(path)) < 1 + USERS + 2 * (confirmed + 1)
    with closing(open_store(f"file://{path}", time.time)) as store:
        assert store.count_users() == USERS
        for number in range(confirmed + 1):
            user, session = store.get_user_and_session(
                build_user(number % CHANGED_USERS).email, str(number)
            )
            assert user is not None
            assert session is not None
            assert session.revoked
        for number in range(max(0, confirmed + 1 - CHANGED_USERS), confirmed + 1):
            user = store.get_user(build_user(number % CHANGED_USERS).email)
            assert user is not None
            assert int(user.password_hash) >= number
