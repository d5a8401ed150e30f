"""One process at a time writes a journal: an exclusive `flock` on the file `FILE.lock`.

The lock is not on the journal itself, because compaction replaces that file. The end of the
process releases it.
"""

import fcntl
import os
from functools import partial
from pathlib import Path
from typing import BinaryIO

from accounts.domain.errors import StartupError

_open_private = partial(os.open, mode=0o600)


def acquire_lock(path: Path) -> BinaryIO:
    """Lock a journal for writing; closing the returned file releases the lock.

    Call it after a fork, in the process that writes: a child would share its parent's lock.
    Raises `StartupError` if the journal is locked already, also by this process, or `OSError`.
    """
    lock_path = path.with_name(path.name + ".lock")
    file = open(lock_path, "ab", opener=_open_private)  # noqa: SIM115  # the caller closes it
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StartupError(
            f"{path} is in use by another process; stop that one first, or give this one a file "
            "of its own. Processes share users through a valkey:// or redis:// store."
        ) from error
    return file
