"""Tables of the reactor's report: costs of all controllers, safety, goals, test starts."""

import numpy as np

from studies.comparison import Comparison, PairedCosts
from studies.cstr_numbers import Known, Learned, goals, known, learned, percent
from studies.paired_table import paired_table, stacked
from studies.report import Cell, Stacked, Table
from studies.result import StudyResult
from studies.statistics import seed_count


def title_of(scenario: str) -> str:
    """Return how a scenario is called in titles."""
    return {"nominal": "the reactor as it is", "fouled-60": "the jacket fouled to 60 %"}.get(scenario, scenario)


def cost_table(result: StudyResult, scenario: str) -> Table:
    """Return one row per controller, learning or not: what it costs and what it closed of the gap."""
    beside = known(result, scenario)
    fixed = (
        ("linear MPC", beside.linear),
        (f"linear MPC with the best bias, {beside.bias}", beside.biased),
        ("offset-free MPC", beside.offset_free),
    )
    rows = [_fixed_row(name, cost, beside) for name, cost in fixed]
    rows += [_learned_row(one, beside) for one in learned(result, scenario)]
    rows.append(_fixed_row("best in hindsight", beside.best, beside))
    header = (
        "controller", "cost", "interquartile mean, 95 % interval", "against linear MPC", "gap closed, median seed",
        "interquartile mean, 95 % interval", "worst seed",
    )  # fmt: skip
    note = (
        f"Mean cost of an episode over {len(result.starts)} test starts and {seed_count(result)} seeds, below it the "
        "least and the largest seed. Gap closed = (linear MPC - learned) / (linear MPC - best in hindsight). The best "
        "in hindsight is a plan made on the true equations over the whole episode, knowing all that will happen, or "
        "the least cost seen from a start in this study; where it is within .1 % of linear MPC, there is no gap to "
        "close. Intervals are those of the interquartile mean when seeds are "
        "drawn anew (10,000 bootstrap resamples)."
    )
    return Table(f"Costs, {title_of(scenario)}", header, tuple(rows), note=note)


def _fixed_row(name: str, cost: float, beside: Known) -> tuple[Cell, ...]:
    closed = float(beside.closed(np.array([cost]))[0])
    return (name, cost, None, percent(cost / beside.linear - 1), closed, None, None)


def _learned_row(one: Learned, beside: Known) -> tuple[Cell, ...]:
    gap, middle = one.gap, one.middle
    closed: tuple[Cell, ...] = (None, None, None)
    if gap is not None:
        worst = Stacked(gap.worst, f"seed {gap.worst_seed}")
        closed = (gap.median, Stacked(gap.middle.mean, gap.middle.interval), worst)
    return (
        one.method.name,
        stacked(one.ends),
        Stacked(middle.mean, middle.interval),
        percent(float(one.ends.mean()) / beside.linear - 1),
        *closed,
    )


def safety_table(result: StudyResult) -> Table:
    """Return how often each method became unsafe, in training and in tests, and what chance may lie behind it."""
    header = ("method", "scenario", "runs", "unsafe", "chance at most", "tests", "unsafe", "chance at most")
    groups = (("", 2), ("in training", 3), ("after training", 3))
    rows = []
    for scenario in result.stored_best:
        for one in learned(result, scenario):
            cells = [(rate.trials, rate.count, f"{rate.at_most:.2%}") for rate in (one.training, one.tests)]
            rows.append((one.method.name, scenario, *cells[0], *cells[1]))
    note = (
        "Unsafe is above 480 K, and ends a run. The bound is that of Clopper and Pearson, one-sided at 95 %: it takes "
        "runs to be alike and independent, which those of one seed are not quite."
    )
    return Table("Violations", header, tuple(rows), note=note, groups=groups)


def goal_table(result: StudyResult) -> Table:
    """Return what each method was to show, and whether it did."""
    rows = tuple((goal.method, goal.wanted, goal.found, "yes" if goal.reached else "no") for goal in goals(result))
    note = "Goals are for 10 seeds and 50 episodes; after fewer of either they say little."
    return Table("What was to be shown", ("method", "wanted", "found", "reached"), rows, note=note)


def comparison(result: StudyResult, scenario: str) -> Comparison:
    """Return all methods of a scenario from all test starts, named by number and temperature."""
    within = result.within(scenario)
    return Comparison(
        starts=tuple(f"{k}: {start[3]:.1f} K" for k, start in enumerate(result.starts)),
        methods=tuple(PairedCosts(m.name, m.test_costs[:, 0], m.test_costs[:, -1]) for m in within.methods),
        best=within.best,
    )


def start_table(result: StudyResult, scenario: str) -> Table:
    """Return one row per test start: the methods before and after training."""
    note = "Cost of an episode from each start, by its temperature: mean over the seeds, below it least and largest."
    return paired_table(comparison(result, scenario), f"Test starts, {title_of(scenario)}", note)
