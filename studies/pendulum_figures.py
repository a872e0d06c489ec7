"""Figures of the pendulum's report, drawn from a result alone."""

import numpy as np

from plants import clipped_pendulum
from plants.arrays import Array
from studies.change_map import plot_change
from studies.learning_curves import LearningCurve, StartGroup, plot_learning
from studies.method_result import MethodResult
from studies.pair_plot import plot_pairs
from studies.pendulum_tables import GROUP_NAMES, comparison
from studies.region_map import GainOf, plot_regions
from studies.report import ReportFigure
from studies.result import StudyResult
from studies.runs import Run, recorded
from studies.statistics import middle_seed, seed_count
from studies.trajectory_plot import plot_trajectory


def figures(result: StudyResult) -> tuple[ReportFigure, ...]:
    """Return the figures of a pendulum study, in the order of the report."""
    hard = next(i for i, k in enumerate(result.path_starts) if k not in result.groups["easy"])
    return (
        _regions(result),
        _learning(result),
        _over_time(result, hard, "A hard start over time"),
        _over_time(result, 0, "An easy start over time"),
        _change(result),
        _pairs(result, "paper-like"),
        _pairs(result, "hard"),
    )


def median_seed(result: StudyResult, method: MethodResult) -> int:
    """Return the position of the seed that ends in the middle (the lower one of two) on the mean of the hard starts."""
    ends = method.test_costs[:, -1, result.groups["hard"]].mean(axis=1)
    return middle_seed(ends)


def run_of(method: MethodResult, seed: int, starts: int | slice, trained: bool) -> Run:
    """Return the stored closed loops of one seed from some of the path starts, before or after training."""
    stage = int(trained)
    states, inputs = method.paths[stage, seed, starts], method.path_inputs[stage, seed, starts]
    return Run(recorded(clipped_pendulum(), states, inputs), method.name, trained)


def _regions(result: StudyResult) -> ReportFigure:
    method = result.method("YANN-DDPG")
    seed = median_seed(result, method)
    paths = [run_of(method, seed, slice(None), trained) for trained in (False, True)]
    law = result.law
    caption = (
        f"The {len(law.regions)} critical regions of the law, coloured by the gain of {law.parameter_names[0]}: pale "
        f"is a saturated {law.input_names[0]}. Hatched: no feasible solution. Lines are closed loops from the dots, "
        f"before and after training (seed {method.seeds[seed]}, the median on the hard starts); those that leave on "
        "one side come back on the other, once around."
    )
    return ReportFigure(
        "Regions of the law and closed loops", plot_regions(law, colour=GainOf(0), paths=paths), caption
    )


def _learning(result: StudyResult) -> ReportFigure:
    curves = [LearningCurve(m.name, m.test_costs, m.violations) for m in result.methods]
    groups = [
        StartGroup(GROUP_NAMES[name], result.groups[name], float(result.best[result.groups[name]].mean()))
        for name in ("easy", "hard")
    ]
    caption = (
        f"Mean cost from the fixed test starts, without exploration, after every episode of training: median over "
        f"{seed_count(result)} seeds, band from the lower to the upper quartile. The axis is logarithmic. Watch "
        "whether the easy starts stay where the law had them."
    )
    return ReportFigure("Learning curves", plot_learning(curves, groups), caption)


def _over_time(result: StudyResult, path: int, title: str) -> ReportFigure:
    plant, runs, names = clipped_pendulum(), [], []
    for method in result.methods:
        seed = median_seed(result, method)
        first, last = (run_of(method, seed, path, trained) for trained in (False, True))
        alike = any(np.array_equal(first.states, run.states) for run in runs if not run.trained)
        runs += [last] if alike else [first, last]
        names.append(f"{method.name} seed {method.seeds[seed]}")
    angle = float(result.starts[result.path_starts[path], 0])
    caption = (
        f"From {angle:+.3f} rad at rest: dashed before training, once for all that begin as the law, solid after "
        f"({', '.join(names)}: each method's median on the hard starts). Grey is beyond the bounds. Watch how long the "
        "torque stays at a bound, and whether the pendulum comes to rest upright."
    )
    return ReportFigure(title, plot_trajectory(runs, plant), caption)


def _change(result: StudyResult) -> ReportFigure:
    method = result.method("YANN-DDPG")
    seed = median_seed(result, method)
    caption = (
        f"Torque after training minus torque before (seed {method.seeds[seed]}, the median on the hard starts), with "
        "the borders of the law's regions. White is where the law was kept; hatched, where it has no feasible "
        "solution. Change around the origin is what harms easy starts."
    )
    figure = plot_change(result.law, grid_change(result, method, seed))
    return ReportFigure("What fine-tuning changed", figure, caption)


def grid_change(result: StudyResult, method: MethodResult, seed: int) -> Array:
    """Return trained minus initial input (across, up, m) of one seed on the result's grid of states."""
    across, up = (len(np.unique(result.grid[:, i])) for i in (0, 1))
    return (method.grid_inputs[1, seed] - method.grid_inputs[0, seed]).reshape(across, up, -1)


def _pairs(result: StudyResult, group: str) -> ReportFigure:
    caption = (
        "Each row is a test start. An arrow leads from a method's mean cost before training to its mean after; the "
        "pale bar spans all seeds after training, the black mark is the best known."
    )
    name = GROUP_NAMES[group]
    return ReportFigure(f"Before and after, {name}", plot_pairs(comparison(result, group)), caption)
