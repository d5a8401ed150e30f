"""`python -m tests.support.store_with_bug ...`: runs `manage.py` with a store that has a bug."""

import sys
from typing import Any, NoReturn

from django.core.management import execute_from_command_line

from accounts.stores.memory import MemoryStore


def _fail(*arguments: Any) -> NoReturn:
    raise RuntimeError("the planted bug")


if __name__ == "__main__":
    setattr(MemoryStore, "get_user", _fail)  # noqa: B010  # a bug is no method, for mypy
    execute_from_command_line(["manage.py", *sys.argv[1:]])
