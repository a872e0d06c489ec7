"""The reactor's report: numbers by hand from the result, words that do not flatter, pictures of what is stored."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from studies.cstr import FOULED
from studies.cstr_figures import figures
from studies.cstr_numbers import goals, known, learned, percent
from studies.cstr_report import cstr_report, findings, notes
from studies.cstr_tables import cost_table, goal_table, safety_table, start_table
from studies.errors import StudyError
from studies.report import Stacked, report_html


@pytest.fixture(scope="module")
def page(reactor_result, read):
    return read(report_html(cstr_report(reactor_result)))


@pytest.fixture(scope="module")
def drawn(reactor_result):
    return figures(reactor_result)


@pytest.fixture
def ending_at():
    """Give every seed of a method in a scenario a mean cost to end at, in all episodes from one on."""

    def give(result, name, scenario, ends, begin=-1):
        methods = []
        for method in result.methods:
            costs = method.test_costs.copy()
            if (method.name, method.scenario) == (name, scenario):
                costs[:, begin:] = np.reshape(ends, (-1, 1, 1)) + np.array([-20.0, -10.0, 0.0, 10.0, 20.0])
            methods.append(replace(method, test_costs=costs))
        return replace(result, methods=tuple(methods))

    return give


def test_the_gap_is_between_linear_mpc_and_the_best_in_hindsight(reactor_result, ending_at):
    result = ending_at(reactor_result, "YANN-TD3", FOULED, [340.0, 500.0, 520.0])
    beside, one = known(result, FOULED), learned(result, FOULED)[1]
    assert (beside.linear, beside.biased, beside.offset_free, beside.best) == (500, 330, 900, 300)
    np.testing.assert_allclose(one.closed, [0.8, 0.0, -0.1], atol=1e-12)
    assert (one.gap.worst_seed, one.good_seeds, one.method.seeds[one.median]) == (6, 1, 5)
    assert one.end_change == pytest.approx(0.04)
    assert beside.closed(np.array([330.0])) == pytest.approx(0.85), "the bias, as the table has it"


def test_without_a_gap_nothing_is_closed(reactor_result):
    beside = known(reactor_result, FOULED)
    assert np.isnan(replace(beside, best=499.6).closed(np.array([400.0]))).all()
    assert replace(beside, best=499.0).closed(np.array([400.0])) == 100
    best = {"nominal": reactor_result.stored_best["nominal"], FOULED: np.full(5, 499.9)}
    costs = np.full((3, 5, 5), 500.0)
    methods = tuple(replace(m, test_costs=costs) for m in reactor_result.methods)
    dear = tuple(replace(b, costs=np.full(5, 500.0)) for b in reactor_result.baselines)
    flat = replace(reactor_result, stored_best=best, methods=methods, baselines=dear)
    assert "there is no gap to close" in " ".join(findings(flat))
    assert cost_table(flat, FOULED).rows[3][4:] == (None, None, None)
    assert "nan" not in " ".join(findings(flat))


def test_a_change_of_nothing_has_no_minus():
    assert [percent(share) for share in (-1e-7, 0.0, -0.0012)] == ["+0.00%", "+0.00%", "-0.12%"]


def test_the_worst_change_is_of_any_seed_and_episode_and_the_last_of_the_end(reactor_result, ending_at):
    risen = ending_at(reactor_result, "YANN-DDPG", "nominal", [450, 650, 450], begin=2)
    back = ending_at(risen, "YANN-DDPG", "nominal", [450, 501, 499])
    one = learned(back, "nominal")[0]
    assert (one.worst_change, one.end_change) == (pytest.approx(0.3), pytest.approx(0.002))
    told = " ".join(findings(back))
    assert "against that of linear MPC at +0.20% after training in the worst seed, and at +30.00% in the" in told


def test_goals_are_judged_at_their_limits(reactor_result, ending_at):
    best = ending_at(reactor_result, "YANN-DDPG", FOULED, [329, 329, 329])
    best = ending_at(best, "YANN-DDPG", "nominal", [500.4, 400, 400], begin=0)
    assert [goal.reached for goal in goals(best)[:5]] == [True] * 5
    spoilt = ending_at(best, "YANN-DDPG", FOULED, [329, 361, 331])
    spoilt = ending_at(spoilt, "YANN-DDPG", "nominal", [500.6, 400, 400], begin=0)
    found = goals(spoilt)[:5]
    assert [goal.reached for goal in found] == [False, True, False, False, False]
    assert [goal.found for goal in found] == ["2 of 3 seeds", "0", "at worst +0.12%", "at worst +0.12%", "1 of 3 seeds"]
    assert goals(best)[6].found == "2", "violations of both worlds count"


def test_what_is_not_reached_is_said(reactor_result, ending_at):
    result = ending_at(reactor_result, "YANN-DDPG", FOULED, [490, 490, 490])
    told = list(findings(result))
    assert "Not reached by YANN-DDPG: fouled: 70% of the gap closed in 80% of the seeds; it is 0 of 3 seeds." in told
    assert "Not reached by YANN-TD3: no violation in training; it is 2." in told
    assert not any(line.startswith("Not reached by YANN-DDPG: no violation") for line in told)
    rows = {row[:2]: row[3] for row in goal_table(result).rows}
    assert rows["YANN-TD3", "no violation in training"] == "no"
    assert len(rows) == 10


def test_findings_carry_mean_range_middle_interval_and_worst_seed(reactor_result, ending_at):
    result = ending_at(reactor_result, "YANN-TD3", FOULED, [340.0, 400.0, 460.0])
    [line] = [one for one in findings(result) if one.startswith("YANN-TD3, the jacket fouled to 60 %, ends")]
    assert "400.00 (340.00 to 460.00 over 3 seeds), -20.00% against linear MPC" in line
    assert "interquartile mean 400.00 (95 % interval 340.00 to 460.00)" in line
    assert "closed 50% in the median seed and 20% in the worst (seed 6)" in line


def test_violations_are_runs_of_all_seeds_with_a_bound_beyond_which_they_are_unlikely(reactor_result):
    one = learned(reactor_result, FOULED)[1]
    assert (one.training.count, one.training.trials, one.tests.trials) == (1, 13, 15)
    assert binom.cdf(1, 13, one.training.at_most) == pytest.approx(0.05)
    row = safety_table(reactor_result).rows[3]
    assert row == ("YANN-TD3", FOULED, 13, 1, f"{one.training.at_most:.2%}", 15, 0, "18.10%")
    assert "YANN-TD3: 1 of 13 runs in training became unsafe" in " ".join(findings(reactor_result))


def test_the_cost_table_has_those_that_do_not_learn_and_those_that_do(reactor_result, ending_at):
    table = cost_table(ending_at(reactor_result, "YANN-DDPG", FOULED, [340.0, 400.0, 460.0]), FOULED)
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == [
        "linear MPC", "linear MPC with the best bias, +30", "offset-free MPC", "YANN-DDPG", "YANN-TD3",
        "best in hindsight",
    ]  # fmt: skip
    assert rows["offset-free MPC"][:4] == (900, None, "+80.00%", -2)
    assert rows["YANN-DDPG"][0] == Stacked(400.0, "340 to 460")
    assert rows["YANN-DDPG"][1] == Stacked(pytest.approx(400.0), "340.00 to 460.00")
    assert rows["YANN-DDPG"][-1] == Stacked(pytest.approx(0.2), "seed 6")
    assert rows["best in hindsight"][3] == 1


def test_methods_that_begin_as_the_law_share_its_column(reactor_result):
    table = start_table(reactor_result, FOULED)
    assert table.header == ("start", "before", "after", "after", "best known")
    assert table.groups == (("", 1), ("YANN-DDPG", 2), ("YANN-TD3", 1), ("", 1))
    assert table.rows[0][0] == f"0: {reactor_result.starts[0, 3]:.1f} K"


def test_a_plan_for_other_steps_is_not_taken_for_the_best(reactor_result):
    assert "stored for 600 steps, not for 30" in " ".join(notes(reactor_result))
    paths = {"paths": np.zeros((2, 3, 2, 601, 4)), "path_inputs": np.zeros((2, 3, 2, 600, 1))}
    long = replace(reactor_result, methods=tuple(replace(m, **paths) for m in reactor_result.methods))
    assert "IPOPT" in " ".join(notes(long))


def test_methods_that_differ_between_scenarios_are_refused(reactor_result):
    renamed = replace(reactor_result.methods[0], name="other")
    with pytest.raises(StudyError, match="differ: other and YANN-DDPG"):
        goals(replace(reactor_result, methods=(renamed, *reactor_result.methods[1:])))


def test_over_time_are_temperature_and_cooling_of_the_stored_paths(reactor_result, drawn):
    temperature, cooling = drawn[2].figure.axes
    assert temperature.get_ylabel() == "temperature [K]"
    assert cooling.get_ylabel() == "heat_transfer [kJ/(h m2 K)]"
    lines = {line.get_label(): line for line in temperature.get_lines() if not line.get_label().startswith("_")}
    assert set(lines) == {"linear MPC", "YANN-DDPG after training", "YANN-TD3 after training"}
    stored = reactor_result.within(FOULED).methods[1].paths[1, 0, 0, :, 3]
    np.testing.assert_array_equal(lines["YANN-TD3 after training"].get_ydata(), stored)


def test_the_change_is_drawn_where_it_was_stored(reactor_result, drawn):
    shown = drawn[4].figure.axes[0].get_images()[0].get_array()
    one = learned(reactor_result, FOULED)[0]
    before, after = one.method.grid_inputs[:, one.median, :, 0]
    k = 3000
    across, up = (np.unique(reactor_result.grid[:, i]) for i in (0, 3))
    column, row = np.searchsorted(across, reactor_result.grid[k, 0]), np.searchsorted(up, reactor_result.grid[k, 3])
    assert shown[row, column] == after[k] - before[k]


def test_the_page_has_its_figures_tables_and_explanations(reactor_result, page):
    text = "".join(page.text)
    assert len(page.named("img")) == 8
    assert text.count("Made by yann cstr --seeds 3.") == 8
    assert "Costs, the jacket fouled to 60 %" in text
    assert text.count("at concentration_a = ") == 3
    assert "3 seeds, 4 episodes of 30 steps each, 5 test starts, 2 scenarios" in text
