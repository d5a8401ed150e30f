"""Clients that register users or log out without pause, and record what the service confirmed."""

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tests.support.api import JSON, PASSWORD
from tests.support.processes import START_SECONDS, Service
from tests.support.valkey import wait_until


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
            assert self._progress.wait_for(lambda: get_count() >= target, timeout=START_SECONDS)

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(START_SECONDS)
            assert not thread.is_alive(), "a request hangs"

    def _run(self, client: int) -> None:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._service.port, timeout=START_SECONDS
        )
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


class AccountLoad:
    """Client threads. Each registers an account, logs it in and logs it out, again and again."""

    numbers = itertools.count()

    def __init__(self, service: Service, clients: int = 2) -> None:
        self.registered: list[tuple[float, str]] = []
        """Time and e-mail of each confirmed registration."""
        self.logged_out: list[tuple[float, str]] = []
        """Time and access token of each confirmed logout."""
        self.refused: list[float] = []
        """Times of the responses 503."""
        self._service = service
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended = time.monotonic()
        self._stopped.set()
        for thread in self._threads:
            thread.join(START_SECONDS)
            assert not thread.is_alive(), "a request hangs"

    def wait_for_progress(self) -> None:
        """Wait until 100 more changes were confirmed."""
        target = self._count() + 100
        wait_until(lambda: self._count() >= target)

    def _count(self) -> int:
        return len(self.registered) + len(self.logged_out)

    def find_lost(self, exists: Callable[[str], bool]) -> list[float]:
        """Return the times of confirmed changes that were lost.

        A logout is lost if its access token works again. `exists` looks an account up.
        """
        lost = [time for time, email in self.registered if not exists(email)]
        connection = self._service.connect()
        try:
            lost += [time for time, token in self.logged_out if _accepts(connection, token)]
        finally:
            connection.close()
        return sorted(lost)

    def describe(self, lost: list[float]) -> str:
        times = sorted([*(time for time, _ in self.registered + self.logged_out), self._ended])
        longest = max((after - before for before, after in pairwise(times)), default=0.0)
        window = lost[-1] - lost[0] if lost else 0.0
        return (
            f"{len(self.registered)} registrations and {len(self.logged_out)} logouts confirmed, "
            f"{len(lost)} lost within {window:.1f} s; {len(self.refused)} requests refused, none "
            f"confirmed for {longest:.1f} s"
        )

    def _run(self) -> None:
        connection = self._service.connect()
        while not self._stopped.is_set():
            self._use_account(connection, f"load-{next(self.numbers)}@example.com")
        connection.close()

    def _use_account(self, connection: http.client.HTTPConnection, email: str) -> None:
        if self._send(connection, "register", {"email": email, "password": PASSWORD}) is None:
            return
        self.registered.append((time.monotonic(), email))
        tokens = self._send(connection, "login", {"email": email, "password": PASSWORD})
        if tokens is None:
            return
        body = {"refresh_token": tokens["refresh_token"]}
        if self._send(connection, "logout", body) is not None:
            self.logged_out.append((time.monotonic(), tokens["access_token"]))

    def _send(
        self, connection: http.client.HTTPConnection, name: str, fields: dict[str, str]
    ) -> dict[str, str] | None:
        """Return the body, or `None` after a 503, or for a login whose account was lost."""
        headers = {"Content-Type": JSON}
        connection.request("POST", f"/api/v1/auth/{name}", json.dumps(fields), headers)
        response = connection.getresponse()
        text = response.read()
        if response.status in {200, 201, 204}:
            return json.loads(text or b"{}")  # type: ignore[no-any-return]  # JSON
        assert response.status in {401, 503}, text
        if response.status == 503:
            assert json.loads(text)["code"] == "store_unavailable"
            self.refused.append(time.monotonic())
        return None


def _accepts(connection: http.client.HTTPConnection, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    connection.request("GET", "/api/v1/protected/profile", headers=headers)
    response = connection.getresponse()
    response.read()
    assert response.status in {200, 401}
    return response.status == 200
