"""Random requests: the response is never a server error, and errors have the documented shape."""

import json
import os
from typing import Any

import pytest

pytest.importorskip("hypothesis", reason="needs requirements-dev.txt")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.api import JSON, Api
from tests.support.http import BODIES, ENDPOINTS, FORM, get_error, send

# One service for all examples of a test: it must still respond after them.
SAME_SERVICE = [HealthCheck.function_scoped_fixture]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))  # `make fuzz` takes more
few_examples = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SAME_SERVICE)

TEXT = st.text(st.characters(codec=None), max_size=60)  # lone surrogates too
HEADER = st.binary(max_size=80).map(lambda raw: raw.decode("latin-1"))  # as WSGI servers decode it
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
FIELD_VALUES = TEXT | st.emails() | JSON_VALUES

PATHS = st.sampled_from(list(BODIES))


@pytest.fixture
def token(api: Api) -> str:
    access_token: str = api.register_and_log_in()["access_token"]
    return access_token


def assert_valid(response: Any) -> None:
    """The response is a success, or a client error in the documented shape."""
    assert response.status_code < 500
    if response.status_code >= 400:
        get_error(response)
    assert response["X-Request-ID"]


@given(path=PATHS, value=JSON_VALUES)
@few_examples
def test_any_json_body_gets_valid_response(api: Api, token: str, path: str, value: Any) -> None:
    body = json.dumps(value).encode()
    assert_valid(send(api, f"/api/v1/{path}", body, token=token))


@given(path=PATHS, data=st.data())
@few_examples
def test_any_field_values_get_valid_response(
    api: Api, token: str, path: str, data: st.DataObject
) -> None:
    body = {field: data.draw(FIELD_VALUES, field) for field in BODIES[path]}
    assert_valid(send(api, f"/api/v1/{path}", json.dumps(body).encode(), token=token))


@given(path=PATHS, body=st.binary(max_size=200), media_type=st.sampled_from([JSON, FORM]))
@few_examples
def test_any_bytes_get_valid_response(
    api: Api, token: str, path: str, body: bytes, media_type: str
) -> None:
    assert_valid(send(api, f"/api/v1/{path}", body, media_type, token=token))


@given(body=st.binary(max_size=200))
@few_examples
def test_any_multipart_body_gets_valid_response(api: Api, body: bytes) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="email"' + body + b"\r\n--x--"
    assert_valid(send(api, "/api/v1/auth/register", part, "multipart/form-data; boundary=x"))


@given(header=HEADER, scheme=st.sampled_from(["", "Bearer ", "Basic "]))
@few_examples
def test_any_authorization_header_is_401(api: Api, header: str, scheme: str) -> None:
    headers = {"Authorization": scheme + header}
    response = api.client.get("/api/v1/protected/profile", headers=headers)
    status, code = get_error(response)
    assert (status, code) in {(401, "token_invalid"), (401, "not_authenticated")}
    assert response["WWW-Authenticate"].startswith('Bearer realm="api"')


@given(text=TEXT | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
@few_examples
def test_any_text_is_invalid_refresh_token(api: Api, text: str) -> None:
    assert get_error(api.refresh(text)) == (401, "token_invalid")
    assert api.logout(text).status_code == 204


@given(
    names=st.lists(
        st.sampled_from(["Accept", "Host", "Origin", "X-Request-ID", "Cookie", "Range"]),
        unique=True,
    ),
    value=HEADER,
    path=st.sampled_from(list(ENDPOINTS)),
)
@few_examples
def test_any_header_gets_valid_response(api: Api, names: list[str], value: str, path: str) -> None:
    headers = dict.fromkeys(names, value)
    assert_valid(send(api, path, method=ENDPOINTS[path], headers=headers))


@given(
    path=st.binary(max_size=60),
    query=st.binary(max_size=60),
    method=st.sampled_from(["GET", "PUT"]),
)
@few_examples
def test_any_path_and_query_get_valid_response(
    api: Api, path: bytes, query: bytes, method: str
) -> None:
    environ: dict[str, Any] = {
        "PATH_INFO": f"/{path.decode('latin-1')}",
        "QUERY_STRING": query.decode("latin-1"),
    }
    assert_valid(send(api, "/", method=method, **environ))
