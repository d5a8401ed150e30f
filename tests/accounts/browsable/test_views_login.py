"""The browsable API's "Log in"."""

import pytest

from accounts.browsable.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from accounts.domain.errors import HashingOverloaded
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.browser_client import LOGIN, LOGOUT, PROFILE, Browser, cookie
from tests.support.http import Start, UnreachableStore

PASSWORD_PAGE = "/api/v1/auth/password"
LOGOUT_ALL = "/api/v1/auth/logout-all"


def test_who_is_not_logged_in_is_offered_to(browser: Browser) -> None:
    page = browser.open(PROFILE)
    assert page.status == 401
    assert page.says_log_in
    assert not page.says_log_out


def test_a_login_leads_back_to_the_page_that_offered_it(browser: Browser) -> None:
    page = browser.log_in(path=f"{LOGIN}?next={PROFILE}")
    assert (page.path, page.status) == (PROFILE, 200)
    assert "This is protected data" in page.text


def test_a_login_from_nowhere_leads_to_the_front_page(browser: Browser) -> None:
    assert browser.log_in().path == "/"


@pytest.mark.parametrize("path", ["/", "/api/v1/", "/api/v1/auth/register", PROFILE])
def test_every_page_says_who_is_logged_in(browser: Browser, path: str) -> None:
    browser.log_in()
    page = browser.open(path)
    assert EMAIL in page.text
    assert page.says_log_out
    assert not page.says_log_in


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
def test_no_login_or_logout_leads_to_another_site(browser: Browser, path: str, url: str) -> None:
    form = browser.open(LOGIN).form(LOGIN).fields
    fields = {**form, "email": EMAIL, "password": PASSWORD, "next": url}
    response = browser.client.post(path, fields)
    assert (response.status_code, response["Location"]) == (302, "/")


def test_a_line_break_in_next_starts_no_header(browser: Browser) -> None:
    form = browser.open(LOGIN).form(LOGIN).fields
    fields = {**form, "email": EMAIL, "password": PASSWORD, "next": "/\r\nX-Evil: 1"}
    response = browser.client.post(LOGIN, fields)
    assert response["Location"] == "/%0D%0AX-Evil:%201"


def test_the_page_escapes_what_it_repeats(browser: Browser) -> None:
    script = '"><script>alert(1)</script>'
    page = browser.log_in(email=script, path=f"{LOGIN}?next=/{script}")
    assert page.status == 400
    assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("email", "password"), [(EMAIL, "a wrong password"), ("nobody@example.com", PASSWORD)]
)
def test_wrong_credentials_are_said_on_the_page(
    browser: Browser, email: str, password: str
) -> None:
    page = browser.log_in(email, password, f"{LOGIN}?next={PROFILE}")
    assert page.status == 401
    assert "No account matches this e-mail address and password." in page.text
    assert page.form(LOGIN).fields["email"] == email
    assert page.form(LOGIN).fields["next"] == PROFILE
    assert page.form(LOGIN).fields["password"] == ""
    assert ACCESS_COOKIE not in browser.client.cookies


def test_an_invalid_address_is_said_on_the_page(browser: Browser) -> None:
    page = browser.log_in("no address")
    assert page.status == 400
    assert "Enter a valid e-mail address." in page.text


def test_a_form_without_fields_is_said_on_the_page(browser: Browser) -> None:
    form = browser.open(LOGIN).form(LOGIN).fields
    page = browser.send(LOGIN, {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"]})
    assert page.status == 422
    assert "This field is required." in page.text


def test_a_login_without_a_store_is_503_on_the_page(
    browser: Browser, start: Start, clock: MovableClock
) -> None:
    start().accounts.store = UnreachableStore(clock)
    page = browser.log_in()
    assert (page.status, page.headers["Retry-After"]) == (503, "2")
    assert "The account store cannot be reached." in page.text


def test_a_login_while_hashing_is_saturated_is_503_on_the_page(
    browser: Browser, start: Start
) -> None:
    services = start()
    full = HashingExecutor(threads=1, max_pending=0)
    services.accounts._hasher = BcryptHasher(rounds=4, executor=full)
    page = browser.log_in()
    assert (page.status, page.headers["Retry-After"]) == (503, "2")
    assert HashingOverloaded.detail in page.text


@pytest.mark.parametrize("name", [ACCESS_COOKIE, REFRESH_COOKIE])
def test_no_script_reads_the_cookies_and_no_other_site_sends_them(
    browser: Browser, name: str
) -> None:
    browser.log_in()
    assert cookie(browser, name)["httponly"] is True
    assert cookie(browser, name)["samesite"] == "Strict"
    assert cookie(browser, name)["domain"] == ""
    assert cookie(browser, name)["max-age"] == 15 * 60


def test_the_refresh_token_is_sent_to_the_logout_alone(browser: Browser) -> None:
    browser.log_in()
    assert cookie(browser, ACCESS_COOKIE)["path"] == "/"
    assert cookie(browser, REFRESH_COOKIE)["path"] == "/browse/"


@pytest.mark.parametrize("secure", [True, False])
def test_the_cookies_of_a_login_over_https_stay_on_https(browser: Browser, secure: bool) -> None:
    headers = {"Referer": "https://testserver/"}
    page = browser.client.get(LOGIN, secure=secure, headers=headers)
    fields = {
        "csrfmiddlewaretoken": page.context["csrf_token"],
        "email": EMAIL,
        "password": PASSWORD,
    }
    response = browser.client.post(LOGIN, fields, secure=secure, headers=headers)
    assert response.status_code == 302
    set_there = {**page.cookies, **response.cookies}
    assert set_there.keys() == {ACCESS_COOKIE, REFRESH_COOKIE, "browsable_csrf"}
    assert {bool(one["secure"]) for one in set_there.values()} == {secure}


def test_a_login_renews_the_csrf_token(browser: Browser) -> None:
    browser.open(LOGIN)
    before = cookie(browser, "browsable_csrf").value
    browser.log_in()
    assert cookie(browser, "browsable_csrf").value != before


def test_a_login_ends_the_session_before_it(browser: Browser, api: Api) -> None:
    browser.log_in()
    first = cookie(browser, ACCESS_COOKIE).value
    browser.log_in()
    assert api.profile(first).json()["code"] == "token_revoked"
    assert api.profile(cookie(browser, ACCESS_COOKIE).value).status_code == 200
