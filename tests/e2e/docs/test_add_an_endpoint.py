"""Runs the code of docs/guides/add-an-endpoint.md in a copy of the project."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import JSON
from tests.support.browser_client import SocketBrowser
from tests.support.guides import (
    copy_project,
    insert,
    read_code_blocks,
    read_page,
    run_in,
    run_tests_in,
)
from tests.support.http import FORM
from tests.support.metrics import Counts
from tests.support.processes import Service, run_python

GUIDE = "add-an-endpoint.md"
NOTES = "/api/v1/protected/notes"


def copy_with_view(folder: Path, view: str) -> Path:
    """Copy the project, and add the view and its path."""
    copy = copy_project(folder)
    (copy / "notes.py").write_text(view)
    import_line, route = read_code_blocks(GUIDE)[1].split("\n\n")
    urls = copy / "authproject/urls.py"
    insert(urls, import_line, before="\nurlpatterns = [\n")
    insert(urls, route, after="urlpatterns = [\n")
    return copy


def read_view() -> str:
    return read_code_blocks(GUIDE)[0]


def describe(view: str) -> str:
    """Return the view without the line that hides it from OpenAPI."""
    return view.replace("    schema = None\n\n", "")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project, with the endpoint and with variants of it."""
    copy = copy_with_view(tmp_path_factory.mktemp("project"), read_view())
    (copy / "tests" / "test_notes.py").write_text(read_code_blocks(GUIDE)[2])
    page = read_page(GUIDE)
    public = "".join(f"    {line}\n" for line in re.findall(r"`(\w+_classes = .*?)`", page))
    fast = f"    {re.findall(r'`(store_access = StoreAccess.IDENTITY)`', page)[0]}\n"
    variants = {
        "described": describe(read_view()),
        "public": read_view()
        .replace("    schema = None\n", public)
        .replace("request.user.email", "str(request.user)"),
        "fast": read_view().replace("    schema = None\n", fast),
    }
    imports = (
        "from rest_framework.permissions import AllowAny\n"
        "from accounts.domain.interfaces import StoreAccess\n"
    )
    for name, text in variants.items():
        add_view(copy, name, imports + text)
    add_view(copy, "body", read_view() + read_code_blocks(GUIDE)[3], view="NewNoteView")
    return copy


def add_view(project: Path, name: str, text: str, view: str = "NotesView") -> None:
    """Add a module with this text, and a path of the same name for its view."""
    (project / f"{name}.py").write_text(text)
    urls = project / "authproject/urls.py"
    insert(urls, f"import {name}", before="\nurlpatterns = [\n")
    route = f'path("api/v1/protected/{name}", {name}.{view}.as_view(), name="{name}"),'
    insert(urls, route, indent=4, after="urlpatterns = [\n")


@pytest.fixture(scope="module")
def described_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project, with the endpoint and its full description."""
    copy = copy_with_view(tmp_path_factory.mktemp("described"), describe(read_view()))
    operations = copy / "authproject/openapi/operations.py"
    insert(operations, read_code_blocks(GUIDE)[4], indent=4, after="OPERATIONS = {\n")
    profile = '    "/api/v1/protected/profile": "GET",\n'
    insert(copy / "tests/support/http.py", f'    "{NOTES}": "GET",', after=profile)
    insert(copy / "tests/support/openapi.py", f'BEARER.add("{NOTES}")', before="WITH_BODY = ")
    document = ("--format", "openapi-json", "--validate", "--file", "docs/openapi.json")
    run_in(copy, "manage.py", "spectacular", *document)
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


def test_described_endpoint_passes_the_tests_of_openapi(described_project: Path) -> None:
    selected = "notes or describes_exactly or only_protected or up_to_date"
    printed = run_tests_in(described_project, "tests/authproject/openapi", "-k", selected)
    assert " passed" in printed, printed
    assert "failed" not in printed, printed


def test_public_endpoint_needs_no_token(service: Service) -> None:
    response = service.request("GET", "/api/v1/protected/public")
    assert (response.status, response.json()["owner"]) == (200, "AnonymousUser")


def test_fast_endpoint_knows_its_user(service: Service, email: str) -> None:
    service.register(email)
    token = service.login(email).json()["access_token"]
    path = "/api/v1/protected/fast"
    assert service.request("GET", path).status == 401
    response = service.request("GET", path, Authorization=f"Bearer {token}")
    assert response.json()["owner"] == email


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b'{"text": "Water the plants."}', {}, (201, None)),
        (b'{"text": 1}', {}, (422, "unprocessable")),
        (b"text=1", {"Content-Type": FORM}, (415, "unsupported_media_type")),
        (b"compressed", {"Content-Encoding": "gzip"}, (415, "unsupported_media_type")),
    ],
)
def test_body_is_validated(
    service: Service, email: str, body: bytes, headers: dict[str, str], expected: Any
) -> None:
    service.register(email)
    token = service.login(email).json()["access_token"]
    headers = {"Content-Type": JSON, "Authorization": f"Bearer {token}", **headers}
    response = service.request("POST", "/api/v1/protected/body", body, **headers)
    assert (response.status, response.json().get("code")) == expected


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
