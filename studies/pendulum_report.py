"""The pendulum's report: findings in plain words, every number in them taken from the result."""

from collections.abc import Iterator

import numpy as np

from studies.core_check import STARTS
from studies.method_result import MethodResult
from studies.network_tables import network_table, size_table
from studies.paired_table import paired_table
from studies.pendulum_figures import figures
from studies.pendulum_tables import comparison, group_table, learning_table, region_table
from studies.published import published_pendulum
from studies.report import Excerpt, Report, Table
from studies.result import StudyResult
from studies.run_facts import check_words, facts
from studies.statistics import Middle, at, collapse, gap_closed, law_costs, seed_count

CITATIONS = (
    "A. Braniff, Y. Tian: Reinforcement Learning-based Control via Y-wise Affine Neural Networks (YANNs). "
    "arXiv:2508.16474, 2025. https://doi.org/10.48550/arXiv.2508.16474",
    "A. Braniff, Y. Tian: YANNs: Y-wise Affine Neural Networks for Exact and Efficient Representations of Piecewise "
    "Linear Functions. arXiv:2505.07054, 2025. https://doi.org/10.48550/arXiv.2505.07054",
    "The software: see CITATION.cff of yann-control.",
)
EXPLAINED = {
    "Upright": (0.0, 0.0),
    "An easy start": (0.14, 0.0),
    "A hard start": (0.45, 0.0),
    "Outside the domain": (1.9, 6.0),
}
_LOSS = 1.0  # by how much the mean cost of easy starts must rise before the report speaks of harm


def pendulum_report(result: StudyResult) -> Report:
    """Return the report of a pendulum study."""
    method = result.methods[0]
    seeds, episodes = seed_count(result), method.training_costs.shape[1]
    steps = method.path_inputs.shape[3]
    return Report(
        title="The clipped pendulum: learning from a law",
        summary=f"{seeds} seeds, {episodes} episodes of {steps} steps each, {len(result.starts)} test starts, a law of "
        f"{len(result.law.regions)} regions.",
        command=result.provenance["command"],
        findings=tuple(findings(result)),
        figures=figures(result),
        tables=tables(result),
        excerpts=tuple(Excerpt(title, str(result.law.explain(state))) for title, state in EXPLAINED.items()),
        notes=notes(),
        facts=tuple(facts(result)),
        citations=CITATIONS,
    )


def findings(result: StudyResult) -> Iterator[str]:
    """Yield what the study found, one sentence or two at a time."""
    published = published_pendulum()
    paper = {"DDPG": np.mean(published.table["ddpg_final"]), "YANN-DDPG": np.mean(published.table["yann_final"])}
    seeds = seed_count(result)
    for method in result.methods:
        before, after = at(result, method, "paper-like", 0), at(result, method, "paper-like", -1)
        yield (
            f"{method.name}, ten starts like the paper's: an episode costs {after.words(seeds)} after training, "
            f"{before.words(seeds)} before."
            + (f" The paper prints {paper[method.name]:,.2f} after." if method.name in paper else "")
        )
    hard = result.groups["hard"]
    law, best = law_costs(result)[hard].mean(), result.best[hard].mean()
    yield (
        f"Twenty hard starts, means: the law without training costs {law:,.2f}; the best known is {best:,.2f}, and "
        "what is closed below is of the gap between the two."
    )
    for method in result.methods:
        yield _hard_words(result, method)
    for method in result.methods:
        if method.name.startswith("YANN-"):
            yield _collapse_words(result, method)
        if np.isfinite(method.core_excess).all():
            yield _core_words(method)
    yield _duel(result)
    yield from check_words(result)


def tables(result: StudyResult) -> tuple[Table, ...]:
    """Return all tables of the report."""
    return (
        paired_table(
            comparison(result, "paper-like"),
            "Ten starts like the paper's, before and after training",
            paired_note(result),
        ),
        group_table(result),
        learning_table(result),
        paired_table(comparison(result, "hard"), "Twenty hard starts, before and after training", hard_note(result)),
        network_table(result),
        size_table(result),
        region_table(result),
    )


