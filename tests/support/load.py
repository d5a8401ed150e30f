"""Clients that register users without pause, and record what the service confirmed."""

import http.client
import json
import threading
from collections.abc import Callable
from typing import Any

from tests.support.api import JSON, PASSWORD
from tests.support.processes import Service


class RegistrationLoad:
    """Client threads, each with one connection. A thread ends when its connection breaks."""

    def __init__(self, service: Service, name: str, clients: int = 4) -> None:
        self.registered: list[str] = []
        self.unavailable: list[int] = []
        self._service = service
        self._name = name
        self._stopped = threading.Event()
        self._progress = threading.Condition()
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for_registered(self, more: int) -> None:
        """Wait until so many more users were registered."""
        self._wait_for(lambda: len(self.registered), more)

    def wait_for_unavailable(self, more: int) -> None:
        """Wait until so many more requests were answered with 503."""
        self._wait_for(lambda: len(self.unavailable), more)

    def _wait_for(self, get_count: Callable[[], int], more: int) -> None:
        with self._progress:
            target = get_count() + more
            assert self._progress.wait_for(lambda: get_count() >= target, timeout=30)

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a request hangs"

    def _run(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._service.port, timeout=20)
        try:
            for number in range(1_000_000):
                if self._stopped.is_set():
                    break
                self._register(connection, f"{self._name}-{client}-{number}@example.com")
        except (OSError, http.client.HTTPException):
            pass  # the service was killed
        finally:
            connection.close()

    def _register(self, connection: http.client.HTTPConnection, email: str) -> None:
        response, body = _post(connection, "register", email)
        with self._progress:
            if response.status == 201:
                self.registered.append(email)
            else:
                assert response.status == 503, body
                assert json.loads(body)["code"] == "store_unavailable"
                assert response.headers["Retry-After"]
                self.unavailable.append(response.status)
            self._progress.notify_all()


def find_lost_users(service: Service, registered: list[str]) -> list[str]:
    """Return the users who cannot log in."""
    connection = service.connect()
    try:
        return [email for email in registered if _post(connection, "login", email)[0].status != 200]
    finally:
        connection.close()


def _post(connection: http.client.HTTPConnection, name: str, email: str) -> tuple[Any, bytes]:
    body = json.dumps({"email": email, "password": PASSWORD})
    connection.request("POST", f"/api/v1/auth/{name}", body, {"Content-Type": JSON})
    response = connection.getresponse()
    return response, response.read()
