"""The discounted linear-quadratic regulator, the unconstrained end of every law and critic here."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, solve_discrete_are

from mpc.explicit.definite import positive_definite, positive_semidefinite
from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from plants.arrays import Array, real_array, real_scalar


def dlqr(A: ArrayLike, B: ArrayLike, Q: ArrayLike, R: ArrayLike, discount: float = 1.0) -> tuple[Array, Array]:
    """Return (K (m, n), P (n, n)): u = -K s is optimal and s'P s its cost, sum of discount^t (s'Qs + u'Ru).

    P = DARE(sqrt(g) A, sqrt(g) B, Q, R) with g the discount. Raises ProblemError for weights that are not
    definite, a pair (sqrt(g) A, B) that is not stabilisable, or a growing mode that Q does not see.
    """
    model = LinearModel(A, B, sample_time=1.0)
    Q = positive_semidefinite(weight_matrix(Q, "Q", model.n), "Q")
    R = positive_definite(weight_matrix(R, "R", model.m), "R")
    gamma = checked_discount(discount)
    check_stabilisable(model, gamma)
    a, b = np.sqrt(gamma) * model.A, np.sqrt(gamma) * model.B
    try:
        P = solve_discrete_are(a, b, Q, R)
    except (LinAlgError, ValueError) as cause:
        raise ProblemError(
            f"the Riccati equation has no stabilising solution ({cause}); weigh every growing mode in Q"
        ) from cause
    K = np.linalg.solve(R + b.T @ P @ b, b.T @ P @ a)
    residual = np.abs(Q + a.T @ P @ (a - b @ K) - P).max() / max(np.abs(P).max(), 1e-300)
    radius = np.abs(np.linalg.eigvals(a - b @ K)).max()
    if not (residual < 1e-6 and radius < 1.0 + 1e-9):
        raise ProblemError(
            f"the Riccati solution fails its check: relative residual {residual:.2g} (at most 1e-6), spectral radius "
            f"{radius:.6g} (below 1); rescale the states, or weigh every growing mode in Q"
        )
    return K, (P + P.T) / 2


def weight_matrix(value: ArrayLike, name: str, size: int) -> Array:
    """Return a (size, size) weight; a plain number is taken where the size is 1."""
    array = real_array(value, name, None, ProblemError)
    if array.size == 1 and size == 1:
        return array.reshape(1, 1)
    return real_array(array, name, (size, size), ProblemError)


def checked_discount(discount: float) -> float:
    """Return the discount if it lies in (0, 1]; raise ProblemError otherwise."""
    gamma = real_scalar(discount, "discount", ProblemError, positive=True)
    if gamma > 1:
        raise ProblemError(f"`discount` is {gamma:g}, but it must be at most 1 (1 counts all steps alike)")
    return gamma


def check_stabilisable(model: LinearModel, discount: float = 1.0) -> None:
    """Raise ProblemError naming a mode that grows and that no input reaches, if there is one."""
    mode = model.unstabilisable_mode(discount)
    if mode is not None:
        shown = f"{mode.real:.6g}" if abs(mode.imag) < 1e-12 else f"{mode:.6g}"
        raise ProblemError(
            f"(A, B) is not stabilisable: the mode with eigenvalue {shown} does not decay and no input moves it; "
            "add an input that reaches it, or leave the state out of the model"
        )
