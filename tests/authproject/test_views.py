"""The API root: a list of all endpoints."""

import pytest

from tests.support.api import Api
from tests.support.http import ENDPOINTS

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
