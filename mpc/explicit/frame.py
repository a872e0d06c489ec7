"""Frame: coordinates phi in which a parameter set fills the box [-1, 1], also where theta cannot move freely."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from mpc.explicit.ball import largest_ball
from mpc.explicit.domain import half_widths, is_fixed
from mpc.explicit.errors import NumericalError, ProblemError
from mpc.explicit.linear import linear_program, row_lengths
from mpc.explicit.mpqp import MultiparametricQP
from plants.arrays import Array

FLAT = 1e-9  # half widths: a parameter set thinner than this has no interior


@dataclass(frozen=True, eq=False)
class Frame:
    """theta = centre + directions phi, with directions (t, s); phi = inverse (theta - centre), inverse (s, t).

    `fixed` (t - s, t) holds the normals of the directions in which theta cannot move: fixed (theta - centre) = 0.
    """

    centre: Array
    directions: Array
    inverse: Array
    fixed: Array

    @classmethod
    def of_box(cls, centre: Array, half_width: Array, moving: np.ndarray | None = None) -> Self:
        """Return the frame of a box; components that are not `moving` are fixed, with half widths in their place."""
        moving = np.ones(len(centre), dtype=bool) if moving is None else moving
        along, back = np.diag(half_width), np.diag(1 / half_width)
        return cls(centre, along[:, moving], back[moving], back[~moving])

    def rows(self, A: Array, b: Array) -> tuple[Array, Array]:
        """Return {A phi <= b} as rows over theta, with a pair of rows for every fixed direction."""
        A = np.vstack([A @ self.inverse, self.fixed, -self.fixed])
        return A, np.concatenate([b, np.zeros(2 * len(self.fixed))]) + A @ self.centre

    def point(self, phi: Array) -> Array:
        """Return theta (..., t) at phi (..., s)."""
        return self.centre + phi @ self.directions.T


def frame_of(problem: MultiparametricQP) -> Frame:
    """Return the frame of a problem's parameter set.

    Raises ProblemError if the set is empty, unbounded or a single point.
    """
    lower, upper = problem.parameter_set.box(problem.names.parameters)
    centre, half_width, moving = (lower + upper) / 2, half_widths(lower, upper), ~is_fixed(lower, upper)
    if not moving.any():
        raise _single_point(problem, centre)
    frame = Frame.of_box(centre, half_width, moving)
    if (np.count_nonzero(problem.A_theta, axis=1) <= 1).all():
        return frame
    A, b = in_frame(problem, frame)
    if largest_ball(A, b)[0] > FLAT:
        return frame
    return _in_affine_hull(problem, A, b, frame)


def in_frame(problem: MultiparametricQP, frame: Frame) -> tuple[Array, Array]:
    """Return the parameter set's rows over phi, of unit length; rows that phi does not move are left out."""
    A, b = problem.A_theta @ frame.directions, problem.b_theta - problem.A_theta @ frame.centre
    size = np.abs(problem.A_theta) @ np.abs(frame.directions).max(axis=1)
    length = row_lengths(A)
    real = A.any(axis=1) & (length > 1e-10 * size)
    return A[real] / length[real, None], b[real] / length[real]


def _in_affine_hull(problem: MultiparametricQP, A: Array, b: Array, frame: Frame) -> Frame:
    """Return the frame of a set {A phi <= b} without interior: the box around it inside its affine hull."""
    tight = np.array([_room(A, b, row) <= FLAT for row in range(len(b))])
    if not tight.any():
        raise NumericalError("the parameter set has no interior, but no row of it holds with equality everywhere")
    _, size, basis = np.linalg.svd(A[tight])
    rank = int((size > FLAT).sum())
    if rank == A.shape[1]:
        raise _single_point(problem, frame.centre)
    normals, along = basis[:rank], basis[rank:].T
    inside = normals.T @ np.linalg.lstsq(A[tight] @ normals.T, b[tight], rcond=None)[0]
    rest, levels = A[~tight] @ along, (b - A @ inside)[~tight]
    extents = [linear_program(sign * axis, rest, levels) for axis in np.eye(rest.shape[1]) for sign in (1.0, -1.0)]
    if not all(result.success for result in extents):
        raise NumericalError("the extent of the parameter set inside its affine hull was not found")
    low, high = np.array([result.fun for result in extents]).reshape(-1, 2).T * [[1.0], [-1.0]]
    centre, half = (low + high) / 2, (high - low) / 2
    return Frame(
        frame.point(inside + along @ centre),
        frame.directions @ along * half,
        (along / half).T @ frame.inverse,
        np.vstack([frame.fixed, normals @ frame.inverse]),
    )


def _room(A: Array, b: Array, row: int) -> float:
    """Return how far inside a row the set {A phi <= b} reaches."""
    result = linear_program(A[row], A, b + 1e-10)
    return float(b[row] - result.fun) if result.success else np.inf


def _single_point(problem: MultiparametricQP, centre: Array) -> ProblemError:
    point = ", ".join(f"{name} = {value:g}" for name, value in zip(problem.names.parameters, centre, strict=True))
    return ProblemError(
        f"the parameter set is the single point {point}: nothing is left to be a parameter; widen one bound, or solve "
        "the QP there"
    )
