"""Parameter sets without an interior: flat along axes, diagonals, in several directions, at 0 and far from it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import MultiparametricQP, OutsideDomain, ProblemError, solve_explicit
from mpc.explicit.frame import Frame, frame_of

SEEDS = st.integers(0, 2**32 - 1)
BOX3 = np.vstack([np.eye(3), -np.eye(3)])


def projection(A_theta, b_theta) -> MultiparametricQP:
    """Three parameters in, two variables out: mixed, and clipped to the unit box and one oblique row."""
    F = np.array([[1.0, 0.5, -0.3], [-0.2, 1.0, 0.7]])
    G = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 1.0]])
    H = np.array([[1.0, 0.3], [0.3, 0.8]])
    return MultiparametricQP(H, [0.1, -0.2], F, G, [1, 1, 1, 1, 1.5], 0.1 * np.ones((5, 3)), A_theta, b_theta)


def with_width(theta: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of {theta + along s, |s_i| <= 1}: a box in the directions `along`, flat in all others."""
    t = len(theta)
    basis = np.linalg.qr(np.c_[along, np.eye(t)])[0][:, :t]
    back, normals = np.linalg.pinv(along), basis[:, along.shape[1] :].T
    A = np.vstack([back, -back, normals, -normals])
    return A, np.r_[np.ones(2 * len(back)), np.zeros(2 * len(normals))] + A @ theta


@pytest.fixture
def errors_at(oracle):
    """How far a law is from the oracle at points of the flat set that have a solution, beside the solution's size."""

    def at(law, points: np.ndarray) -> list[float]:
        answers = [(theta, oracle(law.problem)(theta)) for theta in points]
        known = [(theta, z) for theta, z in answers if z is not None]
        return [np.abs(law.solution(theta) - z).max() / (1 + np.abs(z).max()) for theta, z in known]

    return at


FLAT = {
    "along an axis": [[1, 0], [0, 1], [0, 0]],
    "along another axis": [[1, 0], [0, 0], [0, 1]],
    "along a diagonal": [[1, 0], [1, 0], [0, 1]],
    "along an oblique plane": [[1, 0.2], [0.5, -1], [-0.3, 0.4]],
    "in two axes": [[0], [1], [0]],
    "in an axis and a diagonal": [[1], [1], [0]],
    "in two of three directions": [[1], [0.5], [-1]],
}


@pytest.mark.parametrize("along", FLAT.values(), ids=FLAT.keys())
@pytest.mark.parametrize("centre", [[0, 0, 0], [0.3, -0.2, 0.5]])
def test_the_law_on_a_flat_set_is_the_minimiser_and_refuses_off_it(along, centre, errors_at):
    along, centre = 2.0 * np.array(along, dtype=float), np.array(centre, dtype=float)
    law = solve_explicit(projection(*with_width(centre, along)))
    points = centre + np.random.default_rng(0).uniform(-1, 1, (40, along.shape[1])) @ along.T
    errors = errors_at(law, points)
    assert len(errors) > 5
    assert max(errors) <= 1e-9
    for normal in np.linalg.svd(along)[0][:, along.shape[1] :].T:
        assert not law.nearest(points + 1e-6 * normal)[2].any()


@pytest.mark.parametrize("shares", [[1.0, 1.0, 1.0], [1.0, 2.0, -0.5]])
def test_shares_of_a_whole_have_a_box_whose_centre_is_none_of_them(shares, oracle):
    """A triangle: theta >= 0 (or <= 0) with shares'theta = 1."""
    shares = np.array(shares)
    A = np.vstack([np.diag(-np.sign(shares)), shares, -shares, BOX3])
    problem = projection(A, np.r_[np.zeros(3), 1, -1, np.full(6, 2.0)])
    law, reference = solve_explicit(problem), oracle(problem)
    corners = np.diag(1 / shares)
    for weights in np.random.default_rng(0).dirichlet(np.ones(3), 40):
        expected = reference(weights @ corners)
        if expected is not None:
            assert law.solution(weights @ corners) == pytest.approx(expected, abs=1e-9)
    assert law.nearest(corners.mean(axis=0))[2]
    with pytest.raises(OutsideDomain):
        law(corners.mean(axis=0) + 1e-6 * shares)


