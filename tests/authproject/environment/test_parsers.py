"""`CORS_ORIGINS` takes what a browser can send in `Origin`, and nothing else."""

import pytest

from authproject.environment.parsers import validate_origin


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
