"""Safe sets of any plant: one of two inputs, nonlinear ones, and the pendulum as one of them; in simulation."""

import casadi as ca
import numpy as np
import pytest
from scipy.optimize import linprog

from mpc import ProblemError
from mpc.safety import check_linear, linear_set
from mpc.safety.enclosure import NotEnclosed
from mpc.safety.errors import NoSafeSet
from mpc.safety.linearised import Linearised
from plants import CVODES, Plant, QuadraticCost, clipped_pendulum

PENDULUM_LIMITS = (np.array([-0.6, -4.0]), np.array([0.6, 4.0]))


def plant(update, m, **changes):
    """A plant of two states and m inputs, about 0, by x+."""
    facts = {
        "name": "own", "state_names": ("level", "flow"), "state_units": ("m", "m/s"), "update": update,
        "input_names": [f"u{i}" for i in range(m)], "input_units": ["N"] * m, "sample_time": 0.1,
        "state_bounds": ([-1, -1], [1, 1]), "input_bounds": ([-0.5] * m, [0.5] * m), "equilibrium": ([0, 0], [0] * m),
        "cost": QuadraticCost(np.eye(2), np.eye(m), state_target=[0, 0], input_target=[0] * m),
        "start_bounds": ([-0.1, -0.1], [0.1, 0.1]),
    }  # fmt: skip
    return Plant(**facts | changes)


def pulled(x, u):
    """Two inputs that each move both states, unstable, nonlinear in all of them."""
    first = 1.1 * x[0] + 0.2 * x[1] + 0.5 * u[0] - 0.1 * u[1] + 0.02 * x[0] * u[1]
    return first, 0.1 * x[0] + 1.05 * x[1] + 0.1 * u[0] + 0.4 * u[1] + 0.02 * ca.sin(x[0]) ** 2


def tank(x, u):
    """One input, a square root and a product."""
    return x[0] + 0.1 * x[1] + 0.02 * u[0], 0.95 * x[1] + 0.15 * x[0] + 0.1 * u[0] + 0.03 * (ca.sqrt(x[0] + 4) - 2) * x[
        1
    ]


def moved(x, u):
    """One input about an operating point away from 0."""
    return 1.08 * (x[0] - 0.3) + 0.1 * (x[1] + 0.2) + 0.3, -0.2 + 0.98 * (x[1] + 0.2) + 0.4 * (u[0] - 0.1) + 0.01 * x[
        0
    ] * (x[0] - 0.3)


