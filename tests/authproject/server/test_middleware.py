"""What the middleware remembers."""

from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from authproject.server.middleware import REMEMBERED_HOSTS, AllowedHostsMiddleware


def test_the_hosts_that_are_remembered_are_bounded(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    middleware = AllowedHostsMiddleware(lambda request: HttpResponse())
    for number in range(2 * REMEMBERED_HOSTS):
        middleware(RequestFactory().get("/", headers={"Host": f"host{number}.example"}))
    assert len(middleware._known) == REMEMBERED_HOSTS
