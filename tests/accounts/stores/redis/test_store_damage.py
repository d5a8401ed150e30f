"""A record that is damaged, or that other software wrote, is 503 for its account only."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from redis import Redis

from accounts.domain.errors import StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import EmailAddress
from accounts.services import Services, get_services
from accounts.stores import open_store
from accounts.stores.serialization import to_dict
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import NEW_PASSWORD, decode_claims, get_error
from tests.support.stores import USER, raise_update_error, tracked_session

STORED_EMAIL = EmailAddress(EMAIL)
USER_KEY = f"acct:{{{EMAIL}}}:user"
OTHER_EMAIL = "other@example.com"
VALID = {**to_dict(USER), "email": EMAIL}
USER_DAMAGES: dict[str, Any] = {
    "empty": b"",
    "no JSON": b"{",
    "not UTF-8": b'{"email":"\xff"}',
    "list": b"[]",
    "null JSON": b"null",
    "number": b"1",
    "text": b'"text"',
    "missing field": json.dumps({"email": EMAIL}),
    "null": json.dumps({**VALID, "password_hash": None}),
    "text for time": json.dumps({**VALID, "created_at": "x"}),
    "number for text": json.dumps({**VALID, "version": 1}),
    "another account's": json.dumps({**VALID, "email": OTHER_EMAIL}),
}
SESSION_DAMAGES: dict[str, Any] = {
    "no JSON": b"{",
    "not UTF-8": b"\xff",
    "null JSON": b"null",
    "list": b"[]",
    "missing field": b'{"sid":"1"}',
    "text for number": b'{"sid":"1","expires_at":"x","generation":1,"rotated_at":1,"ended":false}',
}


@pytest.fixture
def client(valkey_url: str) -> Iterator["Redis"]:
    with Redis.from_url(valkey_url.replace("valkey", "redis")) as client:
        yield client


@pytest.fixture
def api(start: Callable[..., Services], valkey_url: str) -> Iterator[Api]:
    services = start(STORE_URL=valkey_url, ROTATE_REFRESH_TOKENS=True)
    yield Api()
    services.accounts.store.close()


@pytest.fixture
def tokens(api: Api) -> Any:
    return api.register_and_log_in()


def call_all(api: Api, tokens: dict[str, str]) -> dict[str, Any]:
    """Return the response of each path that reads the user."""
    access = tokens["access_token"]
    passwords = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    return {
        "register": api.register(),
        "login": api.login(),
        "refresh": api.refresh(tokens["refresh_token"]),
        "logout": api.logout(tokens["refresh_token"]),
        "logout-all": api.post("auth/logout-all", token=access),
        "password": api.post("auth/password", passwords, token=access),
        "profile": api.profile(access),
    }


@pytest.mark.parametrize("damage", USER_DAMAGES)
def test_damaged_user_is_503_on_every_path(
    api: Api, tokens: dict[str, str], client: "Redis", damage: str
) -> None:
    client.set(USER_KEY, USER_DAMAGES[damage])
    for path, response in call_all(api, tokens).items():
        assert get_error(response) == (503, "store_unavailable"), path
        assert response["Retry-After"]


@pytest.mark.parametrize("damage", SESSION_DAMAGES)
def test_damaged_session_is_503_on_every_path(
    api: Api, tokens: dict[str, str], client: "Redis", damage: str
) -> None:
    sid = decode_claims(tokens["access_token"])["sid"]
    client.set(f"acct:{{{EMAIL}}}:session:{sid}", SESSION_DAMAGES[damage])
    responses = call_all(api, tokens)
    for path in ("refresh", "logout", "logout-all", "password", "profile"):
        assert get_error(responses[path]) == (503, "store_unavailable"), path


def test_user_of_another_type_is_never_500(
    api: Api, tokens: dict[str, str], client: "Redis"
) -> None:
    client.delete(USER_KEY)
    client.rpush(USER_KEY, "item")
    statuses = {path: one.status_code for path, one in call_all(api, tokens).items()}
    # MGET, which reads user and session together, finds no text: the account does not exist.
    assert statuses == {
        "register": 503,
        "login": 503,
        "refresh": 401,
        "logout": 204,
        "logout-all": 401,
        "password": 401,
        "profile": 401,
    }


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("no JSON", "is no JSON object"),
        ("text for time", "has no valid created_at"),
        ("another account's", "has the email of another key"),
        ("another type", "or another one of its account is of another Redis type"),
    ],
)
def test_damage_is_logged_once_with_the_key(
    api: Api,
    client: "Redis",
    caplog: pytest.LogCaptureFixture,
    damage: str,
    reason: str,
) -> None:
    client.delete(USER_KEY)
    if damage == "another type":
        client.rpush(USER_KEY, "item")
    else:
        client.set(USER_KEY, USER_DAMAGES[damage])
    caplog.clear()
    for _ in range(3):
        api.login()
    [record] = [one for one in caplog.records if one.name == "accounts.stores.redis"]
    assert f"the record {USER_KEY} is damaged: it {reason}" in record.getMessage()
    assert USER.password_hash not in caplog.text


SID = "5e55104e"
SESSION_KEY = f"acct:{{{EMAIL}}}:session:{SID}"
INDEX_KEY = f"acct:{{{EMAIL}}}:sessions"
SESSION_CALLS: dict[str, Callable[[AccountStore], object]] = {
    "get_user_and_session": lambda store: store.get_user_and_session(STORED_EMAIL, SID),
    "get_users_and_sessions": lambda store: store.get_users_and_sessions([(STORED_EMAIL, SID)]),
    "update_session": lambda store: store.update_session(STORED_EMAIL, SID, raise_update_error),
    "get_sessions": lambda store: store.get_sessions(STORED_EMAIL),
    "update_sessions": lambda store: store.update_sessions(STORED_EMAIL, list),
}


@pytest.mark.parametrize("call", SESSION_CALLS)
def test_damaged_session_is_logged_with_its_key(
    client: "Redis",
    valkey_url: str,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    client.set(SESSION_KEY, b"{")
    client.sadd(INDEX_KEY, SID)
    with closing(open_store(valkey_url, clock)) as store, suppress(StoreUnavailable):
        SESSION_CALLS[call](store)
    assert f"the record {SESSION_KEY} is damaged: it is no JSON object" in caplog.text


def test_index_of_another_type_is_logged_with_its_key(
    client: "Redis", valkey_url: str, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    client.set(INDEX_KEY, "text")
    with closing(open_store(valkey_url, clock)) as store:
        for call in (
            lambda: store.get_sessions(STORED_EMAIL),
            lambda: store.update_session(STORED_EMAIL, SID, lambda _: tracked_session(clock, 1)),
        ):
            caplog.clear()
            clock.advance(61)  # A damage is logged once a minute.
            with pytest.raises(StoreUnavailable):
                call()
            assert f"the record {INDEX_KEY} is damaged" in caplog.text


def test_damaged_record_fails_no_other_of_its_batch(
    api: Api, tokens: dict[str, str], client: "Redis"
) -> None:
    api.register(OTHER_EMAIL)
    client.set(USER_KEY, USER_DAMAGES["not UTF-8"])
    store = get_services().accounts.store
    keys: Any = [(EMAIL, "sid"), (OTHER_EMAIL, "sid")]
    damaged, intact = store.get_users_and_sessions(keys)
    assert isinstance(damaged, StoreUnavailable)
    assert not isinstance(intact, Exception)
    assert intact[0] is not None
    assert intact[0].email == OTHER_EMAIL


def test_list_leaves_out_damaged_records_and_logs_each(
    api: Api, client: "Redis", caplog: pytest.LogCaptureFixture
) -> None:
    api.register()
    for number, damage in enumerate(USER_DAMAGES.values()):
        client.set(f"acct:{{{number}}}:user", damage)
    client.rpush("acct:{list}:user", "item")
    caplog.clear()
    users = list(get_services().accounts.store.iter_users())
    assert [user.email for user in users] == [EMAIL]
    logged = {one.getMessage().split(" is ")[0] for one in caplog.records}
    assert logged == {f"the record acct:{{{number}}}:user" for number in range(len(USER_DAMAGES))}


def test_restored_record_needs_no_restart(
    api: Api, tokens: dict[str, str], client: "Redis"
) -> None:
    stored: Any = client.get(USER_KEY)
    client.set(USER_KEY, b"{")
    assert api.login().status_code == 503
    client.set(USER_KEY, stored)
    assert api.login().status_code == 200


def test_read_that_the_server_denies_is_no_damage(
    client: "Redis", valkey_url: str, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    client.acl_setuser("no-get", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-get"])
    url = valkey_url.replace("127.0.0.1", "no-get:any@127.0.0.1")
    with closing(open_store(url, clock)) as store, pytest.raises(StoreUnavailable):
        store.get_user(STORED_EMAIL)
    client.acl_deluser("no-get")
    assert "reads from the store fail: NoPermissionError" in caplog.text
    assert "damaged" not in caplog.text
