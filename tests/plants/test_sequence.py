"""A plant that takes several samples' inputs at once, against the plant itself taking them one by one."""

import copy
import pickle
from dataclasses import replace

import casadi as ca
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plants import (
    CVODES,
    Event,
    Plant,
    PlantError,
    QuadraticCost,
    RungeKutta4,
    Scenario,
    StageCost,
    clipped_pendulum,
    safety_cstr,
    sequence_plant,
    simulate,
    with_constants,
)
from plants.differentiable import DifferentiableSample
from plants.run import Moves, Run


def tank(update=lambda x, u: x + u, **changes):
    """Return a plant of one state, x+ = x + u, that starts within [-1, 1]."""
    values = {
        "name": "tank",
        "update": update,
        "state_names": ["level"],
        "state_units": ["m"],
        "input_names": ["flow"],
        "input_units": ["m"],
        "state_bounds": ([-2], [2]),
        "input_bounds": ([-2], [2]),
        "equilibrium": ([0], [0]),
        "sample_time": 0.5,
        "cost": QuadraticCost(1, 0.1, [0], [0], violation_penalty=100),
        "start_bounds": ([-1], [1]),
        "episode_steps": 20,
    }
    return Plant(**{**values, **changes})


def unknown_above(limit):
    """Return x+ = x + u, which has no value where x is above the limit."""
    return lambda x, u: [x[0] + u[0] + 1e-9 * ca.sqrt(limit - x[0])]


PENDULUM = clipped_pendulum()
FULL = StageCost(lambda x, u: x[0] ** 2, 1, 1, 5.0, Event("full", lambda x: x[0] - 1.0, cost=-3))
PLANTS = {
    "pendulum": PENDULUM,
    "pendulum on the line": replace(PENDULUM, cost=QuadraticCost(np.eye(2), 0.1, [0, 0], [0])),
    "reactor": safety_cstr(),
    "unsafe": tank(safe_limits=([-1.5], [1.5])),
    "event": tank(cost=FULL),
    "event or unsafe": tank(cost=FULL, safe_limits=([-1.2], [1.3])),
    "runaway": tank(lambda x, u: [x[0] + u[0] + 1e10 * (ca.fabs(x[0]) > 1.2) * x[0]]),
    "capped": tank(state_caps=([-1], [1])),
    "no value": tank(unknown_above(1.2), state_caps=([-5], [5])),
}
SLOW = {name: sequence_plant(plant, 3) for name, plant in PLANTS.items()}


def one_by_one(plant, x, inputs):
    """Return the Moves that the plant itself makes of inputs (rows, k, m), up to the end of each episode."""
    run, rows = Run(Scenario(plant=plant), x, [], inputs.shape[1]), len(x)
    after, cost, live = x.copy(), np.zeros(rows), np.ones(rows, dtype=bool)
    ends = {name: np.zeros(rows, dtype=bool) for name in ("unsafe", "runaway", "failed", "finished")}
    for u in inputs.swapaxes(0, 1):
        moves = run.move(u, live)
        after[live], cost[live] = moves.after[live], cost[live] + moves.cost[live]
        ends = {name: ended | getattr(moves, name) for name, ended in ends.items()}
        live = live & ~moves.ended
    return Moves(inputs, inputs, after, cost, **ends)


@pytest.mark.parametrize("name", PLANTS)
@given(seed=st.integers(0, 10_000))
def test_it_does_and_costs_what_the_plant_does_sample_by_sample(name, seed):
    plant, slow = PLANTS[name], SLOW[name]
    generator = np.random.default_rng(seed)
    x = plant.sample_starts(generator, 20)
    inputs = generator.uniform(*plant.input_bounds, (20, 3, plant.m))
    expected = one_by_one(plant, x, inputs)
    given = Run(Scenario(plant=slow), x, [], 1).move(inputs.reshape(20, -1))
    for kind in ("unsafe", "runaway", "failed", "finished"):
        np.testing.assert_array_equal(getattr(given, kind), getattr(expected, kind))
    known = ~expected.failed
    np.testing.assert_allclose(given.after[known], expected.after[known], rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(given.cost, expected.cost, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(given.after[~known], x[~known])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("unsafe", "unsafe"), ("event", "finished"), ("runaway", "runaway"), ("no value", "failed")],
)
def test_what_ends_an_episode_inside_is_seen_though_the_plant_comes_back(name, kind):
    """The first input leads to 1.8, the second one would lead back to 0."""
    there, back = np.array([[0.8]]), np.array([[1.0, -1.8, 0.0]])
    moves = Run(Scenario(plant=SLOW[name]), there, [], 1).move(back)
    assert getattr(moves, kind).tolist() == [True]
    assert moves.ended.tolist() == [True]
    expected = one_by_one(PLANTS[name], there, back[:, :, None])
    assert moves.cost == pytest.approx(expected.cost)


