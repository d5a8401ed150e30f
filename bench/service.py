"""A service process to measure, and calls to it."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

PORT = 8791
ACCOUNT = {"email": "bench@example.com", "password": "correct horse battery"}
SERVE = ("manage.py", "serve", "--port", str(PORT))


def call(method: str, path: str, body: dict[str, str]) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer: dict[str, str] = json.loads(response.read())
    connection.close()
    return answer


@contextmanager
def served(command: Sequence[str]) -> Iterator[None]:
    environment = os.environ | {
        "JWT_SECRET_KEY": "the-secret-of-the-benchmark-is-long-enough",
        "ENVIRONMENT": "production",
        "ALLOWED_HOSTS": "127.0.0.1",
        "STORE_URL": "memory://",  # never the store of the developer's .env
        "SEED_USERS_FILE": "",
        "BCRYPT_ROUNDS": "12",
        "DJANGO_SETTINGS_MODULE": "authproject.settings",
    }
    server = subprocess.Popen(
        [sys.executable, *command], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_it_answers()
        yield
    finally:
        server.terminate()
        server.wait()


def wait_until_it_answers() -> None:
    for _ in range(200):
        try:
            http.client.HTTPConnection("127.0.0.1", PORT).request("GET", "/health")
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server did not start")
