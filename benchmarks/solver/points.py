"""Where laws are tried: at random in the parameter set, and across the facets of their own regions."""

import numpy as np
from scipy.optimize import linprog

from benchmarks.solver.oracle import FREE, Oracle
from benchmarks.solver.pieces import Pieces

STEP = 1e-6  # half widths: so far to both sides of a facet


def random_points(oracle: Oracle, count: int, seed: int = 0) -> np.ndarray:
    """`count` points (count, t) or fewer, uniform in the parameter set, drawn from the box around it."""
    centre, half = oracle.set_of_parameters
    A, b = oracle.problem.arrays["A_th"], oracle.problem.arrays["b_th"]
    points = centre + half * np.random.default_rng(seed).uniform(-1, 1, (50 * count, len(centre)))
    inside = (points @ A.T <= b + 1e-12 * (np.abs(A) @ half + np.abs(b))).all(axis=1)
    return points[inside][:count]


def facet_points(oracle: Oracle, pieces: Pieces, count: int, seed: int = 0) -> np.ndarray:
    """The middle of up to `count` facets of `pieces` (rows measured in half widths), and a hair to both sides."""
    rng = np.random.default_rng(seed)
    _, half = oracle.set_of_parameters
    rows = np.sort(rng.permutation(len(pieces.b))[:count])
    points = []
    for row in rows:
        middle = facet_middle(pieces, int(row), half)
        if middle is not None:
            normal = pieces.A[row] * half
            step = STEP * half * normal / max(float(np.linalg.norm(normal)), 1e-300)
            points += [middle - step, middle, middle + step]
    points = np.array(points).reshape(-1, len(half))
    A, b = oracle.problem.arrays["A_th"], oracle.problem.arrays["b_th"]
    return points[(points @ A.T <= b).all(axis=1)]


def facet_middle(pieces: Pieces, row: int, half: np.ndarray) -> np.ndarray | None:
    """The centre of a largest ball (measured in half widths) on the facet, None where it is narrower than 1e-7."""
    first, last = np.searchsorted(pieces.owner, [pieces.owner[row], pieces.owner[row] + 1])
    others = np.array([i for i in range(first, last) if i != row], dtype=int)
    scale = np.where(half > 0, half, 1.0)
    normal, rows = pieces.A[row] * scale, pieces.A[others] * scale
    along = np.linalg.norm(rows - np.outer(rows @ normal, normal) / (normal @ normal), axis=1)
    result = linprog(
        np.append(np.zeros(len(half)), -1.0),
        np.hstack([rows, along[:, None]]),
        pieces.b[others],
        np.append(normal, 0.0)[None],
        pieces.b[[row]],
        bounds=[FREE] * len(half) + [(0.0, 1.0)],
    )
    return scale * result.x[:-1] if result.success and result.x[-1] > 1e-7 else None
