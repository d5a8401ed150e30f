"""Runs the code of docs/guides/add-an-endpoint.md in a copy of the project."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import EMAIL
from tests.support.browser_client import SocketBrowser
from tests.support.processes import ROOT, START_SECONDS, Service, running

PAGE = (ROOT / "docs/guides/add-an-endpoint.md").read_text(encoding="utf-8")
PARTS = ("accounts", "authproject", "tests", "manage.py", "pyproject.toml")


def printed() -> list[str]:
    """Return the page's code: the view, its path, its test."""
    blocks: list[str] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return blocks


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project, with the endpoint."""
    copy = tmp_path_factory.mktemp("project")
    for part in PARTS:
        source, ignored = ROOT / part, shutil.ignore_patterns("__pycache__")
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=ignored)
        else:
            shutil.copy(source, copy / part)
    view, wiring, test = printed()
    (copy / "notes.py").write_text(view)
    (copy / "tests" / "test_notes.py").write_text(test)
    # And one as a reader might write it, who wants it in /docs.
    (copy / "described.py").write_text(view.replace("    schema = None\n\n", ""))
    line, route = wiring.split("\n\n")
    line += "\nfrom described import NotesView as Described"
    route += '    path("api/v1/protected/described", Described.as_view(), name="described"),\n'
    urls = copy / "authproject" / "urls.py"
    before, start, after = urls.read_text().partition("urlpatterns = [\n")
    urls.write_text(f"{before.rstrip()}\n{line}\n\n{start}{route}{after}")
    return copy


@pytest.fixture(autouse=True)
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs of the copy says nothing about the coverage of the original."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


@pytest.fixture
def service(project: Path, tmp_path: Path) -> Iterator[Service]:
    command = (str(project / "manage.py"), "serve", "--port", "{port}")
    with running(tmp_path, *command) as service:
        yield service


def token_of(service: Service) -> str:
    service.register()
    token: str = service.login().json()["access_token"]
    return token


def test_it_answers_whoever_is_logged_in(service: Service) -> None:
    headers = {"Authorization": f"Bearer {token_of(service)}"}
    answer = service.request("GET", "/api/v1/protected/notes", **headers)
    assert answer.status == 200
    assert answer.json() == {"owner": EMAIL, "notes": ["Water the plants."]}
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_a_token_it_answers_in_the_one_error_shape(service: Service) -> None:
    answer = service.request("GET", "/api/v1/protected/notes")
    assert (answer.status, answer.json()["code"]) == (401, "not_authenticated")
    assert set(answer.json()) == {"detail", "code"}
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_logout_shuts_it_at_once(service: Service) -> None:
    service.register()
    tokens = service.login().json()
    service.post("auth/logout", {"refresh_token": tokens["refresh_token"]})
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = service.request("GET", "/api/v1/protected/notes", **headers)
    assert (answer.status, answer.json()["code"]) == (401, "token_revoked")


def test_it_is_listed_and_has_a_page(service: Service) -> None:
    path = "/api/v1/protected/notes"
    assert service.request("GET", "/").json()["notes"].endswith(path)
    page = service.request("GET", path, Accept="text/html").body.decode()
    assert f"/browse/login?next={path}" in page


def test_without_its_schema_line_it_is_described(service: Service) -> None:
    paths = service.request("GET", "/openapi.json").json()["paths"]
    assert "/api/v1/protected/notes" not in paths
    description = paths["/api/v1/protected/described"]["get"]
    assert description["description"] == "The notes of the user who sends the request."
    assert description["security"] == [{"bearer": []}]
    # What drf-spectacular cannot tell of a view stays out of the log, whose lines are JSON.
    assert all(line.startswith("{") for line in service.log.splitlines())


def test_a_person_opens_it_by_logging_in(service: Service) -> None:
    service.register()
    page = SocketBrowser(service.port).log_in(path="/browse/login?next=/api/v1/protected/notes")
    assert (page.path, page.status) == ("/api/v1/protected/notes", 200)
    assert "Water the plants." in page.text


def test_it_is_counted(service: Service) -> None:
    service.request("GET", "/api/v1/protected/notes")
    counts = service.request("GET", "/metrics").body.decode()
    assert 'auth_requests_total{operation="access",outcome="not_authenticated"} 1.0' in counts
    assert 'route="/api/v1/protected/notes",status="401"' in counts


def test_its_test_passes(project: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_notes.py",
    ]
    run = subprocess.run(
        command,
        cwd=project,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert "1 passed" in run.stdout, run.stdout
