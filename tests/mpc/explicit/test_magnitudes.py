import numpy as np
import pytest

from mpc import MultiparametricQP, ProblemError, solve_explicit

BOX = np.vstack([np.eye(2), -np.eye(2)])


def problem(**changes) -> MultiparametricQP:
    parts = {"H": np.eye(2), "f": np.zeros(2), "F": np.ones((2, 2)), "G": BOX, "w": np.ones(4), "S": np.zeros((4, 2))}
    return MultiparametricQP(**(parts | {"A_theta": BOX, "b_theta": np.ones(4)} | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"F": 1e160 * np.ones((2, 2))}, r"`F` holds 1e\+160 at \[0, 0\].*beyond 1e\+100 overflow; use other units"),
        ({"w": [1, 1, 1e300, 1]}, r"`w` holds 1e\+300 at \[2\].*leave out a row that never binds"),
        ({"b_theta": [1, -1e200, 1, 1]}, r"`b_theta` holds -1e\+200 at \[1\]"),
        ({"H": 1e-160 * np.eye(2)}, "`H` diagonal entry 0 holds nothing larger than 1e-160.*multiply H, f and F"),
        ({"G": np.diag([1e-200, 1, 1, 1]) @ BOX, "w": [1e-200, 1, 1, 1]}, "`G` row 0 holds nothing larger than 1e-200"),
        ({"G": 1e-160 * BOX}, "`G` row 0 holds nothing larger than 1e-160.*multiply the row of G, w and S"),
        ({"A_theta": 1e-200 * BOX, "b_theta": [1e-200] * 4}, "`A_theta` row 0 holds nothing larger than 1e-200"),
    ],
)
def test_numbers_whose_products_leave_float64_are_refused(changes, words):
    with pytest.raises(ProblemError, match=words):
        problem(**changes)


def test_small_entries_beside_others_and_large_limits_are_no_error():
    law = solve_explicit(problem(F=[[1, 1e-200], [1, 1]], w=[1, 1, 1, 1e30]))
    assert law.solution([-0.5, 0.9]) == pytest.approx([0.5, -0.4])


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_rows_of_any_usual_size_are_solved(size):
    rows = np.array([size, 1, 1, 1])
    law = solve_explicit(problem(G=rows[:, None] * BOX, w=rows))
    assert law.solution([-0.9, -0.9]) == pytest.approx([1, 1])
