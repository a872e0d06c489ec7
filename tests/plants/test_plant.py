"""A plant is complete and consistent at birth, and steps exactly what it says."""

import copy
import pickle
import re
from dataclasses import FrozenInstanceError, replace

import casadi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import expm

from plants import Plant, PlantError, QuadraticCost, RungeKutta4, SemiImplicitEuler, clipped_pendulum

ROUNDING = 1e-12  # a few operations of float64 on numbers of order one
PENDULUM = clipped_pendulum()
FINITE = st.floats(-1e6, 1e6)


def linear_plant(A, B, **changes) -> Plant:
    """The plant x+ = Ax + Bu or dx/dt = Ax + Bu, with bounds far away."""
    n, m = np.shape(B)
    arguments = {
        "name": "linear",
        "state_names": [f"state {i}" for i in range(n)],
        "state_units": ["-"] * n,
        "input_names": [f"input {i}" for i in range(m)],
        "input_units": ["-"] * m,
        "state_bounds": ([None] * n, [None] * n),
        "input_bounds": ([-100] * m, [100] * m),
        "equilibrium": ([0] * n, [0] * m),
        "sample_time": 0.1,
        "cost": QuadraticCost(np.eye(n), np.eye(m), [0] * n, [0] * m),
        "start_bounds": ([-1] * n, [1] * n),
    }
    kind = changes.pop("kind", "derivative")
    return Plant(**arguments | {kind: lambda x, u: casadi.DM(A) @ x + casadi.DM(B) @ u} | changes)


def test_lists_become_read_only_float_arrays(spring):
    plant = spring(safe_limits=([-1.5, None], None))
    pairs = (plant.state_bounds, plant.input_bounds, plant.equilibrium, plant.state_caps, plant.safe_limits)
    for array in (array for pair in pairs for array in pair):
        assert array.dtype == np.float64
        assert not array.flags.writeable
    assert plant.safe_limits[0].tolist() == [-1.5, -np.inf]
    assert plant.safe_limits[1].tolist() == [np.inf, np.inf]
    assert spring().safe_limits is None
    assert (plant.n, plant.m, plant.state_names) == (2, 1, ("position", "speed"))
    with pytest.raises(FrozenInstanceError):
        plant.name = "other"
    assert repr(plant) == "Plant('spring': states position [m], speed [m/s]; inputs force [N]; every 0.1 s)"


@pytest.mark.parametrize(
    "returned",
    [
        lambda x, u: (x[1], -x[0] + u[0]),
        lambda x, u: [x[1], -x[0] + u[0]],
        lambda x, u: casadi.vertcat(x[1], -x[0] + u[0]),
        lambda x, u: casadi.horzcat(x[1], -x[0] + u[0]),
        lambda x, u: np.array([x[1], -x[0] + u[0]], dtype=object),
        lambda x, u: casadi.DM([[0, 1], [-1, 0]]) @ x + casadi.DM([0, 1]) @ u,
    ],
)
def test_equations_may_return_any_sequence_of_expressions(spring, returned):
    plant = spring(derivative=returned)
    np.testing.assert_allclose(plant.derivatives([0.3, 0.7], [0.2]), [0.7, -0.1], atol=ROUNDING)


def test_equations_may_hold_plain_numbers(spring):
    plant = spring(derivative=lambda x, u: (0, u[0]))
    assert plant.derivatives([1, 2], [0.5]).tolist() == [0, 0.5]
    np.testing.assert_allclose(plant.step([1, 2], [0.5]), [1, 2.05], atol=ROUNDING)


def wrong_length(x, u):
    return x[0], x[1], u[0]


