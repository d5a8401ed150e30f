"""The command `authproject`; tests/e2e/deploy/test_wheel.py runs it as the wheel installs it."""

import re
import sys
from pathlib import Path

import pytest

from authproject.command_line import build_server_command
from tests.support.processes import Service, run_python, run_to_end

WITHOUT = "import sys; sys.modules['{}'] = None; from authproject.command_line import main; main()"
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


def test_demo_without_the_extra_docs_serves(tmp_path: Path) -> None:
    with run_python(
        tmp_path, "-c", WITHOUT.format("drf_spectacular"), "demo", "--port", "{port}"
    ) as service:
        assert service.request("GET", "/docs").status == 404


def test_demo_without_the_extra_server_serves(tmp_path: Path) -> None:
    with run_python(
        tmp_path, "-c", WITHOUT.format("granian"), "demo", "--port", "{port}"
    ) as service:
        [user, _] = re.findall(r"^(\S+)  password: (\S+)$", service.log, re.MULTILINE)
        assert log_in(service, *user) == 200
        assert service.request("GET", "/").status == 200


def test_server_of_the_demo_without_granian_is_of_django(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "granian", None)
    assert build_server_command("81") == ["runserver", "--noreload", "localhost:81"]


@pytest.mark.parametrize(
    ("package", "arguments", "extra"),
    [
        ("granian", ("serve",), "server"),
        ("drf_spectacular", ("manage", "check"), "docs"),
    ],
)
def test_missing_extra_is_one_sentence(
    package: str, arguments: tuple[str, ...], extra: str
) -> None:
    run = run_to_end("-c", WITHOUT.format(package), *arguments)
    sentence = f'{package} is not installed: pip install "authproject[{extra}]"\n'
    assert (run.returncode, run.stderr) == (1, sentence)


def test_other_missing_module_is_a_bug() -> None:
    run = run_to_end("-c", WITHOUT.format("jwt"), "manage", "check")
    assert run.returncode == 1
    assert "Traceback" in run.stderr


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
