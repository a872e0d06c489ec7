"""The filters of the two case studies leave alone what is good, and hold what is not."""

import numpy as np
import pytest
import torch

from mpc import READABLE, ROBUST, regulator_problem, solve_explicit
from plants import clipped_pendulum, safety_cstr, simulate
from yann import FilteredActor, SafetyFilter, YannActor
from yann.filtered_actor import FilteredController

LIMITS = ([-0.6, -4.0], [0.6, 4.0])


@pytest.fixture(scope="module", params=["reactor", "readable", "robust", "pendulum"])
def known(request):
    """A plant with its filter."""
    if request.param == "pendulum":
        return clipped_pendulum(), SafetyFilter.for_plant(clipped_pendulum(), LIMITS)
    design = {"reactor": None, "readable": READABLE, "robust": ROBUST}[request.param]
    return safety_cstr(), SafetyFilter.for_plant(safety_cstr(), design=design)


def test_at_rest_and_near_it_every_input_of_the_law_passes(known):
    plant, safe = known
    rest, held = plant.equilibrium
    assert np.array_equal(safe(rest, held), held)
    law = solve_explicit(regulator_problem(plant, 2))
    near = rest + np.random.default_rng(0).uniform(-1, 1, (500, plant.n)) * (0.003 * np.maximum(np.abs(rest), 1))
    assert safe.contains(near).all()
    assert np.array_equal(safe(near, law(near)), law(near))


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_linear_mpc_from_the_study_starts_of_the_reactor_is_never_touched(kind):
    plant, safe = safety_cstr(), SafetyFilter.for_plant(safety_cstr())
    actor = YannActor.from_law(solve_explicit(regulator_problem(plant, 2)))
    inside = FilteredController(actor, safe) if kind == "numpy" else FilteredActor(actor, safe)
    starts = plant.sample_starts(np.random.default_rng(0), 200)
    assert safe.contains(starts).all()
    free, kept = simulate(plant, actor, starts), simulate(plant, inside, starts)
    assert np.array_equal(free.inputs, kept.inputs)
    assert np.array_equal(free.costs, kept.costs)


def test_a_gradient_that_seeks_the_limit_does_not_get_beyond_it():
    """Before each step the input climbs the gradient of the temperature through the plant's own Jacobian."""
    plant, safe = safety_cstr(), SafetyFilter.for_plant(safety_cstr())
    x = plant.sample_starts(np.random.default_rng(1), 300)
    hottest = {}
    for filtered in (True, False):
        states = x.copy()
        for _ in range(300):
            _, by_input = plant.jacobians(states, np.full((len(states), 1), 55.0))
            wanted = np.where(by_input[:, 3] > 0, 110.0, 0.0)
            states = plant.step_rows(states, safe.filtered(states, wanted) if filtered else wanted)
            hottest[filtered] = max(hottest.get(filtered, 0.0), states[:, 3].max())
    assert hottest[True] <= 480.0 < hottest[False]
    assert hottest[True] > 479.9  # it is pushed to the limit


def test_layers_give_their_numbers_for_a_stack_of_members(known):
    plant, safe = known
    generator = np.random.default_rng(2)
    x = generator.uniform(*safe.set.polyhedron.box(), (3, 40, plant.n))
    wanted = generator.uniform(*plant.input_bounds, (3, 40, plant.m))
    stacked = safe.rows(torch.tensor(x), torch.tensor(wanted)).numpy()
    for i in range(3):
        assert np.array_equal(stacked[i], safe.rows(torch.tensor(x[i : i + 1]), torch.tensor(wanted[i : i + 1]))[0])
    assert np.abs(stacked - safe(x, wanted)).max() <= 1e-9
