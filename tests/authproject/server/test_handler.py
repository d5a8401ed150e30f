"""Malformed paths, unknown methods, and the prefix of URLs."""

import json
import tracemalloc

import pytest
from django.test import RequestFactory
from django.urls import set_script_prefix
from pytest_django import Settings

from authproject.server.handler import CleanRequest, Handler
from tests.support.api import Api
from tests.support.http import ENDPOINTS, get_error, send

HOST = {"Host": "localhost"}
OTHER_METHODS = [
    *("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "QUERY", "A" * 5000, "_", "!"),
]
ODD_PATHS = [
    "/%00",
    "/%ff",
    "/%C0%AF",
    "/%0a",
    "/%0d%0aX-Injected:%20yes",
    "/%E2%80%AE",
    "/%",
    "/%zz",
    "/;",
    "/*",
    "/.",
    "/..",
    "/api/v1/auth",
    "/api/v1/auth/",
    "/api/v1/auth/login%00",
    "/api/v1/auth/login%0a",
    "/api/v1/auth/login%20",
    "/api/v1/auth/login;a=b",
    "/api/v1/auth/LOGIN",
    "/api/v1/auth/logout_all",
    "/api/v1/auth/login.json",
    "/api/v1/protected/profile/../profile",
    "/api/v2/auth/login",
    "/HEALTH",
    "/admin/",
    "/.env",
    "/static/",
    "/static/%00",
    "/static/%ff",
    "/static/..%2f..%2fmanage.py",
    "/static/../manage.py",
    "/static/rest_framework",
    "/" + "a" * 60_000,
    "/" + "a/" * 20_000,
    "/" + "%25" * 9000,
]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_odd_path_is_not_found(api: Api, method: str) -> None:
    for path in ODD_PATHS:
        response = send(api, path, method=method)
        assert get_error(response) == (404, "not_found"), path[:40]
        assert "X-Injected" not in response, path[:40]


@pytest.mark.parametrize("path", ["//health", "///", "//evil.example/health", "/api//v1/"])
def test_slashes_are_not_merged(api: Api, path: str) -> None:
    # Django's test client would parse // as the start of a host, so the path is set directly.
    response = send(api, "/", method="GET", PATH_INFO=path)
    assert get_error(response) == (404, "not_found")


@pytest.mark.parametrize("path", ["/api/v1/auth/%6Cogin", "/api/v1/%61uth/login"])
def test_escaped_letter_in_path_is_unescaped(api: Api, path: str) -> None:
    response = send(api, path, b"{}")
    assert get_error(response) == (422, "unprocessable")
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ENDPOINTS)
def test_other_method_is_not_allowed(api: Api, path: str) -> None:
    token = api.register_and_log_in()["access_token"]
    for method in OTHER_METHODS:
        response = send(api, path, method=method, token=token)
        assert get_error(response) == (405, "method_not_allowed"), method[:40]
        assert ENDPOINTS[path] in response["Allow"]


@pytest.mark.parametrize("method", ["BREW", "__class__", "http_method_not_allowed", "dispatch"])
def test_method_named_like_attribute_is_not_allowed(api: Api, method: str) -> None:
    assert get_error(send(api, "/health", method=method)) == (405, "method_not_allowed")


def test_long_content_type_is_415() -> None:
    # Not over Django's test client, which from Django 6.1 on raises an exception instead.
    request = RequestFactory().generic("POST", "/api/v1/auth/login", b"{}", headers=HOST)
    request.environ["CONTENT_TYPE"] = "a" * 20_000
    assert Handler().handle_environ(request.environ).status_code == 415


def test_links_have_the_prefix_of_the_url(settings: Settings) -> None:
    settings.FORCE_SCRIPT_NAME = "/accounts"
    try:
        response = Handler().handle_environ(RequestFactory().get("/", headers=HOST).environ)
    finally:
        set_script_prefix("/")
    links = json.loads(response.content)  # type: ignore[attr-defined]  # it does not stream
    assert links["auth-login"] == "http://localhost/accounts/api/v1/auth/login"


def test_only_cookies_with_a_backslash_are_ignored() -> None:
    cookies = 'one=1; bad="\\"x\\""; two="2"; three=\\'
    environ = RequestFactory().get("/", headers={**HOST, "Cookie": cookies}).environ
    assert CleanRequest(environ).COOKIES == {"one": "1", "two": "2"}


def test_long_paths_do_not_fill_the_memory() -> None:
    handler = Handler()
    handler.resolve_request(RequestFactory().get("/health"))  # imports the views
    tracemalloc.start()
    for number in range(200):
        path = f"/api/v1/auth/sessions/{number}{'a' * 8000}/revoke"
        assert handler.resolve_request(RequestFactory().post(path))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 200 * 8000  # the paths alone
