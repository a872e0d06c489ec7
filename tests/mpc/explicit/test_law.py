"""A law answers points and batches alike, refuses what is no state, and is whole and closed to writing at birth."""

import numpy as np
import pytest

from mpc import (
    CriticalRegion,
    MultiparametricQP,
    PiecewiseAffineLaw,
    Polyhedron,
    ProblemError,
    solve_explicit,
)
from mpc.explicit.labels import Labels


@pytest.fixture(scope="module")
def pendulum(pendulum_problem):
    return solve_explicit(pendulum_problem())


@pytest.fixture(scope="module")
def draw(pendulum):
    """Points (..., 2) of the domain."""

    def points(*shape):
        drawn = np.random.default_rng(0).uniform([-2, -8], [2, 8], (20_000, 2))
        inside = drawn[np.asarray(pendulum.locate(drawn).margin) > 0]
        return inside[: int(np.prod(shape))].reshape(*shape, 2)

    return points


@pytest.mark.parametrize("batch", [(), (256,), (3, 5), (1,), (0,)])
def test_points_and_batches_are_answered_alike(pendulum, draw, batch):
    theta = draw(*batch)
    inputs, region, inside = pendulum.nearest(theta)
    place = pendulum.locate(theta)
    assert pendulum(theta).shape == inputs.shape == (*batch, 1)
    assert pendulum.solution(theta).shape == (*batch, 2)
    assert np.shape(region) == np.shape(inside) == np.shape(place.region) == np.shape(place.margin) == batch
    for index in np.ndindex(*batch):
        assert pendulum(theta)[index] == pytest.approx(pendulum(theta[index]), abs=1e-13)
        assert pendulum.solution(theta)[index] == pytest.approx(pendulum.solution(theta[index]), abs=1e-13)
        assert pendulum.locate(theta[index]).region == np.asarray(place.region)[index]
        assert pendulum.locate(theta[index]).margin == pytest.approx(np.asarray(place.margin)[index], abs=1e-14)


def test_one_point_is_located_by_plain_numbers(pendulum):
    place = pendulum.locate([0.1, 0.2])
    assert isinstance(place.region, int)
    assert isinstance(place.margin, float)


def test_lists_float32_integers_and_tensors_are_answered_in_float64(pendulum):
    x = np.array([0.25, -0.5])
    expected = pendulum(x)
    for same in ([0.25, -0.5], (0.25, -0.5), x.astype(np.float32), x.astype(np.float16)):
        assert (pendulum(same) == expected).all()
        assert pendulum(same).dtype == np.float64
    assert pendulum([0, 1]) == pytest.approx(pendulum([0.0, 1.0]))
    assert (pendulum(np.asfortranarray(np.tile(x, (4, 1)))) == expected).all()


def test_the_state_is_not_modified(pendulum, draw):
    theta = draw(10)
    before = theta.copy()
    pendulum(theta), pendulum.explain(theta[0]), pendulum.nearest(theta * 9)
    assert (theta == before).all()
    assert theta.flags.writeable


def test_the_region_is_the_one_of_least_violation_and_lowest_index(pendulum):
    A, b, owner = pendulum.halfspaces
    generator = np.random.default_rng(1)
    theta = np.concatenate([generator.uniform([-4, -16], [4, 16], (500, 2)), [pendulum.centre]])
    own = [owner == i for i in range(len(pendulum.regions))]
    worst = np.stack([(theta @ A[rows].T - b[rows]).max(axis=1) for rows in own], axis=1)
    place = pendulum.locate(theta)
    assert (place.region == worst.argmin(axis=1)).all()
    assert place.margin == pytest.approx(-worst.min(axis=1), abs=1e-14)
    tied = solve_explicit(MultiparametricQP([[1]], [0], [[-1]], [[1], [-1]], [1, 1], [[0], [0]], [[1], [-1]], [2, 2]))
    assert tied.locate([1.0]).region == 0
    assert tied.locate([1.0]).margin == pytest.approx(0, abs=1e-15)


def test_the_margin_counts_half_widths(pendulum):
    """1 is half the width of the parameter set: from the middle of a face of the box, 0.1 is a tenth of that."""
    law = solve_explicit(
        MultiparametricQP(np.eye(2), [0, 0], -np.eye(2), np.zeros((0, 2)), [], np.zeros((0, 2)), BOX.A, BOX.b)
    )
    assert law.locate(law.centre).margin == pytest.approx(1)
    assert law.locate([490, 0]).margin == pytest.approx(0.5)
    assert law.locate([500, 0.03]).margin == pytest.approx(0)
    assert law.locate([505, 0]).margin == pytest.approx(-0.25)
    assert law.half_width.tolist() == pytest.approx([20, 0.05])
    assert law.centre.tolist() == pytest.approx([480, 0])
    assert law.regions[0].radius == pytest.approx(1)


BOX = Polyhedron.from_bounds([460, -0.05], [500, 0.05])


