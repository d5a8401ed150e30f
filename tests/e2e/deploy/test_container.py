"""deploy/Containerfile, linted, and its service run from the files that the image would have."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandParser, load_command_class

from authproject.server.startup import EX_CONFIG
from tests.support.api import EMAIL
from tests.support.deploy.confined import build_confined_command
from tests.support.deploy.confinement import CONTAINER_USER
from tests.support.deploy.containerfile import (
    CONTAINERFILE,
    Image,
    build_context,
    get_image_instructions,
    read_instructions,
)
from tests.support.processes import ROOT, START_SECONDS

linux = pytest.mark.skipif(sys.platform != "linux", reason="containers need Linux")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"))


def test_hadolint_accepts_containerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed: pip install -r requirements-dev.txt")
    found = subprocess.run(
        [hadolint, "--no-color", "--failure-threshold", "style", CONTAINERFILE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_both_stages_use_one_pinned_slim_python() -> None:
    images = [rest.partition(" ")[0] for name, rest in read_instructions() if name == "FROM"]
    assert len(images) == 2
    assert len(set(images)) == 1
    assert re.fullmatch(r"python:3\.1[123]\.\d+-slim-[a-z]+", images[0])


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "deploy/.env",
        ".git/config",
        ".venv/bin/python",
        "tests/settings.py",
        "accounts.jsonl",
        "users.jsonl",
        "accounts/__pycache__/urls.cpython-313.pyc",
        "accounts/core/__pycache__/users.cpython-313.pyc",
        "docs/openapi.json",
    ],
)
def test_file_is_not_in_build_context(path: str) -> None:
    assert build_context([path]) == set()


def test_copied_files_are_in_build_context() -> None:
    copied = [rest.split()[0] for name, rest in read_instructions() if name == "COPY"]
    sources = {ROOT / path for path in copied if not path.startswith("--from")}
    assert all(source.exists() for source in sources)
    files = {str(next(iter(_files(source))).relative_to(ROOT)) for source in sources}
    assert build_context(files) == files


def _files(source: Path) -> list[Path]:
    return sorted(source.rglob("*.py")) if source.is_dir() else [source]


def test_containerfile_sets_no_secret() -> None:
    names = [
        name for name, rest in read_instructions() if re.search("SECRET|PASSWORD|STORE_URL", rest)
    ]
    assert names == []


def test_user_is_numeric_and_not_root() -> None:
    # Kubernetes' runAsNonRoot accepts only a numeric user.
    assert get_image_instructions("USER") == [f"{CONTAINER_USER}:{CONTAINER_USER}"]


def test_service_listens_on_all_addresses() -> None:
    [command] = get_image_instructions("CMD")
    assert json.loads(command) == ["serve", "--host", "0.0.0.0"]


def test_exposed_port_is_default_of_serve() -> None:
    parser: CommandParser = load_command_class("authproject", "serve").create_parser("", "serve")
    assert get_image_instructions("EXPOSE") == [str(parser.get_default("port"))]


@linux
def test_image_serves_and_writes_only_to_volume(image: Image, tmp_path: Path) -> None:
    store = (tmp_path / "accounts" / "accounts.jsonl").as_uri()
    with image.running(tmp_path, ALLOWED_HOSTS="127.0.0.1", STORE_URL=store) as service:
        assert service.register().status == 201
        assert service.profile(service.login().json()["access_token"]).json()["email"] == EMAIL
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"accounts.jsonl", "accounts.jsonl.lock", "container.log"}


@linux
def test_image_has_no_test_tools(image: Image) -> None:
    [python] = image.command("check")[:1]
    tried = subprocess.run([python, "-c", "import pytest"], capture_output=True, check=False)
    assert b"No module named 'pytest'" in tried.stderr


@linux
def test_image_health_check_fails_once_it_is_killed(image: Image, tmp_path: Path) -> None:
    with image.running(tmp_path) as service:
        assert image.health(service.port) == 0
        service.process.kill()
        service.process.wait()
        assert image.health(service.port) == 1


@linux
def test_image_without_store_is_healthy_and_not_ready(image: Image, tmp_path: Path) -> None:
    with image.running(tmp_path, STORE_URL="valkey://127.0.0.1:1/0") as service:
        assert service.request("GET", "/health/ready").status == 503
        assert image.health(service.port) == 0


@linux
def test_image_exits_on_stop_signal(image: Image, tmp_path: Path) -> None:
    [name] = get_image_instructions("STOPSIGNAL")
    with image.running(tmp_path) as service:
        service.process.send_signal(signal.Signals[name])
        assert service.process.wait(START_SECONDS) == 0


@linux
def test_image_without_secret_does_not_start(image: Image) -> None:
    refused = subprocess.run(
        build_confined_command(image.command(), []),
        cwd=image.folder / "app",
        env=image.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == EX_CONFIG
    assert "JWT_SECRET_KEY" in refused.stderr


@linux
@pytest.mark.parametrize("name", ["ENTRYPOINT", "CMD"])
def test_command_runs_without_shell(name: str) -> None:
    [command] = get_image_instructions(name)
    assert isinstance(json.loads(command), list)
