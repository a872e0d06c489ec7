"""Where H is singular: one minimiser for every theta, the least, without hole, overlap or jump, in any units."""

import daqp
import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.spatial import ConvexHull

from mpc import MultiparametricQP, NumericalError
from mpc.explicit.errors import Infeasible
from mpc.explicit.singular import gaps
from mpc.explicit.singular.selection import WEIGHTS, Explored, select
from mpc.explicit.singular.unit_free import unit_free

COUNTS = {"semidefinite": 7, "infinity-norm 2": 20, "infinity-norm 3": 38, "1-norm 2": 22, "1-norm 3": 40}


@pytest.mark.parametrize("name", COUNTS)
def test_as_many_pieces_as_known(name, selected):
    """7 is the trusted count of the problem set; the others have no hole and no overlap, as the next tests show."""
    assert len(selected(name).pieces) == COUNTS[name]


@pytest.fixture
def corners(case, vertices_of) -> list[np.ndarray]:
    return vertices_of(case)


def test_the_pieces_fill_the_feasible_parameters_once(case, corners, singular, reference):
    """That set is convex: volumes add up to its hull's, and what lies beyond the hull's edges has no solution."""
    whole = ConvexHull(np.unique(np.concatenate(corners).round(9), axis=0))
    assert sum(ConvexHull(c).volume for c in corners) == pytest.approx(whole.volume, rel=1e-8)
    problem = singular(case)
    for normal in np.unique(whole.equations.round(9), axis=0):
        edge = whole.points[np.abs(whole.points @ normal[:-1] + normal[-1]) < 1e-7].mean(axis=0)
        beyond = edge + 1e-5 * normal[:-1]
        assert not problem.parameter_set.contains(beyond) or reference(problem).violation(beyond) > 1e-9


def test_minimisers_inside_on_facets_and_on_vertices(case, corners, selected, singular, reference, tiling):
    check, tiles = reference(singular(case)), tiling(selected(case))
    draw = np.random.default_rng(0)
    for i, vertices in enumerate(corners):
        mixed = draw.dirichlet(np.ones(len(vertices)), 5) @ vertices
        pairs = vertices[draw.integers(len(vertices), size=(4, 2))].mean(axis=1)
        for theta in np.vstack([vertices, mixed, pairs]):
            assert check.error(theta, tiles.value(i, theta)) <= 1e-9


def test_the_selected_minimiser_is_the_least(case, corners, selected, singular, reference, tiling):
    """Beside a least distance over all minimisers, in the metric that is documented."""
    problem, tiles = singular(case), tiling(selected(case))
    program, check = unit_free(problem), reference(problem)
    for i, vertices in enumerate(corners):
        theta = vertices.mean(axis=0)
        z = tiles.value(i, theta)
        expected = check.nearest(theta, z, program.middle, program.scale)
        assert z == pytest.approx(expected, abs=1e-6 * program.scale.max())


def test_the_law_has_no_jump(case, corners, selected, tiling):
    """All pieces that share a vertex, or the middle of two vertices, give one value there."""
    assert selected(case).continuous
    tiles = tiling(selected(case))
    for i, vertices in enumerate(corners):
        middles = (vertices[:, None] + vertices).reshape(-1, 2) / 2
        for theta in middles:
            values = np.array([tiles.value(j, theta) for j in {i, *tiles.at(theta)}])
            assert np.ptp(values, axis=0).max() <= 1e-7


def test_multipliers_of_the_active_rows_prove_every_piece(case, corners, selected, singular):
    """No other row is needed, at any vertex: what a certificate of the law relies on."""
    problem = singular(case)
    pairs = unit_free(problem).fixed
    for piece, vertices in zip(selected(case).pieces, corners, strict=True):
        rows = list(piece.active_rows)
        G = np.vstack([problem.G[rows], problem.G[pairs], -problem.G[pairs]])
        for theta in vertices:
            z = piece.solution_gain @ theta + piece.solution_offset
            slope = problem.H @ z + problem.f + problem.F @ theta
            assert np.abs((problem.w + problem.S @ theta - problem.G @ z)[rows]).max(initial=0.0) <= 1e-9
            left = nnls(G.T, -slope)[1] if len(G) else np.linalg.norm(slope)
            assert left <= 1e-9


