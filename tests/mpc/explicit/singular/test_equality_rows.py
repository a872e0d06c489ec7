"""Equality rows, given and implied, of singular problems: solved for first, and refused where they fix theta."""

import numpy as np
import pytest
from scipy.optimize import linprog

from mpc import MultiparametricQP, NumericalError
from mpc.explicit.errors import Infeasible, ProblemError
from mpc.explicit.labels import Labels
from mpc.explicit.singular import gaps, selection
from mpc.explicit.singular.hull import affine_hull
from mpc.explicit.singular.selection import select
from mpc.explicit.singular.slice import sliced
from mpc.explicit.singular.unit_free import unit_free

THREE = np.vstack([np.eye(3), -np.eye(3)])


def three_equalities_and_their_multiples(boxed) -> MultiparametricQP:
    """A linear program in four variables: rows 0, 1 and 6 are equalities, 8 and 9 are 3 times rows 0 and 1."""
    G = [
        [-0.3500259015420927, -0.6280881460264042, 0.9144453793678541, -1.4697612753433034],
        [0.9879429168856536, 0.4174896568524024, -0.7865146667968216, -0.5894798183186865],
        [-1.18102623565048, 0.08196571588916707, -0.6260209736844227, -0.266099103013915],
        [-2.9100424550292088, 1.78077340415722, 2.213098036277711, -1.5788661449078383],
        [-0.10532930716543452, -0.49796795202764293, -1.1124354618981909, -0.6174474200286054],
        [-0.8659302164184067, 2.1452652080878196, 0.5681792237162543, -1.0919673773609553],
        [2.114669989313255, -1.7550351383074745, 0.834147212160132, -0.2965612005875703],
        [0.9239003456316829, 0.21475622467163136, 0.16504658787063725, 0.44448746106707654],
        [-1.0500777046262781, -1.8842644380792124, 2.743336138103562, -4.40928382602991],
        [2.963828750656961, 1.2524689705572072, -2.3595440003904646, -1.7684394549560594],
    ]
    w = [
        0.7306141305389304, 0.9969151722102481, 0.6011031813661042, 1.6145241703061937, 1.3688912634832433,
        0.5627377495964139, 0.37182106318561214, 0.41718471168167404, 2.1918423916167913, 2.990745516630744,
    ]  # fmt: skip
    f = [-0.34427667681812935, 1.5745888531739325, -0.5813268888012227, -0.11677423449546094]
    F = [[0.14, -0.58, -0.23], [0.65, 1.45, -0.65], [-1.46, -0.08, 0.25], [-1.3, 2.72, 0.66]]
    return boxed(np.zeros((4, 4)), f, F, G, w, np.zeros((10, 3)), equality_rows=(0, 1, 6))


def one_point_between_limits(boxed) -> MultiparametricQP:
    """Rows 2 and 8 leave z0 + 2 z1 = 6, z2 = -2, of which |z0|, |z1| <= 2 allow one point."""
    H = np.array([[4, 4, -2], [4, 8, -4], [-2, -4, 2]])
    G = np.vstack([[[0, 0, 0], [2, 0, 2], [1, 2, 2]], THREE, [[0, 0, 0], [6, 0, 6]]])
    w = [1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3]
    return boxed(H, [0, 0, 0], [[0], [1], [-1]], G, w, np.zeros((11, 1)), equality_rows=(2, 8))


def zero_row_with_a_tiny_level(boxed) -> MultiparametricQP:
    """Row 6, 0 z <= 1.4e-10, always holds, however small that is; the others are scaled by 1e-9 to 7e10."""
    G = np.array([[-1.5e10, 0.047, -7e10, -1.3e-9, 0, 8.4e-8, 0, -252.0, 7.3e5]]).T
    w = [1.5e10, 0.047, 7e10, 1.3e-9, 3.7e3, 0, 1.4e-10, 252.0, 7.3e5]
    return boxed([[0]], [0], [[0]], G, w, np.zeros((9, 1)), equality_rows=(5,))


def drawn(seed: int, boxed) -> MultiparametricQP:
    """A linear program of small whole numbers with equality rows, multiples of them, and |z| <= 2."""
    draw = np.random.default_rng(seed)
    n, q, given = int(draw.integers(2, 5)), 5, int(draw.integers(1, 3))
    G, w, S = draw.integers(-2, 3, (q, n)), draw.integers(0, 3, q), np.zeros((q, 2))
    S[given:] = draw.integers(-1, 2, (q - given, 2))
    G = np.vstack([G, 3 * G[:given], -G[:1], np.eye(n), -np.eye(n)])
    w, S = np.r_[w, 3 * w[:given], -w[0], np.full(2 * n, 2)], np.vstack([S, np.zeros((given + 1 + 2 * n, 2))])
    size = 10.0 ** draw.uniform(-12, 12, len(w)) if seed % 3 == 0 else np.ones(len(w))
    cost = np.zeros((n, n)), draw.integers(-2, 3, n), draw.integers(-2, 3, (n, 2))
    G, w, S = G * size[:, None], w * size, S * size[:, None]
    return boxed(*cost, G, w, S, equality_rows=tuple(range(given)))