def paired_note(result: StudyResult) -> str:
    """Return what differs between our ten starts and the paper's ten episodes."""
    table = published_pendulum().table
    least, largest = sorted(table["yann_initial"])[-2:]
    dearest = result.method("YANN-DDPG").test_costs[0, 0].max()
    return (
        "Cost of an episode: mean over the seeds, below it the least and the largest. The paper prints no starts, "
        "discount, learning rates or episode length: ours are our own. The easy starts were chosen so that the law "
        "costs what the paper's easy episodes cost at first, so agreement there before training is no evidence. What "
        f"it prints for the two hard episodes before training, {least:,.0f} and {largest:,.0f}, is not reproduced in "
        f"this plant, where the law's dearest hard start costs {dearest:,.0f}."
    )


def hard_note(result: StudyResult) -> str:
    """Return why single hard starts mean little, with the two neighbours that differ most under the law."""
    hard = np.array(result.groups["hard"])
    hard = hard[np.argsort(result.starts[hard, 0])]
    costs = result.method("YANN-DDPG").test_costs[0, 0, hard]
    k = int(np.abs(np.diff(costs)).argmax())
    return (
        "Cost of an episode: mean over the seeds, below it the least and the largest. Single hard starts mean little, "
        f"because the law's path outside its domain is chaotic: it costs {costs[k]:,.0f} from an angle of "
        f"{result.starts[hard[k], 0]:+.3f} and {costs[k + 1]:,.0f} from {result.starts[hard[k + 1], 0]:+.3f}. "
        "Read the mean."
    )


def notes() -> tuple[str, ...]:
    """Return what a reader must know about the numbers."""
    published = published_pendulum()
    shared = [f"{angle:+.2f}" for angle in published.hard if angle in published.more_hard]
    count = len(published.starts)
    return (
        f"Of the {count} test starts {count - len(shared)} are different: {' and '.join(shared)} rad stand both among "
        "the ten like the paper's and among the twenty hard ones, and count in both means.",
        "An episode's cost is the sum over its steps of angle^2 + .1 rate^2 + .001 torque^2, not discounted.",
        "Outside its domain the law is extended by the nearest region's, within the torque's limits. The paper does "
        "not say what it does there.",
        "The pendulum has no safe limits, so training cannot violate any.",
        *(f"{name.replace('_', ' ')}: {source}." for name, source in published.sources.items()),
    )


def _hard_words(result: StudyResult, method: MethodResult) -> str:
    gap, after = gap_closed(result, method), at(result, method, "hard", -1)
    middle = Middle.of(method.test_costs[:, -1, result.groups["hard"]].mean(axis=1))
    return (
        f"{method.name} on the hard starts ends at {after.words(len(method.seeds))}, with an interquartile mean of "
        f"{middle.mean:,.2f} (95 % interval {middle.interval}); of the gap it closed {gap.median:.0%} in the median "
        f"seed and {gap.worst:.0%} in the worst (seed {gap.worst_seed})."
    )


def _collapse_words(result: StudyResult, method: MethodResult) -> str:
    worst, seeds = collapse(result, method), len(method.seeds)
    easy = method.test_costs[:, :, result.groups["easy"]].mean(axis=2)
    end = float(np.median(easy[:, -1] - easy[:, 0]))
    unharmed = (
        f"Seeds that end with no easy start more than .01 above the law: {worst.within_hundredth_at_end} of {seeds}."
    )
    if worst.change <= _LOSS:
        return (
            f"{method.name} keeps the eight easy starts: in the median seed their mean cost is never more than "
            f"{max(0.0, worst.change):,.2f} above the law's. {unharmed}"
        )
    return (
        f"{method.name} harms the eight easy starts on the way: after episode {worst.episode} their mean cost is "
        f"{worst.change:,.2f} above the law's in the median seed, and {end:,.2f} above it at the end. {unharmed}"
    )


def _core_words(method: MethodResult) -> str:
    return (
        f"From {STARTS:,} starts in the core of {method.name}, none costs more after training than before by more than "
        f"{max(0.0, method.core_excess.max()):.2g}, in any of {len(method.seeds)} seeds; there its inputs are those of "
        "the law at every moment of training, by construction."
    )


def _duel(result: StudyResult) -> str:
    starts = result.groups["paper-like"]
    ends = {m.name: m.test_costs[:, -1, starts].mean(axis=1) for m in result.methods}
    wins = int((ends["YANN-DDPG"] < ends["DDPG"]).sum())
    return (
        f"On the ten starts' mean, YANN-DDPG ends below DDPG of the same seed in {wins} of {seed_count(result)} seeds."
    )
