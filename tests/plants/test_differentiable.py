"""A sample with gradients: the same numbers as the plant's own step and cost, and slopes held against differences."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plants import CVODES, PlantError, StageCost, clipped_pendulum, safety_cstr, with_constants
from plants.differentiable import DifferentiableSample

PLANTS = {"pendulum": clipped_pendulum(), "reactor": safety_cstr()}
SAMPLES = {name: DifferentiableSample.of(plant) for name, plant in PLANTS.items()}


def drawn(plant, rows, seed=0):
    generator = np.random.default_rng(seed)
    lower, upper = plant.input_bounds
    return plant.sample_starts(generator, rows), generator.uniform(0.9 * lower, 0.9 * upper, (rows, plant.m))


@pytest.mark.parametrize("name", PLANTS)
def test_forward_is_the_step_and_the_stage_cost(name):
    plant = PLANTS[name]
    x, u = drawn(plant, 50)
    after, cost = SAMPLES[name](x, u)
    np.testing.assert_array_equal(after, plant.step_rows(x, u))
    np.testing.assert_allclose(cost, plant.cost.stage_rows(x, u), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", PLANTS)
@given(seed=st.integers(0, 10_000))
def test_backward_is_the_slope_of_forward(name, seed):
    plant, sample = PLANTS[name], SAMPLES[name]
    x, u = drawn(plant, 3, seed)
    generator = np.random.default_rng(seed + 1)
    by_after, by_cost = generator.normal(size=x.shape), generator.normal(size=len(x))
    slopes = np.hstack(sample.back(x, u, by_after, by_cost))

    def told(point):
        after, cost = sample(point[:, : plant.n], point[:, plant.n :])
        return (after * by_after).sum(1) + cost * by_cost

    point = np.hstack([x, u])
    for i in range(point.shape[1]):
        step = np.zeros(point.shape[1])
        step[i] = 1e-5 * max(1, np.abs(point[:, i]).max())
        difference = (told(point + step) - told(point - step)) / (2 * step[i])
        np.testing.assert_allclose(slopes[:, i], difference, rtol=1e-5, atol=1e-5 * (1 + np.abs(slopes).max()))


def test_a_state_held_at_its_cap_has_no_slope_and_an_angle_that_turns_has_one():
    sample = SAMPLES["pendulum"]
    x = np.array([[0.5, 8.0], [np.pi - 1e-3, 3.0]])
    after, _ = sample(x, np.full((2, 1), 2.0))
    assert after[0, 1] == 8
    assert after[1, 0] < -2.9
    by_state, by_input = sample.back(x, np.full((2, 1), 1.5), np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros(2))
    assert not by_state[0].any()
    assert by_input[0] == 0
    assert by_state[1, 0] == pytest.approx(1, abs=0.1), "turned around, the angle still moves as before"


def test_other_constants_take_the_place_of_the_plants():
    plant = PLANTS["reactor"]
    fouled = with_constants(plant, effectiveness=0.6)
    x, u = drawn(plant, 4)
    constants = np.tile(fouled.constant_values, (4, 1))
    np.testing.assert_allclose(SAMPLES["reactor"](x, u, constants)[0], fouled.step_rows(x, u), rtol=1e-13)
    ones = np.ones_like(x)
    mine = SAMPLES["reactor"].back(x, u, ones, np.zeros(4), constants)
    theirs = DifferentiableSample.of(fouled, plant.cost).back(x, u, ones, np.zeros(4))
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_any_cost_has_its_slope():
    plant = PLANTS["pendulum"]
    cost = StageCost(lambda x, u: x[0] ** 4 + 3 * u[0], plant.n, plant.m)
    x, u = np.array([[0.2, 1.0]]), np.array([[0.7]])
    sample = DifferentiableSample.of(plant, cost)
    assert sample(x, u)[1] == pytest.approx(0.2**4 + 2.1)
    by_state, by_input = sample.back(x, u, np.zeros((1, 2)), np.ones(1))
    assert by_state[0] == pytest.approx([4 * 0.2**3, 0])
    assert by_input[0] == pytest.approx([3])


def test_steps_that_adapt_are_refused_in_words():
    with pytest.raises(PlantError, match=r"'safety-critical CSTR' is integrated by CVODES.*give it RungeKutta4"):
        DifferentiableSample.of(replace(PLANTS["reactor"], integrator=CVODES()))
