"""Clients that register as fast as they are answered, and remember what was acknowledged."""

import http.client
import json
import threading
from collections.abc import Callable
from typing import Any

from tests.support.api import JSON, PASSWORD
from tests.support.processes import Service


class Storm:
    """So many clients, each on one connection; a client ends when its connection does."""

    def __init__(self, service: Service, name: str, clients: int = 8) -> None:
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self._service = service
        self._name = name
        self._stopped = threading.Event()
        self._progress = threading.Condition()
        self._threads = [
            threading.Thread(target=self._register, args=(number,)) for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int, *, what: Callable[["Storm"], list[Any]]) -> None:
        """Wait until so many answers of a kind have come."""
        with self._progress:
            assert self._progress.wait_for(lambda: len(what(self)) >= count, timeout=30)

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a request hangs"

    def _register(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._service.port, timeout=20)
        try:
            for number in range(1_000_000):
                if self._stopped.is_set():
                    break
                self._one(connection, f"{self._name}-{client}-{number}@example.com")
        except (OSError, http.client.HTTPException):
            pass  # The service was killed.
        finally:
            connection.close()

    def _one(self, connection: http.client.HTTPConnection, email: str) -> None:
        body = json.dumps({"email": email, "password": PASSWORD})
        connection.request("POST", "/api/v1/auth/register", body, {"Content-Type": JSON})
        response = connection.getresponse()
        answer = response.read()
        with self._progress:
            if response.status == 201:
                self.acknowledged.append(email)
            else:
                assert response.status == 503, answer
                assert json.loads(answer)["code"] == "store_unavailable"
                assert response.headers["Retry-After"]
                self.refused.append(response.status)
            self._progress.notify_all()


def lost(service: Service, acknowledged: list[str]) -> list[str]:
    """Return which acknowledged users cannot log in."""
    return [email for email in acknowledged if service.login(email).status != 200]
