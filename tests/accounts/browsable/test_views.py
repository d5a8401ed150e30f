"""The pages "Log in" and "Log out"."""

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from accounts.domain.errors import HashingOverloaded
from accounts.passwords.hasher import BcryptHasher
from tests.support.api import EMAIL, JSON, PASSWORD, Api, MovableClock
from tests.support.browser_client import LOGIN, LOGOUT, PROFILE, Browser, cookie
from tests.support.http import FORM, Start, UnreachableStore, get_error
from tests.support.passwords import build_full_executor

# Log in


def test_login_returns_to_the_next_page(browser: Browser) -> None:
    page = browser.log_in(path=f"{LOGIN}?next={PROFILE}")
    assert (page.path, page.status) == (PROFILE, 200)
    assert "This is protected data" in page.text


def test_login_without_next_opens_the_front_page(browser: Browser) -> None:
    assert browser.log_in().path == "/"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "///evil.example",
        "javascript:alert(1)",
        "\x08//evil.example",
        "evil",
        "",
    ],
)
@pytest.mark.parametrize("path", [LOGIN, LOGOUT])
def test_next_url_of_another_site_is_ignored(browser: Browser, path: str, url: str) -> None:
    form = browser.open(LOGIN).form(LOGIN).fields
    fields = {**form, "email": EMAIL, "password": PASSWORD, "next": url}
    response = browser.client.post(path, fields)
    assert (response.status_code, response["Location"]) == (302, "/")


def test_next_url_with_line_break_is_escaped(browser: Browser) -> None:
    form = browser.open(LOGIN).form(LOGIN).fields
    fields = {**form, "email": EMAIL, "password": PASSWORD, "next": "/\r\nX-Evil: 1"}
    response = browser.client.post(LOGIN, fields)
    assert response["Location"] == "/%0D%0AX-Evil:%201"


def test_login_page_escapes_its_values(browser: Browser) -> None:
    script = '"><script>alert(1)</script>'
    page = browser.log_in(email=script, path=f"{LOGIN}?next=/{script}")
    assert page.status == 400
    assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("email", "password"), [(EMAIL, "a wrong password"), ("nobody@example.com", PASSWORD)]
)
def test_login_with_wrong_credentials_shows_the_error(
    browser: Browser, email: str, password: str
) -> None:
    page = browser.log_in(email, password, f"{LOGIN}?next={PROFILE}")
    assert page.status == 401
    assert "No account matches this e-mail address and password." in page.text
    assert page.form(LOGIN).fields["email"] == email
    assert page.form(LOGIN).fields["next"] == PROFILE
    assert page.form(LOGIN).fields["password"] == ""
    assert ACCESS_COOKIE not in browser.client.cookies


def test_login_with_invalid_email_shows_the_error(browser: Browser) -> None:
    page = browser.log_in("no address")
    assert page.status == 400
    assert "Enter a valid e-mail address." in page.text


