"""Runs the commands and the code of docs/guides/generate-a-client.md."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.npx import run_npx
from tests.support.processes import ROOT, Service, run_service

PAGE = (ROOT / "docs" / "guides" / "generate-a-client.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
TYPESCRIPT = "typescript@5.9.3"
PACKAGE = "authproject-client"
TIMEOUT_SECONDS = 120


def read_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def commands() -> tuple[list[str], list[str]]:
    """The commands for TypeScript and for Python."""
    npx, generate = (block.split() for block in read_blocks("console"))
    return npx, generate


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory, commands: tuple[list[str], list[str]]) -> Path:
    """A folder with the types that openapi-typescript has written."""
    folder = copy_document(tmp_path_factory.mktemp("typescript"))
    npx, yes, *command = commands[0]
    assert (npx, yes) == ("npx", "-y")
    run = run_npx(folder, *command)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="module")
def generated(
    tmp_path_factory: pytest.TempPathFactory, commands: tuple[list[str], list[str]]
) -> Path:
    """A folder with the package that openapi-python-client has written."""
    pytest.importorskip("openapi_python_client", reason="pip install -r requirements-dev.txt")
    folder = copy_document(tmp_path_factory.mktemp("python"))
    run = run_in(folder, *commands[1])
    assert "Warning" not in run.stdout
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory.mktemp("service")) as service:
        yield service


def copy_document(folder: Path) -> Path:
    (folder / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "openapi.json", folder / "docs")
    return folder


def run_in(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    programs = Path(sys.executable).parent
    path = {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(folder / PACKAGE)}
    run = subprocess.run(
        [str(programs / command[0]), *command[1:]],
        cwd=folder,
        env=os.environ | path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run


def compile_typescript(folder: Path, code: str) -> str:
    """Return the errors of TypeScript's compiler."""
    (folder / "use.ts").write_text(code, encoding="utf-8")
    command = ("tsc", "--noEmit", "--strict", "--target", "es2022", "use.ts")
    return run_npx(folder, *command, package=TYPESCRIPT).stdout


def test_typescript_code_compiles(types: Path) -> None:
    assert compile_typescript(types, read_blocks("typescript")[0]) == ""


def test_typescript_refuses_a_code_that_is_never_sent(types: Path) -> None:
    code = read_blocks("typescript")[0].replace('"parse_error"', '"token_expired"')
    errors = compile_typescript(types, code)
    assert "'\"token_expired\"' is not comparable" in errors
    assert "lacks ending return statement" in errors  # parse_error is missing


def test_python_code_registers_logs_in_and_reads_profile(
    generated: Path, service: Service, email: str
) -> None:
    code = read_blocks("python")[0].replace("ada@example.com", email)
    code = code.replace("http://localhost:8000", f"http://127.0.0.1:{service.port}")
    (generated / "use.py").write_text(code, encoding="utf-8")
    assert run_in(generated, "python", "use.py").stdout == f"{email}\n"
    again = run_in(generated, "python", "use.py").stdout
    assert again.startswith("The account exists")
    assert "duplicate_email" in again.lower()


def test_python_code_has_no_type_error(generated: Path) -> None:
    (generated / "use.py").write_text(read_blocks("python")[0], encoding="utf-8")
    config = "[mypy]\nstrict = true\nignore_errors = true\n[mypy-use]\nignore_errors = false\n"
    (generated / "mypy.ini").write_text(config)
    run_in(generated, "mypy", "--config-file", "mypy.ini", "use.py")
