"""The key rollover of docs/operate/keys.md, step by step, with restarts of a real service."""

from pathlib import Path
from typing import Any

from tests.support.http import decode_header
from tests.support.processes import run_service

OLD = "the-old-key-of-the-rollover-tests-is-long"
NEW = "the-new-key-of-the-rollover-tests-is-long"
STEPS = {
    "before": {"JWT_SECRET_KEY": OLD},
    "2": {"JWT_SECRET_KEY": NEW, "JWT_SECRET_KEY_FALLBACKS": OLD},
    "4": {"JWT_SECRET_KEY": NEW, "JWT_SECRET_KEY_FALLBACKS": ""},
}


def test_rollover_keeps_sessions_until_old_key_is_removed(tmp_path: Path) -> None:
    def restart(step: str) -> Any:
        store = {"STORE_URL": f"file://{tmp_path}/accounts.jsonl"}
        return run_service(tmp_path, ROTATE_REFRESH_TOKENS="true", **store, **STEPS[step])

    with restart("before") as service:
        service.register()
        old = service.login().json()
    with restart("2") as service:
        assert service.profile(old["access_token"]).status == 200
        new = service.post("auth/refresh", {"refresh_token": old["refresh_token"]}).json()
        assert service.profile(new["access_token"]).status == 200
        old_header, new_header = (decode_header(one["access_token"]) for one in (old, new))
        assert old_header["kid"] != new_header["kid"]
    with restart("4") as service:
        assert service.profile(new["access_token"]).status == 200
        response = service.profile(old["access_token"])
        assert (response.status, response.json()["code"]) == (401, "token_invalid")