CASES = {
    "two inputs": (plant(pulled, 2), None, Linearised(disturbance=(0.05, 0.05)), [0.05, 0.05]),
    "a tank": (plant(tank, 1), ([-1, -1], [1, 1]), Linearised(disturbance=(0.0, 0.01)), [0, 0.01]),
    "moved": (plant(moved, 1, equilibrium=([0.3, -0.2], [0.1])), None, Linearised(disturbance=0.005), [0.005] * 2),
    "the pendulum": (clipped_pendulum(), PENDULUM_LIMITS, Linearised(), [0, 0]),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    own, limits, settings, gusts = CASES[request.param]
    limits = (
        (-np.inf * np.ones(2), np.inf * np.ones(2)) if limits is None else tuple(np.array(s, float) for s in limits)
    )
    return own, linear_set.design(own, limits, settings), np.array(gusts)


def nearest(safe, x, wanted):
    """The input of least largest change that keeps the rows, one linear program a state; it knows no filter."""
    m, found = safe.m, []
    rows = np.vstack([np.c_[safe.rows.U, np.zeros(len(safe.rows.h))], np.c_[np.eye(m), -np.ones(m)]])
    rows = np.vstack([rows, np.c_[-np.eye(m), -np.ones(m)]])
    bounds = [*zip(*safe.input_bounds, strict=True), (0, None)]
    for state, u in zip(x, wanted, strict=True):
        answer = linprog(np.r_[np.zeros(m), 1.0], rows, np.r_[safe.rows.h - safe.rows.X @ state, u, -u], bounds=bounds)
        assert answer.success, f"no input keeps the rows at {state}"
        found.append(answer.x[:m])
    return np.array(found)


def driven(own, safe, gusts, filtered=True, steps=30, count=20):
    """How many states leave the limits, the gusts being those that lead furthest out; many start on the border."""
    generator, corners = np.random.default_rng(0), safe.polyhedron.vertices()
    inner = generator.dirichlet(np.ones(len(corners)), count) @ corners
    centre = corners.mean(axis=0)
    x = centre + (1 - 1e-7) * (np.vstack([inner, corners]) - centre)
    lower, upper = (np.array(side) for side in safe.certificate.content["limits"])
    anew, lost = x.copy(), 0
    for _ in range(steps):
        wanted = generator.choice([0.0, 1.0], (len(x), safe.m)) * (safe.input_bounds[1] - safe.input_bounds[0])
        wanted += safe.input_bounds[0]
        u = nearest(safe, x, wanted) if filtered else wanted
        ways = gusts * np.array([[a, b] for a in (-1, 1) for b in (-1, 1)])
        after = own.step_rows(x, u)[:, None] + ways
        worst = (after @ safe.A.T - safe.b).max(axis=2).argmax(axis=1)
        x = after[np.arange(len(x)), worst]
        beyond = ((x < lower) | (x > upper)).any(axis=1)
        lost += int(beyond.sum())
        x[beyond] = anew[beyond]
        if filtered and gusts is not None and not lost:
            assert safe.contains(x).all()
    return lost


def test_nothing_leaves_the_set(case):
    own, safe, gusts = case
    assert driven(own, safe, gusts) == 0
    assert driven(own, safe, gusts, filtered=False) > 10


def test_the_set_is_large_and_what_it_says_is_so(case):
    own, safe, _ = case
    content = safe.certificate.content
    assert content["share"] > 0.25
    assert content["worst"]["slack"] < -1e-4
    points = np.random.default_rng(0).uniform(*np.array(content["limits"]), (50_000, 2))
    assert safe.contains(points).mean() == pytest.approx(content["share"], abs=0.01)
    assert safe.contains(own.equilibrium[0][None]).all()
    assert len(safe.labels) == len(safe.units) == len(safe.b)
    assert (safe.backup == own.equilibrium[1]).all()
    words = " ".join(safe.certificate.assumptions)
    assert "is not bounded again by a checker that has the file alone" in words


def test_gusts_larger_than_claimed_lead_out():
    own, _, settings, gusts = CASES["two inputs"]
    safe = linear_set.design(own, (-np.ones(2), np.ones(2)), settings)
    with pytest.raises(AssertionError, match=r"no input keeps the rows|assert"):
        assert driven(own, safe, 6 * np.array(gusts)) == 0


def test_a_model_error_that_is_left_out_leads_out():
    """The bound is needed: with the linear model alone the same plant is lost."""
    own = clipped_pendulum()
    safe = linear_set.design(own, PENDULUM_LIMITS)
    error = np.array(safe.certificate.content["model_error"])
    assert np.abs(error[:, 1]).max() == pytest.approx(0.75 * (0.6 - np.sin(0.6)), rel=0.01)
    rows = safe.rows
    bare = type(rows)(rows.X, rows.U, rows.h + np.abs(safe.A) @ np.abs(error).max(axis=0), rows.sines, rows.guards)
    corners = safe.polyhedron.vertices()
    fields = {name: getattr(safe, name) for name in safe.__dataclass_fields__}
    loose = type(safe)(**fields | {"rows": bare})
    pushed = [u for _ in range(3) for u in ([2.0], [-2.0])]
    after = [own.step_rows(c[None], nearest(loose, c[None], np.array([u]))) for c in corners for u in pushed]
    kept = [own.step_rows(c[None], nearest(safe, c[None], np.array([u]))) for c in corners * (1 - 1e-9) for u in pushed]
    assert not safe.contains(np.vstack(after)).all()
    assert safe.contains(np.vstack(kept)).all()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: linear_set.design(clipped_pendulum(), (np.array([-1.5, -8]), np.array([1.5, 8]))),
         "may push rate by 0.37.* rad/s in a step, of limits that are 16 rad/s apart, and 0.* rad/s is what inputs"),
        (lambda: linear_set.design(clipped_pendulum(), (np.array([-0.5, -9]), np.array([0.5, 9]))),
         "the limits of rate are -9 to 9, but the plant holds it within -8 to 8 by itself"),
        (lambda: linear_set.design(clipped_pendulum(), (np.array([0.1, -4]), np.array([0.5, 4]))),
         "the limits of angle are 0.1 to 0.5, but the equilibrium 0 must lie inside"),
        (lambda: linear_set.design(plant(tank, 1, state_bounds=(None, [1, 1])), (-np.ones(2) * np.inf, np.ones(2))),
         "the limits of level are -inf to 1, and `state_bounds` have none instead"),
        (lambda: linear_set.design(plant(tank, 1), (-np.ones(2), np.ones(2)), Linearised(disturbance=(1, 2, 3))),
         r"`disturbance` has 3 sizes, but there are 2 states \(level, flow\); give one for each"),
        (lambda: linear_set.design(plant(tank, 1), (-np.ones(2), np.ones(2)), Linearised(max_steps=1)),
         "after 1 steps the best input at a corner leaves -0.* of the set.s width, but 1e-06 is needed; raise"),
        (lambda: Linearised(disturbance=-0.1), r"`disturbance` is -0.1, but one size of 0 or more for each state"),
        (lambda: Linearised(disturbance=np.nan), "`disturbance`"),
        (lambda: Linearised(contraction=0.3), "`contraction` is 0.3, but a number from 0.5 to 0.99999 is needed"),
        (lambda: Linearised(cells=0), "`cells` is 0"),
        (lambda: Linearised(max_steps=0), "`max_steps` is 0"),
        (lambda: Linearised(cells=100_001), "`cells` is 100001, above the limit of 100000"),
        (lambda: Linearised(max_steps=501), "`max_steps` is 501, above the limit of 500"),
        (lambda: Linearised(disturbance=[]), r"`disturbance` is \[\], but one size of 0 or more for each state"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_with_both_numbers(ask, words):
    with pytest.raises(ProblemError, match=words):
        ask()


def test_a_size_that_an_error_names_can_be_withstood():
    own, limits = CASES["two inputs"][0], (-np.ones(2), np.ones(2))
    words = (
        "may push (level|flow) by 0.9.* of limits that are 2 m.* apart, and 0.* is what inputs could make good; narrow"
    )
    with pytest.raises(NoSafeSet, match=words) as caught:
        linear_set.design(own, limits, Linearised(disturbance=0.9, max_steps=50))
    share = caught.value.found / caught.value.needed
    assert 0 < share < 1
    assert linear_set.design(own, limits, Linearised(disturbance=0.8 * share * 0.9)).certificate.content["share"] > 0


def test_a_step_without_bounds_is_refused():
    own = plant(None, 1, derivative=lambda x, u: (x[1], u[0]), integrator=CVODES())
    with pytest.raises(NotEnclosed, match=r"give the plant an integrator of fixed steps, as RungeKutta4\(\)"):
        linear_set.design(own, (-np.ones(2), np.ones(2)))


@pytest.mark.parametrize(("n", "words"), [(4, "4 steps the set has [0-9]{3}"), (9, "0 steps the set has 10")])
def test_more_half_spaces_than_the_checker_compares_are_refused_early(n, words):
    """Four states soon have hundreds of half-spaces, nine have too many corners from the start."""
    names = tuple(f"x{i}" for i in range(n))
    own = plant(
        lambda x, u: [1.02 * x[i] + 0.1 * x[i - 1] + 0.1 * (i + 1) * u[0] for i in range(x.numel())], 1,
        state_names=names, state_units=("m",) * n, state_bounds=([-1] * n, [1] * n), equilibrium=([0] * n, [0]),
        cost=QuadraticCost(np.eye(n), np.eye(1), state_target=[0] * n, input_target=[0]),
        start_bounds=([-0.1] * n, [0.1] * n),
    )  # fmt: skip
    with pytest.raises(NoSafeSet, match=f"{words} half-spaces or more, but a checker .* in {n} dim") as caught:
        linear_set.design(own, (-np.ones(n), np.ones(n)))
    assert caught.value.found > caught.value.needed


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 9])
def test_the_design_and_the_checker_have_one_limit(n):
    def of(q):
        zeros = np.zeros
        return {
            "model": {"A": zeros((n, n)), "B": zeros((n, 1)), "offset": zeros(n)}, "sample_time": 1.0,
            "input": [[-1], [1]], "limits": [[-1] * n, [1] * n], "model_error": zeros((2, n)), "disturbance": zeros(n),
            "set": {"A": zeros((q, n)), "b": zeros(q)}, "corners": {"states": zeros((1, n)), "inputs": zeros((1, 1))},
            "rows": {"X": zeros((q, n)), "U": zeros((q, 1)), "h": zeros(q), "guards": []},
        }  # fmt: skip

    most = linear_set.most_half_spaces(n)
    check_linear._check_shapes(of(most))
    with pytest.raises(check_linear.Refused, match="few enough half-spaces"):
        check_linear._check_shapes(of(most + 1))