WRONG = [
    ({"derivative": wrong_length}, r"`derivative` \(wrong_length\) returns 3 entries, but the plant has 2 states"),
    ({"derivative": lambda x, u: x[1] + u[0]}, "returns 1 entries, but the plant has 2 states"),
    ({"derivative": lambda x, u: (x[1], u[3])}, "`derivative`.*fails on CasADi symbols"),
    ({"derivative": lambda x, u: None}, "`derivative`.*casadi.sin"),
    ({"derivative": lambda x, u: (x[1], casadi.SX.sym("mass") * u[0])}, "not given: mass"),
    ({"derivative": lambda x, u: (x[1], u[0] / x[0])}, "equilibrium: speed is not finite"),
    ({"derivative": None}, "neither of `derivative`"),
    ({"update": lambda x, u: x}, "both of `derivative`"),
    ({"derivative": 3}, "`derivative` is 3"),
    ({"integrator": "rk4"}, "`integrator` is 'rk4'"),
    ({"integrator": RungeKutta4}, "RungeKutta4\\(substeps=4\\)"),
    (
        {"derivative": lambda x, u: (3.2 + x[1], u[0])},
        r"no steady state: position moves by 0\.32 m .* 0\.16 of its scale 2 .*1e-06",
    ),
    ({"equilibrium": ([1, 0], [0])}, "no steady state: speed moves by -0.4 m/s .* 0.133 of its scale 3"),
    ({"equilibrium": ([1, 0], [4])}, "`equilibrium input`: force is 4, outside `input_bounds` "),
    ({"equilibrium": [0, 0, 0]}, r"`equilibrium` must be a pair \(state, input\)"),
    ({"equilibrium": ([0, 0, 0], [0])}, r"`equilibrium state` has shape \(3,\), but \(2,\)"),
    ({"equilibrium": ([0, np.nan], [0])}, r"`equilibrium state` is NaN at \[1\]"),
    (
        {"state_bounds": ([2, -3], [-2, 3])},
        "`state_bounds`: the lower bound of position .* is 2, above its upper bound -2",
    ),
    ({"state_bounds": ([-2, np.nan], [2, 3])}, r"`state_bounds lower` is NaN at \[1\]"),
    ({"state_bounds": ([np.inf, -3], [2, 3])}, r"lower bound of position .* \+inf"),
    ({"state_bounds": ([-2, -3], [2, -np.inf])}, "upper bound of speed .* -inf"),
    ({"state_bounds": ([-2, 3], [2, 3])}, "both bounds of speed are 3"),
    ({"state_bounds": ([-2], [2])}, r"`state_bounds lower` has shape \(1,\), but \(2,\)"),
    ({"input_bounds": ([1], [-1])}, "`input_bounds`: the lower bound of force .* is 1, above its upper bound -1"),
    ({"input_bounds": ([None], [1])}, "`input_bounds`: force .* unbounded"),
    ({"start_bounds": ([-1, None], [1, 1])}, "`start_bounds`: speed .* unbounded"),
    ({"sample_time": 0}, "`sample_time` is 0, but it must be positive"),
    ({"sample_time": -0.05}, "`sample_time` is -0.05"),
    ({"sample_time": np.nan}, "`sample_time` is NaN"),
    ({"sample_time": "fast"}, "`sample_time` has dtype"),
    ({"state_names": ["position", "position"]}, "'position' at index 0 and at 1"),
    ({"state_names": []}, "`state_names` is empty"),
    ({"state_names": "position"}, "a sequence of texts is needed"),
    ({"state_names": ["position", 2]}, "`state_names` has 2 at index 1"),
    ({"state_names": ["position", " "]}, "empty name at index 1"),
    ({"input_names": ["speed"]}, "'speed', which is in `state_names` as well"),
    ({"state_units": ["m"]}, "`state_units` has 1 entries, but there are 2 names"),
    ({"state_units": ["m", ""]}, "the unit of speed is missing"),
    ({"name": ""}, "`name` is ''"),
    ({"angles": 3}, "`angles` is 3, but a sequence of texts is needed"),
    ({"angles": np.eye(2)}, "(?s)`angles` is .* sequence of texts"),
    ({"angles": [0]}, "`angles` has 0 at index 0"),
    ({"clips_input": "no"}, "`clips_input` is a str, but a bool is needed"),
    ({"clips_input": 0}, "`clips_input` is a int"),
    ({"source": 3}, "`source` is a int, but a str is needed"),
    ({"angles": ["positon"]}, "`angles` names 'positon'; did you mean 'position'"),
    ({"angles": ["position"], "state_caps": ([-1, None], [1, None])}, "`state_caps` holds position within .* `angles`"),
    ({"integrator": SemiImplicitEuler(["position"], ["sped"])}, "`rates` names 'sped'; did you mean 'speed'"),
    ({"integrator": SemiImplicitEuler(["position"], ["position"])}, "must name each state once"),
    ({"state_caps": ([-0.5, None], [0.5, None])}, "`start_bounds lower`: position is -1, outside `state_caps`"),
    ({"safe_limits": ([-0.5, None], [0.5, None])}, "`start_bounds lower`: position is -1, outside `safe_limits`"),
    ({"safe_limits": ([-5, None], None), "state_caps": ([-5, None], None)}, "can never be beyond its `safe_limits`"),
    ({"episode_steps": 0}, "`episode_steps` is 0"),
    ({"episode_steps": 1.5}, "`episode_steps` is 1.5"),
    ({"cost": lambda x, u: 0}, "`cost` is function"),
    ({"cost": QuadraticCost(1, 1, [0], [0])}, "state_target of 1 entries, but the plant has 2 states"),
    ({"cost": QuadraticCost(np.eye(2), np.eye(2), [0, 0], [0, 0])}, r"input_target of 2 .* 1 inputs \(force\)"),
    (
        {"angles": ["position"], "cost": QuadraticCost(np.eye(2), 1, [3, 0], [0])},
        r"measures position along the line from 3, .* angles=\(0,\)",
    ),
]


