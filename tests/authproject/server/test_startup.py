from pathlib import Path

import pytest

from authproject.server.startup import check_startup_files


def test_missing_files_are_reported_by_setting(tmp_path: Path) -> None:
    store_url = f"file://{tmp_path}/missing/accounts.jsonl"
    errors = check_startup_files(store_url, tmp_path / "absent", reject_common=False)
    assert errors.keys() == {"STORE_URL", "SEED_USERS_FILE"}


@pytest.mark.parametrize("store_url", ["memory://", None])
def test_defaults_have_no_files_to_check(store_url: str | None) -> None:
    assert check_startup_files(store_url, None, reject_common=False) == {}
