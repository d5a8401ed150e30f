"""The API root: a list of all endpoints."""

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.urls("tests.support.custom_views")


def test_root_lists_endpoints_by_name_or_path(api: Api) -> None:
    listed = api.client.get("/").json()
    assert listed["listed"] == "http://testserver/listed"
    assert listed["/listed-again"] == "http://testserver/listed-again"
    assert listed["apart:listed"] == "http://testserver/apart/listed"
    assert listed["/classic"] == "http://testserver/classic"


def test_root_does_not_list_login_of_browsable_api(api: Api) -> None:
    assert not [url for url in api.client.get("/").json().values() if "/browse/" in url]
