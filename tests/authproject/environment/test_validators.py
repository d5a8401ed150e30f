"""`CORS_ORIGINS` takes what a browser may send as an `Origin`, and nothing else."""

from pathlib import Path

import pytest

from tests.authproject.environment.test_reader import dotenv, faults, read

__all__ = ["dotenv"]  # a fixture

NO_ORIGINS = (
    "http://user:pw@a.example",
    "http://a.example:99999",
    "http://a.example:",
    "http://a.example:080",
    "http://a.example:80",
    "https://a.example:443",
    "http://A.example",
    "HTTP://a.example",
    "http://*.example",
    "http://b\u00fccher.example",
    "http://[:::1]",
    "http://a b",
    "javascript://a",
    "data://a",
    "file://a",
)
"""What no browser sends."""


@pytest.mark.parametrize("origin", NO_ORIGINS)
def test_what_no_browser_sends_is_refused(dotenv: Path, origin: str) -> None:
    assert "is no origin" in faults(dotenv, CORS_ORIGINS=origin)


@pytest.mark.parametrize(
    "origin",
    [
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
def test_what_browsers_and_front_ends_in_shells_send_is_an_origin(
    dotenv: Path, origin: str
) -> None:
    assert read(dotenv, CORS_ORIGINS=origin).cors_origins == [origin]
