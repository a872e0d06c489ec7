"""Tables of the safety report: costs without and inside the filter, violations, interventions, what was to be shown."""

from rl.rates import Rate
from studies.network_tables import network_table, size_table
from studies.paired_table import stacked
from studies.report import Cell, Stacked, Table
from studies.result import StudyResult
from studies.safety_numbers import Stops, baseline_ends, goals, kept, pairs, percent
from studies.statistics import seed_count


def tables(result: StudyResult) -> tuple[Table, ...]:
    """Return all tables of the report."""
    return (
        cost_table(result),
        violation_table(result),
        intervention_table(result),
        goal_table(result),
        network_table(result),
        size_table(result),
    )


def cost_table(result: StudyResult) -> Table:
    """Return what each method costs before and after training, and what being inside the filter changes of it."""
    every = kept(result)
    changes = {pair.inside.name: percent(pair.change) for pair in pairs(every)}
    rows: list[tuple[Cell, ...]] = [(one.name, cost, None, None, None) for one, cost in baseline_ends(result)]
    for one in every:
        before = stacked(one.method.test_costs[:, 0].mean(axis=1))
        middle = Stacked(one.middle.mean, one.middle.interval)
        rows.append((one.name, before, stacked(one.ends), middle, changes.get(one.name)))
    header = (
        "method", "before training", "after training", "interquartile mean, 95 % interval",
        "inside the filter against outside",
    )  # fmt: skip
    note = (
        f"Mean cost of an episode over {len(result.starts)} test starts and {seed_count(result)} seeds, without "
        "exploration, below it the least and the largest seed. A violation ends a run, and costs the plant's penalty. "
        "The last column compares means over the seeds of the same learner."
    )
    return Table("What safety costs", header, tuple(rows), note=note)


def violation_table(result: StudyResult) -> Table:
    """Return how often each method was unsafe in training and in tests, with the bounds of Clopper and Pearson."""
    rows = tuple(
        (one.name, one.runs.count, one.runs.trials, *_bounds(one.runs), one.steps.trials, *_bounds(one.steps),
         one.tests.count, one.tests.trials, *_bounds(one.tests))
        for one in kept(result)
    )  # fmt: skip
    bounds = ("95 % interval", "at most")
    header = ("method", "unsafe", "of runs", *bounds, "of steps", *bounds, "unsafe", "of tests", *bounds)
    groups = (("", 1), ("in training", 7), ("after training", 4))
    note = (
        "Every violation ends its run, and a new one begins. Intervals are those of Clopper and Pearson, two-sided; "
        "'at most' is the one-sided bound at 95 %. They take runs, or steps, to be alike and independent, which those "
        "of one seed are not quite. Inside the filter none is needed: there the certificate says that it cannot happen."
    )
    return Table("Violations", header, rows, note=note, groups=groups)


def _bounds(rate: Rate) -> tuple[str, str]:
    return f"{100 * rate.lower:.3g} to {100 * rate.upper:.3g} %", _share(rate.at_most)


def _share(value: float) -> str:
    """Return a share in percent with three digits that count."""
    return f"{100 * value:.3g} %" if value else "0 %"


def intervention_table(result: StudyResult) -> Table:
    """Return how often the filter changed the input, at first, at last and in all of training."""
    rows = tuple(_intervention_row(one.name, one.stops, one.steps.trials) for one in kept(result) if one.stops)
    header = ("method", "steps", "changed", "share", "first fifth", "last fifth", "seeds with none", "from outside")
    note = (
        "Steps of training, exploration included, in which the filter changed the input; the share of steps in the "
        "first and in the last fifth of the episodes. 'From outside': steps from states outside the safe set, where "
        "the filter guarantees nothing."
    )
    return Table("Interventions of the filter", header, rows, note=note)


def _intervention_row(name: str, stops: Stops, steps: int) -> tuple[Cell, ...]:
    shares = (_share(share) for share in (stops.mean, stops.first, stops.last))
    return name, steps, stops.count, *shares, stops.quiet_seeds, stops.unguarded


def goal_table(result: StudyResult) -> Table:
    """Return what the study was to show, and whether it did."""
    rows = tuple((goal.wanted, goal.found, "yes" if goal.reached else "no") for goal in goals(result))
    note = "Goals are for 10 seeds and 50 episodes; after fewer of either they say little."
    return Table("What was to be shown", ("wanted", "found", "reached"), rows, note=note)
