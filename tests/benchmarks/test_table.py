"""What the tables say of given scores."""

import numpy as np
import pytest

from benchmarks.solver.contest import SOLVERS, Score
from benchmarks.solver.harder import nearest
from benchmarks.solver.judge import Verdict
from benchmarks.solver.process import OURS
from benchmarks.solver.table import Entry, bars, counts, duration, failures, finding, rounded, times

CLEAN = Verdict(points=100, feasible=90)


def score(seconds, regions=20, verdict=CLEAN):
    return Score(seconds=[seconds, 100 * seconds, seconds], cpu_s=[seconds] * 3, regions=regions, verdict=verdict)


def entry(ours, *theirs, trusted=20):
    problem = nearest("cube", np.vstack([np.eye(3), -np.eye(3)]), np.ones(6), trusted, "")
    return Entry(problem, dict(zip(SOLVERS, (ours, *theirs), strict=True)), cap=40.0)


LATE, CRASH = Score("timeout"), Score("LinAlgError")


def test_the_ratio_is_to_the_fastest_that_found_anything():
    empty = score(0.001, regions=0)
    assert entry(score(0.01), score(2.0), score(0.5), empty, CRASH).ratio == (pytest.approx(50), True)
    assert entry(score(0.01), LATE, CRASH, LATE, LATE).ratio == (pytest.approx(4000), False)
    assert entry(score(0.01), CRASH, CRASH, CRASH, CRASH).ratio is None
    assert entry(LATE, *[score(1.0)] * 4).ratio is None


def test_bars_are_reached_or_missed_by_the_median():
    slow, fast = entry(score(0.1), *[score(0.9)] * 4), entry(score(0.1), *[score(30.0)] * 4)
    assert "median ratio 154" in bars([slow, fast])[0]
    assert "bar 10 reached, aim 150 reached" in bars([slow, fast])[0]
    assert "bar 10 missed, aim 150 missed" in bars([slow])[0]
    assert "nothing to compare" in bars([slow, fast])[1]
    large = entry(score(0.1), *[score(6.0)] * 4, trusted=None)
    large.scores[OURS].regions = 101
    assert "median ratio 60.0 over 1 problems" in bars([slow, large])[1]
    assert "bar 50 reached, aim 150 missed" in bars([slow, large])[1]


def test_whatever_is_not_right_is_listed():
    theirs = [score(1.0)] * 4
    right = entry(score(0.1), *theirs)
    wrong = [
        entry(score(0.1, regions=19), *theirs),
        entry(score(0.1, verdict=Verdict(100, 90, holes=1)), *theirs),
        entry(score(0.1, verdict=Verdict(100, 90, wrong=1)), *theirs),
        entry(score(0.1, verdict=Verdict(100, 90, overlaps=1)), *theirs),
        entry(score(0.1, verdict=Verdict(100, 0)), *theirs),
        entry(score(0.1, verdict=None), *theirs),
        entry(LATE, *theirs),
    ]
    assert failures([right]) == []
    said = failures(wrong)
    assert len(said) == len(wrong)
    assert said[0] == "- hard_cube: 19 regions, trusted are 20"


def test_cells_say_what_happened():
    assert finding(score(1.0)) == "20"
    assert finding(score(1.0, verdict=Verdict(200, 90, holes=3, overlaps=100))) == "20: 1.5 % holes, 50 % overlap"
    assert (finding(LATE), finding(None)) == ("timeout", "not run")
    assert (duration(LATE, 40.0), duration(CRASH, 40.0), duration(score(0.0123), 40.0)) == (
        "> 40000",
        "LinAlgError",
        "12.3",
    )
    assert [rounded(x) for x in (0.01234, 1.234, 12.34, 1234.5, 0.0)] == ["0.0123", "1.23", "12.3", "1234", "0"]


def test_tables_have_a_line_for_each_problem():
    shown = entry(score(0.01), LATE, CRASH, score(0.5), score(1.0))
    [head, _, line] = times([shown]).splitlines()
    assert head.count("|") == line.count("|")
    assert "| 20 | 10.0 | > 40000 | LinAlgError | 500 | 1000 | 50.0 |" in line
    assert "| hard_cube | 20 | 20 | timeout | LinAlgError | 20 | 20 |" in counts([shown])
