"""compose.yaml, linted, and its two services run with its commands, without an engine."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from authproject.server.granian_server import SHUTDOWN_SECONDS
from tests.support.deploy.confined import build_confined_command, make_writable_folder
from tests.support.deploy.containerfile import Image
from tests.support.ports import free_port
from tests.support.processes import ROOT, START_SECONDS, Service
from tests.support.system_programs import find_program
from tests.support.valkey import ask, valkey_binary, wait_until

COMPOSE = ROOT / "compose.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
SERVICE, VALKEY = DOCUMENT["services"]["authproject"], DOCUMENT["services"]["valkey"]
MAKE_SECRETS = DOCUMENT["services"]["make-secrets"]
SECRETS = {"jwt-secret-key": 0o600, "valkey-password": 0o644}

every_service = pytest.mark.parametrize("name", DOCUMENT["services"])
linux = pytest.mark.skipif(sys.platform != "linux", reason="containers need Linux")


def test_compose_file_is_valid() -> None:
    pytest.importorskip("check_jsonschema", reason="pip install -r requirements-dev.txt")
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    found = subprocess.run([*check, COMPOSE], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@every_service
def test_container_has_minimal_rights(name: str) -> None:
    service = DOCUMENT["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit"} <= service.keys()
    assert "privileged" not in service


def test_ports_are_local_and_store_is_internal() -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICE["ports"])
    assert "ports" not in VALKEY
    assert VALKEY["networks"] == ["store"]
    assert DOCUMENT["networks"]["store"] == {"internal": True}


def test_compose_file_needs_no_other_file() -> None:
    assert SERVICE["env_file"] == [{"path": "deploy/.env", "required": False}]
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    # A variable of Compose itself would be a second place for settings.
    assert re.findall(r"(?<!\$)\$\w|(?<!\$)\$\{", COMPOSE.read_text(encoding="utf-8")) == []


def test_image_version_is_pinned() -> None:
    assert re.fullmatch(r"valkey/valkey:\d+\.\d+\.\d+-[a-z]+", VALKEY["image"])


def test_stop_grace_period_exceeds_shutdown_time() -> None:
    assert int(SERVICE["stop_grace_period"].removesuffix("s")) > SHUTDOWN_SECONDS + 2


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def secrets(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the secrets, after two starts."""
    folder = make_writable_folder(tmp_path_factory.mktemp("compose") / "secrets")
    make_secrets(image, folder)
    first = {path.name: path.read_text() for path in folder.iterdir()}
    make_secrets(image, folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    return folder


def make_secrets(image: Image, folder: Path) -> None:
    [script] = adapt(MAKE_SECRETS["command"], {"/secrets": str(folder)})
    command = image.command(script, entrypoint=MAKE_SECRETS["entrypoint"])
    subprocess.run(build_confined_command(command, [folder]), env={}, check=True)


def adapt(texts: list[str], changes: dict[str, str]) -> list[str]:
    """Replace what is a name of a container's."""
    assert all(any(here in text for text in texts) for here in changes)
    for here, there in changes.items():
        texts = [text.replace(here, there) for text in texts]
    return texts


@contextmanager
def valkey(folder: Path, port: int, secrets: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the file's command as an unprivileged user who can write to the volume and /tmp."""
    volume, tmp = make_writable_folder(folder / "data"), make_writable_folder(folder / "valkey-tmp")
    server = f"{valkey_binary()} - --port {port} --bind 127.0.0.1 --set-proc-title no"
    changes = {"$$": "$", "/data": str(volume), "valkey-server -": server, "/secrets": str(secrets)}
    shell, options, script = adapt(VALKEY["command"], changes)
    process = subprocess.Popen(
        build_confined_command([f"/bin/{shell}", options, script], [volume, tmp]),
        env={"PATH": os.defpath, "TMPDIR": str(tmp)},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: ask(port, "PING").startswith(b"-NOAUTH"))
        yield process
    finally:
        process.kill()
        process.wait(START_SECONDS)


def running(
    image: Image, folder: Path, port: int, secrets: Path
) -> AbstractContextManager[Service]:
    """Run the service with its Valkey at `port`."""
    changes = {"$$": "$", "@valkey:6379": f"@127.0.0.1:{port}", "/secrets": str(secrets)}
    entrypoint = adapt(SERVICE["entrypoint"], changes)
    return image.running(folder, *SERVICE["command"], entrypoint=entrypoint, JWT_SECRET_KEY="")


@linux
@pytest.mark.parametrize(("name", "mode"), SECRETS.items())
def test_secret_is_random_and_kept(secrets: Path, name: str, mode: int) -> None:
    assert len((secrets / name).read_text()) == 64
    assert (secrets / name).stat().st_mode & 0o777 == mode
    assert {path.name for path in secrets.iterdir()} == SECRETS.keys()


@linux
def test_account_survives_kill_of_valkey(image: Image, secrets: Path, tmp_path: Path) -> None:
    port = free_port()
    with running(image, tmp_path, port, secrets) as service:
        assert service.request("GET", "/health/ready").status == 503
        with valkey(tmp_path, port, secrets):
            wait_until(lambda: service.request("GET", "/health/ready").status == 200)
            assert service.register().status == 201
            access = service.login().json()["access_token"]
        with valkey(tmp_path, port, secrets):
            wait_until(lambda: service.profile(access).status == 200)
        assert len(service.workers()) == 2


@linux
def test_valkey_settings_cause_no_warning(image: Image, secrets: Path, tmp_path: Path) -> None:
    port = free_port()
    with (
        valkey(tmp_path, port, secrets),
        running(image, tmp_path, port, secrets) as service,
    ):
        wait_until(lambda: service.request("GET", "/health/ready").status == 200)
        assert '"level":"WARNING"' not in service.log
        # It may read the configuration; otherwise it could not warn.
        assert client(port, secrets).config_get("appendfsync") == {"appendfsync": "always"}


@linux
@pytest.mark.parametrize(
    "command", ["FLUSHALL", "CONFIG SET requirepass x", "KEYS *", "GET other", "SHUTDOWN"]
)
def test_valkey_user_may_only_access_accounts(command: str, secrets: Path, tmp_path: Path) -> None:
    port = free_port()
    with valkey(tmp_path, port, secrets), pytest.raises(redis.exceptions.NoPermissionError):
        client(port, secrets).execute_command(*command.split())


def client(port: int, secrets: Path) -> Any:
    password = (secrets / "valkey-password").read_text()
    return redis.Redis(port=port, password=password, decode_responses=True)


@linux
def test_valkey_health_check_fails_once_it_is_killed(secrets: Path, tmp_path: Path) -> None:
    port = free_port()
    with valkey(tmp_path, port, secrets):
        assert run_health_check(port, secrets) == 0
    assert run_health_check(port, secrets) != 0


def run_health_check(port: int, secrets: Path) -> int:
    """Run the file's health check with redis-cli, which is compatible with valkey-cli."""
    client = find_program("redis-server").replace("redis-server", "redis-cli")
    changes = {"$$": "$", "valkey-cli": f"{client} -p {port}", "/secrets": str(secrets)}
    kind, command = adapt(VALKEY["healthcheck"]["test"], changes)
    assert kind == "CMD-SHELL"
    environment = {"PATH": os.defpath}
    return subprocess.run(["/bin/sh", "-c", command], env=environment, check=False).returncode


@linux
def test_valkey_password_is_not_on_command_line(secrets: Path, tmp_path: Path) -> None:
    with valkey(tmp_path, free_port(), secrets) as process:
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"valkey-server" in line
        assert (secrets / "valkey-password").read_bytes() not in line
