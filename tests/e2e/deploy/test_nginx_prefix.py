"""The service under a path of a site, `https://localhost/accounts/`, behind a real nginx."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.deploy.nginx_site import Site, run_site
from tests.support.processes import ROOT, ServiceResponse

pytestmark = pytest.mark.usefixtures("nginx_program")

PREFIX = "/accounts"
PRIVATE = {f"{PREFIX}/metrics", f"{PREFIX}/health/ready"}
"""Paths that nginx refuses."""
PAGE = ROOT / "docs" / "operate" / "nginx.md"
HTML = {"Accept": "text/html"}


def read_changes() -> dict[str, str]:
    """Return the lines of `deploy/nginx.conf` that the page changes, with the new ones."""
    section = PAGE.read_text(encoding="utf-8").partition("## Below a path")[2]
    old, new = re.findall(r"```nginx\n(.*?)```", section, re.DOTALL)[:2]
    return {old: new}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("prefix")
    options = {"URL_PREFIX": PREFIX, "REFRESH_TOKEN_COOKIE": "true"}
    with run_site(folder, read_changes(), **options) as (site, service):
        service.register()
        yield site


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


def get_links(page: ServiceResponse, path: str) -> list[str]:
    """Return the paths that a page links to."""
    parser = _Links()
    parser.feed(page.body.decode())
    links = [urlsplit(urljoin(f"https://localhost{path}", link)) for link in parser.found]
    return [link.path for link in links if link.netloc.startswith("localhost")]


def test_paths_outside_the_prefix_are_not_the_service(site: Site) -> None:
    assert site.request("GET", "/api/v1/").status == 404
    assert site.request("GET", f"{PREFIX}/metrics").status == 404


def test_root_links_have_the_prefix_and_lead_somewhere(site: Site) -> None:
    links = site.request("GET", f"{PREFIX}/").json()
    assert links["auth-login"] == f"https://localhost:{site.port}{PREFIX}/api/v1/auth/login"
    paths = [urlsplit(link).path for link in links.values()]
    found = {site.request("GET", path).status for path in paths if path not in PRIVATE}
    assert found <= {200, 401, 405}


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/auth/login", "/api/v1/protected/profile", "/browse/login", "/nowhere"]
)
def test_every_link_of_a_page_leads_to_the_service(site: Site, path: str) -> None:
    page = site.request("GET", PREFIX + path, **HTML)
    assert page.headers["Content-Type"].startswith("text/html")
    links = get_links(page, PREFIX + path)
    assert links
    assert [link for link in links if not link.startswith(f"{PREFIX}/")] == []
    found = {site.request("GET", link, **HTML).status for link in links if link not in PRIVATE}
    assert found <= {200, 401, 405, 406}  # 406: it is not a page


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_document_pages_load_everything_below_the_prefix(site: Site, path: str) -> None:
    links = get_links(site.request("GET", PREFIX + path), PREFIX + path)
    assert links
    assert {site.request("GET", link).status for link in links} == {200}
    assert all(link.startswith(f"{PREFIX}/static/") for link in links)


def test_openapi_names_the_prefix_as_server(site: Site) -> None:
    document = site.request("GET", f"{PREFIX}/openapi.json").json()
    assert [server["url"] for server in document["servers"]] == [PREFIX]
    assert "/api/v1/auth/login" in document["paths"]


@pytest.mark.parametrize("url", ["", "/", "/other", f"{PREFIX}/docs", "//evil.example/"])
def test_login_returns_to_paths_below_the_prefix_only(site: Site, url: str) -> None:
    response = log_in(site, url)
    expected = url if url.startswith(PREFIX) else f"{PREFIX}/"
    assert (response.status, response.headers["Location"]) == (302, expected)


def log_in(site: Site, next_url: str) -> ServiceResponse:
    """Send the form of the login page."""
    page = site.request("GET", f"{PREFIX}/browse/login", **HTML)
    csrf = SimpleCookie(page.headers["Set-Cookie"])["browsable_csrf"]
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body.decode())
    form = {
        "csrfmiddlewaretoken": token,
        "email": EMAIL,
        "password": PASSWORD,
        "next": next_url,
    }
    return site.request(
        "POST",
        f"{PREFIX}/browse/login",
        urlencode(form),
        **HTML,
        **{"Content-Type": "application/x-www-form-urlencoded"},
        Origin=f"https://localhost:{site.port}",
        Host=f"localhost:{site.port}",
        Cookie=f"browsable_csrf={csrf.value}",
    )


def test_login_page_sets_cookies_for_the_prefix_only(site: Site) -> None:
    response = log_in(site, "")
    cookies = SimpleCookie()
    for header in response.headers.get_all("Set-Cookie", []):
        cookies.load(header)
    assert {name: cookie["path"] for name, cookie in cookies.items()} == {
        "browsable_access": f"{PREFIX}/",
        "browsable_refresh": f"{PREFIX}/browse/",
        "browsable_csrf": f"{PREFIX}/",
    }
    access = cookies["browsable_access"].value
    profile = f"{PREFIX}/api/v1/protected/profile"
    assert site.request("GET", profile, Cookie=f"browsable_access={access}").status == 200


def test_limits_count_paths_below_the_prefix(site: Site) -> None:
    client = "203.0.113.7"
    statuses = [
        site.request("POST", f"{PREFIX}/api/v1/auth/login", b"{}", client=client).status
        for _ in range(20)
    ]
    assert 429 in statuses


def test_refresh_cookie_is_for_the_prefix_and_the_own_origin(site: Site) -> None:
    path = f"{PREFIX}/api/v1/auth"
    headers = {"X-Requested-With": "XMLHttpRequest", "Origin": f"https://localhost:{site.port}"}
    body = {"email": EMAIL, "password": PASSWORD}
    response = site.request("POST", f"{path}/login", body, **headers)
    cookie = SimpleCookie(response.headers["Set-Cookie"])["__Secure-refresh_token"]
    assert (cookie["path"], cookie["secure"]) == (f"{path}/", True)
    headers["Cookie"] = f"{cookie.key}={cookie.value}"
    assert site.request("POST", f"{path}/refresh", **headers).status == 200
    headers["Origin"] = f"http://localhost:{site.port}"
    assert site.request("POST", f"{path}/refresh", **headers).status == 403
    assert cookie.value not in site.logs
