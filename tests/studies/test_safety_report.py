"""The safety report: every number in its words, tables and figures held against a result that was made up."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from studies.errors import StudyError
from studies.guarantee import Guarantee
from studies.method_result import Baseline, MethodResult
from studies.registry import REGISTRY, entry_of
from studies.report import report_html
from studies.safety import METHODS
from studies.safety_figures import figures
from studies.safety_numbers import goals, guarantee_of, kept, pairs
from studies.safety_report import findings, safety_report
from studies.safety_tables import cost_table, goal_table, intervention_table, violation_table
from studies.safety_views import view_of
from studies.set_plot import plot_set
from studies.stops_plot import plot_ends, plot_stops
from studies.suite import SUITES, suite_in, write_index

SEEDS, EPISODES, STEPS, STARTS = 3, 5, 40, 4
ENDS = {"DDPG": 400, "DDPG+filter": 500, "YANN-DDPG": 200, "YANN-DDPG+filter": 201, "SAC-Lagrangian": 300}
SQUARE = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]


def made_up(name, paths, inputs):
    costs = np.full((SEEDS, EPISODES + 1, STARTS), 600.0)
    costs[:, -1] = ENDS[name] + np.array([[-10.0], [0.0], [10.0]])
    none = np.zeros((SEEDS, EPISODES), dtype=np.int64)
    violations = none if name.endswith("+filter") or name == "YANN-DDPG" else np.tile([9, 3, 1, 0, 0], (SEEDS, 1))
    stopped = none + ([20, 10, 10, 0, 0] if name == "DDPG+filter" else 0)
    shape = (2, SEEDS, 2)
    return MethodResult(
        name=name,
        scenario="nominal",
        seeds=(4, 5, 6),
        discount=0.99,
        actor_weights=100,
        critic_weights=200,
        test_costs=costs,
        test_unsafe=np.zeros(costs.shape, dtype=np.int64),
        training_costs=np.ones((SEEDS, EPISODES)),
        runs=1 + violations,
        violations=violations,
        grid_inputs=np.zeros((2, SEEDS, 1, 1)),
        paths=np.broadcast_to(paths, (*shape, *paths.shape[1:])),
        path_inputs=np.broadcast_to(inputs, (*shape, *inputs.shape[1:])),
        core_excess=np.full(SEEDS, np.nan),
        interventions=stopped if name.endswith("+filter") else None,
        unguarded=none if name.endswith("+filter") else None,
    )


@pytest.fixture(scope="module")
def safety_result(result):
    """A pendulum's safety study whose costs and counts were made up, one of its paths unsafe."""
    from plants import simulate  # noqa: PLC0415 - the shape-checked run hooks into imports

    plant = view_of("safety-pendulum").plant()
    run = simulate(plant, lambda x: 0 * x[..., :1], [[0.5, 1.0], [0.0, 0.0]], STEPS)
    return replace(
        result,
        name="safety-pendulum",
        methods=tuple(made_up(name, run.states, run.inputs) for name in METHODS),
        baselines=tuple(
            Baseline(name, "nominal", np.full(STARTS, 150.0), np.zeros(STARTS, dtype=np.int64))
            for name in ("linear MPC", "linear MPC+filter")
        ),
        starts=np.array([[0.5, 1.0], [0.0, 0.0], [0.1, 0.1], [0.2, 0.2]]),
        groups={"all": [0, 1, 2, 3]},
        stored_best={"nominal": np.full(STARTS, np.nan)},
        path_starts=(0, 1),
        guarantee=Guarantee("the words of <it>", SQUARE, [0.5, 0.5, 2.0, 2.0], "the box of the limits", 39, 100, 0.35),
    )


@pytest.fixture
def changed(safety_result):
    """Give the result other tables for one of its methods."""

    def change(name, **tables):
        methods = tuple(replace(m, **tables) if m.name == name else m for m in safety_result.methods)
        return replace(safety_result, methods=methods)

    return change


# ---- numbers


def test_rates_are_those_of_all_seeds_with_clopper_pearson_bounds(safety_result):
    one = kept(safety_result)[0]
    assert (one.runs.count, one.runs.trials, one.steps.trials) == (39, 54, 600)
    assert binom.cdf(39, 54, one.runs.upper) == pytest.approx(0.025)
    assert binom.sf(38, 54, one.runs.lower) == pytest.approx(0.025)
    assert binom.cdf(39, 600, one.steps.at_most) == pytest.approx(0.05)
    assert (one.tests.count, one.tests.trials) == (0, 12)


