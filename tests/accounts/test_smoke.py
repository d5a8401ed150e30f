from tests.support.api import EMAIL, Api


def test_register_login_profile(api: Api) -> None:
    tokens = api.enter()
    assert api.profile(tokens["access_token"]).json()["email"] == EMAIL
