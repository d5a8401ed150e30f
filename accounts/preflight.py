"""What would stop a process from serving, found before a socket is opened.

Needs no Django settings: files are judged even where other settings were refused, so that every
fault is in one message.
"""

from pathlib import Path

from accounts.passwords import PasswordPolicy
from accounts.seeds import read_seeds
from accounts.stores import verify_store
from accounts.stores.errors import StartRefused


def preflight(
    store_url: str | None, seed_users_file: Path | None, *, reject_common: bool
) -> dict[str, list[str]]:
    """Return the faults of the store's file and of the seeds, by setting; `None` is not judged.

    Of a `file://` store this process keeps the lock, for itself and its children.
    """
    faults: dict[str, list[str]] = {}
    try:
        if store_url is not None:
            verify_store(store_url)
    except StartRefused as error:
        faults["STORE_URL"] = [str(error)]
    try:
        if seed_users_file is not None:
            read_seeds(seed_users_file, PasswordPolicy(reject_common=reject_common))
    except StartRefused as error:
        faults["SEED_USERS_FILE"] = [str(error)]
    return faults
