"""A lock on a folder that the system lets go of when the process that holds it ends, in whatever way."""

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def held(folder: Path, refusal: type[Exception], way_out: str) -> Iterator[None]:
    """Hold a folder's file `.lock`, which tells who holds it.

    Raises `refusal`, ending in `way_out`, where another process or training holds it, and where `.lock` is a link or
    anything but a file: what it points to is never written.
    """
    lock = _opened(folder / ".lock", refusal)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            holder = os.read(lock, 200).decode("utf-8", "replace").strip() or "an unknown process"
            raise refusal(f"{folder} is in use by {holder}; wait for it, stop it, or {way_out}") from cause
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
        os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def _opened(path: Path, refusal: type[Exception]) -> int:
    words = f"{path} is no regular file, but the lock of its folder must be one; remove it, or pass another folder"
    if path.is_symlink() or path.is_dir():
        raise refusal(words)
    lock = os.open(path, _FLAGS, 0o644)
    found = os.fstat(lock)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(lock)
        raise refusal(words)
    return lock
