"""Definiteness of weights, judged after scaling so that units do not matter."""

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.magnitudes import check_largest
from plants.arrays import Array

DEFINITE = 1e-13  # least eigenvalue, beside a unit diagonal, that counts as more than 0
ROUNDING = 1e-10  # the same below 0 that counts as rounding
NOISE = 1e-15  # an entry this small beside the largest one may be rounding


def positive_definite(matrix: Array, name: str, remedy: str = "add a small weight on every component") -> Array:
    """Return the symmetric part of a positive definite matrix; raise ProblemError naming its least eigenvalue."""
    check_largest({name: matrix})
    symmetric = _symmetric(matrix, name)
    if len(symmetric) and not strictly_positive(symmetric):
        value = float(np.linalg.eigvalsh(symmetric)[0])
        raise ProblemError(f"`{name}` must be positive definite, but its smallest eigenvalue is {value:.3g}; {remedy}")
    return symmetric


def positive_semidefinite(matrix: Array, name: str) -> Array:
    """Return the symmetric part of a positive semidefinite matrix; raise ProblemError naming its least eigenvalue.

    Rows and columns that stand for nothing but rounding beside the largest entry become 0 where they alone would make
    the matrix indefinite.
    """
    check_largest({name: matrix})
    symmetric = _symmetric(matrix, name)
    if _semidefinite(symmetric):
        return symmetric
    size = np.abs(symmetric).max()
    noise = (np.diag(symmetric) <= 0) & (np.abs(symmetric).max(axis=1) <= NOISE * size)
    cleared = np.where(noise[:, None] | noise[None, :], 0.0, symmetric)
    if not _semidefinite(cleared):
        raise ProblemError(
            f"`{name}` must be positive semidefinite, but its smallest eigenvalue is {_negative(symmetric):.6g}; "
            "make it 0 or more, for an indefinite weight has no minimum that a convex solver finds"
        )
    cleared.setflags(write=False)
    return cleared


def strictly_positive(symmetric: Array) -> bool:
    """Return whether a symmetric matrix is positive definite, whatever the units of its rows."""
    diagonal = np.diag(symmetric)
    return bool(diagonal.min(initial=1.0) > 0 and _least_eigenvalue(symmetric, diagonal) > DEFINITE)


def _semidefinite(symmetric: Array) -> bool:
    diagonal = np.diag(symmetric)
    empty = diagonal == 0
    if diagonal.min(initial=0.0) < 0 or symmetric[empty].any():
        return False
    return not len(symmetric) or _least_eigenvalue(symmetric, np.where(empty, 1.0, diagonal)) >= -ROUNDING


def _negative(symmetric: Array) -> float:
    """Return the least eigenvalue of an indefinite matrix, negative also where rounding of large entries hides it."""
    unit = 1 / np.sqrt(np.where(np.diag(symmetric) > 0, np.diag(symmetric), 1.0))
    values, vectors = np.linalg.eigh(symmetric * np.outer(unit, unit))
    along = unit * vectors[:, 0]
    return float(min(np.linalg.eigvalsh(symmetric)[0], values[0] / (along @ along)))


def _symmetric(matrix: Array, name: str) -> Array:
    if matrix.shape[0] != matrix.shape[1]:
        raise ProblemError(f"`{name}` has shape {matrix.shape}, but it must be square")
    gap = np.abs(matrix - matrix.T)
    root = np.sqrt(np.abs(np.diag(matrix)))
    allowed = 1e-9 * np.maximum(np.outer(root, root), np.abs(matrix).max(initial=0.0) * 1e-7)
    if (gap > allowed).any():
        i, j = np.unravel_index(gap.argmax(), gap.shape)
        raise ProblemError(
            f"`{name}` is not symmetric: [{i}, {j}] is {matrix[i, j]:g} but [{j}, {i}] is {matrix[j, i]:g}; "
            f"pass ({name} + {name}') / 2"
        )
    symmetric = (matrix + matrix.T) / 2
    symmetric.setflags(write=False)
    return symmetric


def _least_eigenvalue(symmetric: Array, diagonal: Array) -> float:
    root = np.sqrt(diagonal)
    return float(np.linalg.eigvalsh(symmetric / np.outer(root, root))[0])
