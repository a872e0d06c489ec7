"""Keeping one thread off standard error, for libraries that print before they raise."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import Any


class _Sieve:
    """Passes to a stream what any thread writes, except those that are muted."""

    def __init__(self, stream: Any, threads: Counter[int], dropped: dict[int, list[str]]) -> None:
        self._stream, self._threads, self._dropped = stream, threads, dropped

    def write(self, text: str) -> int:
        """Write the text, or drop it; return its length."""
        if not self._threads[get_ident()]:
            return self._stream.write(text)
        self._dropped[get_ident()].append(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Return whatever else the stream can do."""
        return getattr(self._stream, name)


_lock = Lock()
_threads: Counter[int] = Counter()
_dropped: dict[int, list[str]] = {}
_before: list[Any] = []


@contextmanager
def muted() -> Iterator[list[str]]:
    """Drop what this thread writes to `sys.stderr` meanwhile; other threads write on, and may be muted as well.

    Yields the list of what was dropped, which whoever reads it may clear.
    """
    with _lock:
        if not _before:
            _before.extend([sys.stderr, _Sieve(sys.stderr, _threads, _dropped)])
            sys.stderr = _before[1]
        _threads[get_ident()] += 1
        dropped = _dropped.setdefault(get_ident(), [])
    try:
        yield dropped
    finally:
        with _lock:
            _threads.subtract([get_ident()])
            if not _threads[get_ident()]:
                _dropped.pop(get_ident(), None)
            if not any(_threads.values()):
                if sys.stderr is _before[1]:
                    sys.stderr = _before[0]
                _threads.clear()
                _before.clear()


def stop_if_asked(dropped: list[str]) -> None:
    """Raise the KeyboardInterrupt that an integrator of CasADi makes a line of text of: Ctrl-C is for the whole run."""
    if not dropped:
        return
    asked = any("KeyboardInterrupt" in text for text in dropped)
    dropped.clear()
    if asked:
        raise KeyboardInterrupt
