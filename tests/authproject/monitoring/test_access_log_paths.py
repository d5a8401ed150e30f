"""Paths in the access log: long ones are cut, tokens in them are masked."""

import pytest

from authproject.monitoring.middleware import MAX_PATH_LENGTH
from tests.support.api import Api
from tests.support.http import send
from tests.support.logs import LogLines


def get_logged_path(api: Api, lines: LogLines, path: str) -> str:
    send(api, path, method="GET")
    line = lines.json("authproject.access")[-1]
    assert line["message"] == f"GET {line['path']} 404"
    shown: str = line["path"]
    return shown


@pytest.mark.parametrize("character", ["a", "%ff", "%20", "%F0%9F%98%80", "%00", "ü", "."])
def test_long_path_is_cut(api: Api, lines: LogLines, character: str) -> None:
    shown = get_logged_path(api, lines, "/" + character * 5000)
    assert len(shown) <= MAX_PATH_LENGTH + 1
    assert shown.endswith("…")
    assert len(lines.text) < 4 * MAX_PATH_LENGTH


def test_path_of_maximum_length_is_logged_whole(api: Api, lines: LogLines) -> None:
    path = "/" + "a" * (MAX_PATH_LENGTH - 1)
    assert get_logged_path(api, lines, path) == path
    assert get_logged_path(api, lines, f"{path}b") == f"{path}…"


def test_path_too_long_when_escaped_is_cut(api: Api, lines: LogLines) -> None:
    assert get_logged_path(api, lines, "/" + "%20" * 171) == "/" + "%20" * 170 + "%" + "…"


@pytest.mark.parametrize("lead", range(MAX_PATH_LENGTH - 60, MAX_PATH_LENGTH + 5, 4))
def test_cut_path_shows_no_part_of_token(api: Api, lines: LogLines, lead: int) -> None:
    _, payload, signature = api.register_and_log_in()["access_token"].split(".")
    shown = get_logged_path(api, lines, f"/{'a' * lead}/{payload}.{signature}/x")
    assert "eyJ" not in shown
    assert len(shown) <= MAX_PATH_LENGTH + 1
