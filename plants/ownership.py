"""Whose package is it? Other distributions on PyPI also bring an `mpc`, an `rl` or a `yann`.

Each package of yann-control says `__distribution__ = "yann-control"` in its `__init__.py`, and calls
`require_own` on those that it builds on before it imports anything else from them.
"""

import re
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "yann-control"
_MARK = re.compile(rf'^__distribution__ = "{DISTRIBUTION}"$', re.MULTILINE)


def require_own(*names: str) -> None:
    """Return if Python finds this project's own package under each name.

    Raises ImportError that says which file hides which package, what installed it and how to mend it.
    The file is read, not run: a stranger's code shall not start.
    """
    for name in names:
        try:
            spec = find_spec(name)
        except ValueError:  # a module in memory that came from no file
            spec = None
        place = _place(spec)
        if place is None or not _is_ours(place):
            raise ImportError(_answer(name, place), name=name)


def _place(spec: ModuleSpec | None) -> Path | None:
    """Return the file of a module, or the folder of a package that has no `__init__.py`."""
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    found = spec.origin if spec.has_location else next(iter(folders), None)
    return None if found is None else Path(found)


def _is_ours(place: Path) -> bool:
    return place.is_file() and _MARK.search(place.read_text(encoding="utf-8", errors="replace")) is not None


def _answer(name: str, place: Path | None) -> str:
    if place is None:
        return f"`{name}` of {DISTRIBUTION} is not there; install {DISTRIBUTION} again in a fresh virtual environment"
    owners = sorted(set(packages_distributions().get(name, ())) - {DISTRIBUTION})
    if owners:
        return (
            f"`{name}` is not {DISTRIBUTION}'s: the distribution {' and '.join(owners)} hides it with {place}; "
            f"run `pip uninstall {' '.join(owners)}` and install {DISTRIBUTION} again, "
            f"or use a fresh virtual environment"
        )
    return (
        f"`{name}` is not {DISTRIBUTION}'s: {place} hides it, which belongs to no installed distribution; "
        f"rename it, or start Python in another folder"
    )
