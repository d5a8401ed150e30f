"""`CORS_ORIGINS` takes what a browser can send in `Origin`, `ALLOWED_HOSTS` what `Host` can be."""

import pytest
from django.http.request import split_domain_port, validate_host

from authproject.environment.parsers import validate_allowed_host, validate_origin


@pytest.mark.parametrize(
    "text",
    [
        "localhost:3000",
        "null",
        "https://a.example/",
        "https://a.example/path",
        "https://a.example?query",
        "http://user:pw@a.example",
        "http://a.example:",
        "http://a.example:080",
        "http://a.example:80",
        "https://a.example:443",
        "http://A.example",
        "HTTP://a.example",
        "http://*.example",
        "http://b\u00fccher.example",
        "http://[::1",
        "http://a b",
        "file://a",
    ],
)
def test_origin_that_no_browser_sends_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        validate_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "https://a.example:8443",
        "http://a.example:443",
        "http://[::1]:3000",
        "http://my_host",
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "app://.",
        "app://MyApp",
        "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
    ],
)
def test_origin_of_browsers_and_apps_is_valid(text: str) -> None:
    validate_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example",
        "a.example:8000",
        "[::1]:8000",
        "a.example/",
        "a.example/path",
        '"a.example"',
        "'a.example'",
        "*.example.com",
        "**",
        "my_host",
        "b\u00fccher.example",
        "::1",
        "2001:db8::1",
        "[fe80::1%eth0]",
        "[a.example]",
        "10.0.0.0/8",
        "a.example b.example",
        "a.example;b.example",
        "a.example.",
        ".",
        "user:hunter2@a.example",
    ],
)
def test_host_that_no_request_matches_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not a host name") as error:
        validate_allowed_host(text)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("*", "a.example"),
        ("a.example", "a.example:8000"),
        ("A.Example", "a.example."),
        (".example.com", "a.example.com"),
        (".example.com", "example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("localhost", "LOCALHOST"),
        ("192.0.2.1", "192.0.2.1:80"),
        ("[::1]", "[::1]:8000"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
    ],
)
def test_valid_host_matches_a_request(text: str, host: str) -> None:
    validate_allowed_host(text)
    assert validate_host(split_domain_port(host)[0], [text])
