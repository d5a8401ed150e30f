"""Sends requests to a server on this machine."""

import http.client
import json
from collections.abc import Mapping
from typing import Any

TIMEOUT_SECONDS = 20


def call(
    port: int, method: str, path: str, body: Mapping[str, str] | None = None, token: str = ""
) -> tuple[int, Any]:
    """Send one request on a new connection. Return status and JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def is_up(port: int, path: str) -> bool:
    """Return whether the server responds. 401 counts, too."""
    try:
        status, _ = call(port, "GET", path)
    except (OSError, http.client.HTTPException):
        return False
    return status in (http.HTTPStatus.OK, http.HTTPStatus.UNAUTHORIZED)
