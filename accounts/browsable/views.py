"""The browsable API's pages "Log in", "Log out" and "Not found"."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.template import loader
from django.urls import get_script_prefix
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accounts.browsable.authentication import enforce_csrf, is_same_origin
from accounts.browsable.cookies import REFRESH_COOKIE, delete_auth_cookies, set_auth_cookies
from accounts.rest import exceptions
from accounts.rest.negotiation import MAX_ACCEPT_LENGTH
from accounts.rest.parsers import FormParser, MultiPartParser
from accounts.rest.renderers import JSONRenderer
from accounts.rest.responses import NO_SESSION, Response
from accounts.rest.views import BaseAPIView
from accounts.serializers import LoginSerializer
from accounts.services import get_services
from accounts.viewsets import get_client


class FormRenderer(BaseRenderer):
    """Renders the page from its view's template."""

    media_type = "text/html"
    format = "html"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = renderer_context or {}
        view: AuthFormView = context["view"]
        variables = {"error": data, "email": view.email, "next": view.next_url}
        return loader.render_to_string(view.template, variables, context["request"])


class AuthFormView(BaseAPIView):
    """A page with one form. HTML only: a client that accepts only JSON gets status 406."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (FormParser, MultiPartParser)
    renderer_classes = (FormRenderer,)
    schema = None  # not part of the OpenAPI document
    template: ClassVar[str]
    email = ""
    """Shown again after an error, unless another site has sent the form."""
    next_url = ""
    """The path to open after success; set for each request."""

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        if force:  # DRF forces a renderer for an error if nothing in `Accept` is available.
            return JSONRenderer(), JSONRenderer.media_type
        return super().perform_content_negotiation(request, force)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.email = request.POST.get("email", "") if is_same_origin(request) else ""
        self.next_url = _get_safe_next_url(
            request.POST.get("next") or request.query_params.get("next", "")
        )
        enforce_csrf(request)


class LoginView(AuthFormView):
    """Log in to the browsable API."""

    hashes_password = True
    template = "accounts/login.html"

    def get(self, request: Request) -> Response:
        return Response()

    def post(self, request: Request) -> HttpResponseRedirect:
        # A dictionary of its own: to a form without the checkbox, a session would be short.
        credentials = LoginSerializer().run_validation(dict(request.POST.items()))
        tokens = get_services().accounts.login(**credentials, client=get_client(request))
        _end_session(request)
        rotate_token(request)
        response = HttpResponseRedirect(self.next_url)
        set_auth_cookies(response, tokens)
        return response


class LogoutView(AuthFormView):
    """Log out of the browsable API."""

    template = "accounts/logout.html"

    def post(self, request: Request) -> HttpResponseRedirect:
        response = HttpResponseRedirect(self.next_url)
        if not _end_session(request):
            response.log_code = NO_SESSION  # type: ignore[attr-defined]  # as on `Response`
        delete_auth_cookies(response)
        return response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return a page for an unknown path if `Accept` prefers HTML, else JSON (`handler404`)."""
    response: Any = exceptions.not_found(request, exception)
    if _prefers_html(request):
        context = {"detail": response.error.detail, "root": get_script_prefix()}
        page = loader.render_to_string("accounts/not_found.html", context, request)
        response.content, response.headers["Content-Type"] = page, "text/html; charset=utf-8"
    patch_vary_headers(response, ["Accept"])
    return cast(HttpResponse, response)


def _prefers_html(request: HttpRequest) -> bool:
    # Of an `Accept` of 400 KB, which no browser sends, Django would parse each item for a second.
    if len(request.headers.get("Accept", "")) > MAX_ACCEPT_LENGTH:
        return False
    with suppress(ValueError):  # Django raises it for a parameter in an unknown charset.
        return request.get_preferred_type([JSONRenderer.media_type, "text/html"]) == "text/html"
    return False


def _end_session(request: Request) -> bool:
    return get_services().accounts.logout(request.COOKIES.get(REFRESH_COOKIE, ""))


def _get_safe_next_url(url: str) -> str:
    """Return the URL if it is a path of this service, else the front page."""
    root = get_script_prefix()
    is_own = url.startswith(root) and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return url if is_own else root
