"""What the tests of docs/examples/client.py share."""

from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from tests.support.api import PASSWORD
from tests.support.http import decode_claims, forge
from tests.support.processes import ROOT, Service

PROFILE = "/api/v1/protected/profile"


def load_example() -> Any:
    """Import docs/examples/client.py, which is in no package."""
    spec = spec_from_file_location("client", ROOT / "docs" / "examples" / "client.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build_client(example: Any, service: Service, email: str) -> Any:
    """Register a user and return an `AuthClient` that is logged in."""
    service.register(email)
    client = example.AuthClient(f"http://127.0.0.1:{service.port}")
    client.login(email, PASSWORD)
    return client


def expire_access_token(client: Any, service: Service) -> None:
    """Replace the client's access token by an expired one, so that no test has to wait."""
    access = client._session["access_token"]
    issued_at = decode_claims(access)["iat"]
    expired = forge(access, iat=issued_at - 60, exp=issued_at - 1)
    assert service.profile(expired).json()["code"] == "token_expired"
    client._session["access_token"] = expired
