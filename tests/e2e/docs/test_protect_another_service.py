"""The code of docs/guides/protect-another-service.md, with tokens of a real service."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest

from tests.support.guides import read_code_blocks
from tests.support.http import decode_claims, forge, sign
from tests.support.processes import PROCESS_ENVIRONMENT, ROOT, Service, run_service
from tests.support.python_client import forge_expired

SECRET = PROCESS_ENVIRONMENT["JWT_SECRET_KEY"]


def get_key_id(secret: str) -> str:
    """Run the command of docs/operate/keys.md."""
    page = (ROOT / "docs/operate/keys.md").read_text(encoding="utf-8")
    [script] = re.findall(r'^python -c "(from accounts.*)"$', page, re.MULTILINE)
    command = [sys.executable, "-c", script]
    return subprocess.check_output(command, input=secret, cwd=ROOT, text=True).strip()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def tokens(service: Service, email: str) -> dict[str, str]:
    service.register(email)
    tokens: dict[str, str] = service.login(email).json()
    return tokens


@pytest.fixture(scope="module")
def get_user() -> Callable[[str], str]:
    """The guide's function, with the service's secret."""
    module: dict[str, Any] = {}
    [code] = read_code_blocks("protect-another-service.md")
    exec(code, module)
    secrets = {get_key_id(SECRET): SECRET}
    return lambda token: module["get_user"](token, secrets)


def test_access_token_is_good(get_user: Any, tokens: dict[str, str], email: str) -> None:
    assert get_user(tokens["access_token"]) == email


def test_refresh_token_is_refused(get_user: Any, tokens: dict[str, str]) -> None:
    with pytest.raises(jwt.InvalidTokenError, match="not an access token"):
        get_user(tokens["refresh_token"])


def test_expired_token_is_refused(get_user: Any, tokens: dict[str, str], service: Service) -> None:
    with pytest.raises(jwt.ExpiredSignatureError):
        get_user(forge_expired(tokens["access_token"], service))


@pytest.mark.parametrize("changes", [{"kid": "0" * 16}, {"kid": ...}, {"alg": "HS512"}])
def test_token_with_other_header_is_refused(
    get_user: Any, tokens: dict[str, str], changes: dict[str, Any]
) -> None:
    with pytest.raises(jwt.InvalidTokenError):
        get_user(forge(tokens["access_token"], changes))


def test_forged_token_without_secret_is_refused(get_user: Any, tokens: dict[str, str]) -> None:
    header = {"alg": "HS256", "kid": "unknown"}
    with pytest.raises(jwt.InvalidTokenError):
        get_user(sign(header, decode_claims(tokens["access_token"]), key=""))
