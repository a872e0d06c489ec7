"""Figures: what is drawn is what the trajectory, the log or the table of costs says."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.figure import Figure

from plants import simulate
from studies import StudyError, input_change, plot_change, plot_regions, plot_trajectory
from studies.comparison import Comparison, PairedCosts, Reference
from studies.learning_curves import LearningCurve, StartGroup, plot_learning
from studies.pair_plot import plot_pairs
from studies.runs import Run, recorded
from studies.style import log_ticks, method_colours, quantity, ratio_unit
from studies.trajectory_plot import unwound

GROUPS = (StartGroup("easy", (0, 1), 0.5), StartGroup("hard", (2,)))


# ---- trajectories


def test_every_state_and_input_has_a_panel_with_its_name_and_unit(plant, trajectory):
    figure = plot_trajectory(trajectory, plant)
    assert [axes.get_ylabel() for axes in figure.axes] == ["angle [rad]", "rate [rad/s]", "torque [N m]"]
    assert figure.axes[-1].get_xlabel() == "time [s]"


def test_lines_over_time_are_the_trajectory(plant, trajectory):
    angle, _, torque = plot_trajectory(trajectory, plant).axes
    drawn = [line for line in angle.get_lines() if len(line.get_xdata()) > 2]
    for line, states in zip(drawn, trajectory.states, strict=True):
        np.testing.assert_array_equal(line.get_xydata(), np.column_stack([trajectory.times, states[:, 0]]))
    held = [line for line in torque.get_lines() if len(line.get_xdata()) > 2]
    for line, inputs in zip(held, trajectory.inputs, strict=True):
        np.testing.assert_array_equal(line.get_ydata()[:-1], inputs[:, 0])
        assert line.get_drawstyle() == "steps-post"


def test_the_input_bounds_are_always_in_sight(plant, trajectory):
    torque = plot_trajectory(trajectory, plant).axes[-1]
    low, high = torque.get_ylim()
    assert low < -2
    assert high > 2
    assert len(torque.patches) == 2


def test_an_angle_that_wraps_is_broken_there():
    turned = unwound(np.array([3.0, 3.1, -3.1, -3.0]))
    assert np.isnan(turned[2])
    assert len(turned) == 5


def test_an_unsafe_run_ends_in_a_cross(plant):
    guarded = replace(plant, safe_limits=([-1.0, -7.9], [1.0, 7.9]))
    run = simulate(guarded, lambda x: np.zeros((*x.shape[:-1], 1)), [0.5, 0.0])
    angle = plot_trajectory(run, guarded).axes[0]
    cross = next(line for line in angle.get_lines() if line.get_marker() == "x")
    assert cross.get_xdata()[0] == pytest.approx(run.ended_at * guarded.sample_time)
    path = max(angle.get_lines(), key=lambda line: len(line.get_xdata()))
    assert len(path.get_xdata()) == run.ended_at + 1


def test_runs_that_do_not_fit_the_plant_are_refused(plant, trajectory):
    with pytest.raises(StudyError, match="`runs` is empty; pass at least 1 trajectory"):
        plot_trajectory([], plant)
    with pytest.raises(StudyError, match="`plant` is str; pass the Plant"):
        plot_trajectory(trajectory, "pendulum")
    with pytest.raises(StudyError, match="`axes` holds 1 panels, but there are 2 states and 1 inputs"):
        plot_trajectory(trajectory, plant, [Figure().subplots()])


def test_a_recorded_trajectory_is_the_one_that_was_simulated(plant, trajectory):
    again = recorded(plant, trajectory.states, trajectory.inputs)
    for name in ("times", "states", "inputs", "costs", "ended_at", "unsafe"):
        np.testing.assert_allclose(getattr(again, name), getattr(trajectory, name), atol=1e-12)
    with pytest.raises(StudyError, match=r"`states` has shape \(2, 41, 2\) and `inputs` \(2, 39, 1\)"):
        recorded(plant, trajectory.states, trajectory.inputs[:, 1:])


# ---- learning curves


def curve(method="DDPG", violations=None):
    costs = np.random.default_rng(0).uniform(1, 900, (4, 6, 3))
    return LearningCurve(method, costs, violations)


def test_curves_are_medians_between_quartiles():
    one = curve()
    easy, hard = plot_learning([one], GROUPS).axes
    middle = next(line for line in easy.get_lines() if line.get_label() == "DDPG")
    np.testing.assert_allclose(middle.get_ydata(), np.median(one.costs[:, :, [0, 1]].mean(axis=2), axis=0))
    band = easy.collections[0].get_paths()[0].vertices
    low, high = np.quantile(one.costs[:, :, [0, 1]].mean(axis=2), [0.25, 0.75], axis=0)
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((low.min(), high.max()))
    assert easy.get_yscale() == hard.get_yscale() == "log"
    assert [axes.get_title() for axes in (easy, hard)] == ["easy", "hard"]


def test_the_best_known_is_a_line_where_it_is_given():
    easy, hard = plot_learning([curve()], GROUPS).axes
    assert [line.get_ydata()[0] for line in easy.get_lines() if line.get_label() == "best known"] == [0.5]
    assert "best known" not in [line.get_label() for line in hard.get_lines()]


def test_violations_are_counted_below_only_if_there_were_any():
    counts = np.zeros((4, 5))
    assert len(plot_learning([curve(violations=counts)], GROUPS).axes) == 2
    counts[:, 2] = 3
    below = plot_learning([curve(violations=counts)], GROUPS).axes[2]
    np.testing.assert_array_equal(below.get_lines()[0].get_ydata(), [0, 0, 3, 3, 3])


@pytest.mark.parametrize(
    ("curves", "groups", "words"),
    [
        ([], GROUPS, "0 `curves` and 2 `groups`"),
        ([curve()], [StartGroup("far", (0, 3))], r"'far' has the starts \[0, 3\], but DDPG was tested from 3"),
        ([LearningCurve("free", np.zeros((2, 3, 4)))], GROUPS, "`costs` of free has an entry of 0 or less"),
    ],
)
def test_curves_that_cannot_be_drawn_are_refused(curves, groups, words):
    with pytest.raises(StudyError, match=words):
        plot_learning(curves, groups)


def test_costs_of_another_shape_are_refused():
    with pytest.raises(StudyError, match=r"`costs` has shape \(3, 4\)"):
        LearningCurve("DDPG", np.ones((3, 4)))
    with pytest.raises(StudyError, match="`costs` is NaN at"):
        LearningCurve("DDPG", np.full((3, 4, 2), np.nan))
    with pytest.raises(StudyError, match=r"`violations` has shape \(3, 4\), but \(3, 3\) is needed"):
        LearningCurve("DDPG", np.ones((3, 4, 2)), np.zeros((3, 4)))


# ---- what fine-tuning changed


def test_the_change_is_the_difference_at_every_point_of_the_grid(law, law_controller):
    change = input_change(law, law_controller, lambda x: law_controller(x) + 0.1 * x[:, :1] - x[:, 1:], points=5)
    across, up = np.linspace(-2, 2, 5)[:, None], np.linspace(-8, 8, 5)
    np.testing.assert_allclose(change[..., 0], 0.1 * across - up, atol=1e-12)
    axes, bar = plot_change(law, change).axes
    [image] = axes.get_images()
    np.testing.assert_allclose(image.get_array(), change[..., 0].T)
    assert image.get_clim() == pytest.approx((-8.2, 8.2))
    assert image.get_extent() == pytest.approx((-2.5, 2.5, -10, 10))  # the middles of the outer cells lie on the bounds
    assert bar.get_ylabel() == "change of torque [N m]"


def test_borders_and_visited_states_lie_over_the_change(law, trajectory):
    axes = plot_change(law, np.zeros((4, 4, 1)), visited=trajectory.states).axes[0]
    [borders] = (c for c in axes.collections if isinstance(c, PolyCollection))
    assert len(borders.get_paths()) == 7
    dots = [c for c in axes.collections if type(c) is PathCollection]
    np.testing.assert_array_equal(dots[0].get_offsets(), trajectory.states.reshape(-1, 2))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"change": np.zeros((4, 4, 2))}, r"`change` has shape \(4, 4, 2\), but \(any, any, 1\) is needed"),
        ({"change": np.full((4, 4, 1), np.inf)}, "`change` is infinite at"),
        ({"limit": 0.0}, "`limit` is 0, but it must be positive"),
        ({"visited": np.zeros((3, 3))}, "`visited` has shape"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(law, arguments, words):
    with pytest.raises(StudyError, match=words):
        plot_change(law, **({"change": np.zeros((4, 4, 1))} | arguments))


def test_controllers_are_checked(law, law_controller):
    with pytest.raises(StudyError, match="`trained` is int; pass a function"):
        input_change(law, law_controller, 3)
    with pytest.raises(StudyError, match=r"`initial\(theta\)` has shape \(1, 1\), but \(9, 1\) is needed"):
        input_change(law, lambda x: [[0.0]], law_controller, points=3)


# ---- paired costs


@pytest.fixture
def compared():
    generator = np.random.default_rng(1)
    methods = tuple(PairedCosts(name, *generator.uniform(1, 900, (2, 4, 3))) for name in ("DDPG", "YANN-DDPG"))
    return Comparison(("a", "b", "c"), methods, [0.5, 0.6, 0.7], (Reference("theirs", [1, 2, np.nan]),))


def test_arrows_lead_from_the_mean_before_to_the_mean_after(compared):
    axes = plot_pairs(compared).axes[0]
    arrows = [text for text in axes.texts if text.arrow_patch is not None]
    drawn = sorted((arrow.xyann[0], arrow.xy[0]) for arrow in arrows)
    means = sorted((b, a) for m in compared.methods for b, a in zip(m.before.mean(0), m.after.mean(0), strict=True))
    np.testing.assert_allclose(drawn, means)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert axes.get_xscale() == "log"


def test_bars_span_the_seeds_and_marks_show_the_best(compared):
    axes = plot_pairs(compared).axes[0]
    *spans, marks = (c.get_segments() for c in axes.collections if isinstance(c, LineCollection))
    assert [segment[0][0] for segment in marks] == [0.5, 0.6, 0.7]
    for method, segments in zip(compared.methods, spans, strict=True):
        ends = np.array([segment[:, 0] for segment in segments])
        np.testing.assert_allclose(ends.T, [method.after.min(axis=0), method.after.max(axis=0)])


def test_some_of_the_starts_can_be_chosen(compared):
    some = compared.chosen([2, 0])
    assert some.starts == ("c", "a")
    np.testing.assert_array_equal(some.best, [0.7, 0.5])
    np.testing.assert_array_equal(some.methods[1].after, compared.methods[1].after[:, [2, 0]])
    np.testing.assert_array_equal(some.references[0].costs, [np.nan, 1])


def test_comparisons_that_do_not_fit_are_refused(compared):
    with pytest.raises(StudyError, match="DDPG has costs from 3 starts, but `starts` names 2"):
        Comparison(("a", "b"), compared.methods, [1, 2])
    with pytest.raises(StudyError, match="0 methods from 1 starts"):
        Comparison(("a",), (), [1])
    with pytest.raises(StudyError, match=r"`DDPG after` has shape \(2, 3\), but \(2, 2\) is needed"):
        PairedCosts("DDPG", np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(StudyError, match="has a cost of 0, but a logarithmic axis"):
        plot_pairs(Comparison(("a",), (PairedCosts("DDPG", [[0.0]], [[1.0]]),), [1]))


# ---- style


def test_known_methods_keep_their_colours_and_others_differ():
    colours = method_colours(["new", "DDPG", "other", "new"])
    assert colours["DDPG"] == method_colours(["DDPG"])["DDPG"]
    assert len(set(colours.values())) == 3


def test_units_read_well():
    assert quantity("share", "-") == "share"
    assert quantity("angle", "rad") == "angle [rad]"
    assert ratio_unit("N m", "rad/s") == "N m/(rad/s)"
    assert ratio_unit("K", "") == "K"
    assert ratio_unit("", "s") == "1/s"


@pytest.mark.parametrize(
    ("limits", "texts"), [((0.1, 2000), ["0.1", "1", "10", "100", "1,000"]), ((100, 600), ["200"])]
)
def test_log_axes_are_labelled_in_plain_numbers(limits, texts):
    axes = Figure().subplots()
    axes.set(xscale="log", xlim=limits)
    log_ticks(axes.xaxis)
    axes.figure.draw_without_rendering()
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert set(texts) <= set(shown)


def test_drawing_leaves_the_style_of_others_alone(law, trajectory, plant):
    before = dict(rcParams)
    plot_regions(law)
    plot_trajectory(trajectory, plant)
    assert dict(rcParams) == before


# ---- wrong kinds


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t, p, w: Run(t, 3), "`method` is a int, but a str is needed; pass its name"),
        (lambda t, p, w: Run(t, "DDPG", "yes"), "`trained` is a str, but a bool or a NoneType is needed"),
        (lambda t, p, w: plot_trajectory([t, 3], p), r"`runs\[1\]` is a int, but a Run or a Trajectory is needed"),
        (lambda t, p, w: plot_trajectory(t, p, 3.0), "`axes` is float; pass a list of 3 panels"),
        (lambda t, p, w: plot_trajectory(t, p, "abc"), r"`axes\[0\]` is a str, but a Axes is needed"),
        (lambda t, p, w: plot_regions(w, axes=3), "`axes` is a int, but a Axes is needed"),
        (lambda t, p, w: plot_regions(w, colour="angle"), "`colour` is a str, but a GainOf is needed"),
        (lambda t, p, w: plot_regions(w, plane=(0, 1)), "`plane` is a tuple, but a Plane is needed"),
        (lambda t, p, w: plot_regions(w, numbers=np.eye(2)), "`numbers` is a ndarray, but a bool is needed"),
        (lambda t, p, w: plot_regions(w, paths=[None]), r"`paths\[0\]` is a NoneType, but a Run or a Trajectory"),
        (lambda t, p, w: plot_change(w, np.ones((4, 4, 1)), axes="a"), "`axes` is a str, but a Axes is needed"),
        (lambda t, p, w: plot_change(w, np.ones((4, 4, 1)), plane=None), "`plane` is a NoneType, but a Plane"),
        (lambda t, p, w: input_change(w, w.nearest, w.nearest, plane=0), "`plane` is a int, but a Plane is needed"),
    ],
)
def test_wrong_kinds_are_named_with_the_right_one(trajectory, plant, law, call, words):
    with pytest.raises(StudyError, match=words):
        call(trajectory, plant, law)


def test_a_numpy_bool_is_a_stage_too(trajectory):
    assert Run(trajectory, "DDPG", np.False_).line == Run(trajectory, "DDPG", False).line != "-"


def test_pairs_want_a_panel(compared):
    with pytest.raises(StudyError, match="`axes` is a list, but a Axes is needed; pass one panel"):
        plot_pairs(compared, [])
