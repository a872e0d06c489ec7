"""The reference of the judge, beside solutions that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.solver.families import control, double_integrator
from benchmarks.solver.harder import flat, nearest
from benchmarks.solver.oracle import Oracle, kkt_error, polished
from benchmarks.solver.points import STEP, facet_middle, facet_points, random_points
from benchmarks.solver.problems import Problem, box, raw
from mpc import LinearModel, MPCProblem, condense

SQUARE = Oracle(nearest("square", np.vstack([np.eye(2), -np.eye(2)]), np.ones(4), 9, ""))


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=2))
def test_the_nearest_point_of_a_square_is_the_clipped_one(theta):
    status, z = SQUARE.solve(np.array(theta))
    assert status == "optimal"
    np.testing.assert_allclose(z, np.clip(theta, -1, 1), atol=1e-12)


@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e5])
def test_an_equality_and_units_make_no_difference(scale):
    # min 1/2 |z - theta|^2 on z1 + z2 = 0, with z2 in other units: the antisymmetric part of theta
    unit = np.array([1.0, scale])
    A, b = box([1.0, 1.0])
    arrays = raw(np.diag(unit**2), [0, 0], -np.diag(unit), unit[None], [0.0], np.zeros((1, 2)), A, b, [0])
    status, z = Oracle(Problem("equal", arrays, "")).solve(np.array([0.7, 0.2]))
    assert status == "optimal"
    np.testing.assert_allclose(z * unit, [0.25, -0.25], atol=1e-12)


def test_infeasible_is_said_only_well_beyond_the_edge():
    rows = np.array([[1.0], [-1.0]])
    oracle = Oracle(
        Problem("edge", raw([[1.0]], [0], [[0.0]], rows, [0, 0], [[1.0], [0.0]], rows, [1, 1]), "")
    )  # 0 <= z <= theta
    said = [oracle.solve(np.array([theta]))[0] for theta in (1e-3, 0.0, -1e-8, -1e-3)]
    assert said == ["optimal", "optimal", "unsure", "infeasible"]


def test_a_row_of_parameters_alone_decides_by_itself():
    rows = np.array([[1.0], [-1.0]])
    arrays = raw([[1.0]], [0], [[1.0]], [[0.0]], [0.5], [[-1.0]], rows, [1, 1])  # 0 z <= 0.5 - theta
    oracle = Oracle(Problem("bare", arrays, ""))
    assert [oracle.solve(np.array([theta]))[0] for theta in (0.4, 0.6)] == ["optimal", "infeasible"]


def test_the_kkt_error_sees_a_wrong_sign_and_a_violated_row():
    G, level, none = np.array([[1.0]]), np.array([1.0]), np.zeros(1, dtype=bool)
    linear = np.array([-2.0])  # the free minimiser is 2, the constrained one 1
    assert kkt_error(np.array([1.0]), linear, G, level, none) < 1e-15
    assert kkt_error(np.array([2.0]), linear, G, level, none) > 0.1
    assert kkt_error(np.array([0.5]), linear, G, level, none) > 0.1
    assert kkt_error(np.array([1.0]), -linear, G, level, none) > 0.1


def test_polishing_puts_the_free_minimiser_onto_the_active_rows_repeated_ones_too():
    G = np.array([[0.6, 0.8, 0.0], [0.6, 0.8, 0.0]])
    u = polished(np.array([-1.0, -2.0, -3.0]), G, np.ones(2))
    np.testing.assert_allclose(u, [1 - 0.6 * 1.2, 2 - 0.8 * 1.2, 3.0], atol=1e-15)


def test_points_lie_in_the_parameter_set_and_across_facets(nine):
    points = random_points(SQUARE, 50)
    assert len(points) == 50
    assert np.abs(points).max() <= 3
    measured = nine.measured(SQUARE.set_of_parameters[1])
    across = facet_points(SQUARE, measured, 100)
    assert np.abs(across).max() <= 3
    nearest_line = np.abs(np.abs(across[:, :, None]) - [1.0, 3.0]).min(axis=(1, 2))
    assert nearest_line.max() == pytest.approx(3 * STEP)
    np.testing.assert_allclose(facet_middle(measured, 16, np.full(2, 3.0)), [1.0, 0.0], atol=1e-9)


def test_a_parameter_without_width_stays_where_it_is():
    arrays = control(double_integrator(), 5)
    oracle = Oracle(flat({"dint_N5": Problem("dint_N5", arrays, "")}))
    centre, half = oracle.set_of_parameters
    np.testing.assert_allclose((centre[1], half[1]), (0.2, 0.0), atol=1e-12)
    np.testing.assert_allclose(random_points(oracle, 20)[:, 1], 0.2, atol=1e-12)


def test_control_is_what_the_toolbox_condenses():
    A, B = double_integrator()
    problem = MPCProblem(
        LinearModel(A, B, 1.0),
        np.eye(2),
        [[0.1]],
        4,
        ([-2, -2], [2, 2]),
        ([-1], [1]),
        parameter_bounds=([-4, -4], [4, 4]),
    )
    condensed, ours = condense(problem), control((A, B), 4, state_limit=2.0)
    np.testing.assert_allclose(condensed.H, 2 * ours["H"], rtol=1e-9)
    np.testing.assert_allclose(condensed.F, 2 * ours["F"], rtol=1e-9)
    theirs = np.c_[condensed.G, condensed.w, condensed.S]
    mine = np.c_[ours["G"], ours["w"], ours["S"]]
    np.testing.assert_allclose(sorted(theirs.tolist()), sorted(mine.tolist()), atol=1e-12)
