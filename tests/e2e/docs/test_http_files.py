"""docs/api.http and the same for JetBrains: every request, in order, against a real service."""

from pathlib import Path

import pytest

from tests.support.http import DOCUMENTED
from tests.support.http_files import parse_requests, send_requests
from tests.support.processes import ROOT, run_service

FILES = ("api.http", "api.jetbrains.http")


def read_file(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_every_request_gets_the_expected_response(name: str, tmp_path: Path) -> None:
    expected = [(request.title, request.expected) for request in parse_requests(read_file(name))]
    with run_service(tmp_path, TRACK_SESSIONS="true") as service:
        assert [*send_requests(read_file(name), service)] == expected


@pytest.mark.parametrize("name", FILES)
def test_file_has_every_endpoint(name: str) -> None:
    requests = {(one.path, one.method) for one in parse_requests(read_file(name))}
    assert DOCUMENTED.items() - {("/api/v1", "GET")} <= requests


def test_both_editors_send_the_same_requests() -> None:
    vs_code, jetbrains = (parse_requests(read_file(name)) for name in FILES)
    assert [(*one[:4], one.path) for one in vs_code] == [(*one[:4], one.path) for one in jetbrains]
    assert [[*one.headers] for one in vs_code] == [[*one.headers] for one in jetbrains]


def test_only_jetbrains_file_has_scripts() -> None:
    # VS Code's REST Client would send them as a part of the body.
    assert not any(request.script for request in parse_requests(read_file("api.http")))
    assert "{{login." not in read_file("api.jetbrains.http")
