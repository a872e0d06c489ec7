"""Backup: one step of cost and then a law's value function, as one quadratic per region of the next parameter."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from mpc import MPCProblem, PiecewiseAffineLaw, condense
from mpc.condense import cost_terms
from mpc.terms import Term
from plants.arrays import Array
from yann.errors import NetworkError

SAME = 1e-9  # of a matrix's largest entry: what the law's problem may differ by from the one that is given
PROGRAM = ("H", "f", "F", "G", "w", "S", "A_theta", "b_theta")


@dataclass(frozen=True, eq=False)
class Backup:
    """stage(theta, u) + discount V(theta+), as functions of w = (theta, u) - centre, of size t + m.

    theta+ = centre[:t] + ahead + carry w, and while it lies in region i of the law the cost is
    level[i] + slope[i]'w + 1/2 w'curvature[i] w. `scale` (t + m,) holds half the width of every component.
    """

    centre: Array
    scale: Array
    ahead: Array
    carry: Array
    level: Array
    slope: Array
    curvature: Array
    discount: float


@dataclass(frozen=True, eq=False)
class _Squares:
    """e'W e with e = offset + w_map w (K,), once or for each of p regions as (p, K) and (p, K, size)."""

    offset: Array
    w_map: Array
    weight: Array

    def coefficients(self) -> tuple[Array, Array, Array]:
        """Return level, slope and curvature, 1/2 before the last."""
        weighted = self.weight @ self.w_map
        level = ((self.offset @ self.weight) * self.offset).sum(axis=-1)
        slope = 2 * (np.swapaxes(weighted, -1, -2) @ self.offset[..., None])[..., 0]
        curvature = 2 * np.swapaxes(self.w_map, -1, -2) @ weighted
        return level, slope, (curvature + np.swapaxes(curvature, -1, -2)) / 2


def backup(law: PiecewiseAffineLaw, problem: MPCProblem) -> Backup:
    """Return the backup of `law`, which `problem` was solved to.

    theta+ holds the next state and u as the previous input; setpoints, disturbances and parameters of one's own stay.
    Raises NetworkError for another norm than 2, parameters that are known ahead, and a law of another problem.
    """
    _check_pair(law, problem)
    centre = _centre(law, problem)
    ahead, carry = _next_parameter(problem, centre)
    stage = _stage(problem, centre)
    now, later = stage.coefficients(), _value(law, problem, centre[: law.t], ahead, carry)
    level, slope, curvature = (a + problem.discount * b for a, b in zip(now, later, strict=True))
    return Backup(centre, _half_widths(law), ahead, carry, level, slope, curvature, problem.discount)


def _check_pair(law: PiecewiseAffineLaw, problem: MPCProblem) -> None:
    """Raise NetworkError unless the law's value function is known and its parameters go on by themselves."""
    if problem.norm != 2:
        raise NetworkError(
            f"`problem` has norm {problem.norm:g}, but this critic is quadratic on every region: pass a law and its "
            "MPCProblem with norm 2"
        )
    for name, block in problem.layout.blocks.items():
        if len(block.names) > block.size:
            raise NetworkError(
                f"`problem` knows its {name} {len(block.names) // block.size} steps ahead, but what follows the last "
                "of them no critic can tell; pass a law and its problem with `preview=False`"
            )
    if law.problem is None:
        raise NetworkError(
            "`law` holds no problem, as a merged law does not, so that its value function is not known; pass the law "
            "as solve_explicit returned it"
        )
    program = condense(problem)
    for name in PROGRAM:
        _check_same(name, getattr(program, name), getattr(law.problem, name))


def _check_same(name: str, wanted: Array, found: Array) -> None:
    start = "`law` was solved from another problem than `problem`"
    mend = "pass law=solve_explicit(problem)"
    if wanted.shape != found.shape:
        raise NetworkError(f"{start}: its {name} has shape {found.shape}, but here it is {wanted.shape}; {mend}")
    gap = np.abs(wanted - found).max(initial=0.0)
    if not gap <= SAME * np.abs(wanted).max(initial=0.0):
        place = np.unravel_index(np.abs(wanted - found).argmax(), wanted.shape)
        where = [int(i) for i in place]
        raise NetworkError(f"{start}: its {name} holds {found[place]:g} at {where}, but here {wanted[place]:g}; {mend}")


