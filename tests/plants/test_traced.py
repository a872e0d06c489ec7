"""Plain functions of numpy arrays as equations: followed where they can be, refused with words where they cannot."""

import math
import pickle

import casadi as ca
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plants import Constant, PlantError, check_plant, traced, with_constants

A, B = np.array([[0.0, 1.0], [-4.0, -0.3]]), np.array([[0.0], [1.0]])
TABLE = np.array([-2.0, -0.5, 0.5, 2.0]), np.array([3.0, 0.4, -0.4, -3.0])


def matrices(x, u):
    return A @ x + B @ u


def row_times_matrix(x, u):
    return x @ A.T + u @ B.T


def unpacked(x, u):
    position, speed = x
    (force,) = u
    return np.array([speed, -4 * np.sin(position) - 0.3 * speed * abs(speed) + force])


def slices(x, u):
    return [*x[1:], *(-4 * x[:1] + u)]


def filled(x, u):
    rates = np.zeros_like(x)
    rates[0] = x[1]
    rates[1] -= 4 * x[0] - u[0]
    return rates


def branching(x, u):
    position, speed = x
    friction = 0.3 * speed if speed > 0 else 0.5 * speed
    if abs(position) > 1 and not speed < -2:
        friction += 2 * (position - np.sign(position))
    return speed, -4 * position - friction + min(u[0], 0.8) - max(0.0, speed - 2, position)


def looping(x, u):
    pull = 0.0
    for place in (-1.5, 0.0, 1.5):
        pull += np.tanh(x[0] - place)
    return x[1], -pull + u[0]


def whole_arrays(x, u):
    limited = np.clip(np.where(np.abs(x) > 1, x**3, x), -5, 5)
    return np.array([0, u[0]]) + (np.maximum(limited, -2) + np.minimum(x, 0.5) - 0.5 * (x > 0))[::-1] * [1, -1] + [0, 0]


def of_plain_arrays(x, u):
    both = np.array([x[0], x[0] * x[1]])
    return x[1], -np.sum(np.sin(both)) - np.maximum(both, 0.1).max() + 0.1 + u[0]


def with_table(x, u):
    return x[1], np.interp(x[0], *TABLE) - 0.1 * np.linalg.norm(x) * x[1] + u[0]


def odd_functions(x, u):
    q, v = x
    parts = np.hypot(q, v) + np.cbrt(q) + np.log1p(q**2) + np.expm1(v) + np.arctan2(v, 3 + q) + np.exp2(q) - 1
    whole = np.round(2 * q) + v // 0.7 + v % 0.7 + np.trunc(3 * q) + math.floor(2 * v) - np.ceil(q)
    switches = np.heaviside(q, 0.5) * ((q > 0) & (v < 1)) + np.logical_or(q > 1, v > 1) * v + (~(q > 1)) * 0.1
    return v, -q - 0 * parts + u[0] + 0.0 * whole * switches, parts, whole, switches


def with_casadi(x, u):
    return x[1], -4 * ca.sin(x[0]) + np.tanh(u[0])


FOLLOWED = [
    matrices, row_times_matrix, unpacked, slices, filled, branching, looping, of_plain_arrays, with_table, with_casadi
]  # fmt: skip


@pytest.mark.parametrize("function", FOLLOWED)
def test_a_plain_function_is_a_plant_and_gives_its_own_numbers(spring, function):
    plant = spring(derivative=function)
    generator = np.random.default_rng(0)
    states, inputs = generator.uniform(-3, 3, (200, 2)), generator.uniform(-1, 1, (200, 1))
    wanted = [np.ravel([float(entry) for entry in function(x, u)]) for x, u in zip(states, inputs, strict=True)]
    np.testing.assert_allclose(plant.derivatives(states, inputs), wanted, rtol=1e-12, atol=1e-12)


def test_traced_plants_pass_check_plant_and_travel(spring):
    plant = spring(derivative=unpacked)
    check_plant(plant)
    copy = pickle.loads(pickle.dumps(plant))
    np.testing.assert_array_equal(copy.step([0.4, 0.1], [0.2]), plant.step([0.4, 0.1], [0.2]))


