import pytest

from tests.support.processes import run_manage


@pytest.mark.parametrize(
    "arguments", [(), ("--noinput",), ("--username", "ada", "--email", "ada@example.com")], ids=str
)
def test_createsuperuser_says_that_there_are_none(arguments: tuple[str, ...]) -> None:
    run = run_manage("createsuperuser", *arguments)
    assert run.returncode == 1
    assert run.stderr == (
        "CommandError: There are no superusers, because accounts have no roles: create an account "
        "with `manage.py accounts create EMAIL`.\n"
    )
