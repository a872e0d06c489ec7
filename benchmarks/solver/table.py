"""The tables: times and counts, what went wrong, and the bars that were set."""

import math
import statistics
from dataclasses import dataclass

from benchmarks.solver.contest import Score
from benchmarks.solver.ppopt import ALGORITHMS
from benchmarks.solver.problems import Problem
from benchmarks.solver.process import OURS

BARS = ((15, 10.0), (100, 50.0))  # (more regions than, median ratio of at least)
AIM = 150.0


@dataclass(frozen=True)
class Entry:
    """A problem with the scores of all solvers that ran on it; `cap` seconds were the limit of a run."""

    problem: Problem
    scores: dict[str, Score]
    cap: float

    @property
    def ratio(self) -> tuple[float, bool] | None:
        """(PPOPT's fastest beside ours, exact?), whether its law is right or not.

        Where all of PPOPT ran out of time, the cap stands for it: a lower bound. None: nothing to compare.
        """
        return self._ratio({name: score.median for name, score in self.scores.items()})

    @property
    def busy_ratio(self) -> tuple[float, bool] | None:
        """The same by processor time."""
        return self._ratio({name: score.busy for name, score in self.scores.items()})

    def _ratio(self, times: dict[str, float | None]) -> tuple[float, bool] | None:
        ours, theirs = times[OURS], {a: self.scores[a] for a in ALGORITHMS if a in self.scores}
        if ours is None or not self.scores[OURS].regions:
            return None
        finished = [times[a] for a, score in theirs.items() if score.regions and times[a] is not None]
        if finished:
            return min(finished) / ours, True
        return (self.cap / ours, False) if any(score.status == "timeout" for score in theirs.values()) else None

    @property
    def regions(self) -> int:
        """The trusted count, or ours where nobody knows one."""
        return self.scores[OURS].regions or 0 if self.problem.trusted is None else self.problem.trusted


def times(entries: list[Entry]) -> str:
    """One line per problem with a law: sizes, regions, milliseconds, ratio."""
    head = ["problem", "parameters", "variables", "rows", "regions", "ours", *ALGORITHMS, "ratio"]
    lines = []
    for entry in entries:
        if not entry.problem.refusal:
            p, ratio = entry.problem, entry.ratio
            cells = [p.name, p.parameters, p.variables, p.rows, entry.regions]
            cells += [duration(entry.scores.get(solver), entry.cap) for solver in (OURS, *ALGORITHMS)]
            lines.append([*cells, "-" if ratio is None else ("" if ratio[1] else "> ") + rounded(ratio[0])])
    return markdown(head, lines)


def counts(entries: list[Entry]) -> str:
    """One line per problem: trusted count, then for each solver the regions, and what is wrong with them."""
    head = ["problem", "trusted", OURS, *ALGORITHMS]
    lines = []
    for entry in entries:
        p = entry.problem
        known = p.refusal or ("?" if p.trusted is None else str(p.trusted))
        lines.append([p.name, known, *(finding(entry.scores.get(solver)) for solver in (OURS, *ALGORITHMS))])
    return markdown(head, lines)


def bars(entries: list[Entry]) -> list[str]:
    """A sentence for each bar: the median ratio, and whether it was reached or missed."""
    sentences = []
    for least, bar in BARS:
        ratios = [e.ratio[0] for e in entries if e.regions > least and e.ratio is not None]
        busy = [e.busy_ratio[0] for e in entries if e.regions > least and e.busy_ratio is not None]
        if not ratios:
            sentences.append(f"- more than {least} regions: nothing to compare")
            continue
        median = statistics.median(ratios)
        verdict, aim = ("reached" if median >= wanted else "missed" for wanted in (bar, AIM))
        spread = f"least {rounded(min(ratios))}, most {rounded(max(ratios))}"
        sentences.append(
            f"- more than {least} regions: median ratio {rounded(median)} over {len(ratios)} problems "
            f"({spread}; by processor time {rounded(statistics.median(busy))}); "
            f"bar {bar:g} {verdict}, aim {AIM:g} {aim}"
        )
    return sentences


def failures(entries: list[Entry]) -> list[str]:
    """A sentence for each problem on which we are not right."""
    sentences = []
    for entry in entries:
        score, problem = entry.scores[OURS], entry.problem
        if problem.refusal:
            if score.status == "ok" or score.status in ("timeout", "crash"):
                sentences.append(f"- {problem.name}: {problem.refusal} was expected, but: {finding(score)}")
        elif score.status != "ok" or not score.verdict or not score.verdict.clean:
            sentences.append(f"- {problem.name}: {finding(score)} {score.message}".rstrip())
        elif problem.trusted not in (None, score.regions):
            sentences.append(f"- {problem.name}: {score.regions} regions, trusted are {problem.trusted}")
    return sentences


def finding(score: Score | None) -> str:
    """Regions, then holes, wrong answers and overlaps in per cent of the points, or why there are none."""
    if score is None:
        return "not run"
    if score.status != "ok":
        return score.status
    verdict, text = score.verdict, str(score.regions)
    if verdict is None or verdict.clean:
        return text
    parts = [("holes", verdict.holes), ("wrong", verdict.wrong), ("overlap", verdict.overlaps)]
    said = [f"{100 * number / max(verdict.points, 1):.2g} % {name}" for name, number in parts if number]
    return f"{text}: {', '.join(said) or 'nothing feasible'}"


def duration(score: Score | None, cap: float) -> str:
    if score is None:
        return "not run"
    if score.status == "timeout":
        return f"> {1e3 * cap:.0f}"
    return score.status if score.median is None else rounded(1e3 * score.median)


def rounded(value: float) -> str:
    """Three digits, never in powers of ten."""
    if value <= 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:.{places}f}"


def markdown(head: list[str], lines: list[list]) -> str:
    """A table in Markdown; all columns but the first are numbers and stand to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in [head, rule, *lines])