def _centre(law: PiecewiseAffineLaw, problem: MPCProblem) -> Array:
    """Return where (theta, u) is measured from: the operating point; for other parameters the middle of their range."""
    theta, model = law.centre.copy(), problem.model
    theta[: model.n] = model.state
    if problem.layout.previous is not None:
        theta[_previous(problem)] = model.input
    return np.concatenate([theta, model.input])


def _half_widths(law: PiecewiseAffineLaw) -> Array:
    """Return half the width of every parameter and input; for an unlimited input, how far the law's gains reach."""
    inputs = np.abs(law.gains).max(axis=0) @ law.half_width
    if law.input_bounds is not None:
        half = (law.input_bounds[1] - law.input_bounds[0]) / 2
        inputs = np.where(np.isfinite(half), half, inputs)
    return np.concatenate([law.half_width, np.where(inputs > 0, inputs, 1.0)])


def _next_parameter(problem: MPCProblem, centre: Array) -> tuple[Array, Array]:
    """Return (ahead (t,), carry (t, t + m)): the next parameter less the centre is ahead + carry w."""
    model, layout, after = problem.model, problem.layout, problem.prediction.states[1]
    t = len(layout.names)
    carry, ahead = np.eye(t, t + model.m), np.zeros(t)
    carry[: model.n] = np.c_[after.theta_map, after.z_map[:, : model.m]]
    ahead[: model.n] = after.offset + carry[: model.n] @ centre - centre[: model.n]
    if layout.previous is not None:
        carry[_previous(problem)] = np.eye(t + model.m)[t:]
    return ahead, carry


def _previous(problem: MPCProblem) -> np.ndarray:
    """Return the components of theta that are the previous input."""
    return problem.layout.place("previous_input").argmax(axis=1)


def _stage(problem: MPCProblem, centre: Array) -> _Squares:
    """Return the terms of step 0; raise NetworkError if one depends on more than theta and the first input."""
    m = problem.model.m
    terms = [term for term in cost_terms(problem, problem.prediction) if term.step == 0]
    for term in terms:
        if term.deviation.z_map[:, m:].any():
            raise NetworkError(
                f"a term of step 0 on {term.kind} depends on later inputs too, but this critic knows one input; "
                "let `Term step` be the last step that it depends on"
            )
    offset, theta_map, z_map, weight = _stacked(terms)
    both = np.c_[theta_map, z_map[:, :m]]
    return _Squares(offset + both @ centre, both, weight)


def _value(
    law: PiecewiseAffineLaw, problem: MPCProblem, theta: Array, ahead: Array, carry: Array
) -> tuple[Array, Array, Array]:
    """Return level (p,), slope (p, t + m) and curvature of the next parameter's value, one for every region.

    The minimiser of a region goes into the deviations before they are squared, so that nothing large cancels.
    """
    offset, theta_map, z_map, weight = _stacked(cost_terms(problem, problem.prediction))
    free, slack = problem.free_inputs, problem.rows.slack
    gain = np.stack([region.solution_gain for region in law.regions])
    start = np.stack([region.solution_offset for region in law.regions]) + gain @ (theta + ahead)
    gain = gain @ carry
    squares = _Squares(
        offset + theta_map @ (theta + ahead) + start[:, :free] @ z_map.T,
        theta_map @ carry + z_map @ gain[:, :free],
        weight,
    )
    level, slope, curvature = squares.coefficients()
    if slack is None:
        return level, slope, curvature
    more = _Squares(start[:, free:], gain[:, free:], np.diag(slack.quadratic)).coefficients()
    linear = start[:, free:] @ slack.linear, np.swapaxes(gain[:, free:], 1, 2) @ slack.linear
    return level + more[0] + linear[0], slope + more[1] + linear[1], curvature + more[2]


def _stacked(terms: Iterable[Term]) -> tuple[Array, Array, Array, Array]:
    """Return offset (K,), theta_map (K, t), z_map (K, n) and weight (K, K) of all terms, one above the other."""
    every = list(terms)
    offset = np.concatenate([term.deviation.offset for term in every])
    theta_map = np.concatenate([term.deviation.theta_map for term in every])
    z_map = np.concatenate([term.deviation.z_map for term in every])
    weight = np.asarray(block_diag(*[term.factor * term.weight for term in every]), dtype=np.float64)
    return offset, theta_map, z_map, weight
