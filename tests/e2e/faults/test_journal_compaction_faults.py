"""A process with a journal is killed in the middle of its compactions."""

import random
import time
from contextlib import closing, suppress
from pathlib import Path

from accounts.stores import open_store
from tests.support.journal_writer import CHANGED_USERS, build_user, start_writer

KILLS = 20
MAX_ROUNDS = 100
USERS = 5_000
MAX_CONFIRMED = 60
"""A writer is killed after up to so many changes. A compaction takes about as long."""


def kill_writer(path: Path, first: int, changes: int) -> list[tuple[int, bool]]:
    """Return the confirmed changes, each with whether a compaction went on after it."""
    process, receiver = start_writer(path, first)
    with closing(receiver):
        confirmed = [receiver.recv() for _ in range(changes)]
        process.kill()
        process.join()
        with suppress(EOFError):
            while True:
                confirmed.append(receiver.recv())
    return confirmed


def test_20_kills_in_compactions_lose_no_change(tmp_path: Path) -> None:
    path = tmp_path / "accounts.jsonl"
    with closing(open_store(f"file://{path}", time.time)) as store:
        store.add_users([build_user(number) for number in range(USERS)])
    chosen = random.Random(1)
    confirmed, kills, during, rounds = -1, 0, 0, 0
    file, ended = path.stat().st_ino, False
    while (kills < KILLS or not ended) and rounds < MAX_ROUNDS:
        rounds += 1
        # A busy machine may need more time for one compaction that comes to its end.
        longest = MAX_CONFIRMED if kills < KILLS else 10 * MAX_CONFIRMED
        changes = kill_writer(path, confirmed + 1, chosen.randint(1, longest))
        confirmed, _ = changes[-1]
        kills += Path(f"{path}.new").exists()
        during += sum(in_compaction for _, in_compaction in changes)
        # Another file has its name. It may be longer: changes have followed.
        before, file = file, path.stat().st_ino
        ended |= file != before
    assert kills >= KILLS
    assert ended
    assert during > KILLS  # no change waited for the end of a compaction
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
