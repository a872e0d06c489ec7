"""Magnitudes: numbers so large or so small that their products leave float64 are refused before any solving."""

from collections.abc import Mapping

import numpy as np

from mpc.explicit.errors import ProblemError
from plants.arrays import Array

LARGEST, LEAST = 1e100, 1e-100


def check_magnitudes(arrays: Mapping[str, Array]) -> None:
    """Raise ProblemError for an entry beyond LARGEST, a row with nothing beyond LEAST, or a diagonal of H below it."""
    check_largest(arrays)
    diagonal = np.diag(arrays["H"])
    _check_size("H", "diagonal entry", diagonal, "multiply H, f and F by one number")
    rows, moved = (np.abs(arrays[name]).max(axis=1, initial=0.0) for name in ("G", "S"))
    _check_size("G", "row", np.where(rows > 0, rows, moved), "multiply the row of G, w and S by a number")
    limits = np.abs(arrays["A_theta"]).max(axis=1, initial=0.0)
    _check_size("A_theta", "row", limits, "multiply the row of A_theta and b_theta by a number")


def check_largest(arrays: Mapping[str, Array]) -> None:
    """Raise ProblemError for an entry beyond LARGEST."""
    for name, array in arrays.items():
        if np.abs(array).max(initial=0.0) > LARGEST:
            place = np.unravel_index(np.abs(array).argmax(), array.shape)
            raise ProblemError(
                f"`{name}` holds {array[place]:g} at {[int(i) for i in place]}, but products of numbers beyond "
                f"{LARGEST:g} overflow; use other units, or leave out a row that never binds"
            )


def check_weight(weight: Array, name: str) -> None:
    """Raise ProblemError for an entry beyond LARGEST, or a diagonal entry that is not 0 and below LEAST."""
    check_largest({name: weight})
    _check_size(name, "diagonal entry", np.abs(np.diag(weight)), "multiply all weights by one number")


def _check_size(name: str, what: str, size: Array, mend: str) -> None:
    small = (size > 0) & (size < LEAST)
    if small.any():
        i = int(np.flatnonzero(small)[0])
        raise ProblemError(
            f"`{name}` {what} {i} holds nothing larger than {size[i]:g}, but products of numbers below {LEAST:g} "
            f"vanish; {mend}"
        )
