"""The safety report of one plant: findings in plain words, every number in them taken from the result."""

from collections.abc import Iterator

from studies.report import Excerpt, Report
from studies.result import StudyResult
from studies.run_facts import check_words, facts
from studies.safety_figures import figures
from studies.safety_numbers import Goal, Kept, Pair, baseline_ends, goals, guarantee_of, kept, pairs, percent
from studies.safety_tables import tables
from studies.safety_views import view_of
from studies.statistics import Spread, seed_count

CITATIONS = (
    "A. Braniff, Y. Tian: Reinforcement Learning-based Control via Y-wise Affine Neural Networks (YANNs). "
    "arXiv:2508.16474, 2025. https://doi.org/10.48550/arXiv.2508.16474 (plants, YANN-DDPG)",
    "S. Ha, P. Xu, Z. Tan, S. Levine, J. Tan: Learning to Walk in the Real World with Minimal Human Effort. "
    "arXiv:2002.08550, 2020. (SAC with a multiplier)",
    "A. Ray, J. Achiam, D. Amodei: Benchmarking Safe Exploration in Deep Reinforcement Learning. 2019. "
    "(SAC-Lagrangian as a baseline)",
    "C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial. "
    "Biometrika 26, 1934. (bounds of rates)",
    "The software: see CITATION.cff of yann-control.",
)


def safety_report(result: StudyResult) -> Report:
    """Return the report of a safety study."""
    view, method = view_of(result.name), result.methods[0]
    steps, episodes = method.path_inputs.shape[3], method.training_costs.shape[1]
    return Report(
        title=f"Safety that is proved: {view.title}",
        summary=f"{seed_count(result)} seeds, {episodes} episodes of {steps} steps each, {len(result.starts)} test "
        f"starts, {len(result.methods)} methods, a safe set of {len(guarantee_of(result).b)} half-spaces.",
        command=result.provenance["command"],
        findings=tuple(findings(result)),
        figures=figures(result),
        tables=tables(result),
        excerpts=(Excerpt("The certificate, as it is printed", guarantee_of(result).certificate),),
        notes=notes(result),
        facts=tuple(facts(result)),
        citations=CITATIONS,
    )


def findings(result: StudyResult) -> Iterator[str]:
    """Yield what the study found, one sentence or two at a time."""
    guarantee, every = guarantee_of(result), kept(result)
    yield (
        "Before training a checker that shares no code with the design verified the certificate again. Of "
        f"{guarantee.draws:,} points drawn from {guarantee.domain}, {guarantee.inside:,} ({guarantee.share:.2%}) are "
        "in the safe set."
    )
    for one in every:
        yield _safety_words(one)
    for pair in pairs(every):
        yield _cost_words(pair)
        yield _stop_words(pair)
    laws = ", ".join(f"{one.name} {cost:,.2f}" for one, cost in baseline_ends(result))
    yield f"Controllers that do not learn, mean cost of an episode: {laws}."
    for goal in goals(result):
        if not goal.reached:
            yield _missed(goal)
    yield from check_words(result)


def notes(result: StudyResult) -> tuple[str, ...]:
    """Return what a reader must know about the numbers."""
    view = view_of(result.name)
    return (
        view.limits,
        view.starts,
        "The plant is the nominal one; what else the certificate covers stands in its words, and is not tried here.",
        "An intervention is a step in which the filter changed what the actor, with its exploration, wanted.",
        "SAC-Lagrangian finds a price of its own for violations, so the plant's penalty is taken off what it learns "
        "from; test costs count the penalty for all methods alike.",
        "certificate.json beside this report can be verified by anyone who has Python and numpy, with the checker of "
        "its kind in mpc/safety.",
    )


def _safety_words(one: Kept) -> str:
    runs, tests = one.runs, one.tests
    words = (
        f"{one.name}: {runs.count:,} of {runs.trials:,} runs in training became unsafe (between {runs.lower:.3%} and "
        f"{runs.upper:.3%} at 95 %), and {tests.count} of {tests.trials:,} tests after it."
    )
    return (
        f"{words} Inside the filter none can: that is proved, not counted." if one.stops and not runs.count else words
    )


def _cost_words(pair: Pair) -> str:
    inside, outside = (Spread.of(one.ends).words(len(one.ends)) for one in (pair.inside, pair.outside))
    words = f"{pair.inside.name} ends at {inside}; {pair.outside.name} at {outside}"
    return f"{words}: inside the filter an episode costs {percent(pair.change)} against outside."


def _stop_words(pair: Pair) -> str:
    stops, seeds = pair.stops, len(pair.inside.ends)
    if not stops.count:
        return f"{pair.inside.name}: the filter changed no input in all of training, in any of {seeds} seeds."
    return (
        f"{pair.inside.name}: the filter changed {stops.mean:.2%} of the inputs of training, {stops.first:.2%} in the "
        f"first fifth of the episodes and {stops.last:.2%} in the last; none at all in {stops.quiet_seeds} of {seeds} "
        "seeds."
    )


def _missed(goal: Goal) -> str:
    return f"Not reached: {goal.wanted}; it is {goal.found}."
