"""Calls to a server on this machine."""

import http.client
import json
from collections.abc import Mapping
from typing import Any

SECONDS = 20
"""No call waits for longer; far above what any takes."""


def call(
    port: int, method: str, path: str, body: Mapping[str, str] | None = None, token: str = ""
) -> tuple[int, Any]:
    """Send one request on a connection of its own; return the status and the JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def answers(port: int, path: str) -> bool:
    """Tell whether the server answers at all: 401 is an answer too."""
    try:
        status, _ = call(port, "GET", path)
    except (OSError, http.client.HTTPException):
        return False
    return status in (http.HTTPStatus.OK, http.HTTPStatus.UNAUTHORIZED)
