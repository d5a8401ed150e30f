"""Applications with a constant response: the speed of the server alone, for each interface."""

from collections.abc import Callable, Iterable
from typing import Any

BODY = b'{"email":"bench@example.com","message":"This is protected data"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [BODY]


async def rsgi(scope: Any, protocol: Any) -> None:
    protocol.response_bytes(200, HEADERS, BODY)