def test_a_whole_episode_is_the_same():
    plant, slow = PLANTS["pendulum"], SLOW["pendulum"]
    assert (slow.episode_steps, slow.sample_time) == (67, pytest.approx(0.15))
    plan = np.random.default_rng(0).uniform(-2, 2, (67, 3))
    parts = iter(plan)
    run = simulate(slow, lambda x: next(parts), [0.4, 0.0], steps=67)
    moves = iter(plan.ravel())
    whole = simulate(plant, lambda x: [next(moves)], [0.4, 0.0], steps=201)
    np.testing.assert_allclose(run.states, whole.states[::3], atol=1e-12)
    assert run.total_cost == pytest.approx(whole.total_cost, rel=1e-12)


@pytest.mark.parametrize("name", ["pendulum", "reactor"])
def test_slopes_through_all_samples_are_those_of_differences(name):
    plant, sample = SLOW[name], DifferentiableSample.of(SLOW[name])
    generator = np.random.default_rng(5)
    x, (lower, upper) = plant.sample_starts(generator, 4), plant.input_bounds
    u, by_after, by_cost = (
        generator.uniform(0.8 * lower, 0.8 * upper, (4, 3)),
        generator.normal(size=x.shape),
        np.ones(4),
    )
    point, slopes = np.hstack([x, u]), np.hstack(sample.back(x, u, by_after, by_cost))
    for i, size in enumerate(np.maximum(1, np.abs(point)).max(0)):
        step = 1e-5 * size * np.eye(plant.n + plant.m)[i]
        up, down = (sample(p[:, : plant.n], p[:, plant.n :]) for p in (point + step, point - step))
        told = ((up[0] - down[0]) * by_after).sum(1) + (up[1] - down[1]) * by_cost
        np.testing.assert_allclose(
            slopes[:, i], told / (2 * step[i]), rtol=1e-5, atol=1e-5 * (1 + np.abs(slopes).max())
        )


def test_inputs_after_the_end_have_no_slope():
    """From 0.8, 1.0 more is unsafe at once: what comes then never happens, whatever it would have cost."""
    sample = DifferentiableSample.of(SLOW["unsafe"])
    by_state, by_input = sample.back(np.array([[0.8]]), np.array([[1.0, -1.8, 0.5]]), np.ones((1, 1)), np.ones(1))
    assert by_state[0].tolist() == pytest.approx([1 + 2 * 0.8])
    assert by_input[0].tolist() == pytest.approx([1 + 0.2 * 1.0, 0, 0])


def test_names_units_and_bounds_are_those_of_every_step():
    slow = SLOW["reactor"]
    assert slow.input_names == ("heat_transfer", "heat_transfer at step 1", "heat_transfer at step 2")
    assert len(slow.input_units) == slow.m == slow.cost.m == 3
    np.testing.assert_array_equal(np.unique(slow.input_bounds, axis=1), PLANTS["reactor"].input_bounds)
    assert slow.cost.violation_penalty == PLANTS["reactor"].cost.violation_penalty
    assert SLOW["event"].cost.event is FULL.event


def test_other_constants_act_in_every_sample():
    plant = PLANTS["reactor"]
    fouled = with_constants(plant, effectiveness=0.6)
    x, u = plant.sample_starts(np.random.default_rng(0), 5), np.tile(plant.equilibrium[1], (5, 3))
    given = SLOW["reactor"].step_rows(x, u, np.tile(fouled.constant_values, (5, 1)))
    np.testing.assert_allclose(given, sequence_plant(fouled, 3).step_rows(x, u), rtol=1e-13)
    assert np.abs(given - SLOW["reactor"].step_rows(x, u)).max() > 1e-3


def test_one_move_is_the_plant_itself():
    x, u = np.array([[0.3, -1.0]]), np.array([[1.5]])
    np.testing.assert_array_equal(sequence_plant(PENDULUM, 1).step_rows(x, u), PENDULUM.step_rows(x, u))


@pytest.mark.parametrize("again", [copy.deepcopy, lambda plant: pickle.loads(pickle.dumps(plant))])
def test_copies_do_the_same(again):
    x, u = np.array([[0.3, -1.0]]), np.array([[1.5, -0.2]])
    slow = sequence_plant(PENDULUM, 2)
    np.testing.assert_array_equal(again(slow).step_rows(x, u), slow.step_rows(x, u))
    assert again(slow).cost(x, u) == slow.cost(x, u)


@pytest.mark.parametrize(
    ("plant", "moves", "words"),
    [
        (3, 2, r"`plant` is a int, but a Plant is needed"),
        (PENDULUM, 0, r"`moves` is 0, but it must be at least 1"),
        (PENDULUM, 1.5, r"`moves` is 1.5"),
        (replace(PLANTS["reactor"], integrator=CVODES()), 2, r"CVODES.*adaptive steps.*give it RungeKutta4"),
        (
            replace(PLANTS["reactor"], integrator=RungeKutta4(substeps=30)),
            40,
            r"`moves` is 40, with 30 substeps each 1200 in all, above the limit of 1000",
        ),
    ],
)
def test_what_does_not_fit(plant, moves, words):
    with pytest.raises(PlantError, match=words):
        sequence_plant(plant, moves)