@given(SEEDS)
def test_drawn_flat_sets(oracle, seed):
    """One or two directions of any kind and length."""
    generator = np.random.default_rng(seed)
    along = generator.normal(size=(3, int(generator.integers(1, 3)))) * 10.0 ** generator.uniform(-2, 0.5)
    centre = generator.normal(size=3)
    law = solve_explicit(projection(*with_width(centre, along)))
    reference = oracle(law.problem)
    for step in generator.uniform(-0.95, 0.95, (10, along.shape[1])):
        expected = reference(centre + along @ step)
        if expected is not None:
            assert law.solution(centre + along @ step) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e6, -1e6])
def test_a_parameter_of_one_value_is_kept_and_scaled_by_its_size(value, oracle):
    """theta2 = value; its half width is its size, or 1 at 0, so that OutsideDomain has a measure."""
    size = abs(value) or 1.0
    F = np.array([[-1.0, 0.0, -0.5 / size]])
    problem = MultiparametricQP([[1]], [0], F, [[1], [-1]], [1, 1], np.zeros((2, 3)), BOX3, [2, 3, value, 2, 3, -value])
    law, reference = solve_explicit(problem), oracle(problem)
    assert law.half_width.tolist() == [2, 3, size]
    assert law.centre.tolist() == [0, 0, value]
    assert len(law.regions) == 3
    points = np.random.default_rng(0).uniform(-1, 1, (50, 3)) * [2, 3, 0] + [0, 0, value]
    for theta in points:
        assert law.solution(theta) == pytest.approx(reference(theta), abs=1e-9)
        off = theta + 1e-9 * size * np.eye(3)[2]
        with pytest.raises(OutsideDomain, match=f"theta2 is above {value:g}".replace("+", r"\+")):
            law(off)
        assert law.locate(off).margin == pytest.approx(-1e-9, rel=1e-6)
    law(points + 5e-12 * size * np.eye(3)[2])


def test_the_gain_along_what_cannot_move_is_none():
    """Only the direction in which theta moves has a gain, so that hairs off the set do not count."""
    along = np.array([[1.0], [1.0], [0.0]])
    law = solve_explicit(projection(*with_width(np.zeros(3), along)))
    for region in law.regions:
        assert region.solution_gain @ [1, -1, 0] == pytest.approx(np.zeros(2), abs=1e-14)
        assert region.solution_gain @ [0, 0, 1] == pytest.approx(np.zeros(2), abs=1e-14)
    assert max(np.abs(region.solution_gain).max() for region in law.regions) > 0.1


@pytest.mark.parametrize("point", [[0.0, 0.0, 0.0], [1.0, -2.0, 1e6]])
def test_a_single_point_is_no_parameter_set(point):
    point = np.array(point)
    words = rf"single point theta0 = {point[0]:g}, theta1 = {point[1]:g}, .*nothing is left.*widen one bound"
    with pytest.raises(ProblemError, match=words):
        solve_explicit(projection(BOX3, np.r_[point, -point]))


def test_a_single_point_between_oblique_rows_is_none_either():
    """theta0 + theta1 = 0 and theta0 - theta1 = 0 in a wide box."""
    rows = np.array([[1, 1, 0], [1, -1, 0], [0, 0, 1]])
    A, b = np.vstack([rows, -rows, BOX3]), np.r_[np.zeros(6), np.ones(6)]
    with pytest.raises(ProblemError, match="the parameter set is the single point"):
        solve_explicit(projection(A, b))


def test_an_empty_parameter_set_is_named():
    with pytest.raises(ProblemError, match="the set is empty: theta1 would be at least 1 and at most -1"):
        solve_explicit(projection(BOX3, [1, -1, 1, 1, -1, 1]))
    empty = np.vstack([BOX3, [[1, 1, 0], [-1, -1, 0]]]), np.r_[np.ones(6), 0, -0.5]
    with pytest.raises(ProblemError, match="the set is empty"):
        solve_explicit(projection(*empty))