@pytest.mark.parametrize("weight", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("name", ["infinity-norm 2", "1-norm 2", "tie at a vertex", "random 1 0"])
def test_a_small_weight_gives_exactly_the_least_solution_of_a_linear_program(name, weight, selected, singular, tiling):
    """Mangasarian and Meyer: below some weight the regularised program has the selected solution, not only nearly."""
    program, tiles = unit_free(singular(name)), tiling(selected(name))
    for i, piece in enumerate(selected(name).pieces):
        p = program.frame.inverse @ (piece.centre - program.frame.centre)
        right, n = program.w + program.S @ p, len(program.f)
        y, *_ = daqp.solve(
            weight * np.eye(n), program.f.copy(), np.ascontiguousarray(program.G), right,
            np.full(len(right), -1e30), np.zeros(len(right), np.int32),
        )  # fmt: skip
        z = program.middle + program.scale * y
        assert tiles.value(i, piece.centre) == pytest.approx(z, abs=1e-7)


def in_other_units(problem: MultiparametricQP, seed: int) -> tuple[MultiparametricQP, np.ndarray, np.ndarray]:
    """The problem with each row, variable and parameter in units of its own, 1e-6 to 1e6, and the last two's units."""
    draw = np.random.default_rng(seed)
    r, z, t, a = (10.0 ** draw.uniform(-6, 6, k) for k in (len(problem.w), problem.n, problem.t, len(problem.b_theta)))
    changed = MultiparametricQP(
        problem.H * np.outer(z, z), problem.f * z, problem.F * np.outer(z, t),
        problem.G * np.outer(r, z), problem.w * r, problem.S * np.outer(r, t),
        problem.A_theta * np.outer(a, t), problem.b_theta * a, equality_rows=problem.equality_rows,
    )  # fmt: skip
    return changed, z, t


def test_units_change_nothing(case, selected, singular, explored):
    seed = sum(case.encode())
    changed, z, t = in_other_units(singular(case), seed)
    found = select(changed, explored)
    assert len(found.pieces) == len(selected(case).pieces)
    scale = unit_free(singular(case)).scale
    for piece in selected(case).pieces:
        theta = piece.centre / t
        same = max(found.pieces, key=lambda other: (other.b - other.A @ theta).min())
        expected = piece.solution_gain @ piece.centre + piece.solution_offset
        got = z * (same.solution_gain @ theta + same.solution_offset)
        assert got == pytest.approx(expected, abs=1e-7 * scale.max())


def test_a_law_may_jump_where_theta_changes_the_cost(boxed, explored, reference):
    """min theta'z over a box: the four corners, one for each quadrant, and a note that it jumps."""
    box = np.vstack([np.eye(2), -np.eye(2)])
    problem = boxed(np.zeros((2, 2)), [0, 0], np.eye(2), box, np.ones(4), np.zeros((4, 2)))
    found = select(problem, explored)
    assert not found.continuous
    assert sorted(tuple(piece.solution_offset.round(9)) for piece in found.pieces) == [
        (-1, -1),
        (-1, 1),
        (1, -1),
        (1, 1),
    ]
    for piece in found.pieces:
        theta = piece.centre
        assert piece.solution_gain @ theta + piece.solution_offset == pytest.approx(-np.sign(theta))
        assert reference(problem).error(theta, piece.solution_offset) <= 1e-9


def test_no_jump_is_told_where_the_cost_changes_but_one_minimiser_stays(boxed, explored):
    """(2 + theta) z over z >= 0: theta changes the slope, never its sign."""
    found = select(boxed([[0]], [2], [[1]], [[-1]], [0], [[0]]), explored)
    assert found.continuous
    assert [(p.solution_gain.tolist(), p.solution_offset.tolist()) for p in found.pieces] == [([[0]], [0])]


def test_flat_parameter_sets_stay_flat(boxed, explored):
    """theta0 = theta1 in the set: the law is one over a line, and says so in its rows."""
    problem = boxed(
        [[1, 0], [0, 0]], [0, 0], [[-1, -1], [0, 0]], np.vstack([np.eye(2), -np.eye(2)]), np.ones(4), np.zeros((4, 2)),
        A_theta=[[1, -1], [-1, 1], [1, 0], [-1, 0]], b_theta=[0, 0, 1, 1],
    )  # fmt: skip
    found = select(problem, explored)
    assert len(found.pieces) == 3
    for piece in found.pieces:
        first, second = piece.centre
        assert first == pytest.approx(second)
        assert (piece.A @ (piece.centre + np.array([1e-6, -1e-6])) > piece.b).any()
        value = piece.solution_gain @ piece.centre + piece.solution_offset
        assert value == pytest.approx([np.clip(2 * first, -1, 1), 0], abs=1e-9)


def test_arrays_of_a_piece_cannot_be_written(selected):
    piece = selected("semidefinite").pieces[0]
    for array in (piece.A, piece.b, piece.solution_gain, piece.solution_offset, piece.centre):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_nothing_feasible_is_told_before_any_search(boxed):
    problem = boxed(np.zeros((1, 1)), [1], [[0]], [[1], [-1]], [-1, -1], [[0], [0]])
    with pytest.raises(Infeasible, match="row 0; row 1"):
        select(problem, lambda _: pytest.fail("searched"))


def test_a_weight_that_leaves_a_gap_is_followed_by_a_smaller_one(singular, selected, explored):
    tried = []

    def forgetful(problem):
        tried.append(problem)
        return Explored(explored(problem).active[: 1 if len(tried) == 1 else None])

    found = select(singular("semidefinite"), forgetful)
    assert found.weight == WEIGHTS[1]
    assert len(tried) == 2
    assert len(found.pieces) == len(selected("semidefinite").pieces)


def test_a_search_that_stopped_early_gives_what_it_found(singular, selected, explored):
    found = select(singular("1-norm 2"), lambda problem: Explored(explored(problem).active[:5], "the limit was 5"))
    assert found.partial == "the limit was 5"
    assert 0 < len(found.pieces) <= 5
    assert not selected("1-norm 2").partial
    whole = {piece.solution_offset.tobytes() for piece in selected("1-norm 2").pieces}
    assert {piece.solution_offset.tobytes() for piece in found.pieces} <= whole


def forgetting(explored, tried: list):
    """An exploration that misses one set at first, and gives up afterwards."""

    def failing(problem):
        tried.append(problem)
        if len(tried) > 1:
            raise NumericalError("gave up")
        return Explored(explored(problem).active[1:])

    return failing


def test_gaps_that_every_weight_leaves_are_entered(singular, explored, selected):
    tried = []
    found = select(singular("semidefinite"), forgetting(explored, tried))
    assert len(tried) == len(WEIGHTS)
    assert len(found.pieces) == len(selected("semidefinite").pieces)
    assert found.continuous


def test_gaps_that_stay_are_an_error_with_their_numbers(singular, explored, monkeypatch):
    monkeypatch.setattr(gaps, "least_minimiser", lambda *_: None)
    words = r"weight 0\.001: [1-9] open facets, 0 overlaps.*weight 1e-05: gave up; gaps entered: [1-9] open facets"
    with pytest.raises(NumericalError, match=words):
        select(singular("semidefinite"), forgetting(explored, []))


def test_the_weight_is_small_beside_what_pushes_along_flat_directions(boxed):
    """Curvature 1e4, in the same units as a slope of 2: the objective's largest coefficient says nothing."""
    rows = np.vstack([np.eye(2), -np.eye(2)]), np.ones(4), np.zeros((4, 1))
    program = unit_free(boxed(np.diag([1e4, 0]), [0, 2], [[0], [0]], *rows))
    assert program.push == pytest.approx(2e-4)
    assert unit_free(boxed(np.diag([1e4, 0]), [3, 0], [[0], [0]], *rows)).push == 1.0
