"""A project's own view that raises Django's `PermissionDenied`."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path


def forbid(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


urlpatterns = [path("forbidden", forbid)]
handler403 = "accounts.rest.exceptions.permission_denied"
