"""The endpoints: each validates its body, calls the service and responds."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, cast
from urllib.parse import quote

from rest_framework.decorators import action
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.settings import api_settings
from rest_framework.utils.serializer_helpers import ReturnDict
from rest_framework.viewsets import GenericViewSet

from accounts.authentication import JWTAuthentication
from accounts.backends import AuthenticatedUser
from accounts.conf import MAX_BODY_BYTES, conf
from accounts.domain.claims import Claims
from accounts.domain.errors import TokenError, TokenRevoked
from accounts.domain.interfaces import StoreAccess
from accounts.domain.service import AccountService, TokenPair
from accounts.domain.sessions import Session, clean_client
from accounts.domain.users import User
from accounts.profiles import ProfileSerializer, RegisterSerializer, get_profile_serializer_class
from accounts.refresh_cookie import (
    check_csrf,
    delete_refresh_cookie,
    set_refresh_cookie,
    take_cookie,
    uses_cookie,
)
from accounts.rest.exceptions import exception_handler
from accounts.rest.negotiation import CachedContentNegotiation, IgnoreAcceptNegotiation
from accounts.rest.parsers import JSONParser
from accounts.rest.renderers import JSONRenderer
from accounts.rest.responses import NO_SESSION, Response
from accounts.rest.views import BaseAPIView
from accounts.serializers import (
    BodySerializer,
    ChangePasswordSerializer,
    CurrentPasswordSerializer,
    LoginSerializer,
    RefreshTokenSerializer,
)
from accounts.services import get_services

UNENCODED = "!#$&'*+-/=?^_`{|}~@"
"""What `Remote-User` has as it is, besides letters and digits: RFC 5322 §3.2.3, but no `%`."""


def select_own(classes: Iterable[Any], default: type[Any]) -> list[type[Any]]:
    """Return those of DRF's default classes that derive from this app's; else `default`."""
    own = __name__.partition(".")[0]
    return [
        one
        for one in classes
        if any(base.__module__.partition(".")[0] == own for base in one.__mro__)
    ] or [default]


post = partial(action, detail=False, methods=["post"], store_access=StoreAccess.WRITE)
authenticated: dict[str, Any] = {
    "authentication_classes": select_own(
        api_settings.DEFAULT_AUTHENTICATION_CLASSES, JWTAuthentication
    ),
    "permission_classes": [IsAuthenticated],
}
tracked: dict[str, Any] = {**authenticated, "enabled_by": "TRACK_SESSIONS"}


@cache
def get_validator(serializer_class: type[BaseSerializer[Any]]) -> BaseSerializer[Any]:
    """Return a shared serializer; use only `run_validation`, which keeps no state.

    A new serializer for each request would cost 26 µs, measured on refresh.
    """
    return serializer_class()


class AccountViewSet(BaseAPIView, GenericViewSet[Any]):
    """The base of both viewsets. They respond in the same way in every project.

    So they use none of DRF's default classes, except those of this app, as for the browsable API.
    """

    permission_classes = authenticated["permission_classes"]
    authentication_classes = authenticated["authentication_classes"]
    parser_classes = select_own(api_settings.DEFAULT_PARSER_CLASSES, JSONParser)
    renderer_classes = select_own(api_settings.DEFAULT_RENDERER_CLASSES, JSONRenderer)
    content_negotiation_class = CachedContentNegotiation
    versioning_class = None
    max_body_bytes = MAX_BODY_BYTES

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Forbid to store any response: it has tokens or a user's data."""
        return {**super().default_response_headers, "Cache-Control": "no-store"}

    def get_exception_handler(self) -> Any:
        return exception_handler

    @property
    def service(self) -> AccountService:
        return get_services().accounts

    def get_serializer_class(self) -> Any:
        # drf-spectacular asks for one where a view takes no body, too.
        return self.serializer_class or BodySerializer

    def validated_data(self, request: Request) -> dict[str, Any]:
        """Return the validated body. Raises `ValidationError`."""
        validator = get_validator(self.get_serializer_class())
        return cast(dict[str, Any], validator.run_validation(request.data))