def test_regions_say_what_they_are(pendulum):
    A, b, owner = pendulum.halfspaces
    assert (np.diff(owner) >= 0).all()
    for i, region in enumerate(pendulum.regions):
        assert (A[owner == i] == region.A).all()
        assert (b[owner == i] == region.b).all()
        assert np.linalg.norm(region.A * pendulum.half_width, axis=1) == pytest.approx(1)
        assert (region.b - region.A @ region.centre).min() == pytest.approx(region.radius)
        assert (pendulum.gains[i] == region.gain).all()
        assert (pendulum.offsets[i] == region.offset).all()
        assert (region.solution_gain[:1] == region.gain).all()
        assert len(region.active) == len(region.active_rows)
        assert pendulum.locate(region.centre).region == i
        assert pendulum(region.centre) == pytest.approx(region.gain @ region.centre + region.offset)
    assert repr(pendulum) == "PiecewiseAffineLaw(7 regions, 32 half-spaces, 2 parameters, 1 inputs)"
    assert repr(pendulum.regions[0]) == "CriticalRegion(6 half-spaces, active: none)"


def test_active_rows_hold_with_equality(pendulum, pendulum_problem):
    for region in pendulum.regions:
        z = pendulum.solution(region.centre)
        for row in region.active:
            step = int(row[-1])
            limit = 2.0 if "upper" in row else -2.0
            assert row.startswith("torque")
            assert z[step] == pytest.approx(limit, abs=1e-12)


def test_no_array_of_a_law_can_be_written_to(pendulum):
    arrays = [pendulum.gains, pendulum.offsets, pendulum.parameter_set.A, pendulum.parameter_set.b]
    arrays += [*pendulum.halfspaces, *pendulum.parameter_bounds, *pendulum.input_bounds]
    for region in pendulum.regions:
        arrays += [region.A, region.b, region.gain, region.offset, region.centre, region.solution_gain]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize(
    ("theta", "words"),
    [
        ([np.nan, 0], r"`theta` is NaN at \[0\]"),
        ([0, np.inf], r"`theta` is infinite at \[1\]"),
        ([[0, 0], [0, np.nan]], r"`theta` is NaN at \[1, 1\]"),
        ([0], r"`theta` has shape \(1,\), but its last axis must be 2 long \(angle, rate\)"),
        (0.0, r"`theta` has shape \(\)"),
        (np.zeros((2, 3)), "last axis must be 2 long"),
        (["a", "b"], "`theta` has dtype"),
        ([[0, 0], [0]], "`theta` is ragged"),
        (None, "`theta` has dtype object"),
        ([True, False], "`theta` has dtype bool"),
    ],
)
@pytest.mark.parametrize("question", ["__call__", "solution", "nearest", "locate", "explain"])
def test_what_is_no_state_is_refused_whatever_is_asked(pendulum, theta, words, question):
    with pytest.raises(ProblemError, match="`theta`" if question == "explain" else words):
        getattr(pendulum, question)(theta)


def parts(**changes):
    """A law over one parameter by hand: u = theta on [-1, 1]."""
    one = np.ones((1, 1))
    region = CriticalRegion(
        A=np.array([[1.0], [-1.0]]), b=np.ones(2), gain=one, offset=np.zeros(1), active=(), active_rows=(),
        centre=np.zeros(1), radius=1.0, solution_gain=one, solution_offset=np.zeros(1),
    )  # fmt: skip
    arguments = {
        "regions": (region,),
        "parameter_set": Polyhedron([[1], [-1]], [1, 1]),
        "parameter_bounds": (np.array([-1.0]), np.array([1.0])),
        "labels": Labels(("theta",), ("u",), ()),
    }
    return PiecewiseAffineLaw(**arguments | changes)


def test_a_law_by_hand():
    law = parts()
    assert law([0.5]) == pytest.approx([0.5])
    assert (law.parameter_units, law.input_units) == (("",), ("",))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"regions": ()}, "at least 1 region, but it was given 0"),
        ({"labels": Labels(("a", "b"), ("u",), ())}, "names 2 parameters but the problem has 1"),
        ({"labels": Labels(("a",), (), ())}, "names 0 variables"),
        ({"labels": None}, "`labels` is a NoneType"),
        ({"parameter_set": BOX}, "`parameter_set` has 2 parameters, the regions 1"),
        ({"parameter_bounds": ([1.0], [-1.0])}, "above its upper bound"),
        ({"parameter_bounds": ([-np.inf], [1.0])}, "unbounded"),
        ({"parameter_bounds": ([-1.0, 0], [1.0, 0])}, r"`parameter_bounds lower` has shape \(2,\)"),
        ({"input_bounds": ([-1.0, -1], [1.0, 1])}, r"`input_bounds lower` has shape \(2,\)"),
        ({"input_bounds": ([np.nan], [1.0])}, "`input_bounds lower` is NaN"),
    ],
)
def test_parts_that_do_not_fit_make_no_law(changes, words):
    with pytest.raises(ProblemError, match=words):
        parts(**changes)


def test_regions_of_different_sizes_make_no_law(pendulum):
    with pytest.raises(ProblemError, match="the regions differ in size"):
        parts(regions=(*parts().regions, *pendulum.regions))
