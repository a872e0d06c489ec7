"""The compiled exploration beside the same search in plain numpy: active sets, order, facets, balls; and the oracle."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from mpc import MultiparametricQP
from mpc.explicit.active_sets import packed, unpacked
from mpc.explicit.explore import Exploration, explore, optimal_set
from mpc.explicit.kernels import NOTHING, REGION, STEPPING_STONE, Batch, expand
from mpc.explicit.presolve import LeastDistanceProblem, presolve

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="session")
def beside(numpy_exploration):
    """Compare both explorations of a problem; return the number of regions."""

    def check(ldp: LeastDistanceProblem) -> int:
        ours, theirs = explore(ldp), numpy_exploration.explore(ldp)
        assert active_sets(ours) == [candidate.active for candidate in theirs]
        assert ours.partial == ""
        facets = np.split(ours.facets, np.cumsum(ours.facet_count)[:-1])
        for candidate, radius, centre, codes in zip(theirs, ours.radius, ours.centre, facets, strict=True):
            assert (candidate.b - candidate.A @ centre).min() == pytest.approx(radius, rel=1e-6, abs=1e-13)
            order = in_order(candidate, ldp)
            A, b, names = candidate.A[order], candidate.b[order], codes_of(candidate, ldp)[order]
            ours_needed = np.isin(names, codes)
            assert codes.tolist() == names[ours_needed].tolist()
            for row in np.flatnonzero(ours_needed != np.isin(names, names[numpy_exploration.minimal_rows(A, b)])):
                others = ours_needed & (np.arange(len(b)) != row)
                assert (beyond(A[others], b[others], A[row]) > b[row]) == ours_needed[row], "neither DAQP nor HiGHS"
        return len(theirs)

    return check


def active_sets(found: Exploration) -> list[tuple[int, ...]]:
    return [tuple(np.flatnonzero(row).tolist()) for row in found.active]


def codes_of(candidate, ldp: LeastDistanceProblem) -> np.ndarray:
    """The code of every row: the row of the multiplier, q and the row of the slack, 2 q and the parameter row."""
    q = len(ldp.d)
    others = np.setdiff1d(np.arange(q), candidate.active)
    codes = np.r_[np.array(candidate.active, dtype=int), q + others, 2 * q + np.arange(len(ldp.e))]
    return codes[candidate.origin]


def beyond(A: np.ndarray, b: np.ndarray, row: np.ndarray) -> float:
    """How far a set reaches along a row, by HiGHS: DAQP may err where rows are all but opposite."""
    result = linprog(-row, A, b, bounds=(None, None), options={"primal_feasibility_tolerance": 1e-10})
    return -result.fun if result.success else np.inf


def in_order(candidate, ldp: LeastDistanceProblem) -> np.ndarray:
    """The order of the kernel: by row, whether its multiplier or its slack counts; parameter rows last."""
    codes, q = codes_of(candidate, ldp), len(ldp.d)
    return np.argsort(np.where(codes < 2 * q, codes % max(q, 1), codes), kind="stable")


def test_stored_problems_have_the_same_active_sets_facets_and_balls(name, problem, beside, trusted):
    if not problem(name).strictly_convex:
        pytest.skip("a problem with a singular H is explored through its twins")
    regions = beside(presolve(problem(name)))
    assert regions == trusted[name]["regions"] or name == "deg_octahedron"


def drawn(seed: int) -> MultiparametricQP:
    """Random rows of which a few are equal, opposite, parallel or idle, over a parameter box of any width."""
    generator = np.random.default_rng(seed)
    n, t, q = (int(generator.integers(low, high)) for low, high in ((1, 5), (1, 4), (1, 10)))
    root = generator.normal(size=(n, n)) + np.diag(generator.uniform(0.3, 2, n))
    G, S, w = generator.normal(size=(q, n)), generator.normal(size=(q, t)), generator.uniform(0.1, 1, q)
    again = generator.integers(0, q, 3)
    G, S = np.vstack([G, G[again] * [[1], [-1], [2]]]), np.vstack([S, S[again] * [[1], [-1], [2]]])
    w, width = np.r_[w, w[again] * [1, 1, 2.1]], 10.0 ** generator.uniform(-2, 0.5)
    box = np.vstack([np.eye(t), -np.eye(t)])
    F = generator.normal(size=(n, t))
    return MultiparametricQP(root.T @ root, generator.normal(size=n), F, G, w, S, box, np.full(2 * t, width))


@given(SEEDS)
def test_drawn_problems_have_the_same_active_sets_facets_and_balls(beside, seed):
    assert beside(presolve(drawn(seed))) >= 1


def faceted_ball(rows: int) -> MultiparametricQP:
    """The point nearest to F theta of a polytope whose facets touch a sphere."""
    generator = np.random.default_rng(rows)
    G = generator.normal(size=(rows, 3))
    G /= np.linalg.norm(G, axis=1, keepdims=True)
    box = np.vstack([np.eye(2), -np.eye(2)])
    return MultiparametricQP(
        np.eye(3), [0, 0, -0.2], -np.eye(3)[:, :2], G, np.ones(rows), np.zeros((rows, 2)), box, np.full(4, 1.5)
    )


@pytest.mark.parametrize(("rows", "words"), [(63, 1), (64, 2), (65, 2), (150, 3)])
def test_rows_beyond_the_64th_are_in_the_next_word(rows, words, beside):
    ldp = presolve(faceted_ball(rows))
    assert len(ldp.d) == rows
    assert len(ldp.d) // 64 + 1 == words
    assert beside(ldp) > rows / 2
    reached = [max(active, default=0) for active in active_sets(explore(ldp))]
    assert max(reached) // 64 >= (rows - 20) // 64


def test_the_start_is_an_optimal_set(name, problem, numpy_exploration):
    if not problem(name).strictly_convex:
        pytest.skip("a problem with a singular H is explored through its twins")
    ldp = presolve(problem(name))
    assert optimal_set(ldp, ldp.inside) == numpy_exploration.optimal_set(ldp, ldp.inside)


@pytest.mark.parametrize("stored", ["dint_N3", "pend_N4", "deg_octahedron", "deg_weakly_redundant"])
def test_every_active_set_is_judged_as_in_numpy(stored, problem, numpy_exploration):
    """All sets of up to 3 rows, optimal or not: none, a stepping stone, or a region."""
    ldp = presolve(problem(stored))
    q = len(ldp.d)
    sets = [rows for size in range(4) for rows in itertools.combinations(range(q), size)]
    masks = np.array([[sum(1 << row for row in rows)] for rows in sets], dtype=np.uint64)
    found = Batch(*expand(masks, np.ascontiguousarray(ldp.M), np.c_[ldp.d, ldp.D], ldp.E, ldp.e))
    assert {NOTHING, REGION} <= set(found.kind.tolist())
    for rows, kind in zip(sets, found.kind, strict=True):
        candidate = numpy_exploration.candidate_of(ldp, rows) if len(rows) <= ldp.M.shape[1] else None
        expected = NOTHING
        if candidate is not None and numpy_exploration.touches(candidate.A, candidate.b):
            solid = not candidate.weak and numpy_exploration.has_interior(candidate.A, candidate.b)
            expected = REGION if solid else STEPPING_STONE
        assert kind == expected, rows


def test_the_oracle_asks_highs_where_daqp_cycles(problem, numpy_exploration, monkeypatch):
    """`I cycled` is neither yes nor no; linear programs decide, and the active sets stay as they were."""
    ldp, honest, calls = presolve(problem("pend_N3")), numpy_exploration.daqp.solve, itertools.count()
    expected = [candidate.active for candidate in numpy_exploration.explore(ldp)]
    start = numpy_exploration.optimal_set(ldp, ldp.inside)

    def sometimes_cycling(*arguments, **settings):
        z, value, flag, info = honest(*arguments, **settings)
        return z, value, flag if next(calls) % 3 else -2, info

    monkeypatch.setattr(numpy_exploration, "optimal_set", lambda *_: start)
    monkeypatch.setattr(numpy_exploration.daqp, "solve", sometimes_cycling)
    assert [candidate.active for candidate in numpy_exploration.explore(ldp)] == expected


def test_rows_that_touch_for_every_theta_lead_on():
    """z1 <= theta1 touches the free solution everywhere: from no active row to this one, and back."""
    H, box = np.array([[1.0, 0.5], [0.5, 1.0]]), np.vstack([np.eye(2), -np.eye(2)])
    ldp = presolve(MultiparametricQP(H, [0, 0], -H, np.eye(2), [0, 1], [[1, 0], [0, 0]], box, 2 * np.ones(4)))
    program = np.ascontiguousarray(ldp.M), np.c_[ldp.d, ldp.D], ldp.E, ldp.e
    for rows, neighbour in (((), (0,)), ((0,), ())):
        found = Batch(*expand(packed([rows], 1), *program))
        assert neighbour in [tuple(np.flatnonzero(row)) for row in unpacked(found.neighbours, 2)]
