"""Figures of the safety report, drawn from a result alone."""

from studies.learning_curves import LearningCurve, StartGroup, plot_learning
from studies.report import ReportFigure
from studies.result import StudyResult
from studies.runs import Run, recorded
from studies.safety_numbers import Kept, baseline_ends, guarantee_of, kept
from studies.safety_views import View, view_of
from studies.set_plot import plot_set
from studies.statistics import seed_count
from studies.stops_plot import plot_ends, plot_stops
from studies.trajectory_plot import plot_trajectory

OVER_TIME = ("DDPG", "DDPG+filter", "YANN-DDPG+filter", "SAC-Lagrangian")


def figures(result: StudyResult) -> tuple[ReportFigure, ...]:
    """Return the figures of a safety study, in the order of the report."""
    every, view = kept(result), view_of(result.name)
    return (
        _learning(result, view),
        _stops(every),
        _ends(result, every),
        _set(result, every, view),
        _over_time(result, every, view),
    )


def _learning(result: StudyResult, view: View) -> ReportFigure:
    curves = [LearningCurve(m.name, m.test_costs, m.violations) for m in result.methods]
    others = [(one.name, cost) for one, cost in baseline_ends(result)][:1]
    group = StartGroup(view.title, range(len(result.starts)), None, others)
    caption = (
        f"Above: mean cost from {len(result.starts)} test starts, without exploration, after every training episode, "
        "with the penalty of unsafe runs. Below: violations in training, added up. Median over "
        f"{seed_count(result)} seeds, band from the lower to the upper quartile. Watch the two methods inside the "
        "filter: their violations are 0 from the first step of random weights on. Where the filter changed nothing, "
        "the lines without and inside it are one."
    )
    return ReportFigure("Learning, and what it broke", plot_learning(curves, [group]), caption)


def _stops(every: tuple[Kept, ...]) -> ReportFigure:
    shares = {one.name: one.stops.shares for one in every if one.stops is not None}
    caption = (
        "Share of the steps of each training episode, exploration included, in which the filter changed the input: "
        "median over the seeds, band from the lower to the upper quartile, thin line the seed with most. Watch whether "
        "a learner comes to want what is safe by itself."
    )
    return ReportFigure("Interventions over training", plot_stops(shares), caption)


def _ends(result: StudyResult, every: tuple[Kept, ...]) -> ReportFigure:
    known = {one.name: cost for one, cost in baseline_ends(result)[:1]}
    caption = (
        "A dot is a seed: the mean cost of its trained actor over all test starts, penalties included; the bar is the "
        "median. Dashed is the law that YANN-DDPG begins with."
    )
    figure = plot_ends({one.name: one.ends for one in every}, known)
    return ReportFigure("What safety costs, seed by seed", figure, caption)


def _set(result: StudyResult, every: tuple[Kept, ...], view: View) -> ReportFigure:
    runs = {one.name: _run(view, one, None) for one in every}
    seeds = ", ".join(f"{one.name} seed {one.method.seeds[one.median]}" for one in every)
    caption = (
        f"Green: the safe set, {view.plane}; red: beyond the safe limits. Closed loops of the trained actors ({seeds}: "
        f"the median of each) from the {len(result.path_starts)} test starts nearest to the border of the set; a cross "
        "ends an unsafe run."
    )
    return ReportFigure(
        "The safe set and what leaves it", plot_set(view, guarantee_of(result).half_spaces, runs), caption
    )


def _over_time(result: StudyResult, every: tuple[Kept, ...], view: View) -> ReportFigure:
    chosen = [one for one in every if one.name in OVER_TIME]
    runs = [_run(view, one, 0) for one in chosen]
    start = ", ".join(f"{value:.4g}" for value in result.starts[result.path_starts[0]])
    caption = (
        f"Trained actors, the median seed of each, from ({start}). Grey is beyond the plant's bounds, red beyond its "
        "safe limits; a cross ends an unsafe run."
    )
    figure = plot_trajectory(runs, view.plant(), only=view.only)
    return ReportFigure("One start over time", figure, caption)


def _run(view: View, one: Kept, path: int | None) -> Run:
    """Return the stored closed loops of the median seed after training, from one of the path starts or all (None)."""
    at = (1, one.median) if path is None else (1, one.median, path)
    return Run(recorded(view.plant(), one.method.paths[at], one.method.path_inputs[at]), one.name)
