"""Identification: a model from records, how well it predicts them, and how far its numbers can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from mpc.model import LinearModel
from plants.arrays import Array

SIGNIFICANT = 0.01  # p-value of the whiteness test below which residuals count as correlated


@dataclass(frozen=True, eq=False)
class Identification:
    """What `identify` found: `model`, from `rows` rows of data, and its measures per output (p,).

    `one_step_fit` and `free_run_fit` are 100 (1 - |y - prediction| / |y - mean of y|) in percent, one step ahead and
    simulated from a measured stack over windows of `free_run_steps`; below 0 it predicts worse than the mean does.
    `residual` is the standard deviation of the one-step error. `A_error` (p, n), `B_error` (p, m), `offset_error`
    (p,) are the standard errors of the estimated rows of A, of B and of the constant: all rows for order 1, the first p
    for stacks. They hold for white residuals; see `whiteness`.
    `whiteness` are the p-values of the Ljung-Box test on `whiteness_lags` autocorrelations: below 0.01 residuals are
    correlated, by measurement noise, a missing state or nonlinearity, and the standard errors are too small.
    `excitation` is the least singular value of the standardised regressors, relative to the largest.
    """

    model: LinearModel
    order: int
    rows: int
    one_step_fit: Array
    free_run_fit: Array
    free_run_steps: int
    residual: Array
    A_error: Array
    B_error: Array
    offset_error: Array
    whiteness: Array
    whiteness_lags: int
    excitation: float

    @property
    def is_white(self) -> bool:
        """Return whether no output's residuals are seen to be correlated."""
        return bool((self.whiteness >= SIGNIFICANT).all())

    def __str__(self) -> str:
        """Return a table: one row per output, then one per estimated coefficient with its standard error."""
        model, columns = self.model, (*self.model.state_names, *self.model.input_names)
        width = max(len(name) for name in ("output", *model.output_names))
        lines = [
            f"{model!r}, from {self.rows} rows, excitation {self.excitation:.2g}",
            f"{'output':<{width}}  fit 1 step  fit {self.free_run_steps} steps  residual sd  whiteness p",
        ]
        for i, name in enumerate(model.output_names):
            lines.append(
                f"{name:<{width}}  {self.one_step_fit[i]:8.2f} %  {self.free_run_fit[i]:{7 + _digits(self)}.2f} %  "
                f"{self.residual[i]:11.3g}  {self.whiteness[i]:11.2g}"
            )
        if not self.is_white:
            lines.append("residuals are correlated (p below 0.01): the standard errors below are too small")
        values = np.c_[model.A, model.B][: len(model.output_names)]
        for i, name in enumerate(model.output_names):
            errors = np.r_[self.A_error[i], self.B_error[i]]
            terms = zip(values[i], errors, columns, strict=True)
            lines.append(f"{name}+ = " + "  ".join(f"{v:+.4g} (+-{e:.2g}) {of}" for v, e, of in terms))
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Return one line with the worst fit."""
        worst = f"one-step fit at least {self.one_step_fit.min():.1f} %"
        return f"Identification({self.model!r}, {self.rows} rows, {worst})"


def fit_percent(actual: Sequence[Array], predicted: Sequence[Array]) -> Array:
    """Return 100 (1 - |y - prediction| / |y - mean|) per column, over all records; -inf for a column that is constant.

    A constant that is predicted exactly has 100.
    """
    y, guess = np.concatenate(actual), np.concatenate(predicted)
    miss, spread = np.linalg.norm(y - guess, axis=0), np.linalg.norm(y - y.mean(axis=0), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 100 * np.where(miss == 0, 1.0, 1 - miss / spread)


def free_run(model: LinearModel, stacks: Array, inputs: Array, steps: int) -> Array:
    """Return the next outputs (rows, p), simulated from every `steps`-th measured stack on without further data."""
    predicted = np.empty((len(stacks), model.p))
    with np.errstate(over="ignore", invalid="ignore"):
        x = stacks[0]
        for t in range(len(stacks)):
            x = stacks[t] if t % steps == 0 else x
            x = model.state + model.A @ (x - model.state) + model.B @ (inputs[t] - model.input)
            predicted[t] = x[: model.p]
    return np.nan_to_num(predicted, nan=1e300, posinf=1e300, neginf=-1e300).clip(-1e150, 1e150)


def ljung_box(residuals: Sequence[Array], lags: int) -> Array:
    """Return the p-value per column that residuals (rows, p) of several records are white.

    Q = N (N + 2) sum over k <= lags of r_k^2 / (N - k), against chi-squared with `lags` degrees of freedom; products
    across records are left out. Source: Ljung & Box 1978, Biometrika 65.
    """
    count = sum(len(e) for e in residuals)
    power = sum((e**2).sum(axis=0) for e in residuals)
    statistic = np.zeros(residuals[0].shape[1])
    for k in range(1, lags + 1):
        product = sum((e[k:] * e[:-k]).sum(axis=0) for e in residuals if len(e) > k)
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic += np.where(power > 0, product / power, 0.0) ** 2 / (count - k)
    return np.asarray(chdtrc(lags, count * (count + 2) * statistic))


def _digits(identification: Identification) -> int:
    return len(str(identification.free_run_steps))
