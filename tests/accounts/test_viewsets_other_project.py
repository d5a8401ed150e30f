"""The endpoints, and views for their tokens, with another project's settings."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.urls import include, path
from pytest_django import Settings
from rest_framework.authentication import SessionAuthentication
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission, DjangoModelPermissions, IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import JWTAuthentication
from accounts.rest.exceptions import exception_handler
from accounts.viewsets import select_own
from tests.support.api import EMAIL, Api
from tests.support.http import FORM, LIMIT, get_error


class UserView(GenericAPIView[User]):
    """A view of a project's model, whose users are those of the tokens."""

    authentication_classes = [JWTAuthentication]
    queryset = User.objects.all()

    def get(self, request: Request) -> Response:
        user: Any = request.user
        permissions = [user.has_perm("auth.add_user"), user.has_module_perms("auth")]
        return Response([user.pk, user.id, user.is_superuser, *permissions])

    def post(self, request: Request) -> Response:
        raise PermissionDenied

    def get_exception_handler(self) -> Any:
        return exception_handler


def user_path(name: str, permission: type[BasePermission]) -> Any:
    return path(f"api/v1/{name}", UserView.as_view(permission_classes=[permission]))


urlpatterns = [
    path("api/v1/", include("accounts.urls")),
    user_path("users", BasePermission),
    user_path("by-permission", DjangoModelPermissions),
    user_path("by-staff", IsAdminUser),
]


@pytest.fixture(autouse=True)
def other_project(settings: Settings) -> None:
    """Settings that fit the project's own views and tokens, and not those of this app."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    settings.REST_FRAMEWORK = {
        "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.NamespaceVersioning",
        "ALLOWED_VERSIONS": ["none"],
    }
    settings.SIMPLE_JWT = {"AUTH_HEADER_TYPES": ("JWT",), "USER_ID_FIELD": "username"}


def test_journey_needs_no_setting_of_the_project() -> None:
    tokens = Api().register_and_log_in()
    assert Api().profile(tokens["access_token"]).status_code == 200
    assert Api().refresh(tokens["refresh_token"]).status_code == 200
    assert Api().logout(tokens["refresh_token"]).status_code == 204
    assert get_error(Api().profile(tokens["access_token"])) == (401, "token_revoked")


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        ('{"refresh_token": NaN}', "application/json", (400, "parse_error")),
        ("refresh_token=x", FORM, (415, "unsupported_media_type")),
        ("{}", "application/json", (422, "unprocessable")),
        (" " * (LIMIT + 1), "application/json", (413, "payload_too_large")),
        ('{"refresh_token": "x"}', "application/json", (401, "token_invalid")),
    ],
)
def test_errors_have_their_shape_and_are_not_stored(
    body: str, content_type: str, error: tuple[int, str]
) -> None:
    response = Api().client.post("/api/v1/auth/refresh", body, content_type)
    assert get_error(response) == error
    assert response["Cache-Control"] == "no-store"


def test_challenge_names_bearer() -> None:
    assert Api().profile(None)["WWW-Authenticate"] == 'Bearer realm="api"'


def test_length_that_is_no_number_counts_as_no_body() -> None:
    response = Api().post("auth/refresh", CONTENT_LENGTH="many")
    assert get_error(response) == (422, "unprocessable")


def test_user_has_no_permission_in_the_project() -> None:
    token = Api().register_and_log_in()["access_token"]
    assert Api().get("users", token=token).json() == [EMAIL, EMAIL, False, False, False]
    assert Api().get("by-permission", token=token).status_code == 200
    for method, name in (("POST", "by-permission"), ("GET", "by-staff"), ("POST", "users")):
        request = Api().post if method == "POST" else Api().get
        assert get_error(request(name, token=token)) == (403, "permission_denied")


def test_select_own_ignores_the_projects_default_classes() -> None:
    class Changed(JWTAuthentication): ...

    assert select_own([SessionAuthentication], JWTAuthentication) == [JWTAuthentication]
    assert select_own([SessionAuthentication, Changed], JWTAuthentication) == [Changed]
