"""The pages of a project's own endpoints: whatever they answer, a page shows it."""

from typing import Any

import pytest

from tests.support.api import JSON, Api
from tests.support.browser_client import ACCEPT, Browser
from tests.support.http import FORM

pytestmark = pytest.mark.urls("tests.support.custom_views")


def refused(api: Api, path: str, body: Any, content_type: str = JSON, method: str = "post") -> Any:
    send = getattr(api.client, method)
    headers = {"Accept": ACCEPT, "Origin": "http://testserver"}
    return send(path, body, content_type=content_type, headers=headers)


@pytest.mark.parametrize("path", ["nothing", "texts", "word", "half-our-shape", "odd-errors"])
def test_an_error_that_a_view_answers_by_itself_is_shown(api: Api, path: str) -> None:
    response = refused(api, f"/{path}", {"name": "x"})
    assert response.status_code == 409
    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_errors_that_a_view_answers_by_itself_stay_at_their_fields(browser: Browser) -> None:
    page = browser.fill("/classic", name="too long")
    assert page.status == 400
    assert page.form("/classic", "name").fields["name"] == "too long"
    assert 'class="help-block">Ensure this field has no more than 5 characters.' in page.text


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_a_refused_form_comes_back_filled_in(api: Api, method: str) -> None:
    text = refused(api, "/notes", "name=too+long", FORM, method).content.decode()
    assert text.count('value="too long"') == 1
    assert text.count('class="help-block">Ensure this field has no more') == 1


def test_a_nested_form_has_its_own_values_and_messages(browser: Browser) -> None:
    page = browser.fill("/notes", name="x", **{"address.street": "too long"})
    assert page.form("/notes", "name").fields["address.street"] == "too long"
    assert 'class="help-block">Ensure this field has no more' in page.text


FOREIGN = [
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
    {"Origin": "null", "Referer": "http://testserver/"},
    {"Referer": "http://testserver.evil.example/"},
    {"Referer": "http://["},
    {},
]


def secured(browser: Browser, **headers: str) -> Any:
    """Send a form without its CSRF token, logged in."""
    browser.log_in()
    headers = {"Accept": ACCEPT, **headers}
    return browser.client.post("/secured", {"name": "typed"}, headers=headers)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_form_from_elsewhere_does_not_come_back_for_one_more_click(
    browser: Browser, headers: dict[str, str]
) -> None:
    response = secured(browser, **headers)
    text = response.content.decode()
    assert response.status_code == 403
    assert "csrf_failed" in text
    assert "This form was not sent from this site." in text
    assert "typed" not in text
    assert "Send it again" not in text


@pytest.mark.parametrize("name", ["Origin", "Referer"])
def test_a_form_of_ours_whose_csrf_token_is_old_comes_back_filled_in(
    browser: Browser, name: str
) -> None:
    value = {"Origin": "http://testserver", "Referer": "http://testserver/secured?x=1"}[name]
    response = secured(browser, **{name: value})
    assert response.status_code == 403
    assert 'value="typed"' in response.content.decode()
    assert "The form has expired. Send it again." in response.content.decode()


@pytest.mark.parametrize("value", ["no time", "2026-11-24T10:00"])
def test_a_time_that_was_typed_is_no_bug(api: Api, value: str) -> None:
    response = refused(api, "/notes", {"name": "too long", "due": value})
    assert response.status_code == 400


def test_what_a_serializer_never_shows_is_not_repeated(browser: Browser) -> None:
    page = browser.fill("/notes", name="too long", pin="the pin")
    assert page.status == 400
    assert page.form("/notes", "name").fields["pin"] == ""
    assert "the pin" not in page.text


def test_a_refused_list_is_shown(api: Api) -> None:
    assert refused(api, "/many", [{"name": "too long"}]).status_code == 400


def test_a_list_has_its_filters(api: Api) -> None:
    response = api.client.get("/list", headers={"Accept": ACCEPT})
    assert "matching" in response.content.decode()


def test_every_endpoint_is_listed_whatever_its_name(api: Api) -> None:
    listed = api.client.get("/").json()
    assert listed["listed"] == "http://testserver/listed"
    assert listed["/listed-again"] == "http://testserver/listed-again"
    assert listed["apart:listed"] == "http://testserver/apart/listed"
    assert listed["/classic"] == "http://testserver/classic"


def test_the_browsable_apis_login_is_no_endpoint(api: Api) -> None:
    assert not [url for url in api.client.get("/").json().values() if "/browse/" in url]
