"""The command `authproject`; tests/e2e/deploy/test_wheel.py runs it as the wheel installs it."""

import re
from pathlib import Path

import pytest

from tests.support.processes import Service, run_python, run_to_end

MAIN = ("-c", "from authproject.command_line import main; main()")


def log_in(service: Service, email: str, password: str) -> int:
    return service.post("auth/login", {"email": email, "password": password}).status


def test_demo_has_its_own_secret_store_and_accounts(tmp_path: Path) -> None:
    others = {"STORE_URL": "redis://127.0.0.1:1/0", "ENVIRONMENT": "production"}
    with run_python(tmp_path, *MAIN, "demo", "--port", "{port}", **others) as service:
        users = re.findall(r"^(\S+)  password: (\S+)$", service.log, re.MULTILINE)
        assert len(users) == 2
        assert [log_in(service, *user) for user in users] == [200, 200]
        assert service.request("GET", "/health").json()["store"] == "memory"


def test_serve_serves_the_settings_of_the_environment(tmp_path: Path) -> None:
    with run_python(tmp_path, *MAIN, "serve", "--port", "{port}") as service:
        assert service.request("GET", "/health").status == 200


def test_manage_runs_a_command() -> None:
    assert run_to_end(*MAIN, "manage", "check").returncode == 0


@pytest.mark.parametrize("arguments", [(), ("help",), ("runserver",)])
def test_anything_else_shows_how_it_is_used(arguments: tuple[str, ...]) -> None:
    run = run_to_end(*MAIN, *arguments)
    assert run.returncode == 1
    assert run.stderr.startswith("usage: authproject demo")
