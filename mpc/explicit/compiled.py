"""compiled: numba's njit with a cache on disk that notices when any kernel of this package changes.

numba itself compares only the file of the function that is called, so that a change in a function that it inlines
from another file would go unseen, and old machine code would run.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

# files with kernels, or with a constant of theirs
KERNEL = re.compile(rb"@(compiled|lean|inlined)\b|^TOLERANCE =", re.MULTILINE)
SOURCES = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
STAMP = hashlib.sha256(b"".join(text for text in SOURCES if KERNEL.search(text))).hexdigest()


def compiled(function: Callable[..., Any]) -> Any:
    """Return the function compiled at its first call, without the interpreter's lock, cached for later processes."""
    return _compiled(function, _nrt=True)


def lean(function: Callable[..., Any]) -> Any:
    """Return the same for a function that allocates nothing: it counts no references, which took most of the time.

    numba refuses to compile it if it does allocate. Its callers hold the arrays for as long as it runs.
    """
    return _compiled(function, _nrt=False)


def inlined(function: Callable[..., Any]) -> Any:
    """Return the same for a function of inner loops, which becomes part of the functions that call it.

    Arrays are passed entry by entry, some ten numbers for each: a call with many of them costs more than short loops.
    """
    return _compiled(function, _nrt=False, forceinline=True)


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    dispatcher: Any = njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    dispatcher._cache._cache_file._source_stamp = STAMP
    return dispatcher
