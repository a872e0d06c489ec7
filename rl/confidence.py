"""Lower confidence bounds on a mean that hold at any sample size: by betting against every smaller mean.

Source: Waudby-Smith & Ramdas 2024, Estimating means of bounded random variables by betting: the wealth
prod_i (1 + lambda (d_i - m)) is a supermartingale if the mean is at most m, so by Ville's inequality it reaches
1 / error with a probability of at most `error`. A bet on the upper side alone asks only how low a value can be.
"""

import math

import numpy as np
from jaxtyping import Float64

from plants.arrays import Array, real_array, real_scalar
from rl.errors import TrainingError

_SHARES = 0.9 * 0.5 ** np.arange(20)
"""Bets, as shares of the largest that can never lose everything."""
_WEIGHTS = 1 / np.arange(1.0, 21.0) ** 2
_LOG_WEIGHTS = np.log(_WEIGHTS / _WEIGHTS.sum())
"""How the first wealth is divided among the bets: mostly on large ones, since rare losses decide."""
_HALVINGS = 60


def lower_bound(sample: Float64[np.ndarray, " k"], largest_loss: float, error: float) -> float:
    """Return a number that the mean of what was drawn falls short of with a probability of at most `error`.

    `sample` (k,) was drawn independently from one distribution whose values are never below -`largest_loss`; how large
    they can become need not be known. No sample size is too small, no shape too odd. Raises TrainingError for values
    below -`largest_loss`, no sample, and an `error` outside (0, 1).
    """
    values = real_array(sample, "sample", (None,), TrainingError)
    limit = real_scalar(largest_loss, "largest_loss", TrainingError, positive=True)
    if not 0 < real_scalar(error, "error", TrainingError) < 1:
        raise TrainingError(f"`error` is {error:g}, but it must lie between 0 and 1; pass .05 for one in twenty")
    if not len(values):
        raise TrainingError("`sample` has 0 entries, but at least 1 is needed; draw some")
    if values.min() < -limit:
        raise TrainingError(
            f"`sample` has {values.min():g}, below -`largest_loss` = {-limit:g}; pass the largest loss that can be"
        )
    low, high = -limit, float(values.mean())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle <= -limit or _log_wealth(values, middle, limit) >= -math.log(error):
            low = middle
        else:
            high = middle
    return low


def _log_wealth(values: Array, mean: float, limit: float) -> float:
    """Return the logarithm of what bets against a mean of at most `mean` have made of 1; it falls as `mean` grows."""
    gains = (values - mean) / (limit + mean)
    return float(np.logaddexp.reduce(_LOG_WEIGHTS + np.log1p(_SHARES[:, None] * gains).sum(1)))


def error_of(gate: int, error_rate: float) -> float:
    """Return the share of an error rate that the `gate`-th test, counted from 1, may spend: all together spend it."""
    return error_rate * 6 / (math.pi * gate) ** 2