def test_an_unbounded_parameter_set_is_named():
    with pytest.raises(ProblemError, match="the set is unbounded: theta2 has no limit above; add a finite bound"):
        solve_explicit(projection(np.delete(BOX3, 2, axis=0), np.ones(5)))


@given(SEEDS)
def test_a_frame_maps_there_and_back(seed):
    """phi -> theta -> phi; directions and normals are orthogonal in half widths; rows say the same on both sides."""
    generator = np.random.default_rng(seed)
    along = generator.normal(size=(3, int(generator.integers(1, 4))))
    centre = generator.normal(size=3)
    frame = frame_of(projection(*with_width(centre, along)))
    s = along.shape[1]
    assert frame.directions.shape == (3, s)
    assert frame.fixed.shape == (3 - s, 3)
    assert frame.inverse @ frame.directions == pytest.approx(np.eye(s), abs=1e-9)
    assert frame.fixed @ frame.directions == pytest.approx(np.zeros((3 - s, s)), abs=1e-9)
    phi = generator.uniform(-1, 1, (20, s))
    theta = frame.point(phi)
    A, b = frame.rows(np.eye(s), np.zeros(s))
    assert (theta @ A.T - b)[:, :s] == pytest.approx(phi, abs=1e-8)
    assert np.array_equal(A[s:], np.vstack([frame.fixed, -frame.fixed]))
    assert (theta @ A.T - b)[:, s:] == pytest.approx(np.zeros((20, 2 * (3 - s))), abs=1e-8)


@given(SEEDS)
def test_the_set_touches_every_side_of_its_frame(seed):
    generator = np.random.default_rng(seed)
    along = generator.normal(size=(3, int(generator.integers(1, 3))))
    frame = frame_of(projection(*with_width(generator.normal(size=3), along)))
    s = along.shape[1]
    corners = np.stack(np.meshgrid(*[[-1.0, 1.0]] * s), axis=-1).reshape(-1, s) @ (frame.inverse @ along).T
    assert corners.max(axis=0) == pytest.approx(np.ones(s), abs=1e-7)
    assert corners.min(axis=0) == pytest.approx(-np.ones(s), abs=1e-7)


def test_the_frame_of_a_box_is_its_half_widths():
    frame = Frame.of_box(np.array([1.0, 2.0]), np.array([0.5, 4.0]))
    assert frame.directions.tolist() == [[0.5, 0], [0, 4]]
    assert frame.inverse.tolist() == [[2, 0], [0, 0.25]]
    assert frame.fixed.shape == (0, 2)
    flat = Frame.of_box(np.array([1.0, 2.0]), np.array([0.5, 2.0]), np.array([True, False]))
    assert flat.directions.tolist() == [[0.5], [0]]
    assert flat.fixed.tolist() == [[0, 0.5]]
    assert flat.point(np.array([-1.0])).tolist() == [0.5, 2]


@pytest.mark.parametrize("width", [1e-3, 1e-6, 1e-8])
def test_a_thin_set_is_not_flat(width, errors_at):
    """A diagonal strip of this width keeps both its directions."""
    A = np.vstack([BOX3, [[1, 1, 0], [-1, -1, 0]]])
    problem = projection(A, np.r_[np.ones(6), width, width])
    law = solve_explicit(problem)
    assert frame_of(problem).fixed.shape == (0, 3)
    generator = np.random.default_rng(0)
    steps = generator.uniform(-0.9, 0.9, (30, 3))
    points = np.c_[steps[:, 0], -steps[:, 0] + width * steps[:, 1], steps[:, 2]]
    assert law.nearest(points)[2].any()
    assert max(errors_at(law, points)) <= 1e-9
    assert not law.nearest(points + np.array([5 * width, 0, 0]))[2].any()
