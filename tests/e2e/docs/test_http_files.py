"""docs/api.http and its twin for JetBrains: every request, in order, against a real service."""

from pathlib import Path

import pytest

from tests.support.http import ENDPOINTS
from tests.support.http_files import outcomes, requests
from tests.support.processes import ROOT, serving

FILES = ("api.http", "api.jetbrains.http")


def text_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_every_request_is_answered_as_the_file_says(name: str, tmp_path: Path) -> None:
    expected = [(request.title, request.expected) for request in requests(text_of(name))]
    with serving(tmp_path) as service:
        assert [*outcomes(text_of(name), service)] == expected


@pytest.mark.parametrize("name", FILES)
def test_it_has_every_endpoint_of_the_contract(name: str) -> None:
    assert ENDPOINTS.items() <= {(one.path, one.method) for one in requests(text_of(name))}


def test_both_editors_send_the_same_requests() -> None:
    ours, theirs = (requests(text_of(name)) for name in FILES)
    assert [one[:5] for one in ours] == [one[:5] for one in theirs]
    assert [[*one.headers] for one in ours] == [[*one.headers] for one in theirs]


def test_only_jetbrains_has_scripts() -> None:
    # VS Code's REST Client would send them as a part of the body.
    assert not any(request.script for request in requests(text_of("api.http")))
    assert "{{login." not in text_of("api.jetbrains.http")