def test_login_without_fields_shows_the_error(browser: Browser) -> None:
    form = browser.open(LOGIN).form(LOGIN).fields
    page = browser.send(LOGIN, {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"]})
    assert page.status == 422
    assert "This field is required." in page.text


def test_login_with_unreachable_store_is_503(
    browser: Browser, start: Start, clock: MovableClock
) -> None:
    start().accounts.store = UnreachableStore(clock)
    page = browser.log_in()
    assert (page.status, page.headers["Retry-After"]) == (503, "2")
    assert "The account store cannot be reached." in page.text


def test_login_with_full_hashing_queue_is_503(browser: Browser, start: Start) -> None:
    services = start()
    full = build_full_executor()
    services.accounts.hasher = BcryptHasher(rounds=4, executor=full)
    page = browser.log_in()
    assert (page.status, page.headers["Retry-After"]) == (503, "2")
    assert HashingOverloaded.detail in page.text


def test_login_rotates_the_csrf_token(browser: Browser) -> None:
    browser.open(LOGIN)
    before = cookie(browser, "browsable_csrf").value
    browser.log_in()
    assert cookie(browser, "browsable_csrf").value != before


def test_login_ends_the_previous_session(browser: Browser, api: Api) -> None:
    browser.log_in()
    first = cookie(browser, ACCESS_COOKIE).value
    browser.log_in()
    assert api.profile(first).json()["code"] == "token_revoked"
    assert api.profile(cookie(browser, ACCESS_COOKIE).value).status_code == 200


# Log out


def test_logout_ends_the_session_at_once(browser: Browser, api: Api) -> None:
    page = browser.log_in(path=f"{LOGIN}?next={PROFILE}")
    access, refresh = (cookie(browser, name).value for name in (ACCESS_COOKIE, REFRESH_COOKIE))
    page = browser.log_out(page)
    assert (page.path, page.status) == (PROFILE, 401)
    assert page.has_login_link
    assert api.profile(access).json()["code"] == "token_revoked"
    assert api.refresh(refresh).json()["code"] == "token_revoked"


def test_logout_deletes_the_cookies(browser: Browser) -> None:
    browser.log_out(browser.log_in())
    assert cookie(browser, ACCESS_COOKIE).value == ""
    assert cookie(browser, REFRESH_COOKIE).value == ""
    assert cookie(browser, REFRESH_COOKIE)["max-age"] == 0


def test_logout_without_session_succeeds(browser: Browser) -> None:
    fields = browser.open(LOGIN).form(LOGIN).fields
    assert browser.send(LOGOUT, fields).path == "/"


def test_logout_with_unreachable_store_keeps_cookies(
    browser: Browser, start: Start, clock: MovableClock
) -> None:
    page = browser.log_in()
    start().accounts.store = UnreachableStore(clock)
    page = browser.log_out(page)
    assert page.status == 503
    assert cookie(browser, REFRESH_COOKIE).value != ""


def test_logout_page_has_a_form(browser: Browser) -> None:
    page = browser.log_in(path=f"{LOGIN}?next={LOGOUT}")
    assert (page.path, page.status) == (LOGOUT, 405)
    assert browser.log_out(page).path == "/"


# Both


@pytest.mark.parametrize("path", [LOGIN, LOGOUT])
def test_form_without_csrf_token_is_rejected(browser: Browser, path: str) -> None:
    browser.open(LOGIN)
    page = browser.send(path, {"email": EMAIL, "password": PASSWORD})
    assert page.status == 403
    assert "The form has expired" in page.text
    assert ACCESS_COOKIE not in browser.client.cookies


@pytest.mark.parametrize("path", [LOGIN, LOGOUT])
def test_form_from_another_origin_is_rejected(browser: Browser, path: str) -> None:
    fields = {**browser.open(LOGIN).form(LOGIN).fields, "email": EMAIL, "password": PASSWORD}
    response = browser.client.post(path, fields, headers={"Origin": "http://localhost:3000"})
    assert response.status_code == 403
    assert ACCESS_COOKIE not in response.cookies
    assert EMAIL not in response.content.decode()


def test_client_that_wants_json_gets_406(browser: Browser) -> None:
    headers = {"Accept": JSON}
    assert get_error(browser.client.get(LOGIN, headers=headers)) == (
        406,
        "not_acceptable",
    )
    assert get_error(browser.client.post(LOGOUT, headers=headers)) == (
        406,
        "not_acceptable",
    )


def test_json_body_is_415(browser: Browser) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    assert browser.client.post(LOGIN, body, content_type=JSON).status_code == 415


@pytest.mark.parametrize("accept", [None, "*/*", "text/html"])
def test_form_is_accepted_whatever_the_accept_header(browser: Browser, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    form = {**browser.open(LOGIN).form(LOGIN).fields, "email": EMAIL, "password": PASSWORD}
    assert browser.client.post(LOGIN, form, headers=headers).status_code == 302


def test_form_with_invalid_utf8_is_400(browser: Browser) -> None:
    assert browser.client.post(LOGIN, b"email=%FF", content_type=FORM).status_code == 400


# Not found


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/auth", "/api/v1/auth/login/"])
def test_unknown_path_is_a_page_with_a_way_back(browser: Browser, path: str) -> None:
    page = browser.open(path)
    assert page.status == 404
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert '<a href="/">' in page.text


def test_page_of_unknown_path_has_the_detail_and_not_the_path(browser: Browser) -> None:
    page = browser.open("/api/v1/auth/login/")
    assert "The path exists without the slash at its end." in page.text
    assert "<script>" not in browser.open("/<script>alert(1)</script>").text


@pytest.mark.parametrize("accept", [None, "", "*/*", JSON])
def test_unknown_path_is_json_for_a_program(api: Api, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    response = api.client.get("/nowhere", headers=headers)
    assert get_error(response) == (404, "not_found")
    assert "Accept" in response["Vary"]


@pytest.mark.parametrize("parameter", ["x*=bogus''%41", "x*=idna''%ff"])
def test_unknown_path_is_json_for_a_malformed_accept(api: Api, parameter: str) -> None:
    headers = {"Accept": f"text/html; {parameter}, text/html"}
    assert get_error(api.client.get("/nowhere", headers=headers)) == (404, "not_found")


def test_unknown_path_is_json_for_a_long_accept(api: Api) -> None:
    headers = {"Accept": "text/html" + ", image/png" * 100}
    assert get_error(api.client.get("/nowhere", headers=headers)) == (404, "not_found")
