import pytest

from tests.support.api import Api

FRONT_END = "http://localhost:3000"


@pytest.fixture
def preflight(api: Api) -> dict[str, str]:
    headers = {
        "Origin": FRONT_END,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    response = api.client.options("/api/v1/protected/profile", headers=headers)
    assert response.status_code == 200
    return {name.lower(): value for name, value in response.items()}


def test_listed_origin_may_send_its_token(preflight: dict[str, str]) -> None:
    assert preflight["access-control-allow-origin"] == FRONT_END
    assert "authorization" in preflight["access-control-allow-headers"]


@pytest.mark.parametrize("host", ["192.168.0.2:8000", "", "[::1"])
def test_listed_origin_may_read_the_error_about_its_host(api: Api, host: str) -> None:
    headers = {"Host": host, "Origin": FRONT_END, "Access-Control-Request-Method": "GET"}
    preflight = api.client.options("/api/v1/protected/profile", headers=headers)
    response = api.client.get("/api/v1/protected/profile", headers=headers)
    assert (preflight.status_code, response.json()["code"]) == (200, "invalid_host")
    for one in (preflight, response):
        assert one["Access-Control-Allow-Origin"] == FRONT_END


def test_foreign_origin_may_not_read_the_error_about_its_host(api: Api) -> None:
    headers = {"Host": "evil.example", "Origin": "http://evil.example"}
    response = api.client.get("/api/v1/protected/profile", headers=headers)
    assert response.status_code == 400
    assert "Access-Control-Allow-Origin" not in response


def test_listed_origin_may_send_a_request_id(preflight: dict[str, str]) -> None:
    assert "x-request-id" in preflight["access-control-allow-headers"]


@pytest.mark.parametrize(
    "name",
    [
        *("traceparent", "tracestate", "baggage", "sentry-trace", "idempotency-key"),
        *("x-requested-with", "cache-control", "content-type"),
    ],
)
def test_listed_origin_may_send_usual_header(preflight: dict[str, str], name: str) -> None:
    assert name in preflight["access-control-allow-headers"].split(", ")


def test_listed_origin_may_read_errors(api: Api) -> None:
    response = api.client.get("/api/v1/protected/profile", headers={"Origin": FRONT_END})
    assert response.status_code == 401
    assert response["Access-Control-Allow-Origin"] == FRONT_END
    assert "www-authenticate" in response["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:3001", "null", "http://[::1"]
)
def test_foreign_origin_may_read_nothing(api: Api, origin: str) -> None:
    response = api.client.get("/health", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in response
