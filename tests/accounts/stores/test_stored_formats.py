"""What earlier versions stored is read for ever. These bytes were written by one of them.

They must never be changed: a new format is added beside them.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from accounts.domain.interfaces import AccountStore
from accounts.domain.sessions import Session
from accounts.domain.users import EmailAddress, User
from accounts.stores import open_store
from tests.support.api import MovableClock
from tests.support.valkey import Server, ask

USER_JSON = (
    '{"email":"user@example.com","password_hash":"bcrypt_sha256$$2b$04$2uY8Ql1gFxOaC5bzVt6kUe",'
    '"version":"Zk3vB0n1c9QqXl2m8TtYpw","created_at":1764100000.123456}'
)
SESSION_JSON = (
    '{"sid":"5e55104e5e55104e5e55104e5e55104e","expires_at":4102444800,"generation":2,'
    '"rotated_at":1764108900.75,"ended":false}'
)
VALKEY_RECORDS = {
    "acct:{user@example.com}:user": USER_JSON,
    "acct:{user@example.com}:session:5e55104e5e55104e5e55104e5e55104e": SESSION_JSON,
}
JOURNAL = """\
{"journal":"accounts","version":1}
{"crc32":"42580873","user":{"email":"user@example.com","password_hash":"bcrypt_sha256$$2b$04$2uY8Ql1gFxOaC5bzVt6kUe","version":"Zk3vB0n1c9QqXl2m8TtYpw","created_at":1764100000.123456}}
{"crc32":"af0270c4","user":{"email":"jürgen}@xn--exmple-cua.com","password_hash":"bcrypt_sha256$$2b$12$Xk1cWqv0M3Yd5sR7nB9eLu","version":"n0T5uW8rJd2ePq6sVx4yAg","created_at":1764100001.5}}
{"crc32":"bbfa8c1c","session":{"email":"user@example.com","sid":"5e55104e5e55104e5e55104e5e55104e","expires_at":4102444800,"generation":1,"rotated_at":1764108000.25,"ended":false}}
{"crc32":"8f13e79d","session":{"email":"user@example.com","sid":"5e55104e5e55104e5e55104e5e55104e","expires_at":4102444800,"generation":2,"rotated_at":1764108900.75,"ended":false}}
{"crc32":"7e10443a","session":{"email":"user@example.com","sid":"0ddba11c0ddba11c0ddba11c0ddba11c","expires_at":4102444800,"generation":0,"rotated_at":0.0,"ended":true}}
{"crc32":"e6faec0d","user":{"email":"jürgen}@xn--exmple-cua.com","password_hash":"bcrypt_sha256$$2b$12$Xk1cWqv0M3Yd5sR7nB9eLu","version":"q1W2e3R4t5Y6u7I8o9P0aA","created_at":1764100001.5}}
"""

# With a disabled and a deleted account, which the first version did not know.
LATER_JOURNAL = (
    JOURNAL
    + """\
{"crc32":"dd7efb9a","user":{"email":"user@example.com","password_hash":"bcrypt_sha256$$2b$04$2uY8Ql1gFxOaC5bzVt6kUe","version":"Zk3vB0n1c9QqXl2m8TtYpw","created_at":1764100000.123456,"disabled":true}}
{"crc32":"02495e7d","deleted":{"email":"jürgen}@xn--exmple-cua.com"}}
"""
)

# With a profile, which the first versions did not know.
PROFILE_JSON = '{"display_name":"Ada","tags":["a","b"],"address":{"city":"Köln"}}'
USER_JSON_WITH_PROFILE = (
    '{"email":"user@example.com","password_hash":"bcrypt_sha256$$2b$04$2uY8Ql1gFxOaC5bzVt6kUe",'
    '"version":"Zk3vB0n1c9QqXl2m8TtYpw","created_at":1764100000.123456,"disabled":false,'
    f'"profile":{PROFILE_JSON}}}'
)
JOURNAL_WITH_PROFILE = f"""\
{{"journal":"accounts","version":1}}
{{"crc32":"0eb285a5","user":{USER_JSON_WITH_PROFILE}}}
"""
# With a tracked session.
TRACKED_JOURNAL = (
    LATER_JOURNAL
    + """\
{"crc32":"a2a9a06a","session":{"email":"user@example.com","sid":"7ac4edd17ac4edd17ac4edd17ac4edd1","expires_at":4102444800,"generation":1,"rotated_at":1764108000.25,"ended":false,"created_at":1764100000.5,"refreshed_at":1764107000.75,"client":"Jürgen/5.0","version":"Zk3vB0n1c9QqXl2m8TtYpw"}}
"""
)

USER = User(
    email=EmailAddress("user@example.com"),
    password_hash="bcrypt_sha256$$2b$04$2uY8Ql1gFxOaC5bzVt6kUe",
    security_stamp="Zk3vB0n1c9QqXl2m8TtYpw",
    created_at=1764100000.123456,
)
UPDATED_USER = User(
    email=EmailAddress("jürgen}@xn--exmple-cua.com"),
    password_hash="bcrypt_sha256$$2b$12$Xk1cWqv0M3Yd5sR7nB9eLu",
    security_stamp="q1W2e3R4t5Y6u7I8o9P0aA",
    created_at=1764100001.5,
)
ROTATED_SESSION = Session(
    sid="5e55104e5e55104e5e55104e5e55104e",
    expires_at=4_102_444_800,
    rotation_count=2,
    rotated_at=1764108900.75,
    revoked=False,
)
REVOKED_SESSION = Session(
    sid="0ddba11c0ddba11c0ddba11c0ddba11c", expires_at=4_102_444_800, revoked=True
)
TRACKED_SESSION = Session(
    sid="7ac4edd17ac4edd17ac4edd17ac4edd1",
    expires_at=4_102_444_800,
    rotation_count=1,
    rotated_at=1764108000.25,
    created_at=1764100000.5,
    refreshed_at=1764107000.75,
    client="Jürgen/5.0",
    security_stamp="Zk3vB0n1c9QqXl2m8TtYpw",
)


@pytest.fixture
def journal_store(tmp_path: Path, clock: MovableClock) -> Iterator[AccountStore]:
    path = tmp_path / "accounts.jsonl"
    path.write_text(JOURNAL, encoding="utf-8")
    with closing(open_store(f"file://{path}", clock)) as store:
        yield store


@pytest.fixture
def valkey_store(
    valkey_url: str, valkey_server: Server, clock: MovableClock
) -> Iterator[AccountStore]:
    for key, value in VALKEY_RECORDS.items():
        assert ask(valkey_server.port, "SET", key, value) == b"+OK\r\n"
    with closing(open_store(valkey_url, clock)) as store:
        yield store


def test_journal_records_are_read(journal_store: AccountStore) -> None:
    rotated = journal_store.get_user_and_session(USER.email, ROTATED_SESSION.sid)
    revoked = journal_store.get_user_and_session(USER.email, REVOKED_SESSION.sid)
    assert rotated == (USER, ROTATED_SESSION)
    assert revoked == (USER, REVOKED_SESSION)
    assert journal_store.get_user(UPDATED_USER.email) == UPDATED_USER
    assert journal_store.count_users() == 2


def test_valkey_records_are_read(valkey_store: AccountStore) -> None:
    found = valkey_store.get_user_and_session(USER.email, ROTATED_SESSION.sid)
    assert found == (USER, ROTATED_SESSION)


def test_valkey_user_is_updated(valkey_store: AccountStore) -> None:
    valkey_store.update_user(USER.email, lambda user: replace(user, security_stamp="new"))
    assert valkey_store.get_user(USER.email) == replace(USER, security_stamp="new")


def test_journal_with_disabled_and_deleted_account_is_read(
    tmp_path: Path, clock: MovableClock
) -> None:
    path = tmp_path / "accounts.jsonl"
    path.write_text(LATER_JOURNAL, encoding="utf-8")
    with closing(open_store(f"file://{path}", clock)) as store:
        assert list(store.iter_users()) == [replace(USER, disabled=True)]


def test_journal_with_profile_is_read(tmp_path: Path, clock: MovableClock) -> None:
    path = tmp_path / "accounts.jsonl"
    path.write_text(JOURNAL_WITH_PROFILE, encoding="utf-8")
    with closing(open_store(f"file://{path}", clock)) as store:
        assert list(store.iter_users()) == [replace(USER, profile_json=PROFILE_JSON)]


def test_valkey_record_with_profile_is_read(
    valkey_store: AccountStore, valkey_server: Server
) -> None:
    key = "acct:{user@example.com}:user"
    assert ask(valkey_server.port, "SET", key, USER_JSON_WITH_PROFILE) == b"+OK\r\n"
    assert valkey_store.get_user(USER.email) == replace(USER, profile_json=PROFILE_JSON)


def test_journal_with_tracked_session_is_read(tmp_path: Path, clock: MovableClock) -> None:
    path = tmp_path / "accounts.jsonl"
    path.write_text(TRACKED_JOURNAL, encoding="utf-8")
    with closing(open_store(f"file://{path}", clock)) as store:
        assert store.get_sessions(USER.email) == [TRACKED_SESSION]


def test_deletion_survives_a_restart_of_the_journal(tmp_path: Path, clock: MovableClock) -> None:
    url = f"file://{tmp_path}/accounts.jsonl"
    with closing(open_store(url, clock)) as store:
        store.add_users([USER, UPDATED_USER])
        store.delete_user(USER.email, lambda user: None)
        store.add_user(replace(USER, security_stamp="new"))
        store.delete_user(UPDATED_USER.email, lambda user: None)
    with closing(open_store(url, clock)) as store:
        assert list(store.iter_users()) == [replace(USER, security_stamp="new")]


def test_deletion_without_its_account_is_read(tmp_path: Path, clock: MovableClock) -> None:
    path = tmp_path / "accounts.jsonl"
    kept = [
        line for line in LATER_JOURNAL.splitlines() if "jürgen" not in line or "deleted" in line
    ]
    path.write_text("\n".join([*kept, ""]), encoding="utf-8")
    with closing(open_store(f"file://{path}", clock)) as store:
        assert list(store.iter_users()) == [replace(USER, disabled=True)]
