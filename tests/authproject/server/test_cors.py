"""django-cors-headers' own middleware decides what is right."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest
from corsheaders.middleware import CorsMiddleware
from corsheaders.signals import check_request_enabled
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from authproject.server.cors import CachedCorsMiddleware

LISTED = "https://app.example.com"
ORIGINS = [
    None,
    "",
    LISTED,
    LISTED.upper(),
    f"{LISTED}/",
    f"{LISTED}:443",
    "http://app.example.com",
    "https://app.example.com.evil.example",
    "https://[::1",
    "https://user@app.example.com",
    "null",
    "*",
    f"{LISTED}?{'a' * 600}",
]
METHODS = ["GET", "POST", "OPTIONS", "DELETE"]
PATHS = ["/api/v1/protected/profile", "/docs"]
PREFLIGHT = "Access-Control-Request-Method"
PRIVATE_NETWORK = "Access-Control-Request-Private-Network"
HEADERS = [{}, {PREFLIGHT: "GET"}, {PRIVATE_NETWORK: "true"}]
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "one origin": {},
    "no origin": {"CORS_ALLOWED_ORIGINS": []},
    "credentials": {"CORS_ALLOW_CREDENTIALS": True, "CORS_ALLOWED_ORIGINS": [LISTED, "null"]},
    "all": {"CORS_ALLOW_ALL_ORIGINS": True},
    "all with credentials": {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": True},
    "a pattern": {
        "CORS_ALLOWED_ORIGINS": [],
        "CORS_ALLOWED_ORIGIN_REGEXES": [re.compile(r"^https://\w+\.example\.com$")],
    },
    "some paths": {"CORS_URLS_REGEX": r"^/api/.*$"},
    "a private network": {"CORS_ALLOW_PRIVATE_NETWORK": True},
    "no exposed headers": {"CORS_EXPOSE_HEADERS": []},
}


def respond_plainly(request: HttpRequest) -> HttpResponse:
    return HttpResponse("body")


def respond_with_vary(request: HttpRequest) -> HttpResponse:
    return HttpResponse("body", status=404, headers={"Vary": "Accept, Cookie"})


def respond_with_origin_in_vary(request: HttpRequest) -> HttpResponse:
    return HttpResponse("body", headers={"Vary": "Origin"})


def allow_deletion(sender: object, request: HttpRequest, **kwargs: Any) -> bool:
    return request.method == "DELETE"


@pytest.fixture
def signal_receiver() -> Iterator[None]:
    check_request_enabled.connect(allow_deletion)
    yield
    check_request_enabled.disconnect(allow_deletion)


def build_requests() -> Iterator[Callable[[], HttpRequest]]:
    for method, path, origin, headers in product(METHODS, PATHS, ORIGINS, HEADERS):
        sent = headers if origin is None else {**headers, "Origin": origin}
        yield partial(RequestFactory().generic, method, path, headers=sent)


def check_against_django_cors_headers(
    respond: Callable[[HttpRequest], HttpResponse] = respond_plainly,
) -> None:
    cached, oracle = CachedCorsMiddleware(respond), CorsMiddleware(respond)
    for build_request in build_requests():
        expected: Any = oracle(build_request())
        for _ in range(2):  # computed, then from the cache
            response = cached(build_request())
            assert response.status_code == expected.status_code
            assert sorted(response.items()) == sorted(expected.items())


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_headers_are_those_of_django_cors_headers(settings: Settings, name: str) -> None:
    settings.CORS_ALLOWED_ORIGINS = [LISTED]
    for setting, value in CONFIGURATIONS[name].items():
        setattr(settings, setting, value)
    check_against_django_cors_headers()


@pytest.mark.parametrize("respond", [respond_with_vary, respond_with_origin_in_vary])
def test_vary_of_a_view_is_kept(
    settings: Settings, respond: Callable[[HttpRequest], HttpResponse]
) -> None:
    settings.CORS_ALLOWED_ORIGINS = [LISTED]
    check_against_django_cors_headers(respond)


@pytest.mark.usefixtures("signal_receiver")
def test_receiver_of_the_signal_decides_each_request(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = []
    check_against_django_cors_headers()
