"""Clients of a soak: they use the API as its contract says, and count what they should not see."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from bench.client import TIMEOUT_SECONDS
from bench.servers_under_test import OURS, PASSWORD

GRACE_SECONDS = 10
"""`REFRESH_REUSE_GRACE_SECONDS`: a refresh without a response must be repeated within it."""

RETRY_SECONDS = 0.2
PATIENCE_SECONDS = 60.0
PACE_SECONDS = 0.02

LOGOUT, LOGOUT_ALL, CHANGE, DELETE, SESSIONS = (
    f"/api/v1/auth/{name}"
    for name in ("logout", "logout-all", "password", "delete-account", "sessions")
)
WEIGHTS = {
    "refresh_tokens": 45,
    "get_profile": 45,
    "list_sessions": 5,
    "log_out": 2,
    "change_password": 1,
    "log_out_everywhere": 1,
    "register_another": 1,
}


class Unreachable(Exception):
    """The service has given no response for `PATIENCE_SECONDS`."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    repeated: bool
    """Whether an earlier attempt got no response: it may have been carried out."""
    seconds: float


@dataclass
class Record:
    """What all clients of a run have done and seen."""

    requests: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    lost_writes: list[str] = field(default_factory=list)
    false_logouts: list[str] = field(default_factory=list)
    late: int = 0
    """Sessions that ended because a retry came after the grace period."""


