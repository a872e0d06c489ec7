"""Bounds of functions and of model errors: no value that is taken is missed, and they are not much wider."""

import casadi as ca
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc import ProblemError, linearise, sampled_map
from mpc.safety.enclosure import JUMPS, OPERATIONS, NotEnclosed, enclosure, jumps, plain_instructions
from mpc.safety.interval import Interval, IntervalError
from mpc.safety.model_error import model_error, model_offset
from plants import Plant, QuadraticCost, RungeKutta4, clipped_pendulum, jacketed_cstr

SEEDS = st.integers(0, 2**32 - 1)


def of(expression):
    """A function of a column (2, 1) from a Python expression."""
    z = ca.SX.sym("z", 2)
    return ca.Function("f", [z], [ca.vertcat(*[ca.SX(part) for part in expression(z[0], z[1])])])


EXPRESSIONS = {
    "sums": lambda x, y: (x + 2 * y - x * y, -x, 3 - y),
    "a square": lambda x, y: (x * x, x**2, (x * y) ** 2),
    "quotients": lambda x, y: (x / (y + 5), 1 / (x + 9), 2 / (3 + y * y)),
    "powers": lambda x, y: (x**3, (x + 4) ** 1.5, (y + 5) ** -2, (x + 5) ** y, (4 + x) ** -0.5),
    "exponentials": lambda x, y: (ca.exp(x - y), ca.log(x + 4), ca.sqrt(y + 4), ca.tanh(x)),
    "angles": lambda x, y: (ca.sin(3 * x), ca.cos(x + y), ca.atan(y), ca.tan(x / 4), ca.asin(x / 4), ca.acos(y / 4)),
    "hyperbolas": lambda x, y: (ca.sinh(x), ca.cosh(y)),
    "kinks": lambda x, y: (ca.fmin(x, y), ca.fmax(x, 0.3), ca.fabs(y)),
    "choices": lambda x, y: (ca.if_else(x < y, x, y + 1), ca.if_else(ca.logic_and(x > 0, y >= x), 1, -x)),
    "logic": lambda x, y: (ca.logic_or(x > 1, y < 0), ca.logic_not(x <= y), x == y, x != y),
    "steps": lambda x, y: (ca.sign(x), ca.floor(y), ca.ceil(x)),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
@settings(max_examples=30)
@given(seed=SEEDS, size=st.sampled_from([0.0, 1e-9, 0.1, 1.0]))
def test_every_value_taken_in_a_box_is_inside(name, seed, size):
    function, generator = of(EXPRESSIONS[name]), np.random.default_rng(seed)
    centre = generator.uniform(-2, 2, (5, 2))
    width = size * generator.uniform(0, 1, (5, 2))
    (found,) = enclosure(function, Interval(centre - width, centre + width))
    for _ in range(10):
        points = np.clip(centre + width * generator.uniform(-1, 1, (5, 2)), centre - width, centre + width)
        values = np.array(function(points.T)).T
        assert (found.lower <= values).all()
        assert (values <= found.upper).all()
    if size == 0 and name not in ("choices", "logic", "steps", "kinks"):
        assert (found.upper - found.lower <= 1e-11 * (1 + np.abs(found.lower))).all()


def test_all_operations_were_asked():
    asked = set()
    for expression in EXPRESSIONS.values():
        function = of(expression)
        asked |= {function.instruction_id(k) for k in range(function.n_instructions())}
    rare = {ca.OP_ASSIGN, ca.OP_TWICE}
    assert set(OPERATIONS) - asked <= rare
    assert set(OPERATIONS) >= JUMPS


def test_outputs_and_matrices_come_column_by_column():
    z = ca.SX.sym("z", 2)
    function = ca.Function("f", [z], [z[0], ca.vertcat(ca.horzcat(z[0], 1), ca.horzcat(z[1], 2))])
    found = enclosure(function, Interval([[3.0, 4.0]], [[3.0, 4.0]]))
    assert [list(part.lower[0]) for part in found] == [[3], [3, 4, 1, 2]]


def test_a_number_times_itself_is_a_square():
    (found,) = enclosure(of(lambda x, y: (x * x, y - y)), Interval([[-1.0, -2.0]], [[1.0, 3.0]]))
    assert list(found.lower[0]) == [0, 0]
    assert found.upper[0] == pytest.approx([1, 0])


def test_what_has_no_bounds_is_named():
    with pytest.raises(NotEnclosed, match="the operation erf has no bounds here; write the equations with"):
        enclosure(of(lambda x, y: (ca.erf(x), y)), Interval([[0.0, 0.0]], [[1.0, 1.0]]))
    with pytest.raises(IntervalError, match="the logarithm of numbers down to -1"):
        enclosure(of(lambda x, y: (ca.log(x), y)), Interval([[-1.0, 0.0]], [[1.0, 1.0]]))
    with pytest.raises(IntervalError, match="an arcsine or arccosine of numbers up to 2, beyond 1"):
        enclosure(of(lambda x, y: (ca.asin(x), y)), Interval([[0.0, 0.0]], [[2.0, 1.0]]))
    x = ca.MX.sym("x", 2)
    solver = ca.integrator("r", "cvodes", {"x": x, "ode": -x})
    with pytest.raises(NotEnclosed, match="is no sequence of plain operations"):
        plain_instructions(ca.Function("f", [x], [solver(x0=x)["xf"]]))


def test_jumps_are_found():
    assert jumps(of(EXPRESSIONS["choices"]))
    assert not jumps(of(EXPRESSIONS["kinks"]))


def plant(update, n=2, **changes):
    """A plant of two or more states and one input, about 0, by x+."""
    facts = {
        "name": "own", "state_names": [f"x{i}" for i in range(n)], "state_units": ["-"] * n, "input_names": ["u"],
        "input_units": ["-"], "update": update, "state_bounds": ([-1] * n, [1] * n), "input_bounds": ([-1], [1]),
        "equilibrium": ([0] * n, [0]), "sample_time": 1.0, "start_bounds": ([-0.1] * n, [0.1] * n),
        "cost": QuadraticCost(np.eye(n), [[1]], state_target=[0] * n, input_target=[0]),
    }  # fmt: skip
    return Plant(**facts | changes)


def drawn_errors(plant, model, box, count=20_000):
    points = np.random.default_rng(0).uniform(*box, (count, plant.n + plant.m))
    x, u = points[:, : plant.n], points[:, plant.n :]
    return plant.step_rows(x, u) - (x @ model.A.T + u @ model.B.T + model_offset(model))


SMOOTH = plant(
    lambda x, u: (0.9 * x[0] + 0.1 * ca.sin(x[0]) * x[1] + u[0], 0.8 * x[1] + 0.1 * x[0] ** 2 - 0.05 * u[0] ** 3)
)
KINKED = plant(lambda x, u: (0.9 * x[0] + 0.1 * ca.fmax(x[1], 0) + u[0], 0.8 * x[1] + 0.1 * ca.fabs(x[0] * u[0])))
JUMPING = plant(lambda x, u: (0.9 * x[0] + u[0], ca.if_else(x[0] > 0.5, 0.7, 0.8) * x[1]))


@pytest.mark.parametrize(
    ("case", "limits", "tight"),
    [
        (SMOOTH, ([-1, -1], [1, 1]), 1.1),
        (KINKED, ([-1, -1], [1, 1]), 1.2),
        (JUMPING, ([-1, -1], [1, 1]), 10),  # both ways count where it may be either
        (clipped_pendulum(), ([-0.6, -4], [0.6, 4]), 1.1),
    ],
    ids=["smooth", "kinked", "jumping", "pendulum"],
)  # fmt: skip
def test_no_error_of_the_model_is_beyond_the_bound(case, limits, tight):
    model = linearise(case, rule=sampled_map)
    box = tuple(np.r_[side, u] for side, u in zip(limits, case.input_bounds, strict=True))
    found, drawn = model_error(case, model, box), drawn_errors(case, model, box)
    assert (found.lower <= drawn.min(axis=0)).all()
    assert (drawn.max(axis=0) <= found.upper).all()
    assert (found.upper - found.lower <= tight * np.ptp(drawn, axis=0) + 1e-12).all()
    low, high = found.reached
    assert (found.lower <= low).all()
    assert (high <= found.upper).all()


def test_a_reactor_over_a_small_region():
    case = jacketed_cstr()
    model, rest = linearise(case, rule=sampled_map), np.concatenate(case.equilibrium)
    width = 0.01 * np.r_[case.state_bounds[1] - case.state_bounds[0], case.input_bounds[1] - case.input_bounds[0]]
    box = rest - width, rest + width
    found, drawn = model_error(case, model, box, 100), drawn_errors(case, model, box, 2_000)
    assert (found.lower <= drawn.min(axis=0)).all()
    assert (drawn.max(axis=0) <= found.upper).all()


def test_the_error_shrinks_with_the_square_of_the_limits():
    model = linearise(SMOOTH, rule=sampled_map)
    widths = [model_error(SMOOTH, model, (-size * np.ones(3), size * np.ones(3))).upper[1] for size in (0.4, 0.2)]
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.2)


