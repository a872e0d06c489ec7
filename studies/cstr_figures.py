"""Figures of the reactor's report, drawn from a result alone."""

import numpy as np

from plants import Plant, safety_cstr
from studies.change_map import plot_change
from studies.cstr import FOULED
from studies.cstr_numbers import Learned, known, learned
from studies.cstr_tables import comparison, title_of
from studies.learning_curves import LearningCurve, StartGroup, plot_learning
from studies.pair_plot import plot_pairs
from studies.plane import Plane
from studies.region_map import GainOf, plot_regions
from studies.report import ReportFigure
from studies.result import StudyResult
from studies.runs import Run, recorded
from studies.statistics import seed_count
from studies.trajectory_plot import plot_trajectory

SHOWN = ("temperature", "heat_transfer")


def figures(result: StudyResult) -> tuple[ReportFigure, ...]:
    """Return the figures of a reactor study, in the order of the report."""
    plant, scenarios = safety_cstr(), list(result.stored_best)
    return (
        *(_learning(result, scenario) for scenario in reversed(scenarios)),
        _over_time(result, plant),
        _regions(result, plant),
        *(_change(result, plant, one) for one in learned(result, FOULED)),
        *(_pairs(result, scenario) for scenario in reversed(scenarios)),
    )


def _learning(result: StudyResult, scenario: str) -> ReportFigure:
    curves = [LearningCurve(m.name, m.test_costs, m.violations) for m in result.within(scenario).methods]
    beside = known(result, scenario)
    others = (("linear MPC", beside.linear), (f"with the best bias, {beside.bias}", beside.biased))
    group = StartGroup(title_of(scenario), range(len(result.starts)), beside.best, others)
    caption = (
        f"Mean cost from the {len(result.starts)} test starts, without exploration, after every episode of training: "
        f"median over {seed_count(result)} seeds, band from the lower to the upper quartile. The axis is logarithmic."
    )
    return ReportFigure(f"Learning, {title_of(scenario)}", plot_learning(curves, [group]), caption)


def _over_time(result: StudyResult, plant: Plant) -> ReportFigure:
    every = learned(result, FOULED)
    runs = [_run(plant, every[0], 0, trained=False), *(_run(plant, one, 0, trained=True) for one in every)]
    runs[0] = Run(runs[0].trajectory, "linear MPC")
    names = ", ".join(f"{one.method.name} seed {one.method.seeds[one.median]}" for one in every)
    start = result.starts[result.path_starts[0]]
    caption = (
        f"With the jacket fouled to 60 %, from {start[3]:.1f} K: the law before training, which is linear MPC, and the "
        f"methods after it ({names}: the median of each). Red is beyond the safe limit. Watch where the temperature "
        "comes to rest, and how much cooling that takes."
    )
    figure = plot_trajectory(runs, plant, only=SHOWN)
    return ReportFigure("The fouled reactor over time", figure, caption)


def _run(plant: Plant, one: Learned, path: int, *, trained: bool) -> Run:
    """Return the stored closed loop of the median seed from one of the path starts, before or after training."""
    at = int(trained), one.median, path
    return Run(recorded(plant, one.method.paths[at], one.method.path_inputs[at]), one.method.name, trained)


def _plane(result: StudyResult, plant: Plant) -> Plane:
    shown = result.grid[:, [0, 3]]
    return Plane("concentration_a", "temperature", plant.equilibrium[0], (shown.min(axis=0), shown.max(axis=0)))


def _regions(result: StudyResult, plant: Plant) -> ReportFigure:
    law, plane = result.law, _plane(result, plant)
    met = len(plane.on(law).regions())
    caption = (
        f"A slice through the {len(law.regions)} critical regions of the law, {met} of which it meets, coloured by the "
        "gain of the temperature: pale is a saturated heat transfer. The other concentrations are those at rest."
    )
    figure = plot_regions(law, colour=GainOf("temperature"), plane=plane)
    return ReportFigure("Regions of the law", figure, caption)


def _change(result: StudyResult, plant: Plant, one: Learned) -> ReportFigure:
    before, after = one.method.grid_inputs[:, one.median]
    across, up = (len(np.unique(result.grid[:, i])) for i in (0, 3))
    change = (after - before).reshape(across, up, -1)
    seed = one.method.seeds[one.median]
    caption = (
        f"Heat transfer after training in the fouled reactor minus that before ({one.method.name}, seed {seed}, the "
        "median), with the borders of the law's regions. White is where the law was kept."
    )
    figure = plot_change(result.law, change, plane=_plane(result, plant))
    return ReportFigure(f"What {one.method.name} changed", figure, caption)


def _pairs(result: StudyResult, scenario: str) -> ReportFigure:
    caption = (
        "Each row is a test start, by number and temperature. An arrow leads from a method's mean cost before training "
        "to its mean after; the pale bar spans all seeds after training, the black mark is the best known."
    )
    figure = plot_pairs(comparison(result, scenario))
    return ReportFigure(f"Before and after, {title_of(scenario)}", figure, caption)
