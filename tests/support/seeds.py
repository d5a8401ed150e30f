"""Files of accounts."""

import json
from collections.abc import Mapping
from pathlib import Path


def write_seeds(folder: Path, *seeds: Mapping[str, object]) -> Path:
    """Write a seed file into the folder, and return its path."""
    file = folder / "seeds.jsonl"
    file.write_text("".join(f"{json.dumps(seed)}\n" for seed in seeds))
    return file


def build_django_user(email: str, password: str, *, is_active: bool = True) -> dict[str, object]:
    """Return an entry as `manage.py dumpdata auth.user` writes it."""
    fields: dict[str, object] = {
        "password": password,
        "last_login": None,
        "is_superuser": False,
        "username": email,
        "first_name": "",
        "last_name": "",
        "email": email,
        "is_staff": False,
        "is_active": is_active,
        "date_joined": "2026-11-26T02:01:21.211Z",
        "groups": [],
        "user_permissions": [],
    }
    return {"model": "auth.user", "pk": 1, "fields": fields}
