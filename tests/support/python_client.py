"""What the tests of docs/examples/client.py share."""

from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from tests.support.api import PASSWORD
from tests.support.http import decode_claims, forge
from tests.support.processes import ROOT, Service

PROFILE = "/api/v1/protected/profile"


class TokenStorage:
    """A `Storage` of the example, in which tests read and replace the client's tokens."""

    def __init__(self) -> None:
        self.tokens: dict[str, Any] | None = None

    def load(self) -> dict[str, Any] | None:
        return self.tokens

    def save(self, tokens: dict[str, Any] | None, /) -> None:
        self.tokens = tokens

    @property
    def access_token(self) -> str:
        return self._get("access_token")

    @property
    def refresh_token(self) -> str:
        return self._get("refresh_token")

    def _get(self, name: str) -> str:
        assert self.tokens is not None
        return str(self.tokens[name])


def load_example() -> Any:
    """Import docs/examples/client.py, which is in no package."""
    spec = spec_from_file_location("client", ROOT / "docs" / "examples" / "client.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build_client(example: Any, service: Service, email: str, storage: TokenStorage) -> Any:
    """Register a user and return an `AuthClient` that is logged in."""
    client = example.AuthClient(f"http://127.0.0.1:{service.port}", storage=storage)
    client.register(email, PASSWORD)
    client.login(email, PASSWORD)
    return client


def forge_expired(access_token: str, service: Service) -> str:
    """Return the same access token, but expired, so that no test has to wait."""
    issued_at = decode_claims(access_token)["iat"]
    expired = forge(access_token, iat=issued_at - 60, exp=issued_at - 1)
    assert service.profile(expired).json()["code"] == "token_expired"
    return expired


def expire_access_token(client: Any, storage: TokenStorage, service: Service) -> None:
    """Replace the client's access token by an expired one."""
    expired = forge_expired(storage.access_token, service)
    storage.tokens = {**(storage.tokens or {}), "access_token": expired}
    assert client.restore()
