"""What the tests of docs/examples/client.py share."""

from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from tests.support.api import EMAIL, PASSWORD
from tests.support.processes import ROOT, Service
from tests.support.valkey import eventually

PROFILE = "/api/v1/protected/profile"
SHORT_ACCESS_TOKENS = {"ACCESS_TOKEN_EXPIRE_MINUTES": "0.04"}
"""Two seconds, so that at least one is left: expiry times are whole seconds."""
STRICT_ROTATION = {
    **SHORT_ACCESS_TOKENS,
    "ROTATE_REFRESH_TOKENS": "true",
    "REFRESH_REUSE_GRACE_SECONDS": "0",
}


def load_example() -> Any:
    """Import docs/examples/client.py, which is in no package."""
    spec = spec_from_file_location("client", ROOT / "docs" / "examples" / "client.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def log_in(example: Any, service: Service) -> Any:
    """Register the test user and return an `AuthClient` that is logged in."""
    service.register()
    client = example.AuthClient(f"http://127.0.0.1:{service.port}")
    client.login(EMAIL, PASSWORD)
    return client


def wait_until_expired(client: Any, service: Service) -> None:
    """Wait until the service rejects the client's access token as expired."""
    access = client._session["access_token"]
    eventually(lambda: service.profile(access).status == 401)
    assert service.profile(access).json()["code"] == "token_expired"
