"""What the worker processes of one service share: a folder for their metrics, and who was first."""

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
def metrics_folder() -> Iterator[str]:
    """Make a temporary folder, and clear those that killed services have left.

    `flock` belongs to the open file, which `fork` shares: a folder is locked for as long as any
    process of its service lives.
    """
    with TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        lock = _lock(Path(folder))
        _remove_stale_dirs(Path(folder).parent)
        try:
            yield folder
        finally:
            os.close(lock)


def initial_worker_pipe(workers: int) -> int:
    """Return a pipe with one byte for each initial worker; `is_initial_worker` reads it."""
    reader, writer = os.pipe()
    os.write(writer, bytes(workers))
    os.close(writer)
    return reader


def is_initial_worker(reader: int) -> bool:
    """Whether the calling worker is one of the first, not in a dead one's place; asked once."""
    return bool(os.read(reader, 1))


def _lock(folder: Path) -> int:
    descriptor = os.open(folder / "new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    (folder / "new").rename(folder / LOCK)  # Under this name nobody has seen it unlocked.
    return descriptor


def _remove_stale_dirs(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)  # another start may do the same


def _is_abandoned(folder: Path) -> bool:
    try:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            return False  # A link, or somebody else's: nobody of ours has made it.
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
