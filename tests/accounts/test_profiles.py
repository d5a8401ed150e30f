"""Registration and profile with the fields of a project."""

import json
from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from accounts.authentication import JWTAuthentication
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import MAX_PROFILE_BYTES, EmailAddress
from accounts.services import get_services
from tests.support.api import EMAIL, JSON, PASSWORD, Api, get_field_codes
from tests.support.http import Start, get_error
from tests.support.processes import run_manage
from tests.support.profiles import PATH, PersonSerializer
from tests.support.stores import run_together

pytestmark = pytest.mark.urls("tests.support.profile_urls")

ACCOUNT = {"email": EMAIL, "password": PASSWORD}
OURS = {"email": EMAIL, "message": "This is protected data"}
ADA: dict[str, Any] = {
    "display_name": "Ada",
    "tags": [],
    "plan": "free",
    "initials": "A",
    "nickname": None,
}
INVALID = (400, "invalid")
UNPROCESSABLE = (422, "unprocessable")


@pytest.fixture
def api(start: Start) -> Api:
    start(PROFILE_SERIALIZER=PATH)
    return Api()


def register(api: Api, **fields: Any) -> Any:
    return api.post("auth/register", {**ACCOUNT, **fields})


def register_ada(api: Api, **fields: Any) -> str:
    """Return the access token."""
    response = register(api, display_name="Ada", **fields)
    assert response.status_code == 201, response.json()
    assert response.json() == {"message": "User registered", "email": EMAIL}
    token: str = api.login().json()["access_token"]
    return token


