"""condense: an MPC problem as a multiparametric program in its inputs, with the state (and more) as parameter."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.labels import Labels
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.polyhedron import Polyhedron
from mpc.explicit.readout import Readout
from mpc.explicit.value import Quadratic
from mpc.norms import epigraph
from mpc.prediction import Prediction, beside
from mpc.problem import MPCProblem
from mpc.rows import Rows, Slack, stack_rows
from mpc.terms import Objective, Term, objective
from plants.arrays import instance_of

LEAST_EIGENVALUE = 1e-9  # of the cost with a diagonal of 1: its inverse multiplies rounding errors of the inputs
LARGEST_GROWTH = 1e6  # of a prediction over the horizon, where no inverse bounds what rounding does to the inputs


def condense(problem: MPCProblem) -> MultiparametricQP:
    """Return the multiparametric program of `problem`, in physical variables.

    theta is (x_0, previous input, setpoint, disturbance, parameters of one's own), of these what the problem has; z are
    the free inputs, u_0 first, then amounts of a norm cost and slacks of soft constraints. The states are eliminated
    through the model.
    Every row carries a sentence, such as "torque at its upper limit 2 N m at step 0".
    Source: Braniff & Tian 2025, Eq. 9, with the usual half before H.
    """
    instance_of(problem, MPCProblem, "problem", ProblemError, "pass MPCProblem(linearise(plant), ...)")
    prediction, rows = problem.prediction, problem.rows
    terms = list(cost_terms(problem, prediction))
    if problem.norm == 2:
        cost = objective(terms, problem.free_inputs, len(problem.layout.names))
        _check_condition(cost.H, problem)
        return _program(problem, prediction, rows, cost, ())
    _check_growth(problem)
    amounts = epigraph([term for term in terms if term.deviation.z_map.any()], problem.norm)
    both = stack_rows([_wider(rows, len(amounts.cost)), amounts.rows])
    n, t = problem.free_inputs + len(amounts.cost), len(problem.layout.names)
    linear = np.concatenate([np.zeros(problem.free_inputs), amounts.cost])
    cost = Objective(np.zeros((n, n)), linear, np.zeros((n, t)), 0.0, np.zeros(t), np.zeros((t, t)))
    return _program(problem, prediction, both, cost, amounts.names)


def _program(
    problem: MPCProblem, prediction: Prediction, rows: Rows, cost: Objective, amounts: tuple[str, ...]
) -> MultiparametricQP:
    """Return the program, with the slacks of soft rows behind all other variables."""
    none = Slack(np.zeros((len(rows.w), 0)), np.zeros(0), np.zeros(0), ())
    slack = none if rows.slack is None else rows.slack
    n, s = len(cost.f), len(slack.names)
    box = Polyhedron.from_bounds(*problem.layout.bounds)
    return MultiparametricQP(
        np.block([[cost.H, np.zeros((n, s))], [np.zeros((s, n)), np.diag(2 * slack.quadratic)]]),
        np.concatenate([cost.f, slack.linear]),
        np.vstack([cost.F, np.zeros((s, cost.F.shape[1]))]),
        np.c_[rows.G, -slack.columns],
        rows.w,
        rows.S,
        box.A,
        box.b,
        equality_rows=rows.equal,
        labels=_labels(problem, rows, (*amounts, *slack.names)),
        constant=Quadratic(cost.level, cost.slope, cost.curvature) if problem.norm == 2 else None,
        readouts=_next_state(prediction, n + s),
    )


def _next_state(prediction: Prediction, variables: int) -> tuple[Readout, ...]:
    """Return the states that the model predicts for the next step."""
    after = prediction.states[1]
    wide = np.c_[after.z_map, np.zeros((len(after.offset), variables - after.z_map.shape[1]))]
    parts = zip(after.names, after.units, after.offset, after.theta_map, wide, strict=True)
    return tuple(Readout(f"{name} at step 1", unit, offset, row, z) for name, unit, offset, row, z in parts)


def cost_terms(problem: MPCProblem, prediction: Prediction) -> Iterator[Term]:
    """Yield the summands of the cost: states and inputs at steps 0..N-1, the further costs, the last state."""
    g, N = problem.discount, problem.horizon
    reference = "operating point" if problem.setpoint is None else "target"
    for k in range(N):
        yield Term(prediction.state_error(k), problem.state_weight, g**k, "the states", k, reference)
    last, P = prediction.state_error(N), problem.final_weight
    if P.shape[1] > problem.model.n:
        last = beside(last, prediction.input_error(N - 1))
    yield Term(last, P, g**N, "the states", N, reference)
    for k in range(N):
        yield Term(prediction.input_error(k), problem.input_weight, g**k, "the inputs", k, reference)
    yield from problem.further_terms


def _wider(rows: Rows, columns: int) -> Rows:
    """Return the rows with further variables that they leave free."""
    return replace(rows, G=np.c_[rows.G, np.zeros((len(rows.w), columns))])


def _labels(problem: MPCProblem, rows: Rows, others: tuple[str, ...]) -> Labels:
    model, layout = problem.model, problem.layout
    blocks = problem.plan.blocks(problem.horizon)
    steps = [blocks.index(block) for block in range(max(blocks) + 1)]
    inputs = [name if k == 0 else f"{name} at step {k}" for k in steps for name in model.input_names]
    return Labels(
        parameters=layout.names,
        variables=(*inputs, *others),
        rows=rows.labels,
        parameter_units=layout.units,
        variable_units=tuple(model.input_units) * len(steps) + ("",) * len(others),
        row_units=rows.all_units,
    )


def _check_growth(problem: MPCProblem) -> None:
    """Raise ProblemError if rounding errors, multiplied over the horizon, would show in the cost."""
    growth = np.abs(np.linalg.eigvals(problem.model.A)).max()
    if growth > 1 and problem.horizon * np.log(growth) > np.log(LARGEST_GROWTH):
        raise ProblemError(
            f"`horizon` {problem.horizon} is too long for a plant that grows by {growth:.4g} a step: it multiplies by "
            f"{growth**problem.horizon:.1g}, but float64 allows {LARGEST_GROWTH:g}; shorten the horizon, or pass "
            "`plan=Prestabilised(...)`"
        )


def _check_condition(H: np.ndarray, problem: MPCProblem) -> None:
    """Raise ProblemError if rounding errors of H, summed over the horizon, would show in the inputs."""
    size = np.sqrt(np.diag(H))
    least = float(np.linalg.eigvalsh(H / np.outer(size, size))[0])
    if least < LEAST_EIGENVALUE:
        growth = np.abs(np.linalg.eigvals(problem.model.A)).max()
        raise ProblemError(
            f"`horizon` {problem.horizon} is too long for a plant that grows by {growth:.4g} a step, or `input_weight` "
            f"too small: the scaled cost has the eigenvalue {least:.1g}, but float64 asks for {LEAST_EIGENVALUE:g}; "
            "shorten the horizon, raise the weight, or pass `plan=Prestabilised()`"
        )
