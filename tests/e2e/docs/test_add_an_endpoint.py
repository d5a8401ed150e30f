"""Runs the code of docs/guides/add-an-endpoint.md in a copy of the project."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser_client import SocketBrowser
from tests.support.guides import copy_project, read_code_blocks, run_tests_in
from tests.support.metrics import Counts
from tests.support.processes import Service, run_python

GUIDE = "add-an-endpoint.md"
NOTES = "/api/v1/protected/notes"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project, with the endpoint."""
    copy = copy_project(tmp_path_factory.mktemp("project"))
    view, wiring, test = read_code_blocks(GUIDE)
    (copy / "notes.py").write_text(view)
    (copy / "tests" / "test_notes.py").write_text(test)
    # The same view without `schema = None`, as a reader writes it who wants it in /docs.
    (copy / "described.py").write_text(view.replace("    schema = None\n\n", ""))
    import_line, route = wiring.split("\n\n")
    import_line += "\nfrom described import NotesView as Described"
    route += '    path("api/v1/protected/described", Described.as_view(), name="described"),\n'
    urls = copy / "authproject" / "urls.py"
    before, start, after = urls.read_text().partition("urlpatterns = [\n")
    urls.write_text(f"{before.rstrip()}\n{import_line}\n\n{start}{route}{after}")
    return copy


@pytest.fixture(scope="module")
def service(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    command = (str(project / "manage.py"), "serve", "--port", "{port}")
    with run_python(tmp_path_factory.mktemp("service"), *command) as service:
        yield service


def test_endpoint_with_token_returns_notes(service: Service, email: str) -> None:
    service.register(email)
    token = service.login(email).json()["access_token"]
    response = service.request("GET", NOTES, Authorization=f"Bearer {token}")
    assert response.status == 200
    assert response.json() == {"owner": email, "notes": ["Water the plants."]}
    assert response.headers["Cache-Control"] == "no-store"


def test_endpoint_without_token_returns_error(service: Service) -> None:
    response = service.request("GET", NOTES)
    assert (response.status, response.json()["code"]) == (401, "not_authenticated")
    assert set(response.json()) == {"detail", "code"}
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_endpoint_after_logout_is_closed(service: Service, email: str) -> None:
    service.register(email)
    tokens = service.login(email).json()
    service.post("auth/logout", {"refresh_token": tokens["refresh_token"]})
    response = service.request("GET", NOTES, Authorization=f"Bearer {tokens['access_token']}")
    assert (response.status, response.json()["code"]) == (401, "token_revoked")


def test_endpoint_is_listed_and_has_page(service: Service) -> None:
    assert service.request("GET", "/").json()["notes"].endswith(NOTES)
    page = service.request("GET", NOTES, Accept="text/html").body.decode()
    assert f"/browse/login?next={NOTES}" in page


def test_endpoint_without_schema_line_is_described(service: Service) -> None:
    paths = service.request("GET", "/openapi.json").json()["paths"]
    assert NOTES not in paths
    description = paths["/api/v1/protected/described"]["get"]
    assert description["description"] == "The notes of the user who sends the request."
    assert description["security"] == [{"bearer": []}]
    # drf-spectacular's warnings do not reach the log, in which each line is JSON.
    assert all(line.startswith("{") for line in service.log.splitlines())


def test_page_opens_after_login(service: Service, email: str) -> None:
    service.register(email)
    browser = SocketBrowser(service.port)
    page = browser.log_in(email, path=f"/browse/login?next={NOTES}")
    assert (page.path, page.status) == (NOTES, 200)
    assert "Water the plants." in page.text


def test_request_is_counted(service: Service) -> None:
    counts = Counts(service.metrics)
    service.request("GET", NOTES)
    assert counts.outcome("access", "not_authenticated") == 1
    duration = "http_request_duration_seconds_count"
    assert counts(duration, method="GET", route=NOTES, status="401") == 1


def test_test_of_the_guide_passes(project: Path) -> None:
    assert "1 passed" in run_tests_in(project, "tests/test_notes.py")
