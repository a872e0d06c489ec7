"""Linear programs: a second method where the first gives up, and units that do not matter."""

import numpy as np
import pytest

from mpc.explicit import linear
from mpc.explicit.linear import balanced, linear_program, row_lengths


def test_a_known_optimum():
    result = linear_program(np.array([-1.0, -1.0]), np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([4.0, 6.0]))
    assert result.x == pytest.approx([1.6, 1.2])
    assert linear_program(np.array([1.0]), np.array([[1.0]]), np.array([3.0]), last=(-2, None)).fun == pytest.approx(-2)


def test_unbounded_and_infeasible_have_their_status():
    assert linear_program(np.array([1.0]), np.array([[1.0]]), np.array([0.0])).status == 3
    assert linear_program(np.array([0.0]), np.array([[1.0], [-1.0]]), np.array([0.0, -1.0])).status == 2


def test_a_second_method_answers_where_the_first_gives_up():
    """Rows, scaled to [-1, 1], on which the simplex method of HiGHS ends with an unknown status."""
    A = np.array(
        [
            [0.98786347, -0.05866687, -0.14381922, 1],
            [0.16359956, -0.28473165, 0.94454384, 1],
            [-0.97664523, 0.03673468, 0.21169472, 1],
            [-0.11253674, 0.28200867, -0.95278885, 1],
            [0, 1, 0, 1],
            [0, -1, 0, 1],
            [0, 0, -1, 1],
        ]
    )
    b = np.array([-0.42221426, -0.5911532, 0.56581993, 1.10710778, 1, 1, 1])
    assert linear_program(np.array([0, 0, 0, -1.0]), A, b, last=(None, 1e9)).fun == pytest.approx(-0.10911401, abs=1e-6)


def test_the_second_method_is_asked_once(monkeypatch):
    honest, methods = linear.linprog, []

    def gives_up(*arguments, method="highs", **settings):
        methods.append(method)
        result = honest(*arguments, method=method, **settings)
        result.status = result.status if method == "highs-ipm" else 4
        return result

    monkeypatch.setattr(linear, "linprog", gives_up)
    assert linear_program(np.array([-1.0]), np.array([[1.0]]), np.array([3.0])).fun == pytest.approx(-3)
    assert methods == ["highs", "highs-ipm"]


def test_balancing_keeps_the_set():
    generator = np.random.default_rng(0)
    A, b = generator.normal(size=(6, 3)) * 10 ** generator.uniform(-6, 6, (6, 1)), generator.normal(size=6)
    A *= 10 ** generator.uniform(-6, 6, 3)
    rows, levels, unit = balanced(A, b)
    assert np.abs(rows).max() <= 1 + 1e-9
    assert np.abs(rows).max(axis=0).min() > 0.5
    assert np.abs(levels).max() == pytest.approx(1)
    points = generator.normal(size=(100, 3)) / np.abs(A).max(axis=0)
    assert ((points @ A.T <= b) == (points / unit @ rows.T <= levels)).all()


def test_rows_of_zeros_have_length_one():
    assert row_lengths(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [5, 1]
    rows, levels, unit = balanced(np.zeros((1, 2)), np.zeros(1))
    assert (rows.tolist(), levels.tolist(), unit.tolist()) == ([[0, 0]], [0], [1, 1])
