"""deploy/compose.yaml, linted, and its two services run with its commands, without an engine."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from authproject.server.granian_server import SHUTDOWN_SECONDS
from tests.support.deploy.confined import build_confined_command, make_writable_folder
from tests.support.deploy.containerfile import Image
from tests.support.ports import free_port
from tests.support.processes import ROOT, START_SECONDS
from tests.support.system_programs import find_program
from tests.support.valkey import ask, valkey_binary, wait_until

COMPOSE = ROOT / "deploy" / "compose.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
SERVICE, VALKEY = DOCUMENT["services"]["authproject"], DOCUMENT["services"]["valkey"]
PASSWORD = "a-password-of-letters-and-digits-1"

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


def test_compose_file_contains_no_secret() -> None:
    assert re.findall(r"PASSWORD: (.*)", COMPOSE.read_text(encoding="utf-8")) == [
        "${VALKEY_PASSWORD:?set it in deploy/.env}"
    ]
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert SERVICE["env_file"] in ignored


def test_image_version_is_pinned() -> None:
    assert re.fullmatch(r"valkey/valkey:\d+\.\d+\.\d+-[a-z]+", VALKEY["image"])


def test_stop_grace_period_exceeds_shutdown_time() -> None:
    assert int(SERVICE["stop_grace_period"].removesuffix("s")) > SHUTDOWN_SECONDS + 2


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"))


@contextmanager
def valkey(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the file's command as an unprivileged user who can write to the volume and /tmp."""
    volume, tmp = make_writable_folder(folder / "data"), make_writable_folder(folder / "valkey-tmp")
    shell, options, script = VALKEY["command"]
    server = f"{valkey_binary()} - --port {port} --bind 127.0.0.1 --set-proc-title no"
    for here, there in {"$$": "$", "dir /data": f"dir {volume}", "valkey-server -": server}.items():
        assert here in script
        script = script.replace(here, there)
    process = subprocess.Popen(
        build_confined_command([f"/bin/{shell}", options, script], [volume, tmp]),
        env={"VALKEY_PASSWORD": PASSWORD, "PATH": os.defpath, "TMPDIR": str(tmp)},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: ask(port, "PING").startswith(b"-NOAUTH"))
        yield process
    finally:
        process.kill()
        process.wait(START_SECONDS)


def store_url(port: int) -> str:
    url: str = SERVICE["environment"]["STORE_URL"]
    url = re.sub(r"\$\{VALKEY_PASSWORD:[^}]*\}", PASSWORD, url)
    return url.replace("@valkey:6379", f"@127.0.0.1:{port}")


@linux
def test_account_survives_kill_of_valkey(image: Image, tmp_path: Path) -> None:
    port = free_port()
    environment = {"STORE_URL": store_url(port), "ALLOWED_HOSTS": "127.0.0.1"}
    with image.running(tmp_path, *SERVICE["command"], **environment) as service:
        assert service.request("GET", "/health/ready").status == 503
        with valkey(tmp_path, port):
            wait_until(lambda: service.request("GET", "/health/ready").status == 200)
            assert service.register().status == 201
            access = service.login().json()["access_token"]
        with valkey(tmp_path, port):
            wait_until(lambda: service.profile(access).status == 200)
        assert len(service.workers()) == 2


@linux
def test_valkey_settings_cause_no_warning(image: Image, tmp_path: Path) -> None:
    port = free_port()
    with (
        valkey(tmp_path, port),
        image.running(tmp_path, *SERVICE["command"], STORE_URL=store_url(port)) as service,
    ):
        wait_until(lambda: service.request("GET", "/health/ready").status == 200)
        assert '"level":"WARNING"' not in service.log
        # It may read the configuration; otherwise it could not warn.
        assert client(port).config_get("appendfsync") == {"appendfsync": "always"}


@linux
@pytest.mark.parametrize(
    "command", ["FLUSHALL", "CONFIG SET requirepass x", "KEYS *", "GET other", "SHUTDOWN"]
)
def test_valkey_user_may_only_access_accounts(command: str, tmp_path: Path) -> None:
    port = free_port()
    with valkey(tmp_path, port), pytest.raises(redis.exceptions.NoPermissionError):
        client(port).execute_command(*command.split())


def client(port: int) -> Any:
    return redis.Redis(port=port, password=PASSWORD, decode_responses=True)


@linux
def test_valkey_health_check_fails_once_it_is_killed(tmp_path: Path) -> None:
    port = free_port()
    with valkey(tmp_path, port):
        assert run_health_check(tmp_path, port) == 0
    assert run_health_check(tmp_path, port) != 0


def run_health_check(folder: Path, port: int) -> int:
    """Run the file's health check with redis-cli, which is compatible with valkey-cli."""
    client = find_program("redis-server").replace("redis-server", "redis-cli")
    kind, command = VALKEY["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    command = command.replace("$$", "$").replace("valkey-cli", f"{client} -p {port}")
    environment = {"VALKEY_PASSWORD": PASSWORD, "PATH": os.defpath}
    return subprocess.run(["/bin/sh", "-c", command], env=environment, check=False).returncode


@linux
def test_valkey_password_is_not_on_command_line(tmp_path: Path) -> None:
    with valkey(tmp_path, free_port()) as process:
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"valkey-server" in line
        assert PASSWORD.encode() not in line
