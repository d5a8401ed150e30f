"""Opens the store of `STORE_URL` for a command."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from django.core.management.base import CommandError

from accounts.conf import conf
from accounts.domain.errors import StartupError, StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.stores import open_store


@contextmanager
def open_configured_store() -> Iterator[AccountStore]:
    """Raises `CommandError`, also for a store that fails inside the block."""
    if conf.STORE_URL.startswith("memory:"):
        raise CommandError(
            "STORE_URL is memory://: each process has accounts of its own there, and this "
            "command's would be gone when this command ends."
        )
    try:
        with closing(open_store(conf.STORE_URL, time.time)) as store:
            yield store
    except StartupError as error:
        raise CommandError(str(error)) from error
    except StoreUnavailable as error:
        raise CommandError(f"{error} Run this again later; what is done already stays.") from error
