"""The discounted linear-quadratic regulator, the unconstrained end of every law and critic here."""

import warnings
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, LinAlgWarning, matrix_balance, solve_discrete_are, solve_discrete_lyapunov

from mpc.explicit.definite import positive_definite, positive_semidefinite
from mpc.explicit.errors import ProblemError
from mpc.model import LinearModel
from mpc.modes import unreached_mode
from plants.arrays import Array, real_array, real_scalar

NEWTON_STEPS = 20
SETTLED = 1e-9  # relative size of a Newton step that, getting no smaller, is rounding


def dlqr(
    A: ArrayLike, B: ArrayLike, Q: ArrayLike, R: ArrayLike, discount: float = 1.0, cross: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Return (K (m, n), P (n, n)): u = -K s is optimal and s'P s its cost, sum of discount^t (s'Qs + 2 s'Nu + u'Ru).

    P = DARE(sqrt(g) A, sqrt(g) B, Q, R, N) with g the discount and N (n, m) = `cross`. Raises ProblemError for weights
    that are not definite, a pair (sqrt(g) A, B) that is not stabilisable, or a growing mode that Q does not see.
    """
    return cost_to_go(LinearModel(A, B, sample_time=1.0), Q, R, discount, cross)


def cost_to_go(
    model: LinearModel,
    Q: ArrayLike,
    R: ArrayLike,
    discount: float = 1.0,
    cross: ArrayLike | None = None,
    mend: str = "weigh it in Q",
) -> tuple[Array, Array]:
    """Return what dlqr does, for a model whose names appear in errors, and the `mend` for a mode that costs nothing."""
    Q = positive_semidefinite(weight_matrix(Q, "Q", model.n), "Q")
    R = positive_definite(weight_matrix(R, "R", model.m), "R")
    gamma = checked_discount(discount)
    if cross is not None and np.any(cross):
        N = real_array(cross, "cross", (model.n, model.m), ProblemError)
        positive_semidefinite(np.block([[Q, N], [N.T, R]]), "[Q, N; N', R]")
        shift = np.linalg.solve(R, N.T)
        left = Q - N @ shift
        shifted = replace(model, A=model.A - model.B @ shift)
        K, P = cost_to_go(shifted, (left + left.T) / 2, R, gamma, mend=mend)
        return K + shift, P
    check_stabilisable(model, gamma)
    _check_seen(model, Q, gamma, mend)
    P = _solution(np.sqrt(gamma) * model.A, np.sqrt(gamma) * model.B, Q, R)
    K = np.linalg.solve(R + gamma * model.B.T @ P @ model.B, gamma * model.B.T @ P @ model.A)
    P.setflags(write=False)
    return K, P


def _check_seen(model: LinearModel, Q: Array, discount: float, mend: str) -> None:
    """Raise ProblemError if a mode grows and costs nothing: then doing nothing is cheaper than to stabilise."""
    mode = unreached_mode(model.A.T, Q, discount)
    if mode is not None:
        raise ProblemError(
            f"`Q` does not see the mode with eigenvalue {mode}, which does not decay: {mend} "
            f"(it lives in {mode.carriers(model.state_names)})"
        )


def _solution(A: Array, B: Array, Q: Array, R: Array) -> Array:
    """Return the stabilising solution, computed in units of states and cost that make all of A, Q and R about 1."""
    A, (unit, _) = matrix_balance(A, permute=False, separate=True)
    Q = Q * np.outer(unit, unit)
    size = np.abs(Q).max() or 1.0
    B = np.sqrt(size) * np.linalg.solve(np.linalg.cholesky(R), (B / unit[:, None]).T).T
    try:
        with np.errstate(invalid="ignore"):  # of scipy's balancing where a tiny discount leaves A almost 0
            P = solve_discrete_are(A, B, Q / size, np.eye(len(R)))
    except (LinAlgError, ValueError) as cause:
        raise ProblemError(
            f"the Riccati equation has no stabilising solution ({cause}); weigh every growing mode in the state weight"
        ) from cause
    return size * _refined(A, B, Q / size, P) / np.outer(unit, unit)


def _refined(A: Array, B: Array, Q: Array, P: Array) -> Array:
    """Return P after Newton steps on its residual; raises ProblemError unless it settles and stabilises."""
    change = np.inf
    for _ in range(NEWTON_STEPS):
        K = np.linalg.solve(np.eye(B.shape[1]) + B.T @ P @ B, B.T @ P @ A)
        closed = A - B @ K
        radius = np.abs(np.linalg.eigvals(closed)).max()
        if not radius < 1.0:
            raise ProblemError(
                f"the Riccati solution does not stabilise: spectral radius {radius:.6g}, but it must be below 1; "
                "weigh every mode that does not decay in the state weight"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LinAlgWarning)  # what the steps leave is checked below
            step = solve_discrete_lyapunov(closed.T, Q + K.T @ K + closed.T @ P @ closed - P)
        P = P + (step + step.T) / 2
        before, change = change, np.abs(step).max() / max(np.abs(P).max(), 1e-300)
        if change <= 1e-14 or (change <= SETTLED and change >= before / 2):
            return (P + P.T) / 2
    raise ProblemError(
        f"the Riccati solution is uncertain by {change:.2g} (at most {SETTLED:g}); "
        "bring the weights of states and inputs nearer to each other, or use other units"
    )


def weight_matrix(value: ArrayLike, name: str, size: int) -> Array:
    """Return a (size, size) weight; a plain number is taken where the size is 1."""
    array = real_array(value, name, None, ProblemError)
    if array.ndim < 2 and array.size == 1 and size == 1:
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
    mode = unreached_mode(model.A, model.B, discount)
    if mode is not None:
        raise ProblemError(
            f"(A, B) is not stabilisable: the mode with eigenvalue {mode} does not decay and no input moves it "
            f"(it lives in {mode.carriers(model.state_names)}); add an input that reaches it, or leave the state "
            "out of the model"
        )
