"""The pendulum's report: its tables, findings and pictures are those of the result."""

from dataclasses import replace

import numpy as np
import pytest

from studies.paired_table import paired_table, stacked
from studies.pendulum_figures import grid_change, median_seed
from studies.pendulum_report import findings, pendulum_report
from studies.pendulum_tables import comparison, formula, group_table, learning_table, region_table
from studies.published import published_pendulum
from studies.report import Stacked, report_html
from studies.run_facts import flat
from studies.statistics import Middle


@pytest.fixture(scope="module")
def page(result, read):
    return read(report_html(pendulum_report(result)))


def test_the_paired_table_prints_means_and_ranges_of_the_seeds(result, page):
    table = paired_table(comparison(result, "paper-like"), "title", "note")
    assert table.header == (
        "start", "before", "after", "the paper's before", "the paper's after",
        "before", "after", "the paper's before", "the paper's after", "best known",
    )  # fmt: skip
    for k, row in enumerate(table.rows):
        for column, method, stage in ((1, "DDPG", 0), (2, "DDPG", -1), (6, "YANN-DDPG", -1)):
            costs = result.method(method).test_costs[:, stage, k]
            assert row[column] == Stacked(costs.mean(), f"{costs.min():,.0f} to {costs.max():,.0f}")
            assert f"{costs.mean():,.2f}{costs.min():,.0f} to {costs.max():,.0f}" in page.cells
        assert row[5] == pytest.approx(result.method("YANN-DDPG").test_costs[0, 0, k])
        assert row[9] == result.best[k]


def test_the_papers_averages_stand_beside_ours(result):
    [last] = paired_table(comparison(result, "paper-like"), "title", "note").footer
    assert last[0] == "mean of 10"
    assert (round(last[4], 2), round(last[8], 2)) == (28.42, 26.08)  # as the paper prints them
    assert last[2].top == pytest.approx(result.method("DDPG").test_costs[:, -1, :10].mean())


def test_each_start_stands_beside_the_papers_episode_that_it_is_like(result):
    table = published_pendulum().table
    first, *_, last = comparison(result, "paper-like").references[3].costs
    assert first == table["yann_final"][0]
    assert last == table["yann_final"][8]
    assert not comparison(result, "hard").references


def test_findings_say_what_the_data_say(result):
    text = " ".join(findings(result))
    for method in result.methods:
        costs = method.test_costs[:, -1, result.groups["paper-like"]].mean(axis=1)
        assert f"costs {costs.mean():,.2f} ({costs.min():,.2f} to {costs.max():,.2f} over 3 seeds) after" in text
    hard = result.groups["hard"]
    assert f"the best known is {result.best[hard].mean():,.2f}" in text
    middle = Middle.of(result.method("DDPG").test_costs[:, -1, hard].mean(axis=1))
    assert f"an interquartile mean of {middle.mean:,.2f} (95 % interval {middle.interval}); of the gap it" in text
    assert f"the law without training costs {result.method('YANN-DDPG').test_costs[0, 0, hard].mean():,.2f}" in text


@pytest.mark.parametrize(
    ("rise", "words"), [(0.0, "keeps the eight easy starts"), (40.0, "harms the eight easy starts")]
)
def test_findings_tell_harm_from_none(result, with_costs, rise, words):
    costs = np.repeat(result.method("YANN-DDPG").test_costs[:, :1], 6, axis=1)
    costs[:, 2] += rise
    told = " ".join(findings(with_costs(result, "YANN-DDPG", costs)))
    assert words in told
    assert "more than .01 above the law: 3 of 3" in told
    assert ("after episode 2 their mean cost is 40.00 above" in told) == bool(rise)


def test_the_page_has_all_figures_facts_and_explanations(result, page):
    assert len(page.named("img")) == 7
    text = "".join(page.text)
    assert text.count("Made by yann pendulum --seeds 3.") == 7
    for state in ((0.45, 0.0), (1.9, 6.0)):
        assert str(result.law.explain(state)) in text
    assert "1,348 and 1,355, is not reproduced" in text
    assert "yann.batch_size" in text
    assert "arXiv:2508.16474" in text
    assert "Of the 30 test starts 28 are different: +0.45 and -0.48 rad stand both" in text
    assert len(np.unique(result.starts, axis=0)) == 28