def test_stops_are_shares_of_steps_by_fifths_of_the_episodes(safety_result):
    stops = {one.name: one.stops for one in kept(safety_result)}
    own = stops["DDPG+filter"]
    assert (own.first, own.last, own.mean, own.count, own.quiet_seeds) == (0.5, 0, 0.2, 120, 0)
    assert (stops["YANN-DDPG+filter"].count, stops["YANN-DDPG+filter"].quiet_seeds) == (0, 3)
    assert stops["DDPG"] is stops["SAC-Lagrangian"] is None


def test_pairs_are_the_same_learner_without_and_inside(safety_result):
    first, second = pairs(kept(safety_result))
    assert (first.outside.name, first.inside.name) == ("DDPG", "DDPG+filter")
    assert first.change == pytest.approx(0.25)
    assert second.change == pytest.approx(0.005)


def test_goals_are_judged_at_their_limits(safety_result, changed):
    assert [goal.reached for goal in goals(safety_result)] == [True] * 7
    one = np.zeros((SEEDS, EPISODES), dtype=np.int64)
    one[1, 2] = 1
    steady = np.full((SEEDS, EPISODES), 3)
    dear = np.full((SEEDS, EPISODES + 1, STARTS), 202.1)
    unsafe = np.zeros((SEEDS, EPISODES + 1, STARTS), dtype=np.int64)
    unsafe[0, -1, 0] = 1
    for at, name, tables in (
        (0, "DDPG+filter", {"violations": one, "runs": 1 + one}),
        (1, "YANN-DDPG+filter", {"test_unsafe": unsafe}),
        (2, "DDPG+filter", {"unguarded": one}),
        (4, "YANN-DDPG+filter", {"interventions": one}),
        (5, "YANN-DDPG+filter", {"test_costs": dear}),
        (6, "DDPG+filter", {"interventions": steady}),
    ):
        spoilt = changed(name, **tables)
        assert [k for k, goal in enumerate(goals(spoilt)) if not goal.reached] == [at]
        assert f"Not reached: {goals(spoilt)[at].wanted}; it is {goals(spoilt)[at].found}." in list(findings(spoilt))
    few = replace(safety_result, guarantee=replace(safety_result.guarantee, inside=34))
    assert [goal.found for goal in goals(few) if not goal.reached] == ["34.00%"]


def test_a_result_without_a_filter_is_refused(result):
    with pytest.raises(StudyError, match="'pendulum' has no safety filter to tell of"):
        guarantee_of(result)


def test_a_study_without_a_view_is_refused():
    with pytest.raises(StudyError, match=r"no view of a study 'crane' \(there is: safety-reactor, safety-pendulum\)"):
        view_of("crane")


# ---- words and tables


def test_findings_tell_of_each_method_and_pair(safety_result):
    told = list(findings(safety_result))
    assert "100 points drawn from the box of the limits, 39 (39.00%) are in the safe set." in told[0]
    assert told[1].startswith("DDPG: 39 of 54 runs in training became unsafe (between 58.356% and 83.")
    proved = "Inside the filter none can: that is proved, not counted."
    assert [proved in line for line in told[1:6]] == [False, True, False, True, False]
    whole = " ".join(told)
    assert "inside the filter an episode costs +25.00% against outside" in whole
    assert "changed 20.00% of the inputs of training, 50.00% in the first fifth" in whole
    assert "YANN-DDPG+filter: the filter changed no input in all of training, in any of 3 seeds." in whole
    assert "linear MPC 150.00, linear MPC+filter 150.00" in whole


def test_what_became_unsafe_inside_a_filter_is_not_called_impossible(changed):
    one = np.ones((SEEDS, EPISODES), dtype=np.int64)
    told = list(findings(changed("DDPG+filter", violations=one, runs=1 + one)))
    assert "that is proved" not in told[2]


def test_tables_have_a_row_for_each_method(safety_result):
    costs = {row[0]: row[1:] for row in cost_table(safety_result).rows}
    assert list(costs) == ["linear MPC", "linear MPC+filter", *METHODS]
    assert costs["DDPG+filter"][1].top == pytest.approx(500)
    assert costs["DDPG+filter"][1].below == "490 to 510"
    assert [row[-1] for row in costs.values()] == [None, None, None, "+25.00%", None, "+0.50%", None]
    unsafe = {row[0]: row[1:] for row in violation_table(safety_result).rows}
    assert unsafe["DDPG"][:2] == (39, 54)
    assert unsafe["DDPG+filter"][:4] == (0, 15, "0 to 21.8 %", "18.1 %")
    stops = {row[0]: row[1:] for row in intervention_table(safety_result).rows}
    assert stops["DDPG+filter"] == (600, 120, "20 %", "50 %", "0 %", 0, 0)
    assert list(stops) == ["DDPG+filter", "YANN-DDPG+filter"]
    assert [row[-1] for row in goal_table(safety_result).rows] == ["yes"] * 7


