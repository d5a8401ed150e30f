"""The code of docs/guides/browser-front-end.md; its JavaScript is like the tested examples."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.checks import check_settings
from authproject.environment.reader import read_environment
from tests.settings import TEST_ENVIRONMENT
from tests.support.api import PASSWORD
from tests.support.guides import read_code_blocks
from tests.support.processes import START_SECONDS, run_service

GUIDE = "browser-front-end.md"


def test_env_file_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TEST_ENVIRONMENT:
        monkeypatch.delenv(name)
    secret = f"JWT_SECRET_KEY={'s' * 32}\n"
    dotenv = tmp_path / ".env"
    dotenv.write_text(secret + "".join(read_code_blocks(GUIDE, "ini")))
    env = read_environment(dotenv)
    assert env.REFRESH_TOKEN_COOKIE
    assert env.CORS_ORIGINS == ["https://app.example.com"]


def test_settings_of_a_project_are_valid(settings: Settings) -> None:
    [block] = read_code_blocks(GUIDE)
    found: dict[str, Any] = {}
    exec(block, found)
    for name, value in found.items():
        if name.isupper():
            setattr(settings, name, value)
    assert settings.ACCOUNTS["REFRESH_TOKEN_COOKIE"]
    assert check_settings() == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_commands_of_a_program_get_tokens(tmp_path: Path) -> None:
    [commands] = read_code_blocks(GUIDE, "sh")
    with run_service(tmp_path, REFRESH_TOKEN_COOKIE="true") as service:
        assert PASSWORD in commands
        service.register("ada@example.com")
        run = subprocess.run(
            ["sh", "-c", commands.replace("localhost:8000", f"localhost:{service.port}")],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=True,
        )
    assert len(re.findall(r'"access_token":"eyJ', run.stdout)) == 2
    assert "refresh_token" not in run.stdout
    assert "\trefresh_token\teyJ" in (tmp_path / "jar").read_text()
