"""identify: a linear model from measured data alone, with its operating point."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.identified.identification import Identification, fit_percent, free_run, ljung_box
from mpc.identified.records import Record, Rows, checked_records, rows_of
from mpc.identified.regression import LeastSquares, Method, Regression, regress
from mpc.model import LinearModel
from plants.arrays import Array, real_array, real_scalar, whole_number

MOST_LAGS = 20  # autocorrelations in the whiteness test
FREE_RUN_STEPS = 20
REST = 1e-6  # how far a steady point may move in one step, relative to the spread of the data


def identify(
    records: Record | Sequence[Record],
    sample_time: float,
    order: int = 1,
    method: Method | None = None,
    at: tuple[ArrayLike, ArrayLike] | None = None,
    free_run_steps: int = FREE_RUN_STEPS,
    time_unit: str = "s",
) -> Identification:
    """Return the linear model that predicts the records best, one step ahead, and how good it is.

    With `order` 1 the outputs are taken for the whole state: y+ = A y + B u + c. With a higher one the state is the
    stack (y_t, .., y_(t-order+1), u_(t-1), .., u_(t-order+1)) of an ARX model, all of it measured, and C picks y_t.
    The operating point is the steady point of the model that is nearest to the mean of the data; `at` (output, input)
    gives a known one instead, and saves the constant c. `method` is LeastSquares() (None) or InstrumentalVariables().
    Noise in measured regressors biases least squares towards 0: see docs/models.md.

    Raises ProblemError for records that do not fit each other, that are too short, or that do not excite a signal.
    Source: Ljung 1999, System Identification, chapters 4, 7 and 16.
    """
    given = checked_records(records)
    period = real_scalar(sample_time, "sample_time", ProblemError, positive=True)
    order = whole_number(order, "order", ProblemError, least=1)
    free_run_steps = whole_number(free_run_steps, "free_run_steps", ProblemError, least=1)
    method = LeastSquares() if method is None else method
    if isinstance(method, type) or not callable(getattr(method, "fitted", None)):
        raise ProblemError(f"`method` is {method!r}; pass LeastSquares() or InstrumentalVariables()")
    first = given[0]
    point = None if at is None else _known_point(at, first)
    rows = [rows_of(record, order, method.lags) for record in given]
    names = (*_stack_names(first, order), *first.input_names)
    stacked = None if point is None else np.r_[_stacked(*point, order), point[1], point[0]]
    found = regress(
        np.concatenate([np.c_[r.stacks, r.inputs] for r in rows]), np.concatenate([r.targets for r in rows]),
        np.concatenate([r.instruments for r in rows]), names, method, stacked,
    )  # fmt: skip
    if point is None:
        point = _steady_point(found, rows, first, order)
    return _measured(_model(found, first, order, point, period, time_unit), found, rows, order, free_run_steps)


def _known_point(at: tuple[ArrayLike, ArrayLike], first: Record) -> tuple[Array, Array]:
    if not (isinstance(at, Sequence) and len(at) == 2):
        raise ProblemError(f"`at` is {at!r}, but it must be a pair (output, input)")
    output = real_array(at[0], "at output", (len(first.output_names),), ProblemError)
    return output, real_array(at[1], "at input", (len(first.input_names),), ProblemError)


def _steady_point(found: Regression, rows: Sequence[Rows], first: Record, order: int) -> tuple[Array, Array]:
    """Return the outputs and inputs nearest to the mean, in standard deviations, at which the model rests."""
    p, m = len(first.output_names), len(first.input_names)
    targets, inputs = np.concatenate([r.targets for r in rows]), np.concatenate([r.inputs for r in rows])
    mean, scale = np.r_[targets.mean(axis=0), inputs.mean(axis=0)], np.r_[targets.std(axis=0), inputs.std(axis=0)]
    scale = np.where(scale > 0, scale, 1.0)
    repeat = np.r_[np.tile(np.eye(p, p + m), (order, 1)), np.tile(np.eye(p + m)[p:], (order, 1))]
    drift = (found.coefficients.T @ repeat - np.eye(p, p + m)) * scale / scale[:p, None]
    wanted = -(found.offset / scale[:p] + drift @ (mean / scale))
    move = np.linalg.lstsq(drift, wanted, rcond=1e-10)[0]
    left = np.abs(drift @ move - wanted)
    if left.max() > REST:
        i = int(left.argmax())
        raise ProblemError(
            f"the model found has no steady point: {first.output_names[i]} drifts by {left[i]:.3g} of its standard "
            "deviation at every step whatever the input is; add the input that would hold it, or give `at`"
        )
    point = mean + scale * move
    return point[:p], point[p:]


def _model(
    found: Regression, first: Record, order: int, point: tuple[Array, Array], period: float, time_unit: str
) -> LinearModel:
    p, m = len(first.output_names), len(first.input_names)
    n = order * p + (order - 1) * m
    A, B = np.zeros((n, n)), np.zeros((n, m))
    A[:p], B[:p] = found.coefficients[:n].T, found.coefficients[n:].T
    A[p : order * p, : (order - 1) * p] = np.eye((order - 1) * p)
    if order > 1:
        B[order * p : order * p + m] = np.eye(m)
        A[order * p + m :, order * p : n - m] = np.eye((order - 2) * m)
    units = (*tuple(first.output_units) * order, *tuple(first.input_units) * (order - 1))
    return LinearModel(
        A, B, period, _stacked(*point, order), point[1], _stack_names(first, order), units, first.input_names,
        first.input_units, time_unit, None if order == 1 else np.eye(p, n), output_names=first.output_names,
        output_units=first.output_units,
    )  # fmt: skip


def _measured(
    model: LinearModel, found: Regression, rows: Sequence[Rows], order: int, free_run_steps: int
) -> Identification:
    residuals = np.split(found.residuals, np.cumsum([len(r.targets) for r in rows])[:-1])
    targets = [r.targets for r in rows]
    count = sum(len(r.targets) for r in rows)
    lags = max(1, min(MOST_LAGS, count // 5))
    return Identification(
        model=model,
        order=order,
        rows=count,
        one_step_fit=fit_percent(targets, [y - e for y, e in zip(targets, residuals, strict=True)]),
        free_run_fit=fit_percent(targets, [free_run(model, r.stacks, r.inputs, free_run_steps) for r in rows]),
        free_run_steps=free_run_steps,
        residual=found.residuals.std(axis=0),
        A_error=found.errors[: model.n].T,
        B_error=found.errors[model.n :].T,
        offset_error=found.offset_errors,
        whiteness=ljung_box(residuals, lags),
        whiteness_lags=lags,
        excitation=found.excitation,
    )


def _stacked(output: Array, control: Array, order: int) -> Array:
    return np.r_[np.tile(output, order), np.tile(control, order - 1)]


def _stack_names(first: Record, order: int) -> tuple[str, ...]:
    outputs = [_past_name(name, k) for k in range(order) for name in first.output_names]
    return (*outputs, *(_past_name(name, k) for k in range(1, order) for name in first.input_names))


def _past_name(name: str, steps: int) -> str:
    return name if steps == 0 else f"{name} {steps} step{'s' if steps > 1 else ''} ago"
