"""Records what a version writes: a journal, records of Valkey, tokens and an `.env`.

    git worktree add /tmp/old VERSION
    export DJANGO_SETTINGS_MODULE=tests.settings
    python manage.py shell -c "from tests.support import upgrade_data
    upgrade_data.main('/tmp/old', '/tmp/old/.venv/bin/python', 'NAME')"

It runs the service in that folder with its own Python, and writes tests/e2e/upgrades/data/NAME/.
What is recorded once is never changed: tests read it with the present version for ever.
"""

import json
import os
import subprocess
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis

from tests.support.ports import free_port
from tests.support.processes import Service, run_process
from tests.support.valkey import Server, valkey_binary

DATA = Path(__file__).parents[1] / "e2e" / "upgrades" / "data"
SECRET = "the-secret-of-the-upgrade-tests-is-no-secret"
OLD_SECRET = "the-earlier-secret-of-the-upgrade-tests-is-none-either"
SETTINGS = {
    "JWT_SECRET_KEY": SECRET,
    "JWT_SECRET_KEY_FALLBACKS": OLD_SECRET,
    "ROTATE_REFRESH_TOKENS": "true",
    "BCRYPT_ROUNDS": "4",
}
NEW_SETTINGS = {"TRACK_SESSIONS": "true", "REFRESH_TOKEN_SLIDING_DAYS": "30"}
"""They are turned on in a version that has them."""

PASSWORD = "pässwörd of ﷺ 🐎"
NEW_PASSWORD = "another pässwörd 🐎"
USER = "user@example.com"
UNICODE_USER = "jürgen@bücher.example"
CHANGED_USER = "changed@example.com"
REVOKED_USER = "revoked@example.com"
DISABLED_USER = "disabled@example.com"
DELETED_USER = "deleted@example.com"

Recorded = dict[str, Any]
"""The time after the last request, and the responses with tokens."""


class Version:
    """The service in the folder of another version."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder = folder
        self._python = python
        example = (folder / ".env.example").read_text()
        self.settings = SETTINGS | {
            name: value for name, value in NEW_SETTINGS.items() if name in example
        }
        self.manages_accounts = (folder / "accounts/management/commands/accounts.py").exists()

    def run(self, log: Path, store_url: str) -> Any:
        port = free_port()
        command = [self._python, "manage.py", "serve", "--port", str(port)]
        environment = self._environment(store_url)
        return run_process(command, port=port, log=log, folder=self.folder, environment=environment)

    def manage(self, store_url: str, *command: str) -> None:
        subprocess.run(
            [self._python, "manage.py", *command],
            cwd=self.folder,
            env=self._environment(store_url),
            check=True,
        )

    def build_env(self) -> str:
        """Return an `.env` with all of the version's settings, most of them at their defaults."""
        lines = (self.folder / ".env.example").read_text().splitlines()
        names = [line.removeprefix("#") for line in lines if line[1:2].isupper() or line[:1] == "J"]
        defaults = dict(line.split("=", 1) for line in names if "=" in line.split(" ")[0])
        return "".join(f"{name}={value}\n" for name, value in (defaults | self.settings).items())

    def _environment(self, store_url: str) -> dict[str, str]:
        kept = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
        return kept | self.settings | {"STORE_URL": store_url}


def make_accounts(service: Service) -> Recorded:
    """Bring accounts and sessions into every state that requests can."""
    for email in (USER, UNICODE_USER, CHANGED_USER, REVOKED_USER, DISABLED_USER, DELETED_USER):
        send(service, "register", {"email": email, "password": PASSWORD})
    tokens: Recorded = {
        "untouched": log_in(service, USER),
        "unicode": log_in(service, UNICODE_USER),
        "changed": log_in(service, CHANGED_USER),
        "revoked_user": log_in(service, REVOKED_USER),
        "disabled": log_in(service, DISABLED_USER),
        "deleted": log_in(service, DELETED_USER),
        "logged_out": log_in(service, USER),
        "rotated_0": log_in(service, USER),
    }
    passwords = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    tokens["changed_new"] = send(service, "password", passwords, tokens["changed"])
    send(service, "logout-all", None, tokens["revoked_user"])
    send(service, "logout", {"refresh_token": tokens["logged_out"]["refresh_token"]})
    for number in (1, 2):
        used = tokens[f"rotated_{number - 1}"]["refresh_token"]
        tokens[f"rotated_{number}"] = send(service, "refresh", {"refresh_token": used})
    return {"time": time.time(), **tokens}


def log_in(service: Service, email: str) -> dict[str, Any]:
    tokens: dict[str, Any] = send(service, "login", {"email": email, "password": PASSWORD})
    return tokens


def send(
    service: Service,
    action: str,
    body: dict[str, str] | None,
    tokens: dict[str, Any] | None = None,
) -> Any:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"} if tokens else {}
    response = service.post(f"auth/{action}", body, **headers)
    assert response.status < 300, (action, response)
    return response.json() if response.body else None


def record(version: Version, folder: Path, store_url: str) -> Recorded:
    with version.run(folder / "service.log", store_url) as service:
        tokens = make_accounts(service)
    if version.manages_accounts:
        version.manage(store_url, "accounts", "disable", DISABLED_USER)
        version.manage(store_url, "accounts", "delete", "--yes", DELETED_USER)
    return tokens


def dump(url: str) -> dict[str, Any]:
    """Return the value of each key: a text, or the members of a set."""
    with closing(redis.Redis.from_url(url, decode_responses=True)) as client:
        return {key: read(client, key) for key in sorted(client.scan_iter())}


def read(client: Any, key: str) -> Any:
    match client.type(key):
        case "string":
            return client.get(key)
        case "set":
            return sorted(client.smembers(key))
        case other:
            raise ValueError(other)


def main(folder: str, python: str, name: str) -> None:
    version = Version(Path(folder), python)
    target = DATA / name
    target.mkdir(parents=True)
    with TemporaryDirectory() as temporary:
        file_tokens = record(version, Path(temporary), f"file://{target}/accounts.jsonl")
        server = Server(valkey_binary(), Path(temporary))
        url = server.url.replace("valkey", "redis")
        valkey_tokens = record(version, Path(temporary), f"{server.url}/0")
        write_json(target / "valkey.json", dump(url))
        server.kill()
    write_json(
        target / "tokens.json",
        {
            "manages_accounts": version.manages_accounts,
            "file": file_tokens,
            "valkey": valkey_tokens,
        },
    )
    (target / "env").write_text(version.build_env())
    for lock in target.glob("*.lock"):
        lock.unlink()


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
