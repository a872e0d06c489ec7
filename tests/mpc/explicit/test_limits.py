"""Limits, threads and progress: partial laws say so, the result is one and the same, wrong arguments are named."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mpc import ProblemError, solve_explicit
from mpc.explicit.explore import PIECE, ROUND, explore
from mpc.explicit.limits import Limits
from mpc.explicit.presolve import presolve
from mpc.explicit.region import ARRAYS

STORED = ("chain2m1u_N2", "pend_N10", "deg_octahedron", "deg_badscale", "mplp_inf_N2")
LARGE = "pend_N10"  # found in many rounds
WIDE = "chain2m1u_N3"  # at times more than 64 active sets wait


@pytest.mark.parametrize("stored", STORED)
def test_any_number_of_threads_gives_the_same_bits(stored, problem, solved):
    for threads in (2, 3, 8):
        assert solve_explicit(problem(stored), threads=threads).digest == solved(stored).digest


def test_threads_share_the_work(problem, monkeypatch):
    """With threads, pieces of 64 sets go to a pool of that many."""
    asked = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, workers):
            asked.append(workers)
            super().__init__(workers)

        def map(self, function, *pieces):
            asked.append([len(piece) for piece in pieces[0]])
            return super().map(function, *pieces)

    monkeypatch.setattr("mpc.explicit.explore.ThreadPoolExecutor", Pool)
    solve_explicit(problem(WIDE), threads=3)
    assert asked[0] == 3
    sizes = asked[1:]
    assert sum(len(pieces) for pieces in sizes) > len(sizes) > 1
    assert max(max(pieces) for pieces in sizes) == PIECE
    assert max(len(pieces) for pieces in sizes) <= ROUND


def test_two_solves_at_a_time_do_not_disturb_each_other(problem, solved):
    with ThreadPoolExecutor(4) as pool:
        names = ("pend_N5", "dint_N5", "chain2m1u_N2", "rand_x3u2_N2") * 2
        laws = list(pool.map(lambda name: solve_explicit(problem(name), threads=2), names))
    assert [law.digest for law in laws] == [solved(name).digest for name in names]


def test_progress_is_told_after_every_round_and_ends_with_nothing_waiting(problem, solved):
    seen = []
    law = solve_explicit(problem(LARGE), progress=lambda found, waiting: seen.append((found, waiting)))
    assert len(seen) > 2
    assert seen[-1] == (len(law.regions), 0)
    assert [found for found, _ in seen] == sorted(found for found, _ in seen)
    assert all(waiting > 0 for _, waiting in seen[:-1])
    assert law.digest == solved(LARGE).digest


def test_what_progress_raises_stops_the_search(problem):
    def stop(found, waiting):
        raise KeyboardInterrupt

    for threads in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            solve_explicit(problem("pend_N3"), progress=stop, threads=threads)


@pytest.mark.parametrize("most", [1, 20, 100])
def test_a_law_that_stopped_at_its_regions_is_partial_and_says_so(most, problem, solved):
    law = solve_explicit(problem(LARGE), limits=Limits(regions=most))
    assert len(law.regions) == most < len(solved(LARGE).regions)
    assert law.partial == f"stopped at its limit of {most} regions"
    assert_part_of(law, solved(LARGE))


def test_a_law_that_stopped_at_its_memory_is_partial_and_says_so(problem, solved):
    law = solve_explicit(problem(LARGE), limits=Limits(memory=1))
    assert 1 <= len(law.regions) < len(solved(LARGE).regions)
    assert law.partial == f"stopped at its limit of 1 bytes, with {len(law.regions)} regions"
    assert_part_of(law, solved(LARGE))


def assert_part_of(law, whole) -> None:
    """Every region is one of the whole law, and where the law has none it refuses."""
    assert whole.partial == ""
    place = {region.active_rows: region for region in whole.regions}
    for region in law.regions:
        for name in ("A", "b", "gain", "offset", "solution_gain", "solution_offset", "centre", "radius"):
            expected = getattr(place[region.active_rows], name)
            assert getattr(region, name) == pytest.approx(expected, abs=1e-12 * np.abs(expected).max())
    theta = whole.regions[-1].centre
    assert (law.nearest(theta)[2]) == (whole.regions[-1].active_rows in {r.active_rows for r in law.regions})


@pytest.mark.parametrize("limits", [None, Limits(), Limits(10**6), Limits(memory=10**12), Limits(10**6, 10**12)])
def test_limits_that_are_not_reached_change_nothing(limits, problem, solved):
    assert solve_explicit(problem("dint_N4"), limits=limits).digest == solved("dint_N4").digest


@pytest.mark.parametrize("stored", ["pend_N3", "chain2m1u_N2", "eq_portfolio_n4", "deg_octahedron"])
def test_a_law_of_just_as_many_regions_as_allowed_is_whole(stored, problem, solved):
    """In one round or in many, and where several active sets are one region; with one less it is partial."""
    count = len(solved(stored).regions)
    assert solve_explicit(problem(stored), limits=Limits(regions=count)).digest == solved(stored).digest
    part = solve_explicit(problem(stored), limits=Limits(regions=count - 1))
    assert len(part.regions) == count - 1
    assert part.partial == f"stopped at its limit of {count - 1} regions"


@pytest.mark.parametrize("threads", [2, 5])
def test_partial_laws_are_the_same_on_any_number_of_threads(threads, problem):
    one = solve_explicit(problem(LARGE), limits=Limits(regions=50))
    assert solve_explicit(problem(LARGE), limits=Limits(regions=50), threads=threads).digest == one.digest


def test_a_partial_law_keeps_its_reason_in_a_file(problem, tmp_path):
    law = solve_explicit(problem(LARGE), limits=Limits(regions=5))
    law.save(tmp_path / "law.npz")
    again = type(law).load(tmp_path / "law.npz")
    assert again.partial == law.partial != ""
    assert all(np.array_equal(again.regions.arrays[name], law.regions.arrays[name]) for name in ARRAYS)


def test_the_sets_looked_at_are_counted(problem):
    ldp = presolve(problem(LARGE))
    whole, part = explore(ldp), explore(ldp, limits=Limits(regions=20))
    assert len(part.active) == 20
    assert 20 <= part.explored < whole.explored
    assert whole.explored >= len(whole.active)
    assert len(part.facets) == part.facet_count.sum()


@pytest.mark.parametrize("name", ["regions", "memory"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "`{}` is 0, but .* at least 1"),
        (-1, "`{}`.*-1"),
        (1.5, "`{}`.*1.5"),
        (True, "`{}`.*True"),
        ("10", "`{}`.*10"),
        (float("nan"), "`{}`.*nan"),
    ],
)
def test_a_limit_is_a_whole_number_of_at_least_1(name, value, words):
    with pytest.raises(ProblemError, match=words.format(name)):
        Limits(**{name: value})


@pytest.mark.parametrize("threads", [0, -2, 1.5, "2", None, True])
def test_threads_are_a_whole_number_of_at_least_1(threads, law):
    with pytest.raises(ProblemError, match=f"`threads`.*{threads}"):
        solve_explicit(law.problem, threads=threads)


@pytest.mark.parametrize("threads", [1025, 10**30])
def test_more_threads_than_any_machine_has_are_refused(threads, law):
    with pytest.raises(ProblemError, match=f"`threads` is {threads}, but it must be at most 1024; pass the number of"):
        solve_explicit(law.problem, threads=threads)


def test_wrong_limits_and_progress_are_named_before_any_solving(law):
    with pytest.raises(ProblemError, match=r"`limits` is a int; pass Limits\(regions=\.\.\., memory=\.\.\.\), or None"):
        solve_explicit(law.problem, limits=100)
    with pytest.raises(ProblemError, match=r"`progress` is a bool; pass a function \(regions, waiting\), or None"):
        solve_explicit(law.problem, progress=True)
    with pytest.raises(ProblemError, match="`limits` is a dict"):
        solve_explicit({}, limits={})


def test_whole_numbers_of_numpy_are_whole_numbers(law):
    assert Limits(np.int64(3)).passed(4, 0) == "stopped at its limit of 3 regions"
    assert solve_explicit(law.problem, threads=np.int32(2)).digest == law.digest


def test_the_regions_are_named_where_both_limits_are_passed():
    assert Limits(3, 5).passed(3, 4) == ""
    assert Limits(3, 5).passed(4, 4) == Limits(3, 5).passed(4, 6) == "stopped at its limit of 3 regions"
    assert Limits(3, 5).passed(2, 5) == "stopped at its limit of 5 bytes, with 2 regions"