@pytest.mark.parametrize(("change", "words"), WRONG, ids=[words[:40] for _, words in WRONG])
def test_what_does_not_fit_is_refused_with_its_name_and_numbers(spring, change, words):
    with pytest.raises(PlantError, match=words):
        spring(**change)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("sampletime", "sample_time"), ("state_name", "state_names"), ("saf_limit", "safe_limits")],
)
def test_an_unknown_argument_is_named_with_the_closest_known_one(spring, misspelt, meant):
    with pytest.raises(TypeError, match=rf"Plant has no argument `{misspelt}`; did you mean `{meant}`\? Known: name, "):
        spring(**{misspelt: 0.1})
    with pytest.raises(TypeError, match="_dynamics"):
        spring(_dynamics=1)


def test_a_step_takes_points_and_batches_alike(spring):
    plant, generator = spring(), np.random.default_rng(0)
    states, inputs = generator.normal(size=(5, 4, 2)), generator.normal(size=(5, 4, 1))
    after = plant.step(states, inputs)
    assert after.shape == (5, 4, 2)
    single = [[plant.step(x, u) for x, u in zip(*rows, strict=True)] for rows in zip(states, inputs, strict=True)]
    np.testing.assert_array_equal(after, single)
    np.testing.assert_array_equal(plant.step(states, [0.5]), plant.step(states, np.full((5, 4, 1), 0.5)))
    np.testing.assert_array_equal(plant.step([1, 0], inputs[0]), plant.step(np.tile([1, 0], (4, 1)), inputs[0]))
    assert plant.step(np.empty((0, 2)), np.empty((0, 1))).shape == (0, 2)


def test_arrays_of_any_memory_order_step_alike(spring):
    plant, states = spring(), np.random.default_rng(1).normal(size=(6, 4))
    wanted = plant.step(np.ascontiguousarray(states[:, ::2]), np.zeros((6, 1)))
    np.testing.assert_array_equal(plant.step(states[:, ::2], np.zeros((6, 1))), wanted)
    np.testing.assert_array_equal(plant.step(np.asfortranarray(states[:, ::2]), np.zeros((6, 1))), wanted)
    np.testing.assert_array_equal(
        plant.step(states[:, ::2].astype(np.float32).tolist(), np.zeros((6, 1))).shape, (6, 2)
    )


