"""Swagger UI and ReDoc load nothing from other hosts, and `API_DOCS` disables them."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import get_finders

from tests.support.api import Api
from tests.support.processes import PROCESS_ENVIRONMENT, ROOT, run_service

ADDRESS = re.compile(r'(?:src|href|spec-url)="([^"]*)"')
DOCUMENTS = ["/openapi.json", "/docs", "/redoc"]
IMPORTED = (
    "import sys, django; django.setup(); from django.urls import get_resolver; "
    "get_resolver().url_patterns; print(*sorted(sys.modules))"
)

every_page = pytest.mark.parametrize("path", ["/docs", "/redoc"])


def get_page(api: Api, path: str) -> str:
    text: str = api.client.get(path).content.decode()
    return text


@every_page
@pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*"])
def test_page_is_html_for_any_accept(api: Api, path: str, accept: str) -> None:
    response = api.client.get(path, headers={"Accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Request-ID"]


@every_page
def test_page_loads_only_files_of_this_service(api: Api, path: str) -> None:
    addresses = ADDRESS.findall(get_page(api, path))
    assert len(addresses) >= 3
    for address in addresses:
        assert "//" not in address
        with closing(api.client.get(f"/{address.removeprefix('/')}")) as answer:
            assert answer.status_code == 200
            assert answer["X-Content-Type-Options"] == "nosniff"


@every_page
def test_page_policy_allows_no_other_host(api: Api, path: str) -> None:
    policy = api.client.get(path)["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives.pop("default-src") == "'none'"
    assert directives["script-src"] == "'self'"
    sources = {source for value in directives.values() for source in value.split()}
    assert sources == {"'self'", "'none'", "'unsafe-inline'", "data:", "blob:"}


@every_page
def test_page_has_no_inline_script(api: Api, path: str) -> None:
    assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|javascript:", get_page(api, path))


def test_static_html_files_disable_scripts_and_frames(api: Api) -> None:
    files = [name for finder in get_finders() for name, _ in finder.list([])]
    pages = [name for name in files if name.endswith(".html")]
    assert "drf_spectacular_sidecar/swagger-ui-dist/oauth2-redirect.html" in pages
    for name in pages:
        with closing(api.client.get(f"/static/{name}")) as response:
            policy = response["Content-Security-Policy"]
            assert policy == "default-src 'none'; frame-ancestors 'none'"
            assert response["X-Frame-Options"] == "DENY"


def test_swagger_ui_keeps_token_and_uses_no_validator(api: Api) -> None:
    with closing(api.client.get("/static/authproject/swagger.js")) as response:
        script = response.getvalue().decode()
    assert "persistAuthorization: true" in script
    assert "validatorUrl: null" in script
    assert 'url: "openapi.json"' in script


def test_pages_are_404_if_disabled(tmp_path: Path) -> None:
    with run_service(tmp_path, API_DOCS="false", BROWSABLE_API="false") as service:
        for path in DOCUMENTS:
            answer = service.request("GET", path)
            assert (answer.status, answer.json()["code"]) == (404, "not_found")
        assert not set(DOCUMENTS) & {
            "/" + link.split("/", 3)[3] for link in service.request("GET", "/").json().values()
        }
        assert service.request("GET", "/static/authproject/swagger.js").status == 404


def test_pages_work_without_browsable_api(tmp_path: Path) -> None:
    with run_service(tmp_path, BROWSABLE_API="false") as service:
        answers = [service.request("GET", path) for path in DOCUMENTS]
        assert [answer.status for answer in answers] == [200, 200, 200]
        for address in ADDRESS.findall(answers[1].body.decode()):
            assert service.request("GET", f"/{address.removeprefix('/')}").status == 200


@pytest.mark.parametrize("on", [True, False])
def test_drf_spectacular_is_imported_only_if_enabled(on: bool) -> None:
    switched = {"API_DOCS": str(on).lower(), "BROWSABLE_API": "false"}
    command = [sys.executable, "-c", IMPORTED]
    environment = {**PROCESS_ENVIRONMENT, **switched}
    listed = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    found = {name.partition(".")[0] for name in listed.stdout.split()}
    ours = "authproject.openapi" in listed.stdout.split()
    assert (ours, "drf_spectacular" in found, "drf_spectacular_sidecar" in found) == (on, on, on)
