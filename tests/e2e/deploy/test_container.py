"""deploy/Containerfile: linted, and what it says run for real, from what an image would hold."""

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
from tests.support.deploy.confined import confined
from tests.support.deploy.confinement import NOBODY
from tests.support.deploy.containerfile import (
    CONTAINERFILE,
    Image,
    build_context,
    instructions,
    of_the_image,
)
from tests.support.processes import ROOT

linux = pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux's")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"))


def test_hadolint_finds_no_fault_in_the_file() -> None:
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


def test_both_stages_start_from_one_exact_slim_python() -> None:
    images = [rest.partition(" ")[0] for name, rest in instructions() if name == "FROM"]
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
def test_it_stays_out_of_the_build_context(path: str) -> None:
    assert build_context([path]) == set()


def test_every_file_that_the_build_copies_is_in_its_context() -> None:
    copied = [rest.split()[0] for name, rest in instructions() if name == "COPY"]
    sources = {ROOT / path for path in copied if not path.startswith("--from")}
    assert all(source.exists() for source in sources)
    files = {str(next(iter(_files(source))).relative_to(ROOT)) for source in sources}
    assert build_context(files) == files


def _files(source: Path) -> list[Path]:
    return sorted(source.rglob("*.py")) if source.is_dir() else [source]


def test_no_instruction_sets_a_secret() -> None:
    names = [name for name, rest in instructions() if re.search("SECRET|PASSWORD|STORE_URL", rest)]
    assert names == []


def test_its_user_is_a_number_and_not_root() -> None:
    # An orchestrator that demands runAsNonRoot believes only numbers.
    assert of_the_image("USER") == [f"{NOBODY}:{NOBODY}"]


def test_its_service_listens_on_every_address_of_the_container() -> None:
    [command] = of_the_image("CMD")
    assert json.loads(command) == ["serve", "--host", "0.0.0.0"]


def test_its_port_is_the_one_that_serve_listens_on() -> None:
    parser: CommandParser = load_command_class("authproject", "serve").create_parser("", "serve")
    assert of_the_image("EXPOSE") == [str(parser.get_default("port"))]


@linux
def test_it_serves_where_only_its_volume_and_tmp_can_be_written(
    image: Image, tmp_path: Path
) -> None:
    store = (tmp_path / "accounts" / "accounts.jsonl").as_uri()
    with image.running(tmp_path, ALLOWED_HOSTS="127.0.0.1", STORE_URL=store) as service:
        assert service.register().status == 201
        assert service.profile(service.login().json()["access_token"]).json()["email"] == EMAIL
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"accounts.jsonl", "accounts.jsonl.lock", "container.log"}


@linux
def test_it_holds_no_test_tool(image: Image) -> None:
    [python] = image.command("check")[:1]
    tried = subprocess.run([python, "-c", "import pytest"], capture_output=True, check=False)
    assert b"No module named 'pytest'" in tried.stderr


@linux
def test_it_is_healthy_while_it_lives_and_not_once_it_is_killed(
    image: Image, tmp_path: Path
) -> None:
    with image.running(tmp_path) as service:
        assert image.health(service.port) == 0
        service.process.kill()
        service.process.wait()
        assert image.health(service.port) == 1


@linux
def test_a_store_that_is_away_makes_it_not_ready_but_leaves_it_healthy(
    image: Image, tmp_path: Path
) -> None:
    with image.running(tmp_path, STORE_URL="valkey://127.0.0.1:1/0") as service:
        assert service.request("GET", "/health/ready").status == 503
        assert image.health(service.port) == 0


@linux
def test_it_ends_on_its_stop_signal(image: Image, tmp_path: Path) -> None:
    [name] = of_the_image("STOPSIGNAL")
    with image.running(tmp_path) as service:
        service.process.send_signal(signal.Signals[name])
        assert service.process.wait(10) == 0


@linux
def test_without_a_secret_it_is_refused(image: Image) -> None:
    refused = subprocess.run(
        confined(image.command(), []),
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
def test_signals_reach_it_without_a_shell_between(name: str) -> None:
    [command] = of_the_image(name)
    assert isinstance(json.loads(command), list)