class Connection:
    """Repeats a request until there is a response that is not 503."""

    def __init__(self, port: int, record: Record) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        self._record = record

    def call(
        self,
        path: str,
        body: Mapping[str, str] | None = None,
        token: str = "",
        method: str = "POST",
    ) -> Answer:
        started, repeated = time.monotonic(), False
        while time.monotonic() - started < PATIENCE_SECONDS:
            response = self._try(method, path, body, token)
            if response and response[0] != HTTPStatus.SERVICE_UNAVAILABLE:
                return Answer(*response, repeated, time.monotonic() - started)
            repeated = True
            self._record.retries += 1
            time.sleep(RETRY_SECONDS)
        raise Unreachable(path)

    def _try(
        self, method: str, path: str, body: Mapping[str, str] | None, token: str
    ) -> tuple[int, Any] | None:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            self._connection.request(method, path, json.dumps(body) if body else None, headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return None
        return response.status, json.loads(text) if text else None

    def close(self) -> None:
        self._connection.close()


class Client:
    """A user with one session, in a thread of its own until `stopped` is set."""

    def __init__(self, number: int, port: int, record: Record) -> None:
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.error: Exception | None = None
        self._email = f"client{number}@example.com"
        self._password = PASSWORD
        self._connection = Connection(port, record)
        self._record = record
        self._random = random.Random(number)
        self._access_token, self._refresh_token = "", ""
        self._others: list[tuple[str, bool]] = []
        """Other accounts, and whether each was deleted."""
        self._ended: list[str] = []
        """Refresh tokens of sessions that were ended, with a response."""

    def _run(self) -> None:
        try:
            self._register(self._email)
            self._log_in()
            while not self.stopped.wait(PACE_SECONDS):
                [name] = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))
                getattr(self, f"_{name}")()
                self._record.requests[name] += 1
            self._verify()
        except Exception as error:  # noqa: BLE001  # main raises it
            self.error = error
        finally:
            self._connection.close()

    def _register(self, email: str) -> None:
        answer = self._connection.call(OURS.register, {"email": email, "password": PASSWORD})
        if answer.status != HTTPStatus.CREATED and not answer.repeated:
            raise AssertionError(f"registration of {email}: {answer}")

    def _log_in(self) -> None:
        credentials = {"email": self._email, "password": self._password}
        answer = self._connection.call(OURS.login, credentials)
        if answer.status != HTTPStatus.OK:
            self._lose(f"the account or password of {self._email}", answer)
            raise AssertionError(f"login of {self._email}: {answer}")
        self._keep(answer)

    def _keep(self, answer: Answer) -> None:
        self._access_token = answer.body["access_token"]
        self._refresh_token = answer.body["refresh_token"]

    def _do_refresh(self) -> Answer:
        return self._connection.call(OURS.refresh, {"refresh_token": self._refresh_token})

    def _get_profile(self) -> None:
        answer = self._connection.call(OURS.profile, token=self._access_token, method="GET")
        self._check_session("profile", answer)

    def _list_sessions(self) -> None:
        answer = self._connection.call(SESSIONS, token=self._access_token, method="GET")
        if not self._check_session("sessions", answer):
            return
        if [one["current"] for one in answer.body["sessions"]].count(True) != 1:
            self._lose("the login's own session in the list", answer)

    def _check_session(self, what: str, answer: Answer) -> bool:
        if answer.status == HTTPStatus.OK:
            return True
        if answer.body["code"] == "token_expired":
            self._refresh_tokens()
        else:
            self._note_logout(what, answer)
        return False

    def _refresh_tokens(self) -> None:
        answer = self._do_refresh()
        if answer.status == HTTPStatus.OK:
            self._keep(answer)
        else:
            self._note_logout("refresh", answer)

    def _note_logout(self, what: str, answer: Answer) -> None:
        if answer.repeated and answer.seconds > GRACE_SECONDS:
            self._record.late += 1
        else:
            self._record.false_logouts.append(f"{self._email}, {what}: {answer}")
        self._log_in()

    def _log_out(self) -> None:
        answer = self._connection.call(LOGOUT, {"refresh_token": self._refresh_token})
        if answer.status != HTTPStatus.NO_CONTENT:
            raise AssertionError(f"logout of {self._email}: {answer}")
        self._ended.append(self._refresh_token)
        self._expect_ended(self._refresh_token)
        self._log_in()

    def _log_out_everywhere(self) -> None:
        answer = self._connection.call(LOGOUT_ALL, token=self._access_token)
        if answer.status == HTTPStatus.NO_CONTENT or answer.repeated:
            self._ended.append(self._refresh_token)
            self._log_in()
        else:
            self._check_session("logout everywhere", answer)

    def _change_password(self) -> None:
        old, new = self._password, f"{PASSWORD} {self._random.random()}"
        body = {"current_password": old, "new_password": new}
        answer = self._connection.call(CHANGE, body, self._access_token)
        if answer.status == HTTPStatus.OK:
            self._ended.append(self._refresh_token)
            self._password = new
            self._keep(answer)
        elif answer.repeated:  # An attempt without a response has changed it.
            self._password = new
            self._log_in()
        else:
            self._check_session("password", answer)

    def _register_another(self) -> None:
        email = f"{len(self._others)}-{self._email}"
        self._register(email)
        is_deleted = self._random.random() < 0.5
        if is_deleted:
            self._delete(email)
        self._others.append((email, is_deleted))

    def _delete(self, email: str) -> None:
        credentials = {"email": email, "password": PASSWORD}
        tokens = self._connection.call(OURS.login, credentials)
        if tokens.status != HTTPStatus.OK:
            self._lose(f"the account {email}", tokens)
            return
        body = {"current_password": PASSWORD}
        answer = self._connection.call(DELETE, body, tokens.body["access_token"])
        if answer.status != HTTPStatus.NO_CONTENT and not answer.repeated:
            raise AssertionError(f"deletion of {email}: {answer}")

    def _verify(self) -> None:
        """Check all that was ever confirmed. Tokens of ended sessions must stay refused."""
        self._refresh_tokens()
        for email, is_deleted in self._others:
            answer = self._connection.call(OURS.login, {"email": email, "password": PASSWORD})
            if (answer.status == HTTPStatus.OK) == is_deleted:
                self._lose(f"the {'deletion' if is_deleted else 'account'} of {email}", answer)
        for token in self._ended:
            self._expect_ended(token)
        self._log_in()

    def _expect_ended(self, token: str) -> None:
        answer = self._connection.call(OURS.refresh, {"refresh_token": token})
        if answer.status != HTTPStatus.UNAUTHORIZED:
            self._lose("the end of a session", answer)

    def _lose(self, what: str, answer: Answer) -> None:
        self._record.lost_writes.append(f"{what}: {answer}")
