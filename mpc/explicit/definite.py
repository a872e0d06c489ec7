"""Definiteness of weights, judged after scaling so that units do not matter."""

import numpy as np

from mpc.explicit.errors import ProblemError
from plants.arrays import Array


def positive_definite(matrix: Array, name: str, remedy: str = "add a small weight on every component") -> Array:
    """Return the symmetric part of a positive definite matrix; raise ProblemError naming its least eigenvalue."""
    symmetric = _symmetric(matrix, name)
    diagonal = np.diag(symmetric)
    if len(symmetric) and (diagonal.min() <= 0 or _least_eigenvalue(symmetric, diagonal) <= 1e-13):
        value = float(np.linalg.eigvalsh(symmetric)[0])
        raise ProblemError(f"`{name}` must be positive definite, but its smallest eigenvalue is {value:.3g}; {remedy}")
    return symmetric


def positive_semidefinite(matrix: Array, name: str) -> Array:
    """Return the symmetric part of a positive semidefinite matrix; raise ProblemError otherwise."""
    symmetric = _symmetric(matrix, name)
    diagonal = np.where(np.diag(symmetric) > 0, np.diag(symmetric), 1.0)
    if len(symmetric) and (np.diag(symmetric).min() < 0 or _least_eigenvalue(symmetric, diagonal) < -1e-10):
        value = float(np.linalg.eigvalsh(symmetric)[0])
        raise ProblemError(
            f"`{name}` must be positive semidefinite, but its smallest eigenvalue is {value:.6g}; make it 0 or more"
        )
    return symmetric


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