@pytest.mark.parametrize("function", [whole_arrays, odd_functions, of_plain_arrays, branching])
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_functions_of_numpy_are_those_of_numpy(function, point):
    *state, entry = [round(value, 3) + 1e-4 for value in point]  # off the jumps
    x, u = ca.SX.sym("x", 2), ca.SX.sym("u")
    expression = ca.Function("f", [x, u], [traced(function)(x, u)])
    wanted = np.concatenate([np.ravel(part) for part in function(np.array(state), np.array([entry]))])
    np.testing.assert_allclose(expression(state, entry).full().ravel(), wanted, rtol=1e-9, atol=1e-9)


def test_halves_are_rounded_to_even_as_numpy_does():
    x = ca.SX.sym("x", 1)
    function = ca.Function("f", [x], [traced(lambda x, u: np.rint(x))(x, x)])
    halves = np.arange(-3, 4) / 2
    np.testing.assert_array_equal([float(function(half)) for half in halves], np.rint(halves))


def test_a_condition_asked_twice_is_one_way(spring):
    def often(x, u):
        pull = 0.0
        for _ in range(50):
            pull += 0.02 * (x[0] if x[0] > 0 else 2 * x[0])
        return x[1], -pull + u[0]

    plant = spring(derivative=often)
    np.testing.assert_allclose(plant.derivatives([[1, 0], [-1, 0]], [0]), [[0, -1], [0, 2]])


def test_constants_arrive_by_name_and_may_be_replaced(weighted_spring):
    def motion(x, u, p):
        position, speed = x
        return np.array([speed, np.maximum(-p.stiffness, -9) * position - 0.3 * speed + p.gain * u[0] + p.load])

    plant = weighted_spring(derivative=motion)
    stiffer = with_constants(plant, stiffness=6.0)
    np.testing.assert_allclose(plant.derivatives([1, 0], [0]), [0, -4])
    np.testing.assert_allclose(stiffer.derivatives([1, 0], [0]), [0, -6])


def test_updates_may_be_plain_functions_too(spring):
    plant = spring(update=lambda x, u: np.where(x > 0, 0.5 * x, 0.9 * x) + np.array([0, 0.1]) * u, derivative=None)
    np.testing.assert_allclose(plant.step([1, -1], [1]), [0.5, -0.8])


def test_what_is_called_with_numbers_stays_a_function_of_numbers():
    assert traced(matrices)(np.array([1.0, 0.0]), np.array([0.5])).tolist() == [0.0, -3.5]
    assert traced(traced(matrices)) == traced(matrices)


def with_math(x, u):
    return x[1], -4 * math.sin(x[0]) + u[0]


def math_hidden(x, u):
    return x[1], -4 * x[0] + max(0, math.sin(x[0])) + u[0]


def floats_filled(x, u):
    rates = np.zeros(2)
    rates[0] = x[1]
    return rates


def as_index(x, u):
    return x[1], [1, 2][int(x[0] > 0)] * u[0]


def without_end(x, u):
    speed = x[1]
    while speed > 1:
        speed = speed / 2
    return x[1], -speed + u[0]


def too_many_ways(x, u):
    speed = x[1]
    for place in range(8):
        speed = speed if x[0] > place / 10 else speed * 1.01
    return x[1], -speed + u[0]


def without_counterpart(x, u):
    return x[1], np.where(np.isnan(x[0]), 0, -x[0]) + u[0]


def other_length_on_a_branch(x, u):
    return (x[1], u[0]) if x[0] > 0 else x[1]


def stops_on_a_branch(x, u):
    if x[0] < -1:
        raise ValueError("too far")
    return x[1], -x[0] + u[0]


def third_argument(x, u, p):
    return x[1], -p.stiffness * x[0] + u[0]


CALLS = []
GENERATOR = np.random.default_rng(0)


def noisy(x, u):
    return x[1], -4 * x[0] + u[0] * (1 + GENERATOR.normal())


