"""The clock of a service's machine is days ahead, and is set right again."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.processes import Service, run_python

DAY = 86_400


@pytest.fixture
def skew(tmp_path: Path) -> Path:
    """A file with the seconds by which the service's clock is ahead."""
    path = tmp_path / "skew"
    path.write_text("0")
    return path


def set_clock(skew: Path, *, days: int) -> None:
    skew.with_name("new").write_text(str(days * DAY))
    skew.with_name("new").replace(skew)


def run_with_clock(folder: Path, skew: Path, store_url: str) -> AbstractContextManager[Service]:
    command = ("-m", "tests.support.clock_skew", str(skew), "serve", "--port", "{port}")
    return run_python(folder, *command, STORE_URL=store_url)


def log_out_somebody(service: Service) -> str:
    """Return an access token of the session that was ended."""
    tokens = service.login().json()
    response = service.post("auth/logout", {"refresh_token": tokens["refresh_token"]})
    assert response.status == 204
    return str(tokens["access_token"])


def get_code(service: Service, access_token: str) -> str:
    return str(service.profile(access_token).json()["code"])


def test_clock_once_days_ahead_undoes_no_logout(tmp_path: Path, skew: Path) -> None:
    url = f"file://{tmp_path}/accounts.jsonl"
    with run_with_clock(tmp_path, skew, url) as service:
        service.register()
        access_token = log_out_somebody(service)
        set_clock(skew, days=10)
        log_out_somebody(service)
        assert get_code(service, access_token) == "token_expired"
        set_clock(skew, days=0)
        assert get_code(service, access_token) == "token_revoked"
        log_out_somebody(service)
        assert service.log.count("this machine's clock was set ahead by 864000 s") == 1
        assert service.log.count("this machine's clock was set back by 864000 s") == 1
    set_clock(skew, days=10)
    with run_with_clock(tmp_path, skew, url) as service:
        assert "10.0 days before this machine's clock" in service.log
        log_out_somebody(service)
        set_clock(skew, days=0)
        assert get_code(service, access_token) == "token_revoked"
