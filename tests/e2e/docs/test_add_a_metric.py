"""The code of docs/guides/add-a-metric.md, in a copy of the project."""

import json
import re
from pathlib import Path

import pytest

from tests.support.guides import (
    copy_project,
    insert,
    read_code_blocks,
    read_page,
    run_in,
    run_tests_in,
)

GUIDE = "add-a-metric.md"
REFERENCE_TEST = "tests/e2e/docs/test_api_reference.py::test_metrics_match_the_scrape"
SCRAPES = """
import json, django
django.setup()
from django.test import Client

from accounts.signals import note_created

def scrape():
    return Client().get("/metrics").content.decode().splitlines()

before = scrape()
{send}
Client().post("/api/v1/auth/invite")
Client().post("/api/v1/invite")
print(json.dumps([before, scrape()]))
"""
ROUTES = """\
    path("api/v1/auth/invite", LivenessView.as_view(), name="auth-invite"),
    path("api/v1/invite", LivenessView.as_view(), name="invite"),
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with the metric, and with two more routes."""
    copy = copy_project(tmp_path_factory.mktemp("project"))
    counter, signal, _, receiver = read_code_blocks(GUIDE)
    metrics = copy / "authproject/monitoring/metrics.py"
    insert(metrics, counter, before="\nfor token_error_class in TOKEN_ERRORS:")
    insert(metrics, receiver)
    insert(metrics, "from accounts.signals import note_created", before="from authproject.server.e")
    insert(copy / "accounts/signals.py", signal)
    insert(copy / "authproject/urls.py", ROUTES, after="urlpatterns = [\n")
    return copy


@pytest.fixture(scope="module")
def scrapes(project: Path) -> list[set[str]]:
    """The lines of two scrapes; in between, the signal was sent and both routes were called."""
    send = read_code_blocks(GUIDE)[2]
    run = run_in(project, "-c", SCRAPES.format(send=send))
    return [set(lines) for lines in json.loads(run.stdout)]


def test_event_is_counted_from_zero(scrapes: list[set[str]]) -> None:
    before, after = scrapes
    assert "notes_created_total 0.0" in before
    assert "notes_created_total 1.0" in after


def test_only_named_route_is_an_operation(scrapes: list[set[str]]) -> None:
    after = scrapes[1]
    # Both routes refuse the form that Django's client sends, and only one is an operation.
    labels = 'operation="invite",outcome="unsupported_media_type"'
    outcomes = [line for line in after if "unsupported_media_type" in line]
    assert outcomes == [f"auth_requests_total{{{labels}}} 1.0"]
    durations = [line for line in after if line.startswith("http_request_duration_seconds_count")]
    routes = {route for line in durations for route in re.findall(r'route="([^"]*)"', line)}
    assert {"/api/v1/auth/invite", "/api/v1/invite"} <= routes


def test_project_tests_ask_for_a_row(project: Path) -> None:
    assert "1 failed" in run_tests_in(project, REFERENCE_TEST)
    row = re.findall(r"^ *(\| `notes_created_total` .*)$", read_page(GUIDE), re.MULTILINE)
    insert(project / "docs/reference/api.md", *row, before="| `auth_users` |")
    assert "1 passed" in run_tests_in(project, REFERENCE_TEST)
