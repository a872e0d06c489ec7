"""Tables of the pendulum's report: costs beside the paper's, exactness and sizes of the networks, regions."""

from collections.abc import Sequence

import numpy as np

from studies.comparison import Comparison, PairedCosts, Reference
from studies.paired_table import stacked, stages
from studies.plane import Plane, area
from studies.published import published_pendulum
from studies.report import Stacked, Table
from studies.result import StudyResult
from studies.statistics import collapse, gap_closed, seed_count

GROUP_NAMES = {"easy": "eight easy starts", "paper-like": "ten starts like the paper's", "hard": "twenty hard starts"}
PAPER_COLUMNS = {"DDPG": ("ddpg_initial", "ddpg_final"), "YANN-DDPG": ("yann_initial", "yann_final")}


def comparison(result: StudyResult, group: str) -> Comparison:
    """Return all methods from the starts of a group, beside the paper's figures where it has like ones."""
    published, starts = published_pendulum(), result.groups[group]
    rows = np.full(len(result.starts), -1)
    rows[: len(published.episode_of_start)] = np.array(published.episode_of_start) - 1
    references = []
    for method, columns in PAPER_COLUMNS.items():
        for stage, column in zip(("before", "after"), columns, strict=True):
            costs = np.where(rows >= 0, np.array(published.table[column])[rows], np.nan)
            references.append(Reference(f"the paper's {method} {stage}", costs[starts]))
    return Comparison(
        starts=tuple(f"{angle:+.3f} rad" for angle in result.starts[starts, 0]),
        methods=tuple(
            PairedCosts(m.name, m.test_costs[:, 0, starts], m.test_costs[:, -1, starts]) for m in result.methods
        ),
        best=result.best[starts],
        references=tuple(r for r in references if not np.isnan(r.costs).all()),
    )


def group_table(result: StudyResult) -> Table:
    """Return the mean cost over each group of starts, before and after training, and the best known."""
    pairs = [PairedCosts(m.name, m.test_costs[:, 0], m.test_costs[:, -1]) for m in result.methods]
    shown = {pair.method: stages(pair, pairs) for pair in pairs}
    header = ("starts", *(stage for one in shown.values() for stage, _ in one), "best known")
    groups = (("", 1), *((name, len(one)) for name, one in shown.items()), ("", 1))
    rows = []
    for group, name in GROUP_NAMES.items():
        starts = result.groups[group]
        cells = [stacked(costs[:, starts].mean(axis=1)) for one in shown.values() for _, costs in one]
        rows.append((name, *cells, float(result.best[starts].mean())))
    note = (
        f"Mean cost of an episode over the starts of a group and {seed_count(result)} seeds; below it the least and "
        "the largest seed. Best known is the least cost ever seen from a start, stored or in this study: an upper "
        "bound of the optimum."
    )
    return Table("Means over groups of starts", header, tuple(rows), note=note, groups=groups)


def learning_table(result: StudyResult) -> Table:
    """Return for each method how much of the gap it closed, and what became of the easy starts on the way."""
    header = (
        "method", "gap closed, median seed", "interquartile mean, 95 % interval", "worst seed",
        "largest loss on easy starts", "after episode", "seeds with every easy start unharmed",
    )  # fmt: skip
    rows = []
    for method in result.methods:
        gap, worst = gap_closed(result, method), collapse(result, method)
        seeds = f"{worst.within_hundredth_at_end} of {len(method.seeds)}"
        shares = (gap.median, Stacked(gap.middle.mean, gap.middle.interval), f"{gap.worst:.2f} (seed {gap.worst_seed})")
        rows.append((method.name, *shares, worst.change, worst.episode, seeds))
    note = (
        "Gap closed = (law - learned) / (law - best known), on the mean over the twenty hard starts; the law is "
        "YANN-DDPG before training; 1 is the best known, 0 the law, below 0 worse than the law. The loss on easy "
        "starts is the median seed's mean cost minus the law's, where it was largest; after episode 0 is before "
        "training. Unharmed: at the end dearer than the law by at most .01. The interval is that of "
        "the interquartile mean when seeds are drawn anew (10,000 bootstrap resamples)."
    )
    return Table("What learning closed, and what it cost on the way", header, tuple(rows), note=note)


def region_table(result: StudyResult) -> Table:
    """Return the law region by region: formula, active limits, share of the feasible set."""
    law = result.law
    areas = {i: area(corners) for i, corners in Plane().on(law).regions().items()}
    rows = []
    for i, region in enumerate(law.regions):
        limits = "; ".join(region.active) or "no limit"
        rows.append((str(i), formula(region.gain[0], region.offset[0], law.parameter_names), limits, areas.get(i, 0.0)))
    whole = sum(areas.values())
    shares = tuple((*row[:3], f"{100 * row[3] / whole:.1f} %") for row in rows)
    header = ("region", f"{law.input_names[0]} [{law.input_units[0]}]", "active limits", "share of feasible set")
    return Table("The law, region by region", header, shares, note="Numbers as on the map of regions.")


def formula(gain: np.ndarray, offset: float, names: Sequence[str]) -> str:
    """Return an affine law in names, such as "-19.67 angle - 5.725 rate"."""
    terms = [(float(k), f" {name}") for k, name in zip(gain, names, strict=True) if k]
    terms += [(float(offset), "")] if offset or not terms else []
    first, *others = ((f"{abs(k):.4g}{name}", "-" if k < 0 else "+") for k, name in terms)
    return first[1].strip("+") + first[0] + "".join(f" {sign} {term}" for term, sign in others)
