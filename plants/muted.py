"""Keeping one thread off standard error, for libraries that print before they raise."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import Any


class _Sieve:
    """Passes to a stream what any thread writes, except those that are muted."""

    def __init__(self, stream: Any, threads: Counter[int]) -> None:
        self._stream, self._threads = stream, threads

    def write(self, text: str) -> int:
        """Write the text, or drop it; return its length."""
        return len(text) if self._threads[get_ident()] else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        """Return whatever else the stream can do."""
        return getattr(self._stream, name)


_lock = Lock()
_threads: Counter[int] = Counter()
_before: list[Any] = []


@contextmanager
def muted() -> Iterator[None]:
    """Drop what this thread writes to `sys.stderr` meanwhile; other threads write on, and may be muted as well."""
    with _lock:
        if not _before:
            _before.extend([sys.stderr, _Sieve(sys.stderr, _threads)])
            sys.stderr = _before[1]
        _threads[get_ident()] += 1
    try:
        yield
    finally:
        with _lock:
            _threads.subtract([get_ident()])
            if not any(_threads.values()):
                if sys.stderr is _before[1]:
                    sys.stderr = _before[0]
                _threads.clear()
                _before.clear()
