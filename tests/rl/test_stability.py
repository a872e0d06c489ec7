"""From where a tuned policy provably comes to rest: beside exact norms, simulation, and policies that must not pass."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from casadi import fabs, if_else, sign

from mpc import MPCProblem, linearise, regulator_problem, solve_explicit
from mpc.stage import regulator
from plants import Plant, QuadraticCost, clipped_pendulum
from rl import CoredActor, GridCore, LevelCore, Stability, TrainingError, plain_actor, stability
from yann import FilteredActor, SafetyFilter, YannActor


def integrators(A, B, reach=3.0):
    """A linear plant given by its next state."""
    A, B = np.array(A), np.array(B)
    n, m = B.shape
    return Plant(
        name="integrators", update=lambda x, u: A @ x + B @ u,
        state_names=[f"x{i}" for i in range(n)], state_units=["-"] * n, input_names=[f"u{i}" for i in range(m)],
        input_units=["-"] * m, state_bounds=([-reach] * n, [reach] * n), input_bounds=([-1] * m, [1] * m),
        equilibrium=([0] * n, [0] * m), sample_time=0.1, start_bounds=([-1] * n, [1] * n),
        cost=QuadraticCost(np.eye(n), 0.1 * np.eye(m), [0] * n, [0] * m),
    )  # fmt: skip


@pytest.fixture(scope="module")
def line():
    plant = integrators([[1.0, 0.1], [0.0, 1.0]], [[0.0], [0.1]])
    problem = regulator_problem(plant, 2)
    return plant, problem, solve_explicit(problem)


@pytest.fixture(scope="module")
def pendulum():
    plant = clipped_pendulum()
    problem = regulator_problem(plant, 2)
    return plant, problem, solve_explicit(problem)


def border(shown: Stability, count=400, seed=0):
    """States with exactly the level's cost, up to rounding, just inside."""
    generator = np.random.default_rng(seed)
    directions = generator.standard_normal((count, len(shown.rest)))
    length = np.sqrt(((directions @ shown.shape) * directions).sum(-1))
    return shown.rest + (1 - 1e-9) * np.sqrt(shown.level) * directions / length[:, None]


def cost_of(shown, x):
    s = x - shown.rest
    return ((s @ shown.shape) * s).sum(-1)


def test_on_a_linear_plant_the_factor_is_the_norm_of_the_closed_loop(line):
    plant, problem, law = line
    shown = stability(law, problem, plant)
    K, P = regulator(problem.model, problem.stage, 1.0)
    L = np.linalg.cholesky(P)
    closed = problem.model.A - problem.model.B @ K
    assert shown.factor == pytest.approx(np.linalg.norm(L.T @ closed @ np.linalg.inv(L).T, 2), abs=1e-7)
    assert shown.floor == 0.0
    x = border(shown)
    assert law.gains.shape[0] > 1
    inputs = law(x)
    assert (np.abs(inputs) <= 1 + 1e-9).all()
    assert np.abs(inputs).max() > 0.98 or np.abs(x).max() > 0.98 * 3  # as large as the limits allow
    assert shown.contains(x).all()
    assert not shown.contains(1.001 * x).any()


def test_on_the_pendulum_every_step_takes_its_share(pendulum):
    plant, problem, law = pendulum
    shown = stability(law, problem, plant)
    assert 0 < shown.factor < 1
    x = border(shown)
    for _ in range(100):
        before = cost_of(shown, x)
        x = plant.step_rows(x, law(x))
        assert (cost_of(shown, x) <= shown.factor**2 * before + 1e-15).all()
    assert cost_of(shown, x).max() < 1e-9 * shown.level
    assert "comes to rest" in str(shown)
    assert "nothing of the kind is shown" in str(shown)
    assert "angle within" in str(shown)


def test_the_share_is_not_far_from_what_happens(pendulum):
    plant, problem, law = pendulum
    shown = stability(law, problem, plant)
    x = border(shown, 4000)
    worst = np.sqrt(cost_of(shown, plant.step_rows(x, law(x))) / cost_of(shown, x)).max()
    assert worst <= shown.factor <= worst + 0.05


@pytest.mark.parametrize("bound", [0.01, 0.1])
def test_a_bounded_residual_ends_below_the_floor_whatever_it_does(pendulum, bound):
    plant, problem, law = pendulum
    shown = stability(YannActor.from_law(law, bound=bound), problem, plant)
    assert 0 < shown.floor < shown.level
    generator = np.random.default_rng(1)
    x = border(shown)
    for _ in range(300):
        tried = [plant.step_rows(x, law(x) + add) for add in (-bound, bound, bound * generator.uniform(-1, 1))]
        costs = np.array([cost_of(shown, after) for after in tried])
        x = np.array(tried)[costs.argmax(axis=0), np.arange(len(x))]
        assert (cost_of(shown, x) <= shown.level).all()
    assert (cost_of(shown, x) <= shown.floor * (1 + 1e-6)).all()
    assert "stays there" in str(shown)