class AuthViewSet(AccountViewSet):
    """Register, log in, refresh, log out, change the password, delete the account."""

    authentication_classes = []
    permission_classes = [AllowAny]

    cookie_token: str | None = None
    """The refresh token that the request has taken from the cookie."""

    @post(serializer_class=RegisterSerializer, hashes_password=True)
    def register(self, request: Request) -> Response:
        """Create an account."""
        user = self.service.register(**self.get_serializer().run_validation(request.data))
        return Response({"message": "User registered", "email": user.email}, status=201)

    @post(name="Log in", serializer_class=LoginSerializer, hashes_password=True)
    def login(self, request: Request) -> Response:
        """Exchange e-mail and password for an access and a refresh token."""
        if uses_cookie(request):
            check_csrf(request)
        client = get_client(request)
        tokens = self.service.login(**self.validated_data(request), client=client)
        return _build_token_response(request, tokens, in_cookie=uses_cookie(request))

    # A project's function may wait for a network or a disk: it must not run where others wait.
    @post(
        serializer_class=RefreshTokenSerializer,
        store_access=StoreAccess.WRITE if conf.TOKEN_CLAIMS is None else None,
    )
    def refresh(self, request: Request) -> Response:
        """Exchange a refresh token for an access token and, with rotation, a new refresh token."""
        tokens = self.service.refresh(self.take_refresh_token(request))
        in_cookie = self.cookie_token is not None
        return _build_token_response(request, tokens, in_cookie=in_cookie)

    @post(name="Log out", serializer_class=RefreshTokenSerializer)
    def logout(self, request: Request) -> Response:
        """End the session that a token belongs to."""
        ended = self.service.logout(self.take_refresh_token(request))
        response = _build_end_response(request, delete_cookie=self.cookie_token is not None)
        if not ended:
            response.log_code = NO_SESSION
        return response

    @post(
        name="Log out everywhere",
        url_path="logout-all",
        **authenticated,
        serializer_class=BodySerializer,
    )
    def logout_all(self, request: Request) -> Response:
        """End every session of the user, this one too."""
        self.service.logout_all(_get_claims(request))
        return _build_end_response(request, delete_cookie=uses_cookie(request))

    @post(**authenticated, serializer_class=ChangePasswordSerializer, hashes_password=True)
    def password(self, request: Request) -> Response:
        """Change the password; every other session of the user ends."""
        body = self.validated_data(request)
        tokens = self.service.change_password(
            _get_claims(request),
            body["current_password"],
            body["new_password"],
            client=get_client(request),
        )
        return _build_token_response(request, tokens, in_cookie=uses_cookie(request))

    @post(
        url_path="delete-account",
        **authenticated,
        serializer_class=CurrentPasswordSerializer,
        hashes_password=True,
    )
    def delete_account(self, request: Request) -> Response:
        """Delete the account; every token of it is invalid at once."""
        password = self.validated_data(request)["current_password"]
        self.service.delete_account(_get_claims(request), password)
        return _build_end_response(request, delete_cookie=uses_cookie(request))

    @action(detail=False, methods=["get"], store_access=StoreAccess.WRITE, **tracked)
    def sessions(self, request: Request) -> Response:
        """List the user's sessions, the newest login first."""
        claims = _get_claims(request)
        sessions = self.service.list_sessions(claims)
        return Response({"sessions": [_to_json(session, claims) for session in sessions]})

    @post(
        name="End a session",
        url_path="sessions/<str:id>/revoke",
        **tracked,
        serializer_class=BodySerializer,
    )
    def revoke_session(self, request: Request, id: str) -> Response:  # noqa: A002  # as in the path
        """End one session of the user; it may be the one of this request."""
        self.service.revoke_session(_get_claims(request), id)
        return Response(status=204)

    @action(
        detail=False,
        methods=["get"],
        store_access=StoreAccess.IDENTITY,
        # No cookie: a proxy asks by GET for requests of any method, which CSRF could forge.
        authentication_classes=[JWTAuthentication],
        permission_classes=[IsAuthenticated],
        # `Accept` is the client's, and meant for the service behind the proxy.
        renderer_classes=[JSONRenderer],
        content_negotiation_class=IgnoreAcceptNegotiation,
    )
    def verify(self, request: Request) -> Response:
        """Verify an access token for a proxy, and name its user in `Remote-User`."""
        email = cast(AuthenticatedUser, request.user).email
        return Response(status=204, headers={"Remote-User": quote(email, safe=UNENCODED)})

    def get_extra_action_url_map(self) -> dict[str, str]:
        """Return the endpoints that the page of another one links to: those that are enabled."""
        actions: list[Any] = self.get_extra_actions()
        views = [self.__class__(**action.kwargs) for action in actions]
        disabled = {view.get_view_name() for view in views if not view.is_enabled}
        links: dict[str, str] = super().get_extra_action_url_map()
        return {name: url for name, url in links.items() if name not in disabled}

    def take_refresh_token(self, request: Request) -> str:
        """Return the refresh token of the body or else of the cookie.

        Raises `ValidationError` or `CSRFFailed`.
        """
        if conf.REFRESH_TOKEN_COOKIE:
            self.cookie_token = take_cookie(request)
        return self.cookie_token or self.validated_data(request)["refresh_token"]

    def handle_exception(self, exc: Exception) -> Response:
        """Delete the cookie if its token is not accepted."""
        response = cast(Response, super().handle_exception(exc))
        if isinstance(exc, TokenError) and self.cookie_token is not None:
            delete_refresh_cookie(self.request, response)
        return response