def test_many_batch_sizes_and_a_result_that_stays(spring):
    plant = spring()
    first = plant.step(np.ones((3, 2)), np.zeros((3, 1)))
    kept = first.copy()
    for rows in [*range(1, 60), 3]:
        assert plant.step(np.zeros((rows, 2)), np.ones((rows, 1))).shape == (rows, 2)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    ("x", "u", "words"),
    [
        ([1, 2, 3], [0], r"`x` has shape \(3,\), but its last axis must be 2 long \(position, speed\)"),
        ([1, 2], [0, 1], r"`u` has shape \(2,\), but its last axis must be 1 long \(force\)"),
        ([1, 2], 0, r"`u` has shape \(\)"),
        ([1, np.nan], [0], r"`x` is NaN at \[1\]"),
        ([1, 2], [np.inf], r"`u` is infinite at \[0\]"),
        (["a", "b"], [0], "`x` has dtype"),
        ([[1, 2], [3]], [0], "`x` is ragged"),
        (np.zeros((3, 2)), np.zeros((2, 1)), r"leading axes \(3,\) and \(2,\)"),
    ],
)
def test_a_step_refuses_bad_arguments(spring, x, u, words):
    plant = spring()
    for method in (plant.step, plant.derivatives, plant.jacobians):
        with pytest.raises(PlantError, match=words):
            method(x, u)


def test_inputs_beyond_their_bounds_are_clipped_or_refused_as_declared(spring):
    plant = spring()
    np.testing.assert_array_equal(plant.step([1, 0], [7]), plant.step([1, 0], [1]))
    assert plant.clip_input([[-7], [0.5], [7]]).tolist() == [[-1], [0.5], [1]]
    strict = spring(clips_input=False)
    np.testing.assert_array_equal(strict.step([1, 0], [1]), plant.step([1, 0], [1]))
    with pytest.raises(PlantError, match=r"force is 7 \(row 1\), above its upper bound 1.*does not clip"):
        strict.step([1, 0], [[0.5], [7]])
    with pytest.raises(PlantError, match=r"force is -1.5 .* below its lower bound -1"):
        strict.step([1, 0], [-1.5])


def test_derivatives_are_not_clipped(spring):
    np.testing.assert_allclose(spring().derivatives([1, 2], [7]), [2, 2.4], atol=ROUNDING)


SQUARE = arrays(np.float64, (3, 3), elements=st.floats(-3, 3))
COLUMNS = arrays(np.float64, (3, 2), elements=st.floats(-3, 3))


@given(SQUARE, COLUMNS, arrays(np.float64, 3, elements=FINITE))
def test_jacobians_of_a_linear_plant_are_its_matrices(A, B, x):
    by_state, by_input = linear_plant(A, B).jacobians([x, x], [1, 2])
    np.testing.assert_array_equal(by_state, [A, A])
    np.testing.assert_array_equal(by_input, [B, B])


@given(SQUARE, COLUMNS)
def test_an_update_is_stepped_as_it_is(A, B):
    plant = linear_plant(A, B, kind="update")
    x, u = np.array([0.3, -0.2, 0.5]), np.array([1.0, -2.0])
    assert not plant.is_continuous
    np.testing.assert_allclose(plant.step(x, u), A @ x + B @ u, atol=1e-11)
    np.testing.assert_array_equal(plant.jacobians(x, u)[0], A)


def test_an_update_with_a_drifting_equilibrium_is_refused():
    with pytest.raises(
        PlantError, match="no steady state: state 0 moves by 1 - in one sample period, 1 of its scale 1"
    ):
        linear_plant(np.eye(1), np.ones((1, 1)), kind="update", equilibrium=([0], [1]))


