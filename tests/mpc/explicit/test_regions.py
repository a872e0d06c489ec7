"""Regions are a sequence over flat arrays that cannot be written; what does not fit is named."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mpc import PiecewiseAffineLaw, ProblemError
from mpc.explicit.region import ARRAYS, COUNTING, CriticalRegion, Regions


@pytest.fixture
def regions(law) -> Regions:
    return law.regions


def same(left: CriticalRegion, right: CriticalRegion) -> bool:
    arrays = ("A", "b", "gain", "offset", "centre", "solution_gain", "solution_offset")
    equal = all(np.array_equal(getattr(left, name), getattr(right, name)) for name in arrays)
    return equal and left.active == right.active and left.active_rows == right.active_rows


def changed(regions: Regions, **arrays) -> Regions:
    return Regions(**(regions.arrays | arrays), rows=regions.rows)


def test_they_are_a_sequence(regions):
    assert isinstance(regions, Sequence)
    assert len(regions) == 3
    listed = list(regions)
    assert [type(region) for region in listed] == [CriticalRegion] * 3
    assert all(same(regions[i], listed[i]) for i in range(3))
    assert all(same(regions[i - 3], listed[i]) for i in range(3))
    assert all(same(left, right) for left, right in zip(reversed(regions), listed[::-1], strict=True))
    assert same(regions[np.int64(1)], listed[1])


@pytest.mark.parametrize("index", [3, -4, 100])
def test_an_index_beyond_the_end_is_an_index_error(regions, index):
    with pytest.raises(IndexError):
        regions[index]


@pytest.mark.parametrize("index", ["0", 1.0, None, (0, 1)])
def test_what_is_no_index_is_a_type_error(regions, index):
    with pytest.raises(TypeError):
        regions[index]


@pytest.mark.parametrize("part", [slice(1, None), slice(None, None, -1), slice(-2, -1), slice(5, 9), slice(None)])
def test_slices_are_tuples_of_regions(regions, part):
    found = regions[part]
    assert isinstance(found, tuple)
    expected = list(regions)[part]
    assert len(found) == len(expected)
    assert all(same(left, right) for left, right in zip(found, expected, strict=True))


def test_a_region_holds_its_own_rows_only(regions):
    """z = clip(theta, -1, 1): inside, at the upper limit, at the lower one."""
    assert [region.active_rows for region in regions] == [(), (0,), (1,)]
    assert [region.active for region in regions] == [(), ("row 0",), ("row 1",)]
    assert [region.gain.tolist() for region in regions] == [[[1]], [[0]], [[0]]]
    assert [region.offset.tolist() for region in regions] == [[0], [1], [-1]]
    for region, (low, high) in zip(regions, [(-1, 1), (1, 2), (-2, -1)], strict=True):
        ends = region.b / region.A[:, 0]
        assert sorted(ends) == pytest.approx([low, high])
        assert region.radius == pytest.approx((high - low) / 4)
        assert region.centre == pytest.approx([(low + high) / 2])


def test_the_text_of_a_region_tells_its_rows(regions):
    assert repr(regions[0]) == "CriticalRegion(2 half-spaces, active: none)"
    assert repr(regions[1]) == "CriticalRegion(2 half-spaces, active: row 0)"


def test_there_and_back(solved):
    for name in ("pend_N3", "cstr_N2", "deg_octahedron"):
        whole = solved(name).regions
        again = Regions.of(list(whole), whole.rows)
        assert all(np.array_equal(again.arrays[key], whole.arrays[key]) for key in ARRAYS)
        assert all(again.arrays[key].dtype == whole.arrays[key].dtype for key in ARRAYS)
        assert again.rows == whole.rows


def test_nothing_can_be_written(regions):
    for array in (*regions.arrays.values(), regions[0].A, regions[1].gain, regions[2].solution_gain):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_gain_of_its_own_is_kept(law):
    """The inputs of a law may differ from the first rows of its solution: a merged or a tuned law."""
    tuned = tuple(replace(region, gain=region.gain + 1, offset=region.offset - 2) for region in law.regions)
    other = PiecewiseAffineLaw(tuned, law.parameter_set, law.parameter_bounds, law.labels)
    assert other([0.5]) == pytest.approx(law([0.5]) + 0.5 - 2)
    assert other.solution([0.5]) == pytest.approx(law.solution([0.5]))
    assert (other.regions[0].gain != other.regions[0].solution_gain).all()


def test_a_law_takes_a_tuple_of_regions(law):
    again = PiecewiseAffineLaw(tuple(law.regions), law.parameter_set, law.parameter_bounds, law.labels)
    assert isinstance(again.regions, Regions)
    theta = np.linspace(-2, 2, 41)[:, None]
    assert np.array_equal(again(theta), law(theta))
    assert all(same(left, right) for left, right in zip(again.regions, law.regions, strict=True))


@pytest.mark.parametrize("wrong", [(), [], ("region",), None])
def test_a_law_takes_nothing_else_for_regions(law, wrong):
    with pytest.raises(ProblemError, match=r"`regions` must be a tuple|needs at least 1 region"):
        PiecewiseAffineLaw(wrong, law.parameter_set, law.parameter_bounds, law.labels)


@pytest.mark.parametrize("name", [name for name in ARRAYS if name not in COUNTING])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_refused_in_every_array(regions, name, value):
    spoilt = regions.arrays[name].copy()
    spoilt.flat[-1] = value
    with pytest.raises(ProblemError, match=f"array `{name}` holds NaN or infinite entries"):
        changed(regions, **{name: spoilt})


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_other_kinds_and_axes_are_refused(regions, name):
    array = regions.arrays[name]
    other = "float64" if name in COUNTING else "float32"
    with pytest.raises(ProblemError, match=f"array `{name}` holds {other}, but .* is needed"):
        changed(regions, **{name: array.astype(other)})
    with pytest.raises(ProblemError, match=f"array `{name}` is missing or has not {array.ndim} axes"):
        changed(regions, **{name: array[None]})


@pytest.mark.parametrize("name", ["centre", "radius", "gain", "offset", "solution_offset", "half_spaces", "A"])
def test_arrays_of_other_lengths_are_refused(regions, name):
    with pytest.raises(ProblemError, match=rf"array `{name}` has shape .*, but `solution_gain` and `b` ask for"):
        changed(regions, **{name: regions.arrays[name][:-1]})


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("half_spaces", [2, 2, 1], "`half_spaces` adds up to 5, but `b` has 6 entries"),
        ("half_spaces", [6, 0, 0], "`half_spaces` holds 0, but each region has at least 1"),
        ("half_spaces", [-1, 5, 2], "`half_spaces` holds -1"),
        ("active_count", [0, 1, 2], "`active_count` adds up to 3, but `active_rows` has 2 entries"),
        ("active_count", [-1, 1, 2], "`active_count` holds -1"),
        ("active_rows", [0, 2], "`active_rows` names row 2, but the problem has 2 rows"),
        ("active_rows", [-1, 1], "`active_rows`"),
    ],
)
def test_counts_that_do_not_add_up_are_refused(regions, name, values, words):
    with pytest.raises(ProblemError, match=words):
        changed(regions, **{name: np.array(values, dtype=np.int64)})


def test_more_inputs_than_variables_are_refused(regions):
    wide = np.repeat(regions.gain, 2, axis=1), np.repeat(regions.offset, 2, axis=1)
    with pytest.raises(ProblemError, match="the regions have 2 inputs, but the solution has 1 variables"):
        changed(regions, gain=wide[0], offset=wide[1])


def test_regions_of_other_sizes_are_refused(law, solved):
    mixed = (*law.regions, *solved("pend_N2").regions)
    with pytest.raises(ProblemError, match="the regions differ in size"):
        PiecewiseAffineLaw(mixed, law.parameter_set, law.parameter_bounds, law.labels)
