"""Intervals against exact rationals and numbers of 60 digits: no true value is ever lost, and little is added."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mpc.safety import interval_functions as functions
from mpc.safety.interval import Interval, IntervalError, interval

NUMBERS = st.floats(-1e6, 1e6) | st.floats(-1e-3, 1e-3) | st.sampled_from([0.0, 1.0, -1.0, 0.1, 5e-324, 1e300])
SHARES = st.floats(0, 1)
mpmath.mp.dps = 60


@st.composite
def held(draw, numbers=NUMBERS):
    """An interval and a number in it."""
    low, high = sorted((draw(numbers), draw(numbers)))
    return Interval(low, high), float(np.clip(low + draw(SHARES) * (high - low), low, high))


def holds(found, exact):
    """Whether a Fraction lies in an interval, compared exactly."""
    low, high = float(found.lower), float(found.upper)
    return (low == -np.inf or Fraction(low) <= exact) and (high == np.inf or exact <= Fraction(high))


@given(held(), held())
def test_sums_products_and_quotients_hold_the_exact_one(one, two):
    (a, x), (b, y) = one, two
    assert holds(a + b, Fraction(x) + Fraction(y))
    assert holds(a - b, Fraction(x) - Fraction(y))
    assert holds(a * b, Fraction(x) * Fraction(y))
    assert holds(x - b, Fraction(x) - Fraction(y))
    assert holds(functions.square(a), Fraction(x) ** 2)
    if not b.contains(0.0):
        assert holds(a / b, Fraction(x) / Fraction(y))
        assert holds(x / b, Fraction(x) / Fraction(y))


@given(held(), held())
def test_the_ends_are_reached(one, two):
    """What an interval adds to the true set is rounding: the ends of a sum and a product are those of two ends."""
    (a, _), (b, _) = one, two
    ends = [(Fraction(float(p)), Fraction(float(q))) for p in (a.lower, a.upper) for q in (b.lower, b.upper)]
    for found, values in ((a + b, [p + q for p, q in ends]), (a * b, [p * q for p, q in ends])):
        for bound, exact in ((found.lower, min(values)), (found.upper, max(values))):
            if abs(exact) < 1e300:
                assert abs(Fraction(float(bound)) - exact) <= 4e-16 * abs(exact) + Fraction(1e-323)


@given(held(), held())
def test_choices_are_exact(one, two):
    (a, x), (b, y) = one, two
    assert functions.minimum(a, b).contains(min(x, y))
    assert functions.maximum(a, b).contains(max(x, y))
    assert functions.absolute(a).contains(abs(x))
    assert a.hull(b).contains(a)
    assert a.hull(b).contains(y)
    if a.contains(y):
        assert a.intersection(b).contains(y)


OVER_ALL = {
    functions.exp: (mpmath.exp, st.floats(-750, 700)),
    functions.sin: (mpmath.sin, st.floats(-20, 20) | st.floats(-2e6, 2e6)),
    functions.cos: (mpmath.cos, st.floats(-20, 20) | st.floats(-2e6, 2e6)),
    functions.tanh: (mpmath.tanh, st.floats(-40, 40)),
    functions.sinh: (mpmath.sinh, st.floats(-700, 700)),
    functions.cosh: (mpmath.cosh, st.floats(-700, 700)),
    functions.arctan: (mpmath.atan, NUMBERS),
    functions.log: (mpmath.log, st.floats(1e-300, 1e6) | st.floats(0.99, 1.01)),
    functions.sqrt: (mpmath.sqrt, st.floats(0, 1e6)),
}


@pytest.mark.parametrize(("function", "true"), OVER_ALL.items())
@given(data=st.data())
def test_functions_hold_the_value_of_many_digits(function, true, data):
    a, x = data.draw(held(true[1]))
    found, exact = function(a), true[0](mpmath.mpf(x))
    assert found.lower <= exact <= found.upper
    at = function(x)
    assert at.lower <= exact <= at.upper
    assert at.upper - at.lower <= 1e-13 * abs(float(exact)) + 1e-14 or abs(x) > functions.FURTHEST


@given(st.floats(-50, 50), st.floats(0, 7))
def test_waves_have_the_least_and_largest_value(start, length):
    a = Interval(start, start + length)
    fine = np.sin(np.linspace(start, start + length, 20_001))
    found = functions.sin(a)
    assert found.lower <= fine.min() <= found.lower + 1e-6
    assert found.upper - 1e-6 <= fine.max() <= found.upper


@given(held(st.floats(-30, 30)), st.integers(-7, 7))
def test_whole_powers_of_any_number(one, exponent):
    a, x = one
    assume(exponent >= 0 or (not a.contains(0.0) and abs(x) > 1e-30))
    assert holds(functions.power(a, exponent), Fraction(x) ** exponent)


@given(held(st.floats(1e-3, 30)), held(st.floats(-4, 4)))
def test_broken_powers_of_positive_numbers(one, two):
    (a, x), (b, y) = one, two
    for found in (functions.power(a, b), functions.power(a, y)):
        assert found.lower <= mpmath.mpf(x) ** mpmath.mpf(y) <= found.upper


def test_even_powers_and_squares_of_what_straddles_zero_start_at_zero():
    for found in (functions.square(Interval(-2, 1)), functions.power(Interval(-2, 1), 2)):
        assert found.lower == 0
        assert 4 <= found.upper < 4 + 1e-12


def test_signs_survive_rounding():
    """What cannot be negative has a lower bound of 0, so that a square root may follow."""
    tiny = Interval(0, 1e-200)
    assert (tiny * tiny).lower == 0
    assert (tiny + tiny).lower == 0
    assert (tiny * tiny).upper > 0
    assert functions.sqrt(tiny * 3.0).lower == 0
    assert (tiny * -tiny).upper == 0


def test_what_is_unbounded_stays_so_without_nan():
    unbounded = Interval(-np.inf, np.inf)
    for found in (unbounded + unbounded, unbounded - unbounded, unbounded * unbounded, unbounded * Interval(0, 1)):
        assert (found.lower, found.upper) == (-np.inf, np.inf)
    assert float((unbounded * 0.0).magnitude) < 1e-300
    assert Interval(1e308, np.inf) + 1e308
    assert float(functions.exp(1e3).lower) > 1e308


def test_arrays_broadcast_and_stay_intervals_on_either_side():
    a = Interval([[0.0], [1.0]], [[1.0], [2.0]])
    found = np.array([1.0, 2.0, 3.0]) * a - np.ones(3)
    assert isinstance(found, Interval)
    assert found.shape == (2, 3)
    assert found[1, 2].contains(5)
    assert interval(2.0).middle == 2


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: Interval(1, 0), "an interval from 1 to 0 is none; two numbers are needed, the smaller one first"),
        (lambda: Interval(np.nan), "from nan to nan is none"),
        (lambda: Interval([0, 3], [1, 2]), "from 3 to 2"),
        (lambda: 1 / Interval(-1, 2), "a division by numbers from -1 to 2, 0 among them; take smaller cells"),
        (lambda: Interval(0, 1).intersection(Interval(2, 3)), "an interval from 2 to 1 is none"),
        (lambda: functions.sqrt(Interval(-0.5, 1)), "the square root of numbers down to -0.5, below 0; take smaller"),
        (lambda: functions.log(Interval(-2, 1)), "the logarithm of numbers down to -2"),
        (lambda: functions.power(Interval(-2, 1), 0.5), "a power that is no whole number of numbers down to -2"),
        (lambda: functions.power(Interval(0, 1), -0.5), "0 to the power of -0.5"),
        (lambda: functions.power(Interval(0, 1), -1), "0 among them"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(ask, words):
    with pytest.raises(IntervalError, match=words):
        ask()
