"""The frozen weights of the paper's five layers, computed from a law; M and the step tolerance come from its data."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from mpc.explicit.law import TOLERANCE, PiecewiseAffineLaw
from plants.arrays import Array
from yann.errors import NetworkError
from yann.gathered import input_box

ACCURACY = 1e-9
"""The error, relative to the input range, that the dense form may cause; a law that needs more is refused."""

SLACK = 1.01
"""M is this times the largest value of a law row over the parameter box, so that no rounding leaves a piece open."""

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class DenseLayers:
    """Weights (outputs, inputs) and biases (outputs,) of each layer, with the tolerance and error bound behind them.

    `big_m` (2pm,) holds one M for each signed law row: region by region, in each all +rows, then all -rows.
    """

    step: tuple[Array, Array]
    conjunction: tuple[Array, Array]
    priority: Array
    laws: tuple[Array, Array]
    suppression: tuple[Array, Array]
    output: Array
    big_m: Array
    tolerance: float
    accuracy: float

    def with_readout(self, columns: Array) -> Self:
        """Return the layers whose suppression also reads hidden neurons, by fixed `columns` (2pm, ph)."""
        weight, bias = self.suppression
        return replace(self, suppression=(np.hstack([weight, columns]), bias))


def dense_layers(law: PiecewiseAffineLaw, residual_range: float = 0.0) -> DenseLayers:
    """Return the layers of a law whose pieces may be shifted by up to `residual_range` input ranges.

    Raises NetworkError where float64 cannot keep the error below ACCURACY.
    """
    p, m, _ = law.gains.shape
    A, b, owner = law.halfspaces
    weight, bias = _signed_laws(law)
    lower, upper = input_box(law)
    spread = np.tile(upper - lower, 2 * p)
    support = weight @ law.centre + bias + np.abs(weight) @ law.half_width
    big_m = SLACK * np.maximum(support + residual_range * spread, 0.0)
    tolerance = _step_tolerance(law)
    accuracy = _error_bound(law, big_m / spread, tolerance)
    _check_accuracy(accuracy, float(big_m.max()), float(spread.min()))
    member = (owner == np.arange(p)[:, None]).astype(np.float64)
    owner_of_row = np.repeat(np.arange(p), 2 * m)
    gate = big_m[:, None] * (owner_of_row[:, None] == np.arange(p))
    return DenseLayers(
        step=(-A, b + tolerance),
        conjunction=(member, 0.5 - member.sum(axis=1)),
        priority=np.eye(p) - np.tri(p, k=-1),
        laws=(weight, bias),
        suppression=(np.hstack([gate, np.eye(2 * p * m)]), -big_m),
        output=np.tile(np.hstack([np.eye(m), -np.eye(m)]), p),
        big_m=big_m,
        tolerance=tolerance,
        accuracy=accuracy,
    )


def _signed_laws(law: PiecewiseAffineLaw) -> tuple[Array, Array]:
    weight = np.concatenate([law.gains, -law.gains], axis=1).reshape(-1, law.t)
    return weight, np.concatenate([law.offsets, -law.offsets], axis=1).ravel()


def _step_tolerance(law: PiecewiseAffineLaw) -> float:
    """Return how far outside a half-space a step still says yes: above its rounding, below what the laws notice.

    Where two regions overlap by it, their laws differ by at most twice the steepest gain times it.
    """
    A, b, _ = law.halfspaces
    lower, upper = law.parameter_bounds
    rounding = 8 * EPS * float((np.abs(A) @ np.maximum(np.abs(lower), np.abs(upper)) + np.abs(b)).max())
    return max(rounding, min(TOLERANCE, 0.1 * ACCURACY / (2 * _steepest(law))))


def _steepest(law: PiecewiseAffineLaw) -> float:
    """Return the largest gain of any row, in input ranges per half width of the parameter set."""
    lower, upper = input_box(law)
    slopes = np.linalg.norm(law.gains * law.half_width, axis=-1) / (upper - lower)
    return max(float(slopes.max()), EPS)


def _error_bound(law: PiecewiseAffineLaw, relative_m: Array, tolerance: float) -> float:
    """Return the worst error relative to the input range: overlap of regions, and rounding of law + M - M."""
    return 2 * _steepest(law) * tolerance + 4 * EPS * float(relative_m.max())


def _check_accuracy(accuracy: float, big_m: float, spread: float) -> None:
    if accuracy > ACCURACY:
        raise NetworkError(
            f"`law` has inactive pieces that need M = {big_m:.3g} against an input range of {spread:.3g}: in float64 "
            f"the dense form would err by up to {accuracy:.1e} of the range, more than {ACCURACY:g}; "
            "use YannActor, which selects the region and needs no M"
        )
