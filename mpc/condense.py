"""condense: an MPC problem as a multiparametric program in its inputs, with the state as parameter."""

import numpy as np

from mpc.constraints import Affine, Prediction, Rows, checked_rows, stack_rows
from mpc.explicit.errors import ProblemError
from mpc.explicit.labels import Labels
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.polyhedron import Polyhedron
from mpc.norms import Epigraph, Term, epigraph
from mpc.problem import MPCProblem
from plants.arrays import instance_of

LEAST_EIGENVALUE = 1e-9  # of the cost with a diagonal of 1: its inverse multiplies rounding errors of the inputs
LARGEST_GROWTH = 1e6  # of a prediction over the horizon, where no inverse bounds what rounding does to the inputs


def condense(problem: MPCProblem) -> MultiparametricQP:
    """Return the multiparametric program of `problem`: theta is the state x_0, z the inputs u_0..u_{N-1}, all physical.

    The states are eliminated through the model. Every row carries a sentence, such as
    "torque at its upper limit 2 N m at step 0". With the 1-norm or the infinity-norm H is 0, and the amounts that make
    up the cost follow the inputs in z. Source: Braniff & Tian 2025, Eq. 9, with the usual half before H.
    """
    instance_of(problem, MPCProblem, "problem", ProblemError, "pass MPCProblem(linearise(plant), ...)")
    prediction = predict(problem)
    rows = _limits(problem, prediction)
    box = Polyhedron.from_bounds(*problem.domain)
    if problem.norm == 2:
        H, f, F = _objective(problem, prediction)
        _check_condition(H, problem)
        return MultiparametricQP(
            H, f, F, rows.G, rows.w, rows.S, box.A, box.b, labels=_labels(problem, rows.labels, ())
        )
    _check_growth(problem)
    amounts = epigraph(_terms(problem, prediction), problem.norm)
    both = _beside(rows, amounts)
    size = problem.horizon * problem.model.m
    n, f = size + len(amounts.cost), np.concatenate([np.zeros(size), amounts.cost])
    labels = _labels(problem, both.labels, amounts.names)
    H, F = np.zeros((n, n)), np.zeros((n, problem.model.n))
    return MultiparametricQP(H, f, F, both.G, both.w, both.S, box.A, box.b, labels=labels)


def predict(problem: MPCProblem) -> Prediction:
    """Return the states and inputs over the horizon as affine functions of theta and z, in physical units."""
    model, horizon = problem.model, problem.horizon
    n, m = model.n, model.m
    theta_map, z_map, states = np.eye(n), np.zeros((n, horizon * m)), []
    for k in range(horizon + 1):
        offset = model.state - theta_map @ model.state - z_map @ np.tile(model.input, horizon)
        states.append(Affine(offset, theta_map, z_map, model.state_names, model.state_units))
        theta_map, z_map = model.A @ theta_map, model.A @ z_map
        z_map[:, k * m : (k + 1) * m] += model.B if k < horizon else 0
    selectors = np.eye(horizon * m).reshape(horizon, m, horizon * m)
    inputs = [Affine(np.zeros(m), np.zeros((m, n)), s, model.input_names, model.input_units) for s in selectors]
    return Prediction(tuple(states), tuple(inputs))


def _objective(problem: MPCProblem, prediction: Prediction) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return H, f, F of 1/2 z'Hz + (f + F theta)'z, the discounted cost without its constant part."""
    gamma, N, model = problem.discount, problem.horizon, problem.model
    weights = [gamma**k * problem.state_weight for k in range(N)] + [gamma**N * problem.final_weight]
    size = N * model.m
    H, f, F = np.zeros((size, size)), np.zeros(size), np.zeros((size, model.n))
    for weight, state in zip(weights, prediction.states, strict=True):
        H += 2 * state.z_map.T @ weight @ state.z_map
        f += 2 * state.z_map.T @ weight @ (state.offset - model.state)
        F += 2 * state.z_map.T @ weight @ state.theta_map
    for k, control in enumerate(prediction.inputs):
        weighted = 2 * gamma**k * control.z_map.T @ problem.input_weight
        H += weighted @ control.z_map
        f -= weighted @ model.input
    return H, f, F


def _terms(problem: MPCProblem, prediction: Prediction) -> list[Term]:
    """Return the summands of a norm cost that inputs can change: states at steps 1..N, inputs at steps 0..N-1."""
    model, N = problem.model, problem.horizon
    weights = [problem.state_weight] * (N - 1) + [problem.final_weight]
    states = [
        Term(quantity, model.state, weight, problem.discount**k, "the states", k)
        for k, (quantity, weight) in enumerate(zip(prediction.states[1:], weights, strict=True), start=1)
    ]
    inputs = [
        Term(quantity, model.input, problem.input_weight, problem.discount**k, "the inputs", k)
        for k, quantity in enumerate(prediction.inputs)
    ]
    return states + inputs


def _limits(problem: MPCProblem, prediction: Prediction) -> Rows:
    """Return the rows of all constraints, checked."""
    sizes = problem.horizon * problem.model.m, problem.model.n
    emitted = [checked_rows(c.rows(prediction), type(c).__name__, *sizes) for c in problem.all_constraints]
    return stack_rows([_no_rows(*sizes), *emitted])


def _beside(rows: Rows, amounts: Epigraph) -> Rows:
    """Return the limits, which leave the amounts free, and the rows that bind the amounts."""
    wide = np.c_[rows.G, np.zeros((len(rows.w), len(amounts.cost)))]
    return stack_rows([Rows(wide, rows.w, rows.S, rows.labels), amounts.rows])


def _labels(problem: MPCProblem, rows: tuple[str, ...], amounts: tuple[str, ...]) -> Labels:
    model, steps = problem.model, range(problem.horizon)
    inputs = [name if k == 0 else f"{name} at step {k}" for k in steps for name in model.input_names]
    return Labels(
        parameters=tuple(model.state_names),
        variables=(*inputs, *amounts),
        rows=rows,
        parameter_units=tuple(model.state_units),
        variable_units=tuple(model.input_units) * problem.horizon + ("",) * len(amounts),
    )


def _check_growth(problem: MPCProblem) -> None:
    """Raise ProblemError if rounding errors, multiplied over the horizon, would show in the cost."""
    growth = np.abs(np.linalg.eigvals(problem.model.A)).max()
    if growth > 1 and problem.horizon * np.log(growth) > np.log(LARGEST_GROWTH):
        raise ProblemError(
            f"`horizon` {problem.horizon} is too long for a plant that grows by {growth:.4g} a step: it multiplies by "
            f"{growth**problem.horizon:.1g}, but float64 allows {LARGEST_GROWTH:g}; shorten the horizon"
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
            "shorten the horizon or raise the weight"
        )


def _no_rows(variables: int, parameters: int) -> Rows:
    return Rows(np.zeros((0, variables)), np.zeros(0), np.zeros((0, parameters)), ())
