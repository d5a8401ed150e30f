"""Registration, login, profile and the password change over HTTP.

Logout and rotation are in `test_viewsets_logout` and `test_viewsets_rotation`; the shapes of
errors are in `rest/test_exceptions`.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from accounts.domain.events import Event
from accounts.viewsets import AuthViewSet
from authproject.urls import urlpatterns as project_urlpatterns
from tests.support.api import EMAIL, JSON, PASSWORD, Api, get_field_codes
from tests.support.http import FORM, NEW_PASSWORD, decode_claims, get_error, send
from tests.support.sessions import change_password, record_signals

PAIR = {"access_token": str, "refresh_token": str, "token_type": str, "expires_in": int}

SPELLINGS = [
    ("User@Example.COM", "user@example.com"),
    (" \t user@example.com\n", "user@example.com"),
    ("jose\u0301@example.com", "jos\u00e9@example.com"),
    ("user@m\u00fcnchen.example.com", "user@xn--mnchen-3ya.example.com"),
]


def test_register_returns_the_email(api: Api) -> None:
    response = api.register()
    assert response.status_code == 201
    assert response.json() == {"message": "User registered", "email": EMAIL}


def test_login_returns_a_token_pair(api: Api) -> None:
    api.register()
    response = api.login()
    assert response.status_code == 200
    assert {name: type(value) for name, value in response.json().items()} == PAIR
    assert response.json()["token_type"] == "bearer"
    assert response.json()["expires_in"] == 900


def test_profile_returns_the_email(api: Api) -> None:
    response = api.profile(api.register_and_log_in()["access_token"])
    assert response.status_code == 200
    assert response.json() == {"email": EMAIL, "message": "This is protected data"}


@pytest.mark.parametrize(("spelling", "email"), SPELLINGS)
def test_every_spelling_of_an_email_is_one_account(api: Api, spelling: str, email: str) -> None:
    assert api.register(spelling).json()["email"] == email
    assert api.login(email).status_code == 200
    assert get_field_codes(api.register(email)) == {"email": ["duplicate_email"]}


@pytest.mark.parametrize("other", [PASSWORD, f" {PASSWORD}", f" {PASSWORD}\n"])
def test_password_is_never_trimmed(api: Api, other: str) -> None:
    api.register(password=f" {PASSWORD} ")
    assert get_error(api.login(password=other)) == (401, "invalid_credentials")
    assert api.login(password=f" {PASSWORD} ").status_code == 200


def test_password_in_another_unicode_form_logs_in(api: Api) -> None:
    api.register(password="caf\u00e9 caf\u00e9")
    assert api.login(password="cafe\u0301 cafe\u0301").status_code == 200


def test_register_of_one_email_by_64_threads_succeeds_once(api: Api) -> None:
    barrier = Barrier(64)

    def register(_: int) -> int:
        client = Api()
        barrier.wait()
        status: int = client.register().status_code
        return status

    with ThreadPoolExecutor(64) as threads:
        statuses = Counter(threads.map(register, range(64)))
    assert statuses[201] == 1
    assert set(statuses) <= {201, 400, 503}  # 503: the hashing queue is full
    assert api.login().status_code == 200


def test_form_does_not_override_the_method(api: Api) -> None:
    body = b"_method=DELETE&_content=x&email=user%40example.com&password=long%20enough"
    headers = {"Accept": "text/html"}
    assert send(api, "/api/v1/auth/register", body, FORM, headers=headers).status_code == 201


class CustomAuthViewSet(AuthViewSet):
    """What a project writes to add an endpoint beside login."""

    @action(detail=False, methods=["get"])
    def hello(self, request: Request) -> Response:
        return Response("hello")


router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("custom", CustomAuthViewSet, basename="custom")
urlpatterns = [*router.urls, *project_urlpatterns]


@pytest.mark.urls(__name__)
def test_subclass_of_auth_viewset_serves_all_endpoints(api: Api) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    assert api.client.get("/custom/hello").json() == "hello"
    assert api.client.post("/custom/register", body, JSON).status_code == 201
    assert api.client.post("/custom/login", body, JSON).json().keys() == PAIR.keys()


# The password change. That it revokes every session is in `test_viewsets_logout`.


def test_password_change_returns_a_new_working_pair(api: Api) -> None:
    old = api.register_and_log_in()
    response = change_password(api, old["access_token"])
    assert response.status_code == 200
    new = response.json()
    assert {name: type(value) for name, value in new.items()} == PAIR
    assert decode_claims(new["access_token"])["sid"] != decode_claims(old["access_token"])["sid"]
    assert api.profile(new["access_token"]).status_code == 200
    assert api.refresh(new["refresh_token"]).status_code == 200


def test_password_change_sends_its_event(api: Api) -> None:
    pair = api.register_and_log_in()
    with record_signals() as signals:
        change_password(api, pair["access_token"])
    assert signals == [(Event.PASSWORD_CHANGE, EMAIL), (Event.TOKEN_CREATED, EMAIL)]


def test_password_change_only_the_new_password_logs_in(api: Api) -> None:
    change_password(api, api.register_and_log_in()["access_token"])
    assert get_error(api.login()) == (401, "invalid_credentials")
    assert api.login(password=NEW_PASSWORD).status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "errors"),
    [
        ("the wrong one", NEW_PASSWORD, {"current_password": ["invalid_credentials"]}),
        ("short", NEW_PASSWORD, {"current_password": ["invalid_credentials"]}),
        (PASSWORD, "", {"new_password": ["password_too_short"]}),
        (PASSWORD, "short", {"new_password": ["password_too_short"]}),
        (PASSWORD, "x" * 1025, {"new_password": ["password_too_long"]}),
    ],
)
def test_rejected_password_change_changes_nothing(
    api: Api, current: str, new: str, errors: dict[str, list[str]]
) -> None:
    pair = api.register_and_log_in()
    response = change_password(api, pair["access_token"], current, new)
    assert get_error(response) == (400, "invalid")
    assert get_field_codes(response) == errors
    assert "WWW-Authenticate" not in response.headers
    assert api.profile(pair["access_token"]).status_code == 200
    assert api.login().status_code == 200


def test_password_change_of_wrong_shape_lists_every_error(api: Api) -> None:
    body = {"current_password": 7, "new_password": "short"}
    response = api.post("auth/password", body, token=api.register_and_log_in()["access_token"])
    assert get_error(response) == (422, "unprocessable")
    assert get_field_codes(response) == {
        "current_password": ["wrong_type"],
        "new_password": ["password_too_short"],
    }