class ProtectedViewSet(AccountViewSet):
    """An example of an endpoint that requires an access token.

    It shows the fields that a project adds to its users. With such fields, PATCH changes them.
    """

    serializer_class = get_profile_serializer_class()  # chosen when the URLs are loaded

    @action(detail=False, methods=["get"], store_access=StoreAccess.IDENTITY)
    def profile(self, request: Request) -> Response:
        """Show who the token's user is."""
        return self._build_profile_response(cast(AuthenticatedUser, request.user).user)

    def update_profile(self, request: Request) -> Response:
        """Change the fields that are sent."""
        user = cast(AuthenticatedUser, request.user).user
        serializer = cast(ProfileSerializer, self.get_serializer(user.profile))
        changes = serializer.parse_changes(request.data)
        updated = self.service.update_profile(_get_claims(request), changes)
        return self._build_profile_response(updated)

    if serializer_class is not None:
        profile.mapping.patch(update_profile)

    def _build_profile_response(self, user: User) -> Response:
        body = {"email": user.email, "message": "This is protected data"}
        if self.serializer_class is None:
            return Response(body)
        # The browsable API makes its form from the serializer.
        serializer = self.get_serializer(user.profile)
        return Response(ReturnDict({**body, **serializer.data}, serializer=serializer))


def get_client(request: Request) -> str | None:
    """Return what a list of sessions shows of the browser or program."""
    return clean_client(request.META.get("HTTP_USER_AGENT"))


def _to_json(session: Session, claims: Claims) -> dict[str, Any]:
    return {
        "id": session.sid,
        "created_at": _format_time(session.created_at),
        "last_refreshed_at": _format_time(session.last_refreshed_at),
        "current": session.sid == claims.sid,
        "client": session.client,
    }


def _format_time(seconds: float | None) -> str | None:
    """Return the time in ISO 8601, in UTC."""
    if seconds is None:
        return None
    time = datetime.fromtimestamp(seconds, UTC)
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _get_claims(request: Request) -> Claims:
    """Return the token's claims; those of an imagined one after DRF's `force_authenticate(user)`.

    Raises `TokenRevoked` if that user has no account any more.
    """
    if request.auth is not None:
        return cast(Claims, request.auth)
    user = get_services().accounts.store.get_user(cast(AuthenticatedUser, request.user).user.email)
    if user is None:
        raise TokenRevoked
    return Claims(
        email=user.email,
        security_stamp=user.security_stamp,
        sid="",
        jti="",
        issued_at=0,
        expires_at=0,
    )


def _build_token_response(request: Request, tokens: TokenPair, *, in_cookie: bool) -> Response:
    body = {"access_token": tokens.access_token}
    if tokens.refresh_token is not None and not in_cookie:
        body["refresh_token"] = tokens.refresh_token
    response = Response({**body, "token_type": "bearer", "expires_in": tokens.expires_in})
    response.tokens = tokens
    if tokens.refresh_token is not None and in_cookie:
        set_refresh_cookie(request, response, tokens)
    return response


def _build_end_response(request: Request, *, delete_cookie: bool) -> Response:
    response = Response(status=204)
    if delete_cookie:
        delete_refresh_cookie(request, response)
    return response