def least_value(problem: MultiparametricQP, theta: np.ndarray) -> float | None:
    """The least value of a linear program, rows of unit length, by HiGHS; None where nothing is feasible."""
    unit = np.linalg.norm(problem.G, axis=1)
    unit[unit == 0] = 1
    G, b, fixed = problem.G / unit[:, None], (problem.w + problem.S @ theta) / unit, list(problem.equality_rows)
    cost = problem.f + problem.F @ theta
    result = linprog(cost, G, b, A_eq=G[fixed], b_eq=b[fixed], bounds=(None, None))
    return result.fun if result.status == 0 else None


def values(problem: MultiparametricQP, found: selection.Selection, theta: np.ndarray) -> list[float]:
    """The cost at theta of every piece that holds it."""
    holding = [p for p in found.pieces if (p.A @ theta <= p.b + 1e-9).all()]
    solutions = [p.solution_gain @ theta + p.solution_offset for p in holding]
    return [(problem.f + problem.F @ theta + problem.H @ z / 2) @ z for z in solutions]


def worst_gap(problem: MultiparametricQP, found: selection.Selection) -> float:
    """How far pieces are from the least value at worst, beside its size; inf where one side alone has a solution."""
    gaps = [0.0]
    for theta in np.random.default_rng(0).uniform(-1, 1, (20, problem.t)):
        expected, got = least_value(problem, theta), values(problem, found, theta)
        if bool(got) != (expected is not None):
            return np.inf
        gaps += [abs(value - expected) / max(1.0, abs(expected)) for value in got]
    return max(gaps)


@pytest.mark.parametrize("problem", [three_equalities_and_their_multiples, zero_row_with_a_tiny_level])
def test_linear_programs_with_equality_rows_have_their_least_value(problem, boxed, explored):
    assert worst_gap(problem(boxed), select(problem(boxed), explored)) <= 1e-8


def test_one_point_is_a_law_without_any_search(boxed):
    found = select(one_point_between_limits(boxed), lambda _: pytest.fail("searched"))
    assert [p.solution_offset.round(12).tolist() for p in found.pieces] == [[2, 2, -2]]
    assert found.pieces[0].solution_gain == pytest.approx(np.zeros((3, 1)))


@pytest.mark.parametrize("seed", range(30))
def test_drawn_linear_programs_have_their_least_value_or_a_right_refusal(seed, boxed, explored):
    problem = drawn(seed, boxed)
    try:
        found = select(problem, explored)
    except ProblemError as error:
        told = "fix a parameter" in str(error) or isinstance(error, Infeasible)
        values = [least_value(problem, t) for t in np.random.default_rng(0).uniform(-1, 1, (50, 2))]
        assert (told, values) == (True, [None] * 50)
    else:
        assert worst_gap(problem, found) <= 1e-8


def test_the_search_sees_no_equality_row(boxed, explored):
    def look(problem):
        seen.append(problem)
        return explored(problem)

    seen = []
    select(three_equalities_and_their_multiples(boxed), look)
    assert {(p.n, p.equality_rows) for p in seen} == {(1, ())}
    assert not {"row 0", "row 1", "row 6", "row 8", "row 9"} & set(seen[0].names.rows)


def test_rows_that_fix_a_parameter_are_named_with_its_value(boxed):
    labels = Labels(("load", "price"), ("z0", "z1"), ("demand", "supply", "spare"))
    rows = [[1, 1], [2, 2], [1, -1]], [1, 3, 5], [[1, 0], [0, 0], [0, 0]]
    problem = boxed(np.zeros((2, 2)), [0, 0], np.zeros((2, 2)), *rows, equality_rows=(0, 1), labels=labels)
    words = r"\(demand; supply\) fix a parameter: load = 0.5; .* Remove or widen one"
    with pytest.raises(ProblemError, match=words):
        unit_free(problem)


def test_a_sum_of_parameters_that_is_fixed_is_written_out(boxed):
    rows = [[1, 0], [1, 0]], [0, 1], [[2, 0], [0, 4]]
    problem = boxed(np.zeros((2, 2)), [0, 0], np.zeros((2, 2)), *rows, equality_rows=(0, 1))
    with pytest.raises(ProblemError, match=r"theta1 -0.5 theta0 = -0.25;"):
        unit_free(problem)


def test_inequalities_that_fix_a_parameter_are_named_too(boxed):
    problem = boxed([[0]], [0], [[0]], [[1], [-1], [1]], [1, -3, 9], [[1], [1], [0]])
    with pytest.raises(ProblemError, match=r"\(row 0; row 1\) fix a parameter: theta0 = 1;"):
        unit_free(problem)


