import stat
import subprocess
import sys
from pathlib import Path

import pytest

from authproject.environment.reader import read_environment
from authproject.environment.variables import EXAMPLE_SECRET
from authproject.init_env import ROOT, init_env


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".env.example").write_text((ROOT / ".env.example").read_text())
    return tmp_path


def test_init_env_makes_a_new_secret_each_time(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / ".env.example").write_text((ROOT / ".env.example").read_text())
    init_env(root)
    init_env(other)
    assert (root / ".env").read_text() != (other / ".env").read_text()
    assert EXAMPLE_SECRET not in (root / ".env").read_text()


def test_init_env_changes_only_the_secret(root: Path) -> None:
    init_env(root)
    pairs = zip(
        (root / ".env").read_text().splitlines(),
        (root / ".env.example").read_text().splitlines(),
        strict=True,
    )
    assert [new.partition("=")[0] for new, old in pairs if new != old] == ["JWT_SECRET_KEY"]


def test_init_env_never_overwrites_a_file(root: Path) -> None:
    (root / ".env").write_text("mine")
    assert "was not changed" in init_env(root)
    assert (root / ".env").read_text() == "mine"


def test_env_is_readable_by_its_owner_only(root: Path) -> None:
    init_env(root)
    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600


def test_init_env_needs_no_settings_and_no_packages(root: Path) -> None:
    (root / "authproject").mkdir()
    for name in ("__init__.py", "init_env.py"):
        (root / "authproject" / name).write_text((ROOT / "authproject" / name).read_text())
    command = [sys.executable, "-I", "-S", "-c"]
    code = f"import sys, runpy; sys.path.insert(0, {str(root)!r}); "
    run = "runpy.run_module('authproject.init_env', run_name='__main__')"
    subprocess.run([*command, code + run], cwd=root, env={}, check=True)
    assert "JWT_SECRET_KEY=" in (root / ".env").read_text()


def test_env_example_is_a_valid_configuration(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JWT_SECRET_KEY")
    assert read_environment(root / ".env.example").JWT_SECRET_KEY == EXAMPLE_SECRET
