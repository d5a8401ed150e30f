"""The metrics directory that the worker processes of one service share."""

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

PREFIX = "authproject-metrics-"
LOCK = "lock"


@contextmanager
def make_metrics_dir() -> Iterator[str]:
    """Create a temporary directory, and remove those that killed services have left.

    `flock` belongs to the open file, which a fork shares. So a directory stays locked while any
    process of its service lives.
    """
    with TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        lock = _lock(Path(folder))
        for stale in filter(_is_stale, Path(folder).parent.glob(f"{PREFIX}*")):
            shutil.rmtree(stale, ignore_errors=True)  # Another start may remove it, too.
        try:
            yield folder
        finally:
            os.close(lock)


def _lock(folder: Path) -> int:
    descriptor = os.open(folder / "new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    (folder / "new").rename(folder / LOCK)  # The file gets this name only once it is locked.
    return descriptor


def _is_stale(folder: Path) -> bool:
    try:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return False  # A link, or another user's directory: not made by this service.
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
