"""Points of docs/security/standards.md that no other test shows."""

import pytest

from accounts.services import get_services
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.http import ENDPOINTS, get_error

YEAR = 365 * 86_400


@pytest.mark.parametrize("path", [path for path, method in ENDPOINTS.items() if method == "GET"])
def test_text_response_names_its_charset(api: Api, path: str) -> None:
    """ASVS 4.1.1."""
    for accept in ("text/html", "*/*"):
        response = api.client.get(path, headers={"Accept": accept})
        kind, _, parameters = response.headers.get("Content-Type", "").partition(";")
        assert kind or not response.content
        assert "charset=utf-8" in parameters or not kind.startswith("text/")


def test_password_does_not_expire(api: Api, clock: MovableClock) -> None:
    """ASVS 6.2.10."""
    api.register()
    clock.advance(10 * YEAR)
    assert api.login().status_code == 200


@pytest.mark.parametrize("name", ["admin", "root", "administrator", "sa", "test", "user"])
def test_new_service_has_no_account(api: Api, name: str) -> None:
    """ASVS 6.3.2."""
    assert list(get_services().accounts.store.iter_users()) == []
    for password in (PASSWORD, name, "password", f"{name}{name}"):
        answer = api.login(f"{name}@example.com", password)
        assert get_error(answer) == (401, "invalid_credentials")
    assert EMAIL not in api.client.get("/").content.decode()


def test_login_page_redirects_by_no_307(api: Api) -> None:
    """RFC 9700 §4.12: a 307 would send the password to the next page."""
    api.register()
    form = {"email": EMAIL, "password": PASSWORD}
    response = api.client.post("/browse/login", form, headers={"Accept": "text/html"})
    assert response.status_code == 302
