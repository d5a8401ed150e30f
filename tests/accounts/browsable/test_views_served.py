"""The browsable API in a browser, over a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE
from tests.support.api import PASSWORD
from tests.support.browser_client import LOGIN, LOGOUT, PROFILE, SocketBrowser
from tests.support.http import NEW_PASSWORD
from tests.support.processes import Service, run_python, run_service

REGISTER = "/api/v1/auth/register"
EMAIL = "ada@example.com"

COMMANDS = {
    "serve": ("manage.py", "serve", "--port", "{port}"),
    "runserver": ("manage.py", "runserver", "--noreload", "{port}"),
}


@pytest.fixture(params=COMMANDS)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    with run_python(tmp_path, *COMMANDS[request.param], PYTHONUNBUFFERED="1") as service:
        yield service


def test_register_to_logout_by_forms(service: Service) -> None:
    browser = SocketBrowser(service.port)
    front = browser.open("/")
    assert all(f"{path}</a>" in front.text for path in (REGISTER, PROFILE))
    assert browser.fill(REGISTER, email=EMAIL, password=PASSWORD).status == 201
    assert browser.open(PROFILE).has_login_link
    page = browser.log_in(EMAIL, PASSWORD, f"{LOGIN}?next={PROFILE}")
    assert (page.path, page.status) == (PROFILE, 200)
    page = browser.fill(
        "/api/v1/auth/password", current_password=PASSWORD, new_password=NEW_PASSWORD
    )
    assert page.status == 200
    kept = [cookie.value for cookie in browser.jar if cookie.value]
    page = browser.open(PROFILE)
    assert page.has_logout_form
    access = next(cookie.value for cookie in browser.jar if cookie.name == ACCESS_COOKIE)
    assert service.profile(str(access)).status == 200
    page = browser.log_out(page)
    assert (page.path, page.status) == (PROFILE, 401)
    assert service.profile(str(access)).json()["code"] == "token_revoked"
    assert [cookie.name for cookie in browser.jar] == ["browsable_csrf"]
    assert browser.log_in(EMAIL, PASSWORD).status == 401
    assert browser.log_in(EMAIL, NEW_PASSWORD).has_logout_form
    assert not any(str(value) in service.log for value in kept)


def test_disabled_browsable_api_ignores_cookies(tmp_path: Path) -> None:
    with run_service(tmp_path, BROWSABLE_API="false") as service:
        service.register()
        token = service.login().json()["access_token"]
        answer = service.request("GET", PROFILE, Cookie=f"browsable_access={token}")
        assert (answer.status, answer.json()["code"]) == (401, "not_authenticated")
        assert answer.headers["Set-Cookie"] is None
        assert service.request("GET", LOGIN).status == 404
        assert service.request("POST", LOGOUT).status == 404
        assert service.profile(token).status == 200