def test_a_step_of_many_substeps_is_opened():
    case = plant(None, derivative=lambda x, u: (x[1], -ca.sin(x[0]) + u[0]), integrator=RungeKutta4(60))
    model = linearise(case, rule=sampled_map)
    box = np.array([-0.5, -0.5, -0.1]), np.array([0.5, 0.5, 0.1])
    found, drawn = model_error(case, model, box, 8), drawn_errors(case, model, box, 2_000)
    assert (found.lower <= drawn.min(axis=0)).all()
    assert (drawn.max(axis=0) <= found.upper).all()


def test_a_step_that_is_not_defined_everywhere_is_refused():
    case = plant(lambda x, u: (0.5 * x[0] + u[0], 0.5 * ca.log(x[1] + 1.5) - 0.5 * np.log(1.5)))
    model = linearise(case, rule=sampled_map)
    assert model_error(case, model, (-np.ones(3), np.ones(3))).cells >= 1
    with pytest.raises(ProblemError, match="has no bounds over the limits: the logarithm of numbers down to -0"):
        model_error(case, model, (-2 * np.ones(3), np.ones(3)))


def test_slopes_that_are_not_defined_at_a_border_are_no_hindrance():
    case = plant(lambda x, u: (0.5 * x[0] + u[0], 0.3 * ca.sqrt(x[1] + 1) - 0.3))
    box = -np.ones(3), np.ones(3)
    model = linearise(case, rule=sampled_map)
    found, drawn = model_error(case, model, box), drawn_errors(case, model, box)
    assert (found.lower <= drawn.min(axis=0)).all()
    assert (drawn.max(axis=0) <= found.upper).all()
