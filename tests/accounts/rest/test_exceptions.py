"""Every error has the one JSON shape, whatever raised it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError

from accounts.domain.errors import TokenExpired, WrongCurrentPassword
from accounts.passwords.hasher import BcryptHasher
from accounts.rest.exceptions import (
    CSRFFailed,
    UnsupportedContentEncoding,
    error_response,
    exception_handler,
    server_error,
)
from authproject.monitoring.formatters import JSONLineFormatter
from tests.support.api import EMAIL, JSON, PASSWORD, Api, MovableClock, get_field_codes
from tests.support.custom_views import Conflict
from tests.support.http import (
    BODIES,
    ENDPOINTS,
    BuggyStore,
    Start,
    UnreachableStore,
    get_error,
    send,
)
from tests.support.logs import LogLines, capture_log_lines
from tests.support.passwords import build_full_executor
from tests.support.sessions import change_password

HTML = {"Accept": "text/html"}
INVALID = (400, "invalid")
UNAVAILABLE = (503, "store_unavailable")

custom_views = pytest.mark.urls("tests.support.custom_views")


# Bugs


@pytest.fixture
def buggy_api(start: Start, clock: MovableClock) -> Api:
    """A service with a bug in its store."""
    start().accounts.store = BuggyStore(clock)
    return Api()


@pytest.fixture
def log() -> Iterator[LogLines]:
    yield from capture_log_lines(JSONLineFormatter())


def get_tracebacks(log: LogLines) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in log.text.splitlines()]
    return [record for record in records if "exception" in record]


def test_bug_is_500_with_its_request_id(buggy_api: Api) -> None:
    response = buggy_api.login()
    assert get_error(response) == (500, "server_error")
    assert set(response.json()) == {"detail", "code", "request_id"}
    assert response.json()["request_id"] == response["X-Request-ID"]


def test_bug_has_the_request_id_of_the_client(buggy_api: Api) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    response = send(buggy_api, "/api/v1/auth/login", body, headers={"X-Request-ID": "my-name"})
    assert response.json()["request_id"] == "my-name"


def test_bug_response_reveals_no_internals(buggy_api: Api) -> None:
    content = buggy_api.login().content.decode()
    for internal in (BuggyStore.SECRET, "Traceback", "RuntimeError", ".py"):
        assert internal not in content


def test_bug_is_logged_once_with_its_traceback(buggy_api: Api, log: LogLines) -> None:
    response = buggy_api.login()
    [record] = get_tracebacks(log)
    assert record["level"] == "ERROR"
    assert record["request_id"] == response.json()["request_id"]
    assert record["exception"].startswith("Traceback")
    assert BuggyStore.SECRET in record["exception"]


def test_bug_is_json_for_browsers_too(buggy_api: Api) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    response = send(buggy_api, "/api/v1/auth/login", body, headers=HTML)
    assert get_error(response) == (500, "server_error")


# The service is unavailable


@pytest.fixture
def overloaded_api(start: Start) -> Api:
    """A service with a full hashing queue, and one account."""
    services = start()
    api = Api()
    api.register()
    executor = build_full_executor()
    services.accounts.hasher = BcryptHasher(rounds=4, executor=executor)
    return api


@pytest.mark.parametrize("path", ["auth/register", "auth/login"])
def test_full_hashing_queue_is_503(overloaded_api: Api, path: str) -> None:
    response = overloaded_api.post(path, {"email": f"new.{EMAIL}", "password": PASSWORD})
    assert get_error(response) == (503, "overloaded")
    assert int(response["Retry-After"]) > 0


def test_full_hashing_queue_reveals_no_account(overloaded_api: Api) -> None:
    responses = [overloaded_api.login(email) for email in (EMAIL, f"x{EMAIL}")]
    assert [get_error(response) for response in responses] == [(503, "overloaded")] * 2
    assert responses[0].content == responses[1].content


def test_full_hashing_queue_stops_only_hashing(overloaded_api: Api) -> None:
    assert overloaded_api.client.get("/health/ready").status_code == 200
    assert get_error(overloaded_api.profile(None)) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "path", ["register", "login", "refresh", "logout", "logout-all", "password"]
)
def test_unreachable_store_is_503(start: Start, clock: MovableClock, path: str) -> None:
    services = start()
    api = Api()
    tokens = api.register_and_log_in()
    services.accounts.store = UnreachableStore(clock)
    body = {
        "email": EMAIL,
        "password": PASSWORD,
        "refresh_token": tokens["refresh_token"],
        "current_password": PASSWORD,
        "new_password": PASSWORD,
    }
    response = api.post(f"auth/{path}", body, token=tokens["access_token"])
    assert get_error(response) == UNAVAILABLE
    assert int(response["Retry-After"]) > 0


def test_profile_with_unreachable_store_is_no_401(start: Start, clock: MovableClock) -> None:
    services = start()
    api = Api()
    token = api.register_and_log_in()["access_token"]
    services.accounts.store = UnreachableStore(clock)
    response = api.profile(token)
    assert get_error(response) == UNAVAILABLE
    assert "WWW-Authenticate" not in response


def test_readiness_with_unreachable_store_is_503(start: Start, clock: MovableClock) -> None:
    start().accounts.store = UnreachableStore(clock)
    response = Api().client.get("/health/ready")
    assert get_error(response) == UNAVAILABLE
    assert int(response["Retry-After"]) > 0


def test_unreachable_store_logs_no_traceback(
    start: Start, clock: MovableClock, log: LogLines
) -> None:
    start().accounts.store = UnreachableStore(clock)
    Api().login()
    assert get_tracebacks(log) == []


# Django's and DRF's own errors


def test_body_of_disconnected_client_is_400(api: Api) -> None:
    class Disconnected:
        def read(self, *size: int) -> bytes:
            raise ConnectionResetError

        readline = read

    environ: dict[str, Any] = {"wsgi.input": Disconnected(), "CONTENT_LENGTH": "9"}
    assert get_error(send(api, "/api/v1/auth/login", **environ)) == (400, "parse_error")


@pytest.mark.parametrize("host", ["evil.example", "", "[::1", "testserver:x", "\xff"])
def test_unknown_host_is_invalid_host(api: Api, host: str) -> None:
    for path in ("/", "/api/v1/auth/login", "/nowhere"):
        response = api.client.get(path, headers={"Host": host})
        assert get_error(response) == (400, "invalid_host")


def test_unknown_path_is_404(api: Api) -> None:
    assert get_error(api.client.get("/nowhere")) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", sorted(set(ENDPOINTS) - {"/", "/api/v1", "/api/v1/"}))
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


def test_unknown_method_is_405(api: Api) -> None:
    response = send(api, "/api/v1/auth/login", b"{}", method="BREW")
    assert get_error(response) == (405, "method_not_allowed")


@pytest.mark.parametrize("accept", ["image/png", "application/xml", "text/html", "text/plain"])
def test_health_is_only_json(api: Api, accept: str) -> None:
    response = api.client.get("/health", headers={"Accept": accept})
    assert get_error(response) == (406, "not_acceptable")


def test_request_with_406_changes_nothing(api: Api) -> None:
    body = json.dumps(BODIES["auth/register"]).encode()
    response = send(api, "/api/v1/auth/register", body, headers={"Accept": "image/png"})
    assert get_error(response) == (406, "not_acceptable")
    assert api.register().status_code == 201


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "json", "text/json"])
def test_other_media_type_is_415(api: Api, media_type: str) -> None:
    body = json.dumps(BODIES["auth/register"]).encode()
    response = send(api, "/api/v1/auth/register", body, media_type)
    assert get_error(response) == (415, "unsupported_media_type")


@pytest.mark.urls("tests.support.views_forbidden")
def test_permission_denied_of_a_django_view_is_403(api: Api) -> None:
    assert get_error(api.client.get("/forbidden")) == (403, "permission_denied")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html;q=0.5, application/json"])
@pytest.mark.parametrize(
    "path", ["/", "/api/v1/auth/login", "/api/v1/protected/profile", "/nowhere", "/health"]
)
def test_error_is_json_unless_html_is_preferred(api: Api, path: str, accept: str) -> None:
    response = api.client.get(path, headers={"Accept": accept})
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        *[f"/api/v1/auth/{name}" for name in ("register", "login", "refresh", "logout")],
        "/api/v1/auth/logout-all",
        "/api/v1/auth/password",
        "/api/v1/auth/delete-account",
        "/api/v1/protected/profile",
        "/api/v1/",
    ],
)
def test_error_is_a_page_for_browsers(api: Api, path: str, method: str) -> None:
    token = api.register_and_log_in()["access_token"]
    response = send(api, path, b'{"email": "\\u0000"}', method=method, token=token, headers=HTML)
    assert response.status_code < 500
    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_error_page_escapes_its_values(api: Api) -> None:
    script = "<script>alert(1)</script>"
    response = send(api, "/api/v1/auth/login", b"{}", f"text/{script}", headers=HTML)
    assert response.status_code == 415
    assert script not in response.content.decode()


# Exceptions of another project's views


def post_custom(api: Api, path: str, body: Any = None) -> Any:
    return api.client.post(path, body or {}, content_type=JSON)


@custom_views
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"tags": [1, "x"]}, {"tags.1": ["invalid"]}),
        ({"tags": "x"}, {"tags": ["not_a_list"]}),
        ({"address": {"street": "too long"}}, {"address.street": ["max_length"]}),
        ({"address": "x"}, {"address.non_field_errors": ["invalid"]}),
        (
            {"others": [{"street": "x"}, {"street": "too long"}]},
            {"others.1.street": ["max_length"]},
        ),
        ({"name": "too long", "tags": ["x"]}, {"name": ["max_length"], "tags.0": ["invalid"]}),
    ],
)
def test_nested_field_has_a_dotted_name(
    api: Api, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    response = post_custom(api, "/notes", {"name": "x", **body})
    assert get_error(response) == INVALID
    assert get_field_codes(response) == errors


@custom_views
def test_missing_nested_field_is_422(api: Api) -> None:
    response = post_custom(api, "/notes", {"name": "x", "address": {}})
    assert get_error(response) == (422, "unprocessable")
    assert get_field_codes(response) == {"address.street": ["required"]}


@custom_views
def test_items_of_a_list_are_numbered(api: Api) -> None:
    response = post_custom(api, "/many", [{"name": "x"}, {"name": "too long"}])
    assert get_error(response) == INVALID
    assert get_field_codes(response) == {"1.name": ["max_length"]}


@custom_views
def test_text_detail_is_a_non_field_error(api: Api) -> None:
    response = post_custom(api, "/text")
    assert get_error(response) == INVALID
    entry = {"detail": "It cannot be.", "code": "impossible"}
    assert response.json()["errors"] == {"non_field_errors": [entry]}


@custom_views
def test_detail_without_code_is_invalid(api: Api) -> None:
    assert get_field_codes(post_custom(api, "/nameless-code")) == {"non_field_errors": ["invalid"]}


@custom_views
def test_throttled_request_is_429_with_retry_after(api: Api) -> None:
    response = post_custom(api, "/throttled")
    assert get_error(response) == (429, "throttled")
    assert response["Retry-After"] == "3"
    assert "Retry-After" not in post_custom(api, "/for-ever")


@custom_views
@pytest.mark.parametrize(
    ("path", "code", "challenge"),
    [
        ("/failed", "authentication_failed", 'Bearer realm="api"'),
        ("/unwelcome", "unwelcome", 'Bearer realm="api"'),
        ("/basic", "not_authenticated", 'Basic realm="notes"'),
    ],
)
def test_401_has_the_challenge_of_its_view(api: Api, path: str, code: str, challenge: str) -> None:
    response = post_custom(api, path)
    assert get_error(response) == (401, code)
    assert response["WWW-Authenticate"] == challenge


@custom_views
@pytest.mark.parametrize(
    ("path", "exception_class", "text"),
    [("/conflict", Conflict, "taken"), ("/forbidden", PermissionDenied, "Not yours.")],
)
def test_details_by_field_are_errors_by_field_and_the_default_detail_is_above(
    api: Api, path: str, exception_class: type[APIException], text: str
) -> None:
    response = post_custom(api, path)
    code = exception_class.default_code
    assert get_error(response) == (exception_class.status_code, code)
    assert response.json()["errors"] == {"name": [{"detail": text, "code": code}]}
    assert response.json()["detail"] == exception_class.default_detail


def test_field_error_has_the_detail_of_its_class(api: Api) -> None:
    token = api.register_and_log_in()["access_token"]
    response = change_password(api, token, current="wrong horse")
    entry = {"detail": WrongCurrentPassword.detail, "code": WrongCurrentPassword.code}
    assert response.json()["errors"] == {WrongCurrentPassword.field: [entry]}


@custom_views
@pytest.mark.parametrize(
    ("path", "error"),
    [("/denied", (403, "permission_denied")), ("/missing", (404, "not_found"))],
)
def test_exception_of_django_in_a_drf_view_is_as_of_drf(
    api: Api, path: str, error: tuple[int, str]
) -> None:
    assert get_error(post_custom(api, path)) == error


@custom_views
def test_exception_without_code_has_default_code(api: Api) -> None:
    assert get_error(post_custom(api, "/teapot")) == (500, "error")


def test_error_outside_of_views_keeps_its_headers() -> None:
    assert error_response(UnsupportedContentEncoding())["Accept-Encoding"] == "identity"


def test_bug_before_the_request_has_an_id_has_none() -> None:
    assert json.loads(server_error(HttpRequest()).content)["request_id"] is None


@pytest.mark.parametrize("exception_class", [ValidationError, PermissionDenied])
def test_form_of_a_page_gets_the_details_as_they_were_raised(
    exception_class: type[APIException],
) -> None:
    exception = exception_class({"tags": [["one"], ["another"]]})
    response = exception_handler(exception, {})
    assert response is not None
    assert response.error is not None
    assert response.error.nested_errors == exception.detail


def test_plain_text_among_the_details_is_invalid() -> None:
    """DRF's own details have a code. Others set `detail` to what they like."""
    exception = ValidationError()
    exception.detail = {"name": ["taken"]}  # type: ignore[list-item]  # a plain text is what is tested
    response = exception_handler(exception, {})
    assert response is not None
    assert response.data["errors"] == {"name": [{"detail": "taken", "code": "invalid"}]}


def test_reason_of_a_refused_token_is_for_logs_and_metrics_only() -> None:
    response = exception_handler(TokenExpired(100), {})
    assert response is not None
    assert response.error is not None
    reasons = (response.error.token_reason, response.error.log_reason)
    assert reasons == ("expired", "expired 100 s ago")
    assert response.data == {"detail": TokenExpired.detail, "code": TokenExpired.code}


def test_reason_of_a_csrf_failure_is_for_the_log_only() -> None:
    class ForeignOrigin(CSRFFailed):
        log_reason = "foreign_origin"

    response = exception_handler(ForeignOrigin(), {})
    assert response is not None
    assert response.error is not None
    assert response.error.log_reason == "foreign_origin"
    assert "foreign_origin" not in str(response.data)