# ---- figures


def test_figures_show_the_stored_numbers(safety_result):
    learning, stops, ends, planes, _ = (each.figure for each in figures(safety_result))
    below = learning.axes[1]
    np.testing.assert_array_equal(below.get_lines()[0].get_ydata(), [9, 12, 13, 13, 13])
    assert len(below.get_lines()) == 2, "DDPG and SAC-Lagrangian; the others have none"
    first, second = stops.axes
    np.testing.assert_allclose(first.get_lines()[0].get_ydata(), [0.5, 0.25, 0.25, 0, 0])
    assert [axes.get_title() for axes in (first, second)] == ["DDPG+filter", "YANN-DDPG+filter"]
    np.testing.assert_allclose(ends.axes[0].get_lines()[1].get_xdata(), [490, 500, 510])
    assert [axes.get_title() for axes in planes.axes if axes.get_title()] == list(METHODS)


def test_the_set_is_drawn_as_it_is_and_a_cross_ends_an_unsafe_run(safety_result):
    planes = figures(safety_result)[3].figure.axes[0]
    corners = planes.patches[0].get_xy()
    assert (np.abs(corners).max(axis=0) == [0.5, 2.0]).all()
    crosses = [line for line in planes.get_lines() if line.get_marker() == "x"]
    assert len(crosses) == 1, "the other run rests at the top"
    assert abs(crosses[0].get_xdata()[0]) > 0.6 or abs(crosses[0].get_ydata()[0]) > 4


def test_the_reactors_plane_keeps_the_difference_of_its_feeds():
    view = view_of("safety-reactor")
    plant = view.plant()
    rest = plant.equilibrium[0]
    A, b = np.array([[1.0, -1.0, 0.0, 0.0], [3.0, 0.0, 0.0, 1.0]]), np.array([-0.7, 480.5])
    cut, limits = view.cut(A, b)
    y = np.array([0.1, 477.0])
    state = np.array([0.1, 0.1 + rest[1] - rest[0], rest[2], 477.0])
    np.testing.assert_allclose(limits - cut @ y, b - A @ state)
    np.testing.assert_array_equal(view.seen(state), y)


def test_pictures_of_nothing_are_refused():
    with pytest.raises(StudyError, match="`shares` is empty: no method of this study ends in a filter"):
        plot_stops({})
    with pytest.raises(StudyError, match="`ends` has a cost of 0 or less"):
        plot_ends({"free": np.zeros(3)}, {})


def test_two_runs_need_one_row_of_panels(safety_result):
    from studies.runs import Run, recorded  # noqa: PLC0415 - the shape-checked run hooks into imports

    view, one = view_of("safety-pendulum"), safety_result.methods[0]
    run = Run(recorded(view.plant(), one.paths[1, 0], one.path_inputs[1, 0]), "DDPG")
    figure = plot_set(view, safety_result.guarantee.half_spaces, {"DDPG": run, "other": run})
    assert len(figure.axes) == 2


# ---- pages


def test_the_page_holds_the_certificate_and_five_figures(safety_result, read):
    page = read(report_html(safety_report(safety_result)))
    text = "".join(page.text)
    assert "the words of <it>" in text
    assert len(page.named("img")) == 5
    assert "3 seeds, 5 episodes of 40 steps each, 4 test starts, 5 methods, a safe set of 4 half-spaces" in text
    assert "Unsafe is beyond 0.6 rad or 4 rad/s, which costs 100" in text


def test_both_studies_of_the_suite_find_this_report(safety_result):
    for name in SUITES["safety"].parts.values():
        assert REGISTRY[name].report is safety_report
    assert entry_of(safety_result).summary(safety_result).startswith("- Before training a checker")


def test_the_suites_page_leads_to_the_reports(safety_result, read, tmp_path):
    report = replace(safety_report(safety_result), title="<The> pendulum")
    write_index("Both", {"reactor": report, "pendulum": report}, tmp_path / "index.html")
    page = read((tmp_path / "index.html").read_text())
    assert [tag["href"] for tag in page.named("a")] == ["reactor/report.html", "pendulum/report.html"]
    assert "<The> pendulum" in "".join(page.text)


def test_a_suite_is_known_by_all_of_its_folders(tmp_path):
    assert suite_in(tmp_path) is None
    for part in SUITES["safety"].parts:
        assert suite_in(tmp_path) is None
        (tmp_path / part).mkdir()
        (tmp_path / part / "result.npz").touch()
    assert suite_in(tmp_path) is SUITES["safety"]
