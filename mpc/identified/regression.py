"""Linear regression for identification: least squares, instrumental variables, and what the data do not tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mpc.explicit.errors import ProblemError
from plants.arrays import Array, whole_number

EXCITED = 1e-5  # least singular value of the standardised regressors, relative to the largest, that counts as excited
TAKES_PART = 0.2  # share of the largest entry of a singular vector from which a signal is named
WEAK = 2.0  # how many times above chance the least canonical correlation of instruments must be


class Method(Protocol):
    """How the coefficients are estimated."""

    @property
    def lags(self) -> int:
        """Return how many past samples serve as instruments; 0 for none."""
        ...

    def fitted(self, regressors: Array, instruments: Array, names: Sequence[str]) -> Array:
        """Return the regressors (rows, r), or what instruments (rows, l) tell of them."""
        ...


@dataclass(frozen=True)
class LeastSquares:
    """Ordinary least squares: smallest variance, but biased by noise in what is measured (towards less dynamics)."""

    @property
    def lags(self) -> int:
        """Return 0: no instruments."""
        return 0

    def fitted(self, regressors: Array, instruments: Array, names: Sequence[str]) -> Array:  # noqa: ARG002
        """Return the regressors themselves."""
        return regressors


@dataclass(frozen=True)
class InstrumentalVariables:
    """Two-stage least squares: consistent under white measurement noise, also in closed loop, with more variance.

    The instruments are `lags` past stacks and inputs, old enough to share no measurement with the row, and the
    record's `excitation`. Without excitation they know of the present input only what the past tells of it: an
    input that is renewed at every step is then refused as not explained.
    Source: Soderstrom & Stoica 1983, Instrumental Variable Methods for System Identification.
    """

    lags: int = 2

    def __post_init__(self) -> None:
        whole_number(self.lags, "lags", ProblemError, least=1)

    def fitted(self, regressors: Array, instruments: Array, names: Sequence[str]) -> Array:
        """Return the regressors projected on the instruments.

        Raises ProblemError for fewer instruments than regressors, and for instruments that explain them by chance only.
        """
        rows, count = regressors.shape
        instruments = instruments - instruments.mean(axis=0)
        basis, size, _ = np.linalg.svd(instruments / np.maximum(instruments.std(axis=0), 1e-300), full_matrices=False)
        basis = basis[:, size > EXCITED * size.max(initial=1e-300)]
        if basis.shape[1] < count:
            raise ProblemError(
                f"there are {basis.shape[1]} independent instruments for {count} regressors; raise `lags` "
                f"(now {self.lags}), or give records their `excitation`"
            )
        Q, R = np.linalg.qr(regressors)
        _, correlation, directions = np.linalg.svd(basis.T @ Q)
        chance = np.sqrt(basis.shape[1] / rows)
        if correlation[-1] < WEAK * chance:
            signals = _combination(np.linalg.solve(R, directions[-1]), np.ones(count), names)
            raise ProblemError(
                f"the instruments hardly explain {signals} (each in its standard deviation): least canonical "
                f"correlation {correlation[-1]:.2g}, but at least {WEAK * chance:.2g} is needed with {rows} rows; give "
                "records the `excitation` that was added to the inputs, or hold each excitation for several steps"
            )
        return basis @ (basis.T @ regressors)


@dataclass(frozen=True, eq=False)
class Regression:
    """targets = regressors @ coefficients + offset: (r, q) and (q,), with their standard errors, and residuals.

    `excitation` is the least singular value of the standardised regressors, relative to the largest (1 at best).
    Standard errors hold for residuals that are white.
    """

    coefficients: Array
    offset: Array
    errors: Array
    offset_errors: Array
    residuals: Array
    excitation: float


def regress(
    regressors: Array, targets: Array, instruments: Array, names: Sequence[str], method: Method, point: Array | None
) -> Regression:
    """Return the regression of targets (rows, q) on regressors (rows, r) and a constant.

    With a `point` (r + q,), regressors and targets known to belong together, there is no constant to be estimated.
    Raises ProblemError, naming signals, for too few rows and for regressors that do not move, or only together.
    """
    rows, count = regressors.shape
    free = count + (point is None)
    if rows < free + 2:
        raise ProblemError(
            f"the records give {rows} rows for {free} coefficients per signal ({', '.join(names)}"
            f"{', offset' if point is None else ''}): at least {free + 2} are needed; record longer"
        )
    centre = np.r_[regressors.mean(axis=0), targets.mean(axis=0)] if point is None else point
    moved, wanted = regressors - centre[:count], targets - centre[count:]
    scale = np.sqrt((moved**2).mean(axis=0))
    excitation = _check_excited(moved, scale, centre[:count], names)
    fitted = method.fitted(moved / scale, instruments, names)
    inverse = np.linalg.pinv(fitted)
    coefficients = (inverse @ wanted) / scale[:, None]
    residuals = wanted - moved @ coefficients
    variance = (residuals**2).sum(axis=0) / (rows - free)
    covariance = (inverse @ inverse.T) / np.outer(scale, scale)
    errors = np.sqrt(np.outer(np.diag(covariance), variance))
    offset_errors = np.zeros(len(variance))
    if point is None:
        offset_errors = np.sqrt(variance * (1 / rows + centre[:count] @ covariance @ centre[:count]))
    offset = centre[count:] - centre[:count] @ coefficients
    return Regression(coefficients, offset, errors, offset_errors, residuals, excitation)


def _check_excited(moved: Array, scale: Array, centre: Array, names: Sequence[str]) -> float:
    """Return the relative least singular value of the standardised regressors, or raise ProblemError."""
    still = [name for name, s, c in zip(names, scale, centre, strict=True) if s <= 1e-12 * max(abs(c), 1e-300)]
    if still:
        raise ProblemError(
            f"not persistently exciting: {', '.join(still)} never moves in the records, so its effect cannot be "
            "told; excite it, or leave it out"
        )
    _, size, directions = np.linalg.svd(moved / scale, full_matrices=False)
    if size[-1] <= EXCITED * size[0]:
        raise ProblemError(
            f"not persistently exciting: {_combination(directions[-1], scale, names)} stays constant in the records, "
            f"so these effects cannot be told apart (relative singular value {size[-1] / size[0]:.2g}, at least "
            f"{EXCITED:g} is needed); add to the inputs a signal that does not come from feedback, or lower the `order`"
        )
    return float(size[-1] / size[0])


def _combination(direction: Array, scale: Array, names: Sequence[str]) -> str:
    """Return the signals that take part in a direction of standardised signals, as in "torque +5.73 rate"."""
    part = np.abs(direction) >= TAKES_PART * np.abs(direction).max()
    physical = direction / scale
    physical = physical / physical[np.flatnonzero(part)[-1]]
    terms = [f"{value:+.3g} {name}" for value, name, has in zip(physical, names, part, strict=True) if has]
    return " ".join(terms)
