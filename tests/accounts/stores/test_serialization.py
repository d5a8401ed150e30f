import json
from dataclasses import replace
from typing import Any

import pytest

from accounts.domain.sessions import Session
from accounts.domain.users import User
from accounts.stores.journal.format import decode, encode
from accounts.stores.serialization import MAX_TIME, DamagedRecord, dump, from_dict, load, to_dict
from tests.support.stores import USER

SESSION = Session("5e55104e", 4_102_444_800, 2, 1764108900.75, revoked=True)
TRACKED = replace(
    SESSION, created_at=1764100000.5, refreshed_at=1764108901.0, client="é", security_stamp="v1"
)


PROFILE = {"name": "Ada \u00e9\0", "tags": ["a", {"b": None}], "n": 1, "on": True, "x": 1e16}
USER_WITH_PROFILE = USER.with_profile(PROFILE)


@pytest.mark.parametrize("record", [USER, USER_WITH_PROFILE, SESSION, TRACKED])
def test_load_dumped_record_is_equal(record: Any) -> None:
    assert load(type(record), dump(record)) == record


def test_load_missing_record_is_none() -> None:
    assert load(User, None) is None


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"text"', "1", "\udcff", '{"a":NaN}'])
def test_load_other_text_is_damage(text: str) -> None:
    with pytest.raises(DamagedRecord, match="is no JSON object"):
        load(User, text)


def test_profile_is_stored_as_an_object() -> None:
    assert json.loads(dump(USER_WITH_PROFILE))["profile"] == PROFILE


@pytest.mark.parametrize("levels", range(248, 256))
def test_every_profile_that_is_accepted_can_be_stored(levels: int) -> None:
    try:
        user = USER.with_profile({"a": json.loads("[" * levels + "]" * levels)})
    except TypeError:
        return
    assert load(User, dump(user)) == user
    assert decode(encode(user)) == user


def test_later_fields_that_say_nothing_are_not_stored() -> None:
    assert list(to_dict(USER)) == ["email", "password_hash", "version", "created_at"]
    assert list(to_dict(SESSION)) == ["sid", "expires_at", "generation", "rotated_at", "ended"]


REQUIRED = [(record, name) for record in (USER, SESSION) for name in to_dict(record)]


@pytest.mark.parametrize(("record", "name"), REQUIRED)
def test_from_dict_without_a_field_is_damage(record: Any, name: str) -> None:
    stored = to_dict(record)
    del stored[name]
    with pytest.raises(DamagedRecord, match=f"has no valid {name}$"):
        from_dict(type(record), stored)


@pytest.mark.parametrize(
    ("record", "name", "value"),
    [
        (USER, "email", 1),
        (USER, "password_hash", None),
        (USER, "version", 1),
        (USER, "created_at", "x"),
        (USER, "created_at", True),
        (USER, "created_at", 1e308),
        (USER, "created_at", -1e308),
        (USER, "disabled", 0),
        (USER, "profile", None),
        (USER, "profile", []),
        (USER, "profile", json.loads('{"a":' + "[" * 300 + "]" * 300 + "}")),
        (SESSION, "sid", ["5e55104e"]),
        (SESSION, "expires_at", 1.5),
        (SESSION, "expires_at", True),
        (SESSION, "generation", "2"),
        (SESSION, "rotated_at", None),
        (SESSION, "refreshed_at", 10**11),
        (SESSION, "ended", "true"),
        (SESSION, "created_at", None),
        (SESSION, "refreshed_at", True),
        (SESSION, "client", 1),
        (SESSION, "version", None),
    ],
)
def test_from_dict_invalid_value_is_damage(record: Any, name: str, value: Any) -> None:
    with pytest.raises(DamagedRecord, match=f"has no valid {name}$"):
        from_dict(type(record), {**to_dict(record), name: value})


@pytest.mark.parametrize("name", ["created_at", "rotated_at"])
def test_from_dict_whole_seconds_are_a_time(name: str) -> None:
    record: Any = USER if name == "created_at" else SESSION
    assert getattr(from_dict(type(record), {**to_dict(record), name: 5}), name) == 5


def test_from_dict_takes_every_time_up_to_the_year_3000() -> None:
    stored = {**to_dict(USER), "created_at": MAX_TIME}
    assert from_dict(User, stored).created_at == MAX_TIME
    with pytest.raises(DamagedRecord):
        from_dict(User, {**stored, "created_at": MAX_TIME + 1})


def test_damage_message_has_no_value() -> None:
    stored = {**to_dict(USER), "created_at": "a secret"}
    with pytest.raises(DamagedRecord) as caught:
        load(User, json.dumps(stored))
    assert "secret" not in str(caught.value)