def remembering(x, u):
    CALLS.append(1)
    return x[1], -4 * x[0] + u[0] + (len(CALLS) > 2) * x[1]


REFUSED = [
    (
        with_math,
        r"`derivative`: with_math, line \d+ \(`return x\[1\], -4 \* math.sin.*position is a symbol.*np.sin for",
    ),
    (math_hidden, "math_hidden.* when it is called with symbols, but .* with numbers, at x = .*np.sin for math.sin"),
    (floats_filled, r"floats_filled, line \d+ \(`rates\[0\] = x\[1\]`\).*fill np.zeros_like\(x\) for np.zeros"),
    (as_index, r"as_index.*leave out float\(\) and int\(\)"),
    (without_end, r"without_end, line \d+ \(`while speed > 1:`\).*more than 64 ways.*no loop that ends"),
    (too_many_ways, r"more than 64 ways through it: write np.where\(condition, a, b\) for if"),
    (without_counterpart, "numpy.isnan has no counterpart in CasADi"),
    (other_length_on_a_branch, "2 entries on one branch and 1 on another"),
    (stops_on_a_branch, "ValueError: too far"),
    (third_argument, r"takes \(x, u, p\), but a plant without `constants` calls it as \(x, u\); declare"),
    (noisy, "with symbols, but .* with symbols once more, at x = .*draw no random numbers"),
    (remembering, "keep nothing from one call to the next"),
    (lambda x, u: np.array([x[1], x[0], u[0]]), "returns 3 entries, but the plant has 2 states"),
    (lambda x, u: None, "fails on CasADi symbols: TypeError.*numpy"),
    (lambda x, u: "ab", "one number per state"),
    (lambda x, u: (x[1], np.log(x[0]) + u[0]), "`derivative` is .* at the equilibrium: speed is not finite"),
    (lambda x, u: (x[1], 1e300 * np.sin(x[0]) * 1e10), "at the equilibrium: speed is not finite"),
    (traced(with_math), "with_math, line"),
]


@pytest.mark.parametrize(("function", "words"), REFUSED)
def test_what_cannot_be_followed_is_refused_with_the_mend(spring, function, words):
    CALLS.clear()
    with pytest.raises(PlantError, match=words):
        spring(derivative=function)


def test_a_misspelt_constant_is_named_with_the_closest(weighted_spring):
    for function in (
        lambda x, u, p: (x[1], -p.stifness * x[0]),
        lambda x, u, p: np.array([x[1], -p.stifness * np.sin(x[0])]),
    ):
        with pytest.raises(
            PlantError, match=r"reads p.stifness, but the `constants` are stiffness, gain, load: did you"
        ):
            weighted_spring(derivative=function)


def test_equations_without_the_constants_are_told_to_take_them(spring):
    with pytest.raises(PlantError, match=r"takes \(x, u\), but a plant with gain among the `constants` .*as the third"):
        spring(derivative=unpacked, constants=(Constant("gain", 1.0, "-"),))


def test_equations_that_are_nan_or_huge_within_the_bounds_are_found_by_check_plant(spring):
    def rooted(x, u):
        return x[1], 1 - np.sqrt(1 + x[0]) + u[0]

    def steep(x, u):
        return x[1], np.exp(500 * x[0]) - 1 + u[0]

    for function, value in ((rooted, "nan"), (steep, "inf")):
        with pytest.raises(PlantError, match=rf"`derivative` gives -?{value} for speed at x = .*keep it finite"):
            check_plant(spring(derivative=function))


def test_equations_cannot_change_the_symbols_they_get(spring):
    def changing(x, u):
        x[0] *= 2
        return x[1], -x[0] + u[0]

    np.testing.assert_allclose(spring(derivative=changing).derivatives([1, 0], [0]), [0, -2])


@pytest.mark.parametrize("given", [3, None, dict])
def test_traced_takes_functions_only(given):
    with pytest.raises(PlantError, match=r"but a function of arrays \(x, u\) is needed"):
        traced(given)
