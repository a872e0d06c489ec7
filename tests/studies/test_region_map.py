"""The map of regions: exact polygons, their gains and numbers, and the closed loops on it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from scipy.spatial import ConvexHull

from mpc import LinearModel, MPCProblem, MultiparametricQP, Polyhedron, solve_explicit
from studies import GainOf, Plane, Run, StudyError, plot_regions
from studies.plane import area
from studies.region_map import broken, gain_colours
from studies.region_numbers import centroid, clearance


def polygons(axes):
    """The polygons of the first collection of polygons on the axes, without the closing corner."""
    faces = next(c for c in axes.collections if isinstance(c, PolyCollection))
    return [path.vertices[:-1] for path in faces.get_paths()]


def lines(axes):
    return [line for line in axes.get_lines() if line.get_linestyle() != "None"]


@pytest.fixture(scope="module")
def cube_law():
    """A law of three states, so that a map of it is a slice."""
    model = LinearModel(A=0.9 * np.eye(3) + 0.1 * np.eye(3, k=1), B=np.array([[0.0], [0.1], [1.0]]), sample_time=1.0)
    box = ([-2.0] * 3, [2.0] * 3)
    return solve_explicit(MPCProblem(model, np.eye(3), 0.1, 2, input_bounds=(-0.5, 0.5), parameter_bounds=box))


# ---- the plane and its polygons


def test_polygons_have_the_corners_of_the_regions(law):
    for i, corners in Plane().on(law).regions().items():
        region = law.regions[i]
        exact = Polyhedron(region.A, region.b).vertices()
        distances = np.linalg.norm(corners[:, None] - exact, axis=2)
        assert distances.min(axis=1).max() < 1e-9
        assert distances.min(axis=0).max() < 1e-9


def test_areas_of_the_regions_add_up_to_the_feasible_set(law, printed_law):
    for each in (law, printed_law):
        pieces = Plane().on(each).regions()
        assert len(pieces) == len(each.regions)
        feasible = ConvexHull(np.concatenate(list(pieces.values()))).volume  # the feasible set is convex
        assert sum(map(area, pieces.values())) == pytest.approx(feasible, rel=1e-9)


@pytest.mark.parametrize("at", [None, [0.1, 0.2, -1.3]])
def test_a_slice_shows_the_region_that_the_law_locates(cube_law, at):
    view = Plane(0, 2, at).on(cube_law)
    pieces = view.regions()
    middles = np.array([centroid(corners) for corners in pieces.values()])
    located = cube_law.locate(view.lift(middles)).region
    assert list(located) == list(pieces)
    assert sum(map(area, pieces.values())) == pytest.approx(16.0)  # inputs only: all of the box is feasible


def test_axes_of_a_plane_may_be_swapped(law):
    straight, swapped = (Plane(*axes).on(law).regions() for axes in ((0, 1), ("rate", "angle")))
    for i, corners in straight.items():
        assert area(swapped[i]) == pytest.approx(area(corners))
        np.testing.assert_allclose(sorted(swapped[i][:, ::-1].tolist()), sorted(corners.tolist()), atol=1e-9)


@pytest.mark.parametrize(
    ("plane", "words"),
    [
        (Plane("angel"), "`across` is 'angel', but the names are: angle, rate"),
        (Plane(0, 2), "`up` is 2, but there are 2 to choose from: angle, rate"),
        (Plane(1, "rate"), "`across` and `up` are both rate"),
        (Plane(at=[0.0]), r"`at` has shape \(1,\), but \(2,\) is needed"),
    ],
)
def test_a_plane_that_does_not_fit_is_refused(law, plane, words):
    with pytest.raises(StudyError, match=words):
        plane.on(law)


def test_a_law_of_one_parameter_has_no_map():
    row = np.array([[1.0], [-1.0]])
    law = solve_explicit(MultiparametricQP([[1.0]], [0.0], [[1.0]], row, [1, 1], 0 * row, row, [2, 2]))
    with pytest.raises(StudyError, match=r"has 1 parameter .*, but a map needs 2"):
        plot_regions(law)


# ---- the map of regions


def test_the_map_has_a_polygon_a_number_and_the_gain_of_every_region(law):
    figure = plot_regions(law)
    axes = figure.axes[0]
    faces = next(c for c in axes.collections if isinstance(c, PolyCollection))
    assert len(polygons(axes)) == 7
    np.testing.assert_array_equal(faces.get_array(), law.gains[:, 0, 0])
    assert {text.get_text().split("\n")[0] for text in axes.texts} == {str(i) for i in range(7)}
    assert "5\ntorque = 2 N m" in {text.get_text() for text in axes.texts}


def test_the_map_names_its_axes_and_the_gain_with_units(law):
    axes, bar = plot_regions(law, colour=GainOf("rate")).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("angle [rad]", "rate [rad/s]")
    assert bar.get_ylabel() == "gain of rate on torque [N m/(rad/s)]"
    faces = next(c for c in axes.collections if isinstance(c, PolyCollection))
    np.testing.assert_array_equal(faces.get_array(), law.gains[:, 0, 1])
    assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 2), (-8, 8))


def test_the_infeasible_part_is_hatched_under_the_regions(law):
    axes = plot_regions(law).axes[0]
    [ground] = axes.patches
    assert ground.get_hatch()
    assert area(ground.get_xy()[:-1]) == pytest.approx(64)
    assert all(ground.get_zorder() < c.get_zorder() for c in axes.collections)


def test_paths_are_the_trajectory_and_start_at_their_dots(law, trajectory):
    axes = plot_regions(law, paths=trajectory, numbers=False).axes[0]
    paths = lines(axes)
    dots = [line.get_xydata()[0] for line in axes.get_lines() if line.get_linestyle() == "None"]
    for path, states in zip(paths, trajectory.states, strict=True):
        np.testing.assert_array_equal(path.get_xydata(), states)
    np.testing.assert_array_equal(dots, trajectory.states[:, 0])


def test_runs_differ_by_colour_and_dash_and_have_one_label_each(law, trajectory):
    runs = [Run(trajectory, "DDPG", trained=False), Run(trajectory, "DDPG", trained=True), Run(trajectory, "MPC")]
    axes = plot_regions(law, paths=runs, numbers=False).axes[0]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["DDPG before training", "DDPG after training", "MPC"]
    before, after, mpc = lines(axes)[::2]
    assert before.get_color() == after.get_color() != mpc.get_color()
    assert (before.is_dashed(), after.is_dashed()) == (True, False)


def test_a_wrapped_angle_breaks_its_path():
    box = (np.array([-2.0, -8.0]), np.array([2.0, 8.0]))
    path = broken(np.array([[2.8, 5.0], [3.1, 5.0], [-3.0, 5.0], [-2.8, 5.0]]), box)
    assert np.isnan(path[2]).all()
    assert np.isfinite(np.delete(path, 2, axis=0)).all()


def test_the_map_of_a_slice_says_where_it_lies(cube_law):
    axes = plot_regions(cube_law, plane=Plane(0, 1, [0, 0, 0.25])).axes[0]
    assert axes.get_title() == f"at {cube_law.parameter_names[2]} = 0.25"


@pytest.mark.parametrize("part", [lambda figure: figure, lambda figure: figure.subfigures()])
def test_it_draws_where_it_is_told(law, part):
    figure = part(Figure())
    left, right = figure.subplots(1, 2)
    assert plot_regions(law, axes=right) is figure
    assert not left.collections
    assert right.collections


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"law": "law.npz"}, "`law` is str; pass a PiecewiseAffineLaw"),
        ({"colour": GainOf("torque")}, "`parameter` is 'torque', but the names are: angle, rate"),
        ({"colour": GainOf(0, "force")}, "`input` is 'force', but the names are: torque"),
        ({"paths": 3}, "`paths` is int; pass a Trajectory"),
        ({"paths": [np.zeros((3, 2))]}, r"`paths\[0\]` is a ndarray, but a Run or a Trajectory is needed"),
    ],
)
def test_what_does_not_fit_a_map_is_refused(law, arguments, words):
    with pytest.raises(StudyError, match=words):
        plot_regions(**({"law": law} | arguments))


def test_zero_gain_is_pale_and_both_signs_are_told_apart():
    for gains in ([-3.0, 0.0, -1.0], [0.0, 5.0]):
        colours, scale = gain_colours(np.array(gains))
        assert min(colours(scale(0.0))[:2]) > 0.95
    _, scale = gain_colours(np.array([-1.0, 4.0]))
    assert (scale.vmin, scale.vmax) == (-4, 4)
    assert scale(0.0) == 0.5


@given(st.integers(3, 9), st.floats(0.1, 10), st.floats(-5, 5))
def test_clearance_of_a_regular_polygon_is_its_inner_radius(corners, radius, shift):
    angles = 2 * np.pi * np.arange(corners) / corners
    polygon = shift + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(centroid(polygon), [shift, shift], atol=1e-9)
    assert clearance(centroid(polygon), polygon) == pytest.approx(radius * np.cos(np.pi / corners))
    assert clearance(np.array([shift + 2 * radius, shift]), polygon) < 0


def test_a_window_shows_the_regions_cut_to_it(law):
    whole, part = Plane().on(law), Plane(window=([-0.2, -1.0], [0.3, 1.0])).on(law)
    regions = part.regions()
    assert set(regions) <= set(whole.regions())
    assert sum(area(corners) for corners in regions.values()) == pytest.approx(0.5 * 2.0), "feasible all over"
    for corners in regions.values():
        assert (corners >= [-0.2 - 1e-12, -1 - 1e-12]).all()
        assert (corners <= [0.3 + 1e-12, 1 + 1e-12]).all()
    axes = plot_regions(law, plane=Plane(window=([-0.2, -1.0], [0.3, 1.0]))).axes[0]
    assert (axes.get_xlim(), axes.get_ylim()) == ((-0.2, 0.3), (-1.0, 1.0))


def test_a_window_without_width_is_refused(law):
    with pytest.raises(StudyError, match=r"`window` is .* its lower ends must be below"):
        Plane(window=([0.0, -1.0], [0.0, 1.0])).on(law)