def test_the_learning_table_holds_every_method_to_the_law(result, with_costs):
    """Two seeds of DDPG end as the law, one far below where it began and yet far above the law."""
    costs = result.method("DDPG").test_costs.copy()
    costs[:, 0, :8] = 5000.0
    costs[:, -1] = result.method("YANN-DDPG").test_costs[0, 0]
    costs[1, -1, 3] += 0.02
    table = learning_table(with_costs(result, "DDPG", costs))
    assert table.rows[0][0] == "DDPG"
    assert table.rows[0][-1] == "2 of 3"
    assert table.rows[0][-3] > 4000


def test_the_learning_table_has_the_interval_of_the_shares(result):
    law, best = (
        costs[result.groups["hard"]].mean() for costs in (result.method("YANN-DDPG").test_costs[0, 0], result.best)
    )
    ends = result.method("DDPG").test_costs[:, -1, result.groups["hard"]].mean(axis=1)
    middle = Middle.of((law - ends) / (law - best))
    assert learning_table(result).rows[0][2] == Stacked(pytest.approx(middle.mean), middle.interval)


def test_methods_that_begin_as_the_law_share_a_column(result, with_costs):
    alike = with_costs(result, "DDPG", result.method("YANN-DDPG").test_costs)
    assert group_table(alike).header == ("starts", "before", "after", "after", "best known")
    table = paired_table(comparison(alike, "hard"), "title", "note.")
    assert table.header == ("start", "before", "after", "after", "best known")
    assert table.note == "note. Methods that begin alike share the first one's column."
    assert paired_table(comparison(result, "hard"), "title", "note.").note == "note."


def test_nested_settings_become_dotted_names():
    nested = {"seeds": 3, "yann": {"discount": None, "rate": 0.001}, "widths": (64, 64)}
    assert dict(flat(nested)) == {
        "seeds": "3", "yann.discount": "by the critic's, else .99", "yann.rate": "0.001", "widths": "64, 64",
    }  # fmt: skip


def test_regions_share_the_feasible_set(result):
    table = region_table(result)
    assert [row[0] for row in table.rows] == [str(i) for i in range(7)]
    assert sum(float(row[3].removesuffix(" %")) for row in table.rows) == pytest.approx(100, abs=0.3)
    assert table.rows[0][1] == "-19.67 angle - 5.725 rate"


@pytest.mark.parametrize(
    ("gain", "offset", "text"),
    [([-19.665, 5.7], 0, "-19.66 a + 5.7 b"), ([0, 0], -2, "-2"), ([0, 1], -0.5, "1 b - 0.5"), ([0, 0], 0, "0")],
)
def test_affine_laws_are_written_in_names(gain, offset, text):
    assert formula(np.array(gain), offset, ("a", "b")) == text


def test_equal_seeds_are_one_number():
    assert stacked(np.array([2.0, 2.0, 2.001])) == pytest.approx(2.0003, abs=1e-4)
    assert stacked(np.array([2.0, 4.0])) == Stacked(3.0, "2.00 to 4.00")


def test_the_median_seed_ends_in_the_middle_and_its_change_is_its_own(result):
    method = result.method("DDPG")
    ends = method.test_costs[:, -1, result.groups["hard"]].mean(axis=1)
    seed = median_seed(result, method)
    assert ends[seed] == np.median(ends)
    change = grid_change(result, method, seed)
    index = 3 * 9 + 7  # the fourth angle, the eighth rate
    assert change[3, 7, 0] == method.grid_inputs[1, seed, index, 0] - method.grid_inputs[0, seed, index, 0]
    assert median_seed(result, replace(method, test_costs=method.test_costs[:2])) == int(ends[:2].argmin())
