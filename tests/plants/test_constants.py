"""Constants: read by name in the equations, replaced one by one, at rest afterwards."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plants import Constant, PlantError, check_plant, with_constants
from plants.constants import namespace


def test_a_plant_with_constants_is_the_plant_with_the_numbers_written_in(spring, weighted_spring):
    plain, named = spring(), weighted_spring()
    generator = np.random.default_rng(0)
    x, u = generator.normal(size=(40, 2)), generator.normal(size=(40, 1))
    np.testing.assert_allclose(named.step(x, u), plain.step(x, u), rtol=0, atol=1e-14)
    np.testing.assert_allclose(named.derivatives(x, u), plain.derivatives(x, u), rtol=0, atol=1e-14)
    for ours, theirs in zip(named.jacobians(x, u), plain.jacobians(x, u), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)
    assert check_plant(named).jacobian_error < 1e-6


@given(st.floats(1, 9), st.floats(0.3, 3), st.floats(-0.5, 0.5))
@settings(deadline=None, max_examples=25)
def test_rows_with_constants_of_their_own_step_as_the_changed_plant_does(weighted_spring, stiffness, gain, load):
    plant = weighted_spring()
    changed = with_constants(plant, stiffness=stiffness, gain=gain, load=load)
    x, u = np.random.default_rng(1).normal(size=(2, 7, 2))
    rows = np.tile([stiffness, gain, load], (7, 1))
    np.testing.assert_allclose(plant.step_rows(x, u[:, :1], rows), changed.step_rows(x, u[:, :1]), rtol=0, atol=1e-14)


def test_every_row_has_its_own_constants(weighted_spring):
    plant = weighted_spring()
    x, u = np.random.default_rng(2).normal(size=(2, 5, 2))
    rows = plant.constant_values + np.random.default_rng(3).uniform(0, 1, (5, 3))
    together = plant.step_rows(x, u[:, :1], rows)
    alone = [plant.step_rows(x[i : i + 1], u[i : i + 1, :1], rows[i : i + 1])[0] for i in range(5)]
    assert np.array_equal(together, alone)


def test_a_changed_plant_rests_where_its_own_equations_do(weighted_spring):
    changed = with_constants(weighted_spring(), load=0.7)
    state, entry = changed.equilibrium
    np.testing.assert_allclose(changed.derivatives(state, entry), 0, atol=1e-9)
    # 4 position - force = .7, nearest to 0 in the scales 2 / 100 and 1
    scaled = np.array([4 * 0.02, -1.0])
    nearest = 0.7 * scaled / (scaled @ scaled) * [0.02, 1.0]
    np.testing.assert_allclose([state[0], entry[0]], nearest, atol=1e-9)
    assert changed.cost is not None
    assert np.array_equal(changed.cost.state_target, [0, 0])


def test_a_discrete_plant_rests_as_well(weighted_spring):
    def update(x, u, p):
        return 0.5 * x[0] + p.load, 0.2 * x[1] + u[0]

    plant = weighted_spring(update=update, derivative=None)
    state, entry = with_constants(plant, load=0.4).equilibrium
    np.testing.assert_allclose([state[0], state[1] * 0.8 - entry[0]], [0.8, 0], atol=1e-9)


def test_a_changed_plant_survives_a_copy(weighted_spring):
    changed = with_constants(weighted_spring(), gain=2.0)
    again = copy.deepcopy(changed)
    x, u = np.ones((1, 2)), np.ones((1, 1))
    assert np.array_equal(again.step(x, u), changed.step(x, u))
    assert again.constants == changed.constants


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stifness": 3.0}, "`values` names 'stifness'; did you mean 'stiffness'"),
        ({"gain": np.nan}, "`constant gain` is NaN"),
        ({"load": 1e3}, "rests, under these constants, with position at .*outside `state_caps`|outside `input_bounds`"),
    ],
)
def test_changes_that_cannot_be_are_refused(weighted_spring, change, words):
    with pytest.raises(PlantError, match=words):
        with_constants(weighted_spring(state_caps=([-3, -9], [3, 9])), **change)


def test_a_plant_that_cannot_rest_is_refused(weighted_spring):
    def falling(x, u, p):
        return x[1], p.stiffness - 4 + u[0] ** 2

    with pytest.raises(PlantError, match="no point of rest"):
        with_constants(weighted_spring(derivative=falling), stiffness=5.0)


def test_a_plant_without_constants_says_so(spring):
    with pytest.raises(PlantError, match="declares no `constants`"):
        with_constants(spring(), gain=1.0)


@pytest.mark.parametrize(
    ("constants", "words"),
    [
        (["gain"], "a sequence of Constant is needed"),
        ((Constant("gain", 1, "-"), Constant("gain", 2, "-")), "'gain' at index 0 and at 1"),
        ((Constant("force", 1, "-"),), "'force', which names a state or an input"),
        ((Constant("gain", 1, "-"),), "fails on CasADi symbols: AttributeError"),
    ],
)
def test_constants_that_do_not_fit_are_refused(weighted_spring, constants, words):
    with pytest.raises(PlantError, match=words):
        weighted_spring(constants=constants)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("feed rate", 1.0, "-"), "an identifier is needed"),
        (("lambda", 1.0, "-"), "an identifier is needed"),
        (("gain", np.inf, "-"), "`constant gain`"),
        (("gain", 1.0, " "), "unit of the constant gain"),
    ],
)
def test_a_constant_is_checked_at_birth(arguments, words):
    with pytest.raises(PlantError, match=words):
        Constant(*arguments)


def test_equations_that_ignore_the_constants_argument_say_what_they_miss(spring):
    def motion(x, u):
        return x[1], -x[0] + u[0]

    with pytest.raises(
        PlantError, match=r"takes \(x, u\), but a plant with gain among the `constants` calls it as \(x, u, p\)"
    ):
        spring(derivative=motion, constants=(Constant("gain", 1.0, "-"),))


def test_a_plant_without_constants_takes_rows_of_none(spring):
    plant, none = spring(), np.empty((3, 0))
    x, u = np.random.default_rng(0).normal(size=(2, 3, 2))
    u = np.clip(u[:, :1], -1, 1)
    assert np.array_equal(plant.step_rows(x, u, none), plant.step(x, u))
    assert np.array_equal(plant.flow_rows(x, u, none), plant.derivatives(x, u))
    for ours, theirs in zip(plant.slope_rows(x, u, none), plant.jacobians(x, u), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_name_is_read_as_python_reads_it():
    micro, mu = "\u00b5", "\u03bc"  # a source file that has the first reads the second
    constants = SimpleNamespace(**vars(namespace((Constant(micro, 1.0, "-"),), [2.0])))
    assert getattr(constants, mu) == 2


def test_what_is_no_plant_and_names_of_pythons_own_are_refused():
    with pytest.raises(PlantError, match="`plant` is a NoneType"):
        with_constants(None, k=1)
    with pytest.raises(PlantError, match="'__class__', and Python keeps such for itself"):
        Constant("__class__", 1, "-")
