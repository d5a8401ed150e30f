from pathlib import Path

from tests.support.processes import run_manage

TESTS = """\
import os

def test_settings_of_the_command_are_not_those_of_the_tests():
    assert "DJANGO_SETTINGS_MODULE" not in os.environ

def test_that_fails():
    assert 1 == 2
"""


def test_test_without_arguments_says_how_to_run_tests() -> None:
    run = run_manage("test")
    assert (run.returncode, run.stdout) == (1, "")
    assert "`make test` runs all." in run.stderr


def test_test_runs_pytest_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(TESTS)
    options = ("-q", "-p", "no:django", "-p", "no:cacheprovider", "-c", "/dev/null")
    run = run_manage("test", *options, str(tmp_path))
    assert run.returncode == 1
    assert "1 failed, 1 passed" in run.stdout
