"""The rollover of docs/operate/keys.md, step by step, through restarts of a real service."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.http import decode_header
from tests.support.processes import Service, serving

OLD = "the-old-key-of-the-rollover-tests-is-long"
NEW = "the-new-key-of-the-rollover-tests-is-long"
STEPS = {
    "before": {"JWT_SECRET_KEY": OLD},
    "2": {"JWT_SECRET_KEY": NEW, "JWT_SECRET_KEY_FALLBACKS": OLD},
    "4": {"JWT_SECRET_KEY": NEW, "JWT_SECRET_KEY_FALLBACKS": ""},
}


@pytest.mark.parametrize("rotate", ["true", "false"], ids=["rotating", "not rotating"])
def test_nobody_is_logged_out_before_the_old_key_is_removed(tmp_path: Path, rotate: str) -> None:
    def restarted(step: str) -> Any:
        store = {"STORE_URL": f"file://{tmp_path}/accounts.jsonl", "ROTATE_REFRESH_TOKENS": rotate}
        return serving(tmp_path, **store, **STEPS[step])

    with restarted("before") as service:
        service.register()
        old = service.login().json()
    with restarted("2") as service:
        assert service.profile(old["access_token"]).status == 200
        new = refreshed(service, old)
        assert service.profile(new["access_token"]).status == 200
        assert (
            decode_header(new["access_token"])["kid"] != decode_header(old["access_token"])["kid"]
        )
    with restarted("4") as service:
        assert service.profile(new["access_token"]).status == 200
        refused = service.profile(old["access_token"])
        assert (refused.status, refused.json()["code"]) == (401, "token_invalid")


def refreshed(service: Service, pair: dict[str, str]) -> dict[str, str]:
    answer = service.post("auth/refresh", {"refresh_token": pair["refresh_token"]})
    fresh: dict[str, str] = answer.json()
    return fresh