@given(st.floats(-3.1, 3.1), st.floats(-8, 8), st.floats(-2, 2))
def test_jacobians_of_the_pendulum_match_finite_differences(angle, rate, torque):
    point, nudge = np.array([angle, rate, torque]), 1e-6
    exact = np.concatenate(PENDULUM.jacobians(point[:2], point[2:]), -1)
    ends = point + nudge * np.concatenate([np.eye(3), -np.eye(3)])
    slopes = PENDULUM.derivatives(ends[:, :2], ends[:, 2:])
    np.testing.assert_allclose(exact, ((slopes[:3] - slopes[3:]) / (2 * nudge)).T, atol=1e-6)
    np.testing.assert_allclose(exact, [[0, 1, 0], [15 * np.cos(angle), 0, 3]], atol=ROUNDING)


def test_a_step_matches_the_matrix_exponential():
    A, B = np.array([[0, 1.0], [-4, -0.3]]), np.array([[0], [1.0]])
    plant = linear_plant(A, B, integrator=RungeKutta4(substeps=40))
    exact = expm(0.1 * np.block([[A, B], [np.zeros((1, 3))]]))
    np.testing.assert_allclose(plant.step([1, -2], [0.7]), (exact @ [1, -2, 0.7])[:2], atol=1e-10)


@given(arrays(np.float64, (4, 2), elements=st.floats(-1e200, 1e200)), arrays(np.float64, (4, 1), elements=FINITE))
def test_a_runaway_is_capped_and_never_raises(x, u):
    wild = linear_plant(np.eye(2), np.ones((2, 1)))
    wild = replace(wild, derivative=lambda x, u: (x[0] ** 3, casadi.exp(x[1]) - 1 + u[0]))
    for plant in (wild, replace(wild, state_caps=([-5, -2], [4, 3])), replace(wild, angles=("state 0",))):
        after = plant.step(x, u)
        assert np.isfinite(after).all()
        assert (after >= plant.state_caps[0]).all()
        assert (after <= plant.state_caps[1]).all()


def test_a_runaway_ends_at_the_cap_on_its_own_side():
    plant = linear_plant(np.eye(1), np.ones((1, 1)), state_caps=([-50], [100]))
    plant = replace(plant, derivative=lambda x, u: x[0] ** 5 + u[0] - u[0])
    after = plant.step([[1e80], [-1e80], [20.0], [-20.0]], [[0]] * 4)
    assert after.ravel().tolist() == [100, -50, 100, -50]


def test_a_state_without_a_next_one_ends_at_the_cap_that_it_was_heading_for():
    tank = linear_plant(np.eye(1), np.ones((1, 1)), state_caps=([-1], [50]), equilibrium=([0], [0]))
    tank = replace(tank, derivative=lambda x, u: u[0] - casadi.sqrt(x[0]))
    assert np.isnan(tank.derivatives([-0.5], [0])).all()
    assert tank.step([0.001], [0]).tolist() == [-1]
    assert tank.step([-1], [0]).tolist() == [-1]


def test_unsafe_is_strictly_beyond_a_limit(spring):
    plant = spring(safe_limits=([-1.5, None], [None, 2]))
    assert plant.unsafe([[-1.5, 2], [-1.6, 0], [99, -99], [0, 2.1]]).tolist() == [False, True, False, True]
    assert plant.unsafe([0, 3]).shape == ()
    assert not spring().unsafe(np.full((3, 2), 1e6)).any()


def test_a_runaway_is_a_state_at_a_cap_that_was_not_declared():
    free, capped = (
        linear_plant(np.eye(2), np.ones((2, 1)), state_caps=caps) for caps in (None, ([-9, None], [1e12, 5]))
    )
    far = [[1e9, 0], [-1e9, 0], [0.9e9, -0.9e9], [0, -1e9]]
    assert free.runaway(far).tolist() == [True, True, False, True]
    assert capped.runaway([[1e12, 5], [-9, 5], [3e9, -0.9e9], [0, -1e9]]).tolist() == [False, False, False, True]
    assert free.runaway([0, 1e9]).shape == ()
    assert copy.deepcopy(free).runaway(far).tolist() == free.runaway(far).tolist()
    assert not PENDULUM.runaway([[np.pi, 8], [-np.pi, -8]]).any()
    with pytest.raises(PlantError, match=r"`x` has shape \(1,\)"):
        free.runaway([1])


