"""One process at a time writes a journal: an exclusive `flock` on `FILE.lock` and on the file.

Compaction replaces the file, so its lock alone would have gaps. The lock file alone does not see a
service that uses another name of the file, or that came after the lock file was deleted. The
end of the process releases both.
"""

import fcntl
import os
from functools import partial
from pathlib import Path
from typing import BinaryIO

from accounts.domain.errors import StartupError

_open_private = partial(os.open, mode=0o600)


def acquire_lock(path: Path) -> BinaryIO:
    """Lock a journal's lock file; closing the returned file releases the lock.

    Call it after a fork, in the process that writes: a child would share its parent's lock.
    Raises `StartupError` if the journal is locked already, also by this process, or `OSError`.
    """
    lock_path = path.with_name(path.name + ".lock")
    file = open(lock_path, "ab", opener=_open_private)  # noqa: SIM115  # the caller closes it
    try:
        _lock(file.fileno(), path)
    except BaseException:
        file.close()
        raise
    return file


def lock_journal(descriptor: int, path: Path) -> None:
    """Lock the journal itself. Raises `StartupError` if it is in use or has several names."""
    _lock(descriptor, path)
    links = os.fstat(descriptor).st_nlink
    if links > 1:
        raise StartupError(
            f"{path} has {links} names (hard links), and this service keeps one of them up to "
            "date. Remove the others, or copy the file."
        )
    if not links:  # Another process has just replaced the file.
        raise _build_error(path)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise _build_error(path) from error


def _build_error(path: Path) -> StartupError:
    return StartupError(
        f"{path} is in use by another process; stop that one first, or give this one a file of its "
        "own. Processes share users through a valkey:// or redis:// store."
    )
