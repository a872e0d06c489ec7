"""The reactor's report: findings in plain words, every number in them taken from the result."""

from collections.abc import Iterator

from plants import safety_cstr
from studies.case import NOMINAL
from studies.cstr import stored_reactor
from studies.cstr_figures import figures
from studies.cstr_numbers import Goal, Known, Learned, goals, known, learned, percent
from studies.cstr_tables import cost_table, goal_table, safety_table, start_table, title_of
from studies.network_tables import network_table, size_table
from studies.report import Excerpt, Report, Table
from studies.result import StudyResult
from studies.run_facts import check_words, facts
from studies.statistics import seed_count

CITATIONS = (
    "A. Braniff, Y. Tian: Reinforcement Learning-based Control via Y-wise Affine Neural Networks (YANNs). "
    "arXiv:2508.16474, 2025. https://doi.org/10.48550/arXiv.2508.16474",
    "H. S. Fogler: Elements of Chemical Reaction Engineering, living example problem 13-6: kinetics and feed.",
    "R. Agarwal et al.: Deep Reinforcement Learning at the Edge of the Statistical Precipice. NeurIPS 2021. "
    "https://arxiv.org/abs/2108.13264 (interquartile mean, bootstrap)",
    "The software: see CITATION.cff of yann-control.",
)


def cstr_report(result: StudyResult) -> Report:
    """Return the report of a reactor study."""
    steps, episodes = result.methods[0].path_inputs.shape[3], result.methods[0].training_costs.shape[1]
    return Report(
        title="The safety-critical reactor: learning from a law that does not know of the fouling",
        summary=f"{seed_count(result)} seeds, {episodes} episodes of {steps} steps each, {len(result.starts)} test "
        f"starts, {len(result.stored_best)} scenarios, a law of {len(result.law.regions)} regions.",
        command=result.provenance["command"],
        findings=tuple(findings(result)),
        figures=figures(result),
        tables=tables(result),
        excerpts=tuple(Excerpt(title, str(result.law.explain(state))) for title, state in _explained().items()),
        notes=notes(result),
        facts=tuple(facts(result)),
        citations=CITATIONS,
    )


def findings(result: StudyResult) -> Iterator[str]:
    """Yield what the study found, one sentence or two at a time."""
    for scenario in reversed(result.stored_best):
        beside = known(result, scenario)
        yield _known_words(scenario, beside)
        for one in learned(result, scenario):
            yield _learned_words(scenario, one, beside)
    for one in learned(result, NOMINAL):
        yield (
            f"{one.method.name}, {title_of(NOMINAL)}: the mean cost stands against that of linear MPC at "
            f"{percent(one.end_change)} after training in the worst seed, and at {percent(one.worst_change)} in the "
            "worst seed after the worst episode."
        )
    for scenario in reversed(result.stored_best):
        yield f"Violations, {title_of(scenario)}: " + " ".join(_safety(one) for one in learned(result, scenario))
    for goal in goals(result):
        if not goal.reached:
            yield _missed(goal)
    yield from check_words(result)


def tables(result: StudyResult) -> tuple[Table, ...]:
    """Return all tables of the report."""
    scenarios = list(reversed(result.stored_best))
    return (
        *(cost_table(result, scenario) for scenario in scenarios),
        goal_table(result),
        safety_table(result),
        *(start_table(result, scenario) for scenario in scenarios),
        network_table(result),
        size_table(result.within(NOMINAL)),
    )


def notes(result: StudyResult) -> tuple[str, ...]:
    """Return what a reader must know about the numbers."""
    stored, plant = stored_reactor(), safety_cstr()
    steps = result.methods[0].path_inputs.shape[3]
    planned = f"The best in hindsight: {stored.source}."
    if steps != stored.steps:
        planned = (
            f"Plans in hindsight are stored for {stored.steps} steps, not for {steps}: here the best is the least cost "
            "seen in this study, so gaps look more closed than they are."
        )
    limit = plant.safe_limits[1][3]
    return (
        f"Nobody is told of the fouling: it multiplies the heat transfer by .6, and above {limit:.0f} K the run ends.",
        "Each scenario has its own training; methods learn in the scenario in which they are tested.",
        planned,
        "The best constant bias is chosen in hindsight from the very test starts: no controller could know it at once.",
        "Offset-free MPC estimates a disturbance at the input and takes the temperature back to 475 K at any price.",
    )


def _known_words(scenario: str, beside: Known) -> str:
    return (
        f"Controllers that do not learn, {title_of(scenario)}, mean cost of an episode: linear MPC "
        f"{beside.linear:,.2f}, the same with the best constant bias ({beside.bias}) {beside.biased:,.2f}, "
        f"offset-free MPC {beside.offset_free:,.2f}, the best in hindsight {beside.best:,.2f}."
    )


def _learned_words(scenario: str, one: Learned, beside: Known) -> str:
    seeds, middle, gap = len(one.ends), one.middle, one.gap
    change = float(one.ends.mean()) / beside.linear - 1
    ends = (
        f"{one.method.name}, {title_of(scenario)}, ends at {one.spread.words(seeds)}, {percent(change)} against linear "
        f"MPC; interquartile mean {middle.mean:,.2f} (95 % interval {middle.interval})."
    )
    if gap is None:
        return f"{ends} The best in hindsight is within .1 % of linear MPC: there is no gap to close."
    return (
        f"{ends} Of the gap between linear MPC and the best in hindsight it closed {gap.median:.0%} in the median seed "
        f"and {gap.worst:.0%} in the worst (seed {gap.worst_seed})."
    )


def _safety(one: Learned) -> str:
    training, tests = one.training, one.tests
    return (
        f"{one.method.name}: {training.count} of {training.trials:,} runs in training became unsafe (chance of one at "
        f"most {training.at_most:.2%} at 95 %), and {tests.count} of {tests.trials:,} tests after it (at most "
        f"{tests.at_most:.2%})."
    )


def _missed(goal: Goal) -> str:
    return f"Not reached by {goal.method}: {goal.wanted}; it is {goal.found}."


def _explained() -> dict[str, tuple[float, ...]]:
    """Return the states whose explanation is shown: at rest, and hotter and colder by 3 K."""
    rest = safety_cstr().equilibrium[0]
    shifts = {"At rest": 0.0, "Too hot by 3 K": 3.0, "Too cold by 3 K": -3.0}
    return {name: (*rest[:3], rest[3] + shift) for name, shift in shifts.items()}