@given(st.floats(-1e4, 1e4))
def test_wrapping_gives_the_same_direction_within_half_a_turn(angle):
    wrapped = PENDULUM.wrap([angle, 3])
    assert -np.pi < wrapped[0] <= np.pi
    assert wrapped[1] == 3
    np.testing.assert_allclose(np.exp(1j * wrapped[0]), np.exp(1j * angle), atol=1e-10)
    if -3.14 < angle < 3.14:
        assert wrapped[0] == angle


def test_half_turns_wrap_to_plus_pi_and_never_beyond_it_in_steps_too():
    at_rest = replace(PENDULUM, derivative=lambda x, u: (0 * x[1], 0 * u[0]))
    halves = np.pi * np.arange(-4001, 4002, 2)
    angles = np.concatenate([halves, np.nextafter(halves, np.inf), np.nextafter(halves, -np.inf)])
    states = np.stack([angles, np.zeros_like(angles)], -1)
    turned = at_rest.wrap(states)
    assert at_rest.wrap([-np.pi, 0])[0] == np.pi
    assert (turned[:, 0] > -np.pi).all()
    assert (turned[:, 0] <= np.pi).all()
    np.testing.assert_array_equal(at_rest.step(states, [0]), turned)


def test_starts_are_uniform_within_their_bounds_and_seeded(spring):
    plant = spring(start_bounds=([-1, 0.5], [1, 0.5]))
    starts = plant.sample_starts(np.random.default_rng(3), 2000)
    np.testing.assert_array_equal(starts, plant.sample_starts(np.random.default_rng(3), 2000))
    assert (starts[:, 1] == 0.5).all()
    assert np.abs(starts[:, 0]).max() <= 1
    np.testing.assert_allclose(np.quantile(starts[:, 0], [0.25, 0.5, 0.75]), [-0.5, 0, 0.5], atol=0.08)
    with pytest.raises(PlantError, match="`count` is -1"):
        plant.sample_starts(np.random.default_rng(), -1)
    with pytest.raises(PlantError, match="`count` = 10000000000 asks for 20000000000 numbers, above the limit"):
        plant.sample_starts(np.random.default_rng(), 10**10)
    with pytest.raises(
        PlantError, match=r"`generator` is a int, but a Generator is needed; pass np.random.default_rng"
    ):
        plant.sample_starts(0, 5)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p)), replace])
def test_a_copy_is_as_checked_and_read_only_as_the_first(copied):
    twin = copied(PENDULUM)
    assert not twin.input_bounds[0].flags.writeable
    np.testing.assert_array_equal(twin.step([0.3, 1], [2]), PENDULUM.step([0.3, 1], [2]))
    for name in ("name", "state_names", "angles", "integrator", "episode_steps", "source", "clips_input"):
        assert getattr(twin, name) == getattr(PENDULUM, name)


def test_a_user_plant_takes_fifteen_lines():
    tank = Plant(
        name="tank",
        derivative=lambda x, u: [0.2 * u[0] - 0.1 * casadi.sqrt(x[0])],
        state_names=["level"],
        state_units=["m"],
        input_names=["inflow"],
        input_units=["m3/min"],
        state_bounds=([0.1], [4]),
        input_bounds=([0], [2]),
        equilibrium=([1], [0.5]),
        sample_time=1.0,
        time_unit="min",
        cost=QuadraticCost(1.0, 0.1, state_target=[1], input_target=[0.5]),
        start_bounds=([0.5], [2]),
    )
    assert re.search(r"level \[m\].*inflow \[m3/min\]; every 1 min", repr(tank))
    np.testing.assert_allclose(tank.step([1], [0.5]), [1], atol=ROUNDING)
    assert tank.step([2], [0]) < 2


def test_equations_that_fail_without_a_word_are_still_told(spring):
    def silent(x, u):
        del x, u
        raise ValueError

    with pytest.raises(PlantError, match=r"silent.* fails on CasADi symbols: ValueError: no reason given"):
        spring(derivative=silent)