def patch(api: Api, token: str | None, body: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return api.client.patch("/api/v1/protected/profile", body, JSON, headers=headers)


def get_stored() -> dict[str, Any]:
    [user] = get_services().accounts.store.iter_users()
    return user.profile


def test_registered_fields_are_stored_and_shown(api: Api) -> None:
    fields = {
        "born": "1815-12-10",
        "tags": ["math"],
        "address": {"street": "Square 12", "city": "London"},
        "anything": {"a": [1, True, None]},
    }
    token = register_ada(api, **fields, invitation="welcome", unknown=1, plan="gold")
    assert get_stored() == {"display_name": "Ada", **fields}
    assert api.profile(token).json() == {**OURS, **ADA, **fields}


def test_fields_may_have_the_names_of_this_app_s_own_words(start: Start) -> None:
    start(PROFILE_SERIALIZER="tests.support.profiles.OddNamesSerializer")
    fields = {"profile": "https://example.com", "changes": "none"}
    assert register(Api(), **fields).status_code == 201
    assert get_stored() == fields


def test_register_reports_all_errors_at_once(api: Api) -> None:
    response = register(
        api,
        email="no address",
        password="short",
        display_name="x" * 21,
        tags=["long enough"],
        address={"street": "too long a street"},
        invitation="none",
    )
    assert get_error(response) == UNPROCESSABLE  # because the city is missing
    assert get_field_codes(response) == {
        "email": ["invalid_email"],
        "password": ["password_too_short"],
        "display_name": ["max_length"],
        "tags.0": ["max_length"],
        "address.street": ["max_length"],
        "address.city": ["required"],
        "invitation": ["unknown"],
    }
    assert get_services().accounts.store.count_users() == 0


@pytest.mark.parametrize(
    ("fields", "error", "codes"),
    [
        ({}, UNPROCESSABLE, {"display_name": ["required"]}),
        ({"display_name": None}, UNPROCESSABLE, {"display_name": ["null"]}),
        ({"display_name": "A", "born": "x"}, INVALID, {"born": ["invalid"]}),
        ({"display_name": "A", "nickname": "A"}, INVALID, {"non_field_errors": ["same"]}),
        ({"display_name": "A", "score": str(2**64)}, INVALID, {"non_field_errors": ["invalid"]}),
    ],
)
def test_register_refuses_values(
    api: Api, fields: dict[str, Any], error: tuple[int, str], codes: dict[str, list[str]]
) -> None:
    response = register(api, **fields)
    assert get_error(response) == error
    assert get_field_codes(response) == codes


@pytest.mark.parametrize("depth", [200, 300, 900, 1010])
def test_nested_values_are_stored_or_refused(api: Api, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    rest = json.dumps({**ACCOUNT, "display_name": "Ada"})
    body = f'{{"anything": {nested}, {rest[1:]}'
    response = api.client.post("/api/v1/auth/register", body, JSON)
    if depth == 200:
        assert response.status_code == 201
    else:
        assert get_error(response) == INVALID


@pytest.mark.parametrize("body", ["null", "[]", '"text"', "1"])
def test_body_that_is_no_object_is_unprocessable(api: Api, body: Any) -> None:
    token = register_ada(api)
    for response in (
        api.client.post("/api/v1/auth/register", body, JSON),
        patch(api, token, body),
    ):
        assert get_error(response) == UNPROCESSABLE


def test_profile_over_4_kib_is_refused(api: Api) -> None:
    rest = '{"display_name":"Ada","tags":[],"anything":""}'
    filler = "é" * ((MAX_PROFILE_BYTES - len(rest)) // 2)
    too_large = {"non_field_errors": ["profile_too_large"]}
    response = register(api, display_name="Ada", anything=f"{filler}é", password="short")
    assert get_field_codes(response) == {"password": ["password_too_short"], **too_large}
    token = register_ada(api, anything=filler)
    assert get_field_codes(patch(api, token, {"display_name": "Ada L."})) == too_large
    assert get_field_codes(patch(api, token, {"anything": f"{filler}é"})) == too_large
    assert get_stored() == {"display_name": "Ada", "tags": [], "anything": filler}


def test_patch_changes_the_fields_that_are_sent(api: Api) -> None:
    token = register_ada(api, born="1815-12-10", tags=["math"])
    response = patch(api, token, {"display_name": "Augusta", "nickname": None, "plan": "gold"})
    assert response.status_code == 200
    assert response.json() == api.profile(token).json()
    assert response.json() == {
        **OURS,
        **ADA,
        "display_name": "Augusta",
        "initials": "A",
        "born": "1815-12-10",
        "tags": ["math"],
    }
    assert patch(api, token, {}).json() == response.json()


@pytest.mark.parametrize(
    ("changes", "error", "codes"),
    [
        ({"display_name": None}, UNPROCESSABLE, {"display_name": ["null"]}),
        ({"display_name": ""}, INVALID, {"display_name": ["blank"]}),
        ({"tags": ["ok", "long enough"]}, INVALID, {"tags.1": ["max_length"]}),
        ({"address": {"street": "Square 12"}}, UNPROCESSABLE, {"address.city": ["required"]}),
        ({"invitation": "none"}, INVALID, {"invitation": ["unknown"]}),
        (
            {"display_name": "A", "nickname": "A"},
            INVALID,
            {"non_field_errors": ["same"]},
        ),
    ],
)
def test_patch_is_validated_like_registration(
    api: Api, changes: dict[str, Any], error: tuple[int, str], codes: dict[str, list[str]]
) -> None:
    token = register_ada(api)
    response = patch(api, token, changes)
    assert get_error(response) == error
    assert get_field_codes(response) == codes
    assert get_stored() == {"display_name": "Ada", "tags": []}


def test_patch_needs_a_token(api: Api) -> None:
    token = register_ada(api)
    assert get_error(patch(api, None, {})) == (401, "not_authenticated")
    api.post("auth/logout-all", token=token)
    assert get_error(patch(api, token, {"display_name": "x"})) == (401, "token_revoked")


def test_concurrent_changes_of_different_fields_are_kept(api: Api, store: AccountStore) -> None:
    get_services().accounts.store = store
    token = register_ada(api)
    changes: list[dict[str, Any]] = [
        {"born": "1815-12-10"},
        {"nickname": "Lady"},
        {"score": 1},
        {"anything": 1},
        {"tags": ["math"]},
        {"display_name": "Augusta"},
    ]
    responses = run_together(6, lambda number: patch(Api(), token, changes[number]))
    assert [response.status_code for response in responses] == [200] * 6
    assert get_stored() == {name: value for one in changes for name, value in one.items()}


def test_account_from_before_has_defaults_and_can_be_changed(api: Api) -> None:
    service = get_services().accounts
    policy = get_services().password_policy
    service.register(EmailAddress(EMAIL), policy.validate(PASSWORD))
    token = api.login().json()["access_token"]
    shown: dict[str, Any] = {"tags": [], "plan": "free", "initials": "", "nickname": None}
    assert api.profile(token).json() == {**OURS, **shown}
    assert patch(api, token, {"born": "1815-12-10"}).status_code == 200
    assert get_stored() == {"born": "1815-12-10"}


def test_stored_field_without_a_serializer_field_is_not_shown(api: Api) -> None:
    token = register_ada(api)
    changes = {"plan": "gold", "invitation": "secret", "removed": 1}
    get_services().accounts.store.update_user(
        EmailAddress(EMAIL), lambda user: user.with_profile(changes)
    )
    assert api.profile(token).json() == {**OURS, **ADA, "plan": "gold"}


def test_serializer_knows_request_and_stored_profile(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def validate(self: PersonSerializer, attrs: Any) -> Any:
        seen.append((self.context["request"].method, self.instance, attrs))
        return attrs

    monkeypatch.setattr(PersonSerializer, "validate", validate)
    token = register_ada(api)
    patch(api, token, {"score": 1})
    stored = {"display_name": "Ada", "tags": []}
    assert seen == [("POST", None, stored), ("PATCH", stored, {"score": 1})]


def test_unusable_serializer_is_one_sentence_and_not_a_traceback() -> None:
    checked = run_manage(
        "check",
        DJANGO_SETTINGS_MODULE="tests.support.profile_settings",
        TESTED_SERIALIZER="tests.support.profiles.ClashingSerializer",
    )
    assert checked.returncode == 1
    assert "has fields that every account has: email, message." in checked.stderr
    assert "Traceback" not in checked.stderr


def test_request_user_has_the_profile(api: Api) -> None:
    token = register_ada(api)
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    result = JWTAuthentication().authenticate(Request(request))
    assert result is not None
    assert result[0].profile == {"display_name": "Ada", "tags": []}