def test_a_twin_that_is_refused_is_followed_by_one_with_another_weight(singular, explored, selected, monkeypatch):
    def picky(problem):
        tried.append(problem)
        if len(tried) == 1:
            raise ProblemError("badly scaled")
        return explored(problem)

    def infeasible(_):
        raise Infeasible(["a"], 1.0)

    def hopeless(_):
        raise ProblemError("badly scaled")

    tried = []
    assert select(singular("semidefinite"), picky).weight == selection.WEIGHTS[1]
    with pytest.raises(Infeasible):
        select(singular("semidefinite"), infeasible)
    assert len(select(singular("semidefinite"), hopeless).pieces) == len(selected("semidefinite").pieces)
    monkeypatch.setattr(gaps, "least_minimiser", lambda *_: None)
    with pytest.raises(NumericalError, match=r"weight 0\.001: badly scaled; weight 1e-05: badly scaled"):
        select(singular("semidefinite"), hopeless)


CUBE = np.vstack([THREE, [[1, 1, 1]]]) / np.r_[np.ones(6), np.sqrt(3)][:, None]


@pytest.mark.parametrize(
    ("level", "tight", "free"), [(-3, [3, 4, 5, 6], 0), (-2, [6], 2), (0.5, [6], 2), (3, [0, 1, 2, 6], 0)]
)
def test_the_hull_of_a_cube_cut_by_a_plane(level, tight, free):
    """The plane x0 + x1 + x2 = level meets |x| <= 1 in a corner, a triangle or a hexagon."""
    hull = affine_hull(CUBE, np.r_[np.ones(6), level / np.sqrt(3)], np.array([6]))
    assert hull is not None
    assert hull.tight.tolist() == tight
    assert hull.along.shape == (3, free)
    assert hull.start.sum() == pytest.approx(level)


def test_implied_rows_are_found_in_a_chain():
    """x0 <= 0 <= x0 leaves x1 <= x0 and -x1 <= x0: each round sees only what the one before has fixed."""
    A = np.array([[1, 0, 0], [-1, 0, 0], [-1, 1, 0], [-1, -1, 0], [0, -1, 1.0]])
    A /= np.linalg.norm(A, axis=1)[:, None]
    hull = affine_hull(A, np.zeros(5), np.zeros(0, dtype=np.intp))
    assert hull is not None
    assert hull.tight.tolist() == [0, 1, 2, 3]
    assert np.abs(hull.along.ravel()) == pytest.approx([0, 0, 1])


@pytest.mark.parametrize("level", [3.01, -3.01])
def test_an_empty_set_has_no_hull(level):
    assert affine_hull(CUBE, np.r_[np.ones(6), level / np.sqrt(3)], np.array([6])) is None
    assert affine_hull(np.array([[1.0], [-1.0]]), np.array([0, -1e-6]), np.zeros(0, dtype=np.intp)) is None


def test_a_slice_keeps_what_the_other_rows_say():
    draw = np.random.default_rng(0)
    G, w, S = draw.standard_normal((6, 4)), draw.standard_normal(6), draw.standard_normal((6, 2))
    G[5] = S[5] = 0
    found = sliced(G, w, S, np.array([1, 3]))
    assert found.rows.tolist() == [0, 2, 4]
    x, p = draw.standard_normal(2), draw.standard_normal(2)
    y = found.start @ np.r_[1, p] + found.along @ x
    assert G[[1, 3]] @ y == pytest.approx((w + S @ p)[[1, 3]])
    assert found.G @ x - found.w - found.S @ p == pytest.approx((G @ y - w - S @ p)[found.rows])
    assert found.along.T @ found.start == pytest.approx(np.zeros((2, 3)), abs=1e-12)


def test_a_zero_row_is_no_equality(boxed):
    assert unit_free(zero_row_with_a_tiny_level(boxed)).fixed.tolist() == [5]


def test_the_twin_has_the_slope_of_the_whole_problem(boxed):
    """With the weight times y added, along what the equality row leaves."""
    H = np.array([[2, 1, 0], [1, 2, 0], [0, 0, 0]])
    rows = np.vstack([[[1, 2, 3]], THREE]), [1, 2, 2, 2, 2, 2, 2], np.vstack([[[1, -1]], np.zeros((6, 2))])
    problem = boxed(H, [1, 0, 1], [[1, 0], [0, 2], [0, 0]], *rows, equality_rows=(0,))
    program = unit_free(problem)
    twin = selection.regularised(program, 0.1, problem)
    x, p = np.array([0.3, -0.7]), np.array([0.2, 0.9])
    y = program.slice.start @ np.r_[1, p] + program.slice.along @ x
    slope = program.H @ y + program.f + program.F @ p + 0.1 * y
    assert twin.H @ x + twin.f + twin.F @ p == pytest.approx(program.slice.along.T @ slope)