def test_too_large_a_residual_is_refused_with_its_size(pendulum):
    plant, problem, law = pendulum
    with pytest.raises(TrainingError, match=r"its residual of 1.9 is too large"):
        stability(YannActor.from_law(law, bound=1.9), problem, plant)


def test_a_residual_without_a_bound_shows_nothing_but_in_a_core_it_does(pendulum):
    plant, problem, law = pendulum
    with pytest.raises(TrainingError, match="neither a `bound` of its residual nor a core"):
        stability(YannActor.from_law(law), problem, plant)
    core = GridCore.of_law(law, plant, level=10.0, nodes=81)
    cored = stability(CoredActor(YannActor.from_law(law), core), problem, plant)
    alone = stability(law, problem, plant)
    assert cored.level == alone.level
    assert core.contains(border(cored)).all()


def test_an_actor_that_was_trained_before_it_got_its_core_is_not_taken_for_its_law(pendulum):
    plant, problem, law = pendulum
    core = GridCore.of_law(law, plant, level=10.0, nodes=81)
    moved = YannActor.from_law(law)
    with torch.no_grad():
        for weight in moved.parameters():
            weight.add_(0.3)
    with pytest.raises(TrainingError, match="nor a core in which the law is as it was born"):
        stability(CoredActor(moved, core), problem, plant)
    assert stability(CoredActor(moved, core, YannActor.from_law(law)), problem, plant).push < 1e-12


def test_a_plant_that_jumps_is_refused():
    def jumping(x, u):
        return (0.8 * x[0] + 0.1 * x[1] - 0.6 * if_else(fabs(x[0]) > 0.01, sign(x[0]), 0), 0.5 * x[1] + u[0])

    plant = replace(integrators([[0.8, 0.1], [0.0, 0.5]], [[0.0], [1.0]]), update=jumping)
    problem = regulator_problem(plant, 2)
    with pytest.raises(TrainingError, match="a step that jumps somewhere"):
        stability(solve_explicit(problem), problem, plant)


def test_arguments_that_do_not_fit_are_named(line):
    plant, problem, law = line
    shown = stability(law, problem, plant)
    for arguments, words in (((law, None, plant), "`problem`"), ((law, problem, None), "`plant`")):
        with pytest.raises(TrainingError, match=words):
            stability(*arguments)
    for x in ([0.0, 0.0, 0.0], "ab", [np.nan, 0.0]):
        with pytest.raises(TrainingError, match="`x`"):
            shown.contains(x)


def test_the_set_stays_in_a_small_core(line):
    plant, problem, law = line
    largest = stability(law, problem, plant).level
    core = LevelCore.of_law(law, problem, plant, level=largest / 5)
    shown = stability(CoredActor(YannActor.from_law(law), core), problem, plant)
    assert largest / 10 <= shown.level <= largest / 5


def test_in_a_filter_the_set_lies_where_it_lets_the_law_pass(pendulum):
    plant, problem, law = pendulum
    safe = SafetyFilter.for_plant(plant, ([-0.6, -4], [0.6, 4]))
    actor = FilteredActor(YannActor.from_law(law, bound=0.01), safe)
    shown = stability(actor, problem, plant)
    x = border(shown)
    assert safe.contains(x).all()
    for add in (-0.01, 0.01):
        wanted = np.clip(law(x) + add, -2, 2)
        assert np.array_equal(safe(x, wanted), wanted)
    assert "it is safe, but that it comes to rest is not shown" in str(shown)
    tight = SafetyFilter.for_plant(plant, ([-0.04, -0.3], [0.04, 0.3]))
    small = stability(FilteredActor(YannActor.from_law(law, bound=1e-4), tight), problem, plant)
    assert small.level < shown.level
    assert tight.contains(border(small)).all()


def test_a_law_that_does_not_hold_the_plant_is_refused():
    plant = clipped_pendulum()
    box = {"state_bounds": ([-2, -8], [2, 8]), "input_bounds": (-2, 2)}
    timid = MPCProblem(linearise(plant), np.diag([1e-6, 1e-7]), 1.0, horizon=2, **box)
    strong = regulator_problem(plant, 2)
    with pytest.raises(TrainingError, match="not the unconstrained regulator"):
        stability(solve_explicit(timid), strong, plant)
    with pytest.raises(TrainingError, match="of which no law is known"):
        stability(plain_actor(plant, (4,)), strong, plant)
