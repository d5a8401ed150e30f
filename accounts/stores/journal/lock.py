"""One process at a time on one file, however that process was started.

Two locks on `FILE.lock`, since each misses what the other sees. `flock` belongs to the open
file, which `fork` shares: a parent that checks the file before it opens a socket keeps the
lock for the child that will serve, and no other service can slip in between; but siblings
forked from one parent all hold it. POSIX record locks (`lockf`) belong to one process and no
child inherits them: they keep those siblings apart. Both vanish with their process, however it
dies. They are not on the journal itself, since compaction puts a new file in its place.
"""

import fcntl
import os
from pathlib import Path
from threading import Lock

from accounts.domain.errors import StartupError

_guard = Lock()
# POSIX locks of a file are lost when its process closes any descriptor of it, so there is
# one descriptor for each file, whatever this process or its parent does with the file.
_descriptors: dict[Path, int] = {}
_claims: set[tuple[Path, int]] = set()


def reserve(path: Path) -> None:
    """Keep other services off `path` while this process, or a child of it, lives.

    Raises `StartupError`. Reserving again is fine.
    """
    with _guard:
        _reserve(path)


def claim(path: Path) -> None:
    """Make this process the one that writes `path`. Raises `StartupError`."""
    with _guard:
        descriptor = _reserve(path)
        if (path, os.getpid()) in _claims:
            raise _in_use(path)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _in_use(path) from error
        _claims.add((path, os.getpid()))


def release(path: Path) -> None:
    """Give up what this process holds; another may write `path` when its parent has too."""
    with _guard:
        _claims.discard((path, os.getpid()))
        os.close(_descriptors.pop(path))


def _reserve(path: Path) -> int:
    if path in _descriptors:
        return _descriptors[path]
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartupError(
            f"{lock} cannot be written ({error.strerror}); its folder must exist and belong to "
            "the user that runs the service."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise _in_use(path) from error
    _descriptors[path] = descriptor
    return descriptor


def _in_use(path: Path) -> StartupError:
    return StartupError(
        f"{path} is in use by another process; stop that one first, or give this one a file of "
        "its own. Processes share users through a valkey:// or redis:// store."
    )
