"""What each endpoint answers when all is well."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from accounts.viewsets import AuthViewSet
from authproject import __version__
from authproject.urls import urlpatterns as project_urlpatterns
from tests.support.api import EMAIL, JSON, PASSWORD, Api, MovableClock, codes
from tests.support.http import ENDPOINTS, NEW_PASSWORD, Start, UnreachableStore, problem

PAIR = {"access_token": str, "refresh_token": str, "token_type": str, "expires_in": int}

SPELLINGS = [
    ("User@Example.COM", "user@example.com"),
    (" \t user@example.com\n", "user@example.com"),
    ("\u00a0user@example.com\u3000", "user@example.com"),
    ("jose\u0301@example.com", "jos\u00e9@example.com"),
    ("user@m\u00fcnchen.example.com", "user@xn--mnchen-3ya.example.com"),
    ("\u0414\u0438\u043c\u0430@example.com", "\u0434\u0438\u043c\u0430@example.com"),
    ("user@localhost", "user@localhost"),
    ("user@shop.test", "user@shop.test"),
    ("user@printer.local", "user@printer.local"),
]


def test_register_names_the_account(api: Api) -> None:
    response = api.register()
    assert response.status_code == 201
    assert response.json() == {"message": "User registered", "email": EMAIL}


def test_login_answers_with_a_pair_of_tokens(api: Api) -> None:
    api.register()
    response = api.login()
    assert response.status_code == 200
    assert {name: type(value) for name, value in response.json().items()} == PAIR
    assert response.json()["token_type"] == "bearer"
    assert response.json()["expires_in"] == 900


def test_refresh_answers_with_an_access_token_alone(api: Api) -> None:
    response = api.refresh(api.enter()["refresh_token"])
    assert response.status_code == 200
    assert set(response.json()) == set(PAIR) - {"refresh_token"}
    assert response.json()["token_type"] == "bearer"
    assert response.json()["expires_in"] == 900


def test_refresh_with_rotation_answers_with_a_pair(start: Start) -> None:
    start(ROTATE_REFRESH_TOKENS=True)
    api = Api()
    tokens = api.enter()
    response = api.refresh(tokens["refresh_token"])
    assert response.status_code == 200
    assert {name: type(value) for name, value in response.json().items()} == PAIR
    assert response.json()["refresh_token"] != tokens["refresh_token"]


def test_a_refreshed_access_token_opens_the_profile(api: Api) -> None:
    fresh = api.refresh(api.enter()["refresh_token"]).json()
    assert api.profile(fresh["access_token"]).status_code == 200


def test_the_profile_names_the_user(api: Api) -> None:
    response = api.profile(api.enter()["access_token"])
    assert response.status_code == 200
    assert response.json() == {"email": EMAIL, "message": "This is protected data"}


def test_logout_answers_with_nothing(api: Api) -> None:
    response = api.logout(api.enter()["refresh_token"])
    assert response.status_code == 204
    assert response.content == b""
    assert "Content-Type" not in response


@pytest.mark.parametrize("token", ["", " ", "no token", "a.b.c", "\0", "x" * 5000])
def test_logout_accepts_any_string(api: Api, token: str) -> None:
    assert api.logout(token).status_code == 204


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_logout_accepts_any_token_twice(api: Api, kind: str) -> None:
    token = api.enter()[kind]
    assert [api.logout(token).status_code for _ in range(2)] == [204, 204]


def test_logout_accepts_an_expired_token(api: Api, clock: MovableClock) -> None:
    token = api.enter()["refresh_token"]
    clock.advance(8 * 86_400)
    assert api.logout(token).status_code == 204


def test_logout_ends_its_session_at_once(api: Api) -> None:
    tokens = api.enter()
    api.logout(tokens["refresh_token"])
    assert problem(api.profile(tokens["access_token"])) == (401, "token_revoked")
    assert problem(api.refresh(tokens["refresh_token"])) == (401, "token_revoked")


def test_logout_leaves_other_sessions_alone(api: Api) -> None:
    here, there = api.enter(), api.login().json()
    api.logout(here["refresh_token"])
    assert api.profile(there["access_token"]).status_code == 200


def test_logout_all_answers_with_nothing_and_ends_every_session(api: Api) -> None:
    here, there = api.enter(), api.login().json()
    response = api.post("auth/logout-all", token=here["access_token"])
    assert (response.status_code, response.content) == (204, b"")
    for tokens in (here, there):
        assert problem(api.profile(tokens["access_token"])) == (401, "token_revoked")


def test_a_body_that_logout_all_does_not_want_is_ignored(api: Api) -> None:
    token = api.enter()["access_token"]
    assert api.post("auth/logout-all", {"a": 1}, token=token).status_code == 204


def test_a_password_change_answers_with_a_fresh_pair(api: Api) -> None:
    tokens = api.enter()
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    response = api.post("auth/password", body, token=tokens["access_token"])
    assert response.status_code == 200
    assert {name: type(value) for name, value in response.json().items()} == PAIR
    assert api.profile(response.json()["access_token"]).status_code == 200
    assert problem(api.profile(tokens["access_token"])) == (401, "token_revoked")
    assert api.login(password=NEW_PASSWORD).status_code == 200


def test_a_wrong_current_password_is_a_fault_of_the_body(api: Api) -> None:
    token = api.enter()["access_token"]
    body = {"current_password": "not my password", "new_password": NEW_PASSWORD}
    response = api.post("auth/password", body, token=token)
    assert problem(response) == (400, "invalid")
    assert codes(response) == {"current_password": ["invalid_credentials"]}
    assert api.profile(token).status_code == 200


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("", "password_too_short"),
        ("x" * 7, "password_too_short"),
        ("x" * 1025, "password_too_long"),
    ],
)
def test_a_new_password_is_judged_under_its_own_name(api: Api, new: str, code: str) -> None:
    body = {"current_password": PASSWORD, "new_password": new}
    response = api.post("auth/password", body, token=api.enter()["access_token"])
    assert problem(response) == (400, "invalid")
    assert codes(response) == {"new_password": [code]}


def test_health_names_version_and_store(api: Api) -> None:
    response = api.client.get("/health")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "version": __version__, "store": "memory"}


def test_the_service_is_ready_when_its_store_answers(api: Api) -> None:
    assert api.client.get("/health/ready").status_code == 200


def test_health_asks_the_store_nothing(api: Api, start: Start, clock: MovableClock) -> None:
    start().accounts.store = UnreachableStore(clock)
    assert api.client.get("/health").status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/"])
def test_the_root_links_every_endpoint(api: Api, path: str) -> None:
    response = api.client.get(path)
    assert response.status_code == 200
    linked = {link.removeprefix("http://testserver") for link in response.json().values()}
    # At least: a project's own is listed as well (test_own_endpoint.py).
    assert linked >= set(ENDPOINTS) - {"/", "/api/v1/"}


class CustomAuthViewSet(AuthViewSet):
    """What a project writes to add an endpoint beside login."""

    @action(detail=False, methods=["get"])
    def hello(self, request: Request) -> Response:
        return Response("hello")


router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("custom", CustomAuthViewSet, basename="custom")
urlpatterns = [*router.urls, *project_urlpatterns]


@pytest.mark.urls(__name__)
def test_subclass_of_auth_viewset_serves_both_its_endpoints(api: Api) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    assert api.client.get("/custom/hello").json() == "hello"
    assert api.client.post("/custom/register", body, JSON).status_code == 201
    assert api.client.post("/custom/login", body, JSON).json().keys() == PAIR.keys()


@pytest.mark.parametrize("path", [path for path in ENDPOINTS if not path.endswith("/")])
def test_no_path_ends_in_a_slash(api: Api, path: str) -> None:
    assert problem(api.client.generic(ENDPOINTS[path], f"{path}/")) == (404, "not_found")


@pytest.mark.parametrize(("spelling", "email"), SPELLINGS)
def test_responses_show_the_normalised_address(api: Api, spelling: str, email: str) -> None:
    assert api.register(spelling).json()["email"] == email
    token = api.login(spelling).json()["access_token"]
    assert api.profile(token).json()["email"] == email


@pytest.mark.parametrize(("spelling", "email"), SPELLINGS)
def test_every_spelling_is_one_account(api: Api, spelling: str, email: str) -> None:
    api.register(email)
    assert api.login(spelling).status_code == 200
    assert codes(api.register(spelling)) == {"email": ["duplicate_email"]}


@pytest.mark.parametrize("other", [PASSWORD, f" {PASSWORD}", f"{PASSWORD} ", f" {PASSWORD}\n"])
def test_passwords_are_never_trimmed(api: Api, other: str) -> None:
    api.register(password=f" {PASSWORD} ")
    assert problem(api.login(password=other)) == (401, "invalid_credentials")
    assert api.login(password=f" {PASSWORD} ").status_code == 200


def test_one_address_is_registered_once_by_64_threads(api: Api) -> None:
    together = Barrier(64)

    def register(_: int) -> int:
        client = Api()
        together.wait()
        status: int = client.register().status_code
        return status

    with ThreadPoolExecutor(64) as threads:
        statuses = Counter(threads.map(register, range(64)))
    assert statuses[201] == 1
    # Whoever finds the hashing pool full is told to try again.
    assert set(statuses) <= {201, 400, 503}
    assert api.login().status_code == 200
