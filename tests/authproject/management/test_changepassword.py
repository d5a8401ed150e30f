from pathlib import Path

import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.http import NEW_PASSWORD
from tests.support.processes import run_manage, run_service


@pytest.mark.parametrize("email", [EMAIL, "-user@example.com"])
def test_changepassword_sets_it(tmp_path: Path, valkey_url: str, email: str) -> None:
    with run_service(tmp_path, STORE_URL=valkey_url) as service:
        service.register(email)
        run = run_manage("changepassword", "--", email, stdin=NEW_PASSWORD, STORE_URL=valkey_url)
        assert run.stdout == f"Set the password of {email} and revoked its sessions.\n"
        assert service.login(email).status == 401
        body = {"email": email, "password": NEW_PASSWORD}
        assert service.post("auth/login", body).status == 200


def test_changepassword_of_unknown_account_is_an_error(valkey_url: str) -> None:
    run = run_manage("changepassword", EMAIL, stdin=PASSWORD, STORE_URL=valkey_url)
    assert run.returncode == 1
    assert run.stderr.endswith(f"CommandError: {EMAIL} has no account.\n")
