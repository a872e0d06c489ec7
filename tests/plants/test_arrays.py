"""Arrays that users pass in: what is accepted comes out float64, what is not is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from plants.arrays import bounds_pair, paired_points, real_array, real_points, real_scalar, whole_number


class MyError(ValueError):
    pass


@given(arrays(np.float64, array_shapes(min_dims=1, max_dims=3), elements=st.floats(-1e9, 1e9)))
def test_an_array_is_copied_read_only_and_points_are_not(values):
    copied = real_array(values, "A")
    np.testing.assert_array_equal(copied, values)
    assert not copied.flags.writeable
    assert not np.shares_memory(copied, values)
    assert real_points(values, "x", ["c"] * values.shape[-1]) is values


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([[1, 2], [np.nan, 0]], r"`A` is NaN at \[1, 0\]"),
        ([[1, 2], [0, -np.inf]], r"`A` is infinite at \[1, 1\]"),
        ([1, 2], r"`A` has shape \(2,\), but \(any, 2\) is needed"),
        ([[1, 2], [3]], "`A` is ragged"),
        ([["1", "2"]], "`A` has dtype <U1"),
        ([[True, False]], "`A` has dtype bool"),
        ([[1j, 0]], "`A` has dtype complex128"),
        ([[None, 1]], "`A` has dtype object"),
    ],
)
def test_a_bad_array_is_refused(value, words):
    with pytest.raises(MyError, match=words):
        real_array(value, "A", (None, 2), MyError)


def test_a_single_number_may_be_nan_or_infinite_to_be_refused():
    with pytest.raises(MyError, match="`gamma` is NaN; replace"):
        real_scalar(np.nan, "gamma", MyError)
    with pytest.raises(MyError, match="`gamma` is 0, but it must be positive"):
        real_scalar(0, "gamma", MyError, positive=True)
    assert real_scalar(np.float32(0.5), "gamma") == 0.5


@pytest.mark.parametrize("value", [True, 1.0, "3", None, 0, -2])
def test_a_whole_number_is_no_bool_and_no_fraction(value):
    with pytest.raises(MyError, match=r"`steps` is .* at least 1"):
        whole_number(value, "steps", MyError, least=1)


def test_missing_bounds_are_infinite_and_one_number_does_for_one_component():
    lower, upper = bounds_pair(([None, -1], None), "bounds", ["a", "b"])
    assert (lower.tolist(), upper.tolist()) == ([-np.inf, -1], [np.inf, np.inf])
    assert bounds_pair((-2, 2), "bounds", ["a"])[1].tolist() == [2]
    assert bounds_pair(np.array([[-1, -2], [1, 2]]), "bounds", ["a", "b"])[0].tolist() == [-1, -2]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, r"must be a pair \(lower, upper\), each with 2 entries"),
        (([0, 1],), "must be a pair"),
        (np.array(3.0), "must be a pair"),
        (b"ab", "must be a pair"),
        ("ab", "must be a pair"),
        ((b"ab", [1, 2]), "`bounds lower` has dtype"),
        (([0, 1], [1]), r"`bounds upper` has shape \(1,\), but \(2,\)"),
        (([0, 3], [1, 2]), r"lower bound of b \(index 1\) is 3, above its upper bound 2; swap"),
        (([0, np.inf], [1, np.inf]), r"the lower bound of b \(index 1\) is \+inf"),
        (([0, None], [1, 2]), r"b \(index 1\) is unbounded"),
    ],
)
def test_bad_bounds_are_refused(value, words):
    with pytest.raises(MyError, match=words):
        bounds_pair(value, "bounds", ["a", "b"], MyError, infinite=False)


def test_points_are_named_by_their_components():
    with pytest.raises(MyError, match=r"`x` has shape \(2, 3\), but its last axis must be 2 long \(angle, rate\)"):
        real_points(np.zeros((2, 3)), "x", ["angle", "rate"], MyError)
    with pytest.raises(MyError, match=r"`x` has shape \(\)"):
        real_points(1.0, "x", ["angle"], MyError)
    with pytest.raises(MyError, match=r"`x` is NaN at \[1, 0\]"):
        real_points([[0, 0], [np.nan, 0]], "x", ["angle", "rate"], MyError)
    assert real_points([1, 2], "x", ["angle", "rate"]).dtype == np.float64


def test_single_points_go_with_every_other():
    x, u = paired_points(np.zeros((3, 4, 2)), np.ones(1))
    assert (x.shape, u.shape) == ((3, 4, 2), (3, 4, 1))
    with pytest.raises(MyError, match=r"leading axes \(3,\) and \(2,\) do not go together"):
        paired_points(np.zeros((3, 2)), np.zeros((2, 1)), MyError)


@pytest.mark.parametrize("endless", [range(10**12), range(-(10**15), 0), range(0, 10**30, 10**3)])
def test_a_range_without_end_is_refused_before_it_is_written_out(endless):
    with pytest.raises(ValueError, match=r"`x` is range\(.*above the limit of 1073741824"):
        real_array(endless, "x", None, ValueError)
    assert real_array(range(3), "x", (3,), ValueError).tolist() == [0, 1, 2]
