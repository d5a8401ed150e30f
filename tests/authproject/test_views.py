"""The API root: a list of all endpoints."""

import pytest

from tests.support.api import Api
from tests.support.http import ENDPOINTS, get_error

custom_views = pytest.mark.urls("tests.support.custom_views")


@pytest.mark.parametrize("path", ["/", "/api/v1", "/api/v1/"])
def test_root_links_every_endpoint(api: Api, path: str) -> None:
    response = api.client.get(path)
    assert response.status_code == 200
    linked = {link.removeprefix("http://testserver") for link in response.json().values()}
    # A project's own endpoints are listed as well.
    assert linked >= set(ENDPOINTS) - {"/", "/api/v1", "/api/v1/"}
    assert not linked & {"http://testserver/", "/", "/api/v1", "/api/v1/"}


@custom_views
def test_root_lists_endpoints_by_name_or_path(api: Api) -> None:
    listed = api.client.get("/").json()
    assert listed["listed"] == "http://testserver/listed"
    assert listed["/listed-again"] == "http://testserver/listed-again"
    assert listed["apart:listed"] == "http://testserver/apart/listed"
    assert listed["/classic"] == "http://testserver/classic"


@custom_views
def test_root_does_not_list_login_of_browsable_api(api: Api) -> None:
    assert not [url for url in api.client.get("/").json().values() if "/browse/" in url]


PATHS = [path for path in ENDPOINTS if path not in {"/", "/api/v1", "/api/v1/"}]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_404_says_that_the_path_exists_without_its_slash(api: Api, path: str, method: str) -> None:
    response = api.client.generic(method, f"{path}/")
    assert get_error(response) == (404, "not_found")
    detail = "Not found. The path exists without the slash at its end."
    assert response.json()["detail"] == detail


@custom_views
def test_404_says_that_the_path_exists_with_a_slash(api: Api) -> None:
    response = api.client.get("/slash")
    assert get_error(response) == (404, "not_found")
    assert response.json()["detail"] == "Not found. The path exists with a slash at its end."


@pytest.mark.parametrize(
    "path", ["/health//", "/nowhere/", "/nowhere", "/api", "/api/", "/%00/", "/api/v1/auth/"]
)
def test_404_of_an_unknown_path_says_no_more(api: Api, path: str) -> None:
    response = api.client.get(path)
    assert get_error(response) == (404, "not_found")
    assert response.json()["detail"] == "Not found."
