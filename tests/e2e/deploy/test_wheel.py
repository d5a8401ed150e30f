"""The wheel in a new virtual environment: its command, and what it depends on."""

import os
import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.support.ports import free_port
from tests.support.processes import ROOT, Service, run_process
from tests.support.pythons import run

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = dict(
    re.findall(
        r"^([\w-]+)==([\w.]+)",
        (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-argon2.txt").read_text(),
        re.MULTILINE,
    )
)


@pytest.fixture(scope="module")
def command(wheel_programs: Path) -> str:
    return str(wheel_programs / "authproject")


@pytest.fixture
def demo(command: str, tmp_path: Path) -> Iterator[Service]:
    port = free_port()
    demo = (command, "demo", "--port", str(port))
    environment = {"PATH": os.environ["PATH"]}
    log = tmp_path / "log"
    with run_process(demo, port=port, log=log, folder=tmp_path, environment=environment) as service:
        yield service


def test_demo_serves_the_accounts_that_it_prints(demo: Service) -> None:
    users = re.findall(r"^(\S+)  password: (\S+)$", demo.log, re.MULTILINE)
    assert [email for email, _ in users] == ["ada@example.com", "bob@example.com"]
    for email, password in users:
        tokens = demo.post("auth/login", {"email": email, "password": password}).json()
        assert demo.profile(tokens["access_token"]).json()["email"] == email


@pytest.mark.parametrize("path", ["/", "/docs", "/static/accounts/pages.css"])
def test_demo_has_pages_and_static_files(demo: Service, path: str) -> None:
    assert demo.request("GET", path, Accept="text/html,*/*;q=0.8").status == 200


def test_command_alone_shows_how_it_is_used(command: str, tmp_path: Path) -> None:
    usage = run(command, cwd=tmp_path)
    assert usage.returncode == 1
    assert usage.stderr.startswith("usage: authproject demo")


def test_serve_without_secret_says_what_is_missing(command: str, tmp_path: Path) -> None:
    refused = run(command, "serve", cwd=tmp_path)
    assert refused.returncode == 78
    assert "JWT_SECRET_KEY" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_new_dotenv_in_the_current_folder_is_read(command: str, tmp_path: Path) -> None:
    python = str(Path(command).with_name("python"))
    assert run(python, "-m", "authproject.init_env", cwd=tmp_path).returncode == 0
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    checked = run(command, "manage", "check", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr


def test_manage_runs_a_command_of_django(command: str, tmp_path: Path) -> None:
    checked = run("env", f"JWT_SECRET_KEY={'s' * 32}", command, "manage", "check", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("package", ["accounts", "authproject"])
def test_wheel_says_that_it_has_types(wheel: Path, package: str) -> None:
    """Without this file, type checkers ignore the annotations of a package (PEP 561)."""
    assert f"{package}/py.typed" in ZipFile(wheel).namelist()


@pytest.mark.parametrize(
    "line",
    [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())],
)
def test_range_of_a_dependency_has_the_tested_version(line: str) -> None:
    requirement = Requirement(line)
    assert PINS[requirement.name] in requirement.specifier
