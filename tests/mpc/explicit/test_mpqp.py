"""A multiparametric QP refuses whatever is not well posed, before any solving, and copies what it is given."""

import numpy as np
import pytest

from mpc import MultiparametricQP, ProblemError, solve_explicit
from mpc.explicit.labels import Labels

GOOD = {
    "H": [[2.0, 0.5], [0.5, 1.0]],
    "f": [0.1, 0.2],
    "F": [[1.0], [0.5]],
    "G": [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]],
    "w": [1.0, 1.0, 1.0],
    "S": [[0.0], [0.0], [0.1]],
    "A_theta": [[1.0], [-1.0]],
    "b_theta": [1.0, 1.0],
}


def problem(**changes) -> MultiparametricQP:
    return MultiparametricQP(**GOOD | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"H": [[1, np.nan], [0, 1]]}, r"`H` is NaN at \[0, 1\]"),
        ({"H": [[1, 0, 0], [0, 1, 0]]}, r"`H` has shape \(2, 3\)"),
        ({"H": [[1, 2], [0, 1]]}, r"`H` is not symmetric: \[0, 1\] is 2 but \[1, 0\] is 0; pass \(H \+ H'\) / 2"),
        ({"H": [[1, 2], [2, 1]]}, "`H` must be positive semidefinite, but its smallest eigenvalue is -1; make it 0 or"),
        ({"H": [[-1e-9, 0], [0, 1]]}, "its smallest eigenvalue is -1e-09"),
        ({"H": [[0, 1e-9], [1e-9, 1]]}, "`H` must be positive semidefinite, but its smallest eigenvalue is -1e-18"),
        ({"H": [["a", "b"], ["c", "d"]]}, "`H` has dtype"),
        ({"H": [[1, 0], [0]]}, "`H` is ragged"),
        ({"H": [[1j, 0], [0, 1]]}, "`H` has dtype complex"),
        ({"f": [1, 2, 3]}, r"`f` has shape \(3,\), but \(2,\) is needed"),
        ({"F": [[1.0]]}, r"`F` has shape \(1, 1\), but \(2, 1\) is needed"),
        ({"F": [1.0, 2.0]}, r"`F` has shape \(2,\)"),
        ({"F": [[np.inf], [0]]}, r"`F` is infinite at \[0, 0\]"),
        ({"G": [[1.0, 0.0, 0.0]]}, r"`G` has shape \(1, 3\)"),
        ({"w": [1, 2]}, "`G` has 3 rows but `w` has 2"),
        ({"w": [1, 2, np.nan]}, r"`w` is NaN at \[2\]"),
        ({"S": [[0.0], [0.0]]}, "`G` has 3 rows but `S` has 2"),
        ({"S": [[0.0, 1.0]] * 3}, r"`S` has shape \(3, 2\)"),
        ({"A_theta": [[1.0, 2.0]]}, r"`A_theta` has shape \(1, 2\)"),
        ({"b_theta": [1.0]}, "`A_theta` has 2 rows but `b_theta` has 1"),
        ({"equality_rows": (3,)}, "`equality_rows` names row 3, but `G` has 3 rows"),
        ({"equality_rows": (-1,)}, "`equality_rows` is -1"),
        ({"equality_rows": (0.5,)}, "`equality_rows` is 0.5, but it must be a whole number"),
        ({"equality_rows": (True,)}, "`equality_rows` is True"),
        ({"equality_rows": 2}, "`equality_rows` is 2.*sequence"),
        ({"labels": "theta"}, "`labels`.*Labels"),
        ({"labels": Labels(("a",), ("b",), ("r",) * 3)}, "names 1 variables but the problem has 2"),
        ({"labels": Labels(("a",), ("b", "c"), ("r",))}, "names 1 rows but the problem has 3"),
        ({"labels": Labels((), ("b", "c"), ("r",) * 3)}, "names 0 parameters"),
        ({"labels": Labels(("a",), ("b", "c"), ("r",) * 3, ("m", "s"))}, "2 parameter units"),
        ({"G": [[0, 0], [0, 1], [1, 0]], "w": [-1, 1, 1], "S": [[0]] * 3}, r"row 0 \(row 0\) is zero.*-1: infeasible"),
        ({"G": [[0, 0], [0, 1], [1, 0]], "S": [[0]] * 3, "equality_rows": (0,)}, "row 0.*is zero"),
        ({"F": np.zeros((2, 0)), "S": np.zeros((3, 0)), "A_theta": np.zeros((2, 0))}, "at least 1 parameter"),
        (
            {"H": np.zeros((0, 0)), "f": [], "F": np.zeros((0, 1)), "G": np.zeros((3, 0))},
            "at least 1 variable",
        ),
    ],
)
def test_what_is_not_well_posed_is_named(changes, words):
    with pytest.raises(ProblemError, match=words):
        problem(**changes)


def test_harmless_asymmetry_is_taken_out():
    H = np.array(GOOD["H"])
    H[0, 1] += 1e-17
    H[1, 0] -= 5e-17
    assert (problem(H=H).H == problem(H=H).H.T).all()


@pytest.mark.parametrize("seed", range(20))
def test_definiteness_does_not_depend_on_units(seed):
    """The same weight of three variables in units 1e-6 to 1e6: definite, singular or indefinite as before."""
    generator = np.random.default_rng(seed)
    unit = 10.0 ** generator.uniform(-6, 6, 3)
    root = generator.standard_normal((3, 3))
    singular = root[:, :2] @ root[:, :2].T
    sizes = {"f": np.zeros(3), "F": np.zeros((3, 1)), "G": np.eye(3)}
    definite, flat = (problem(H=H * np.outer(unit, unit), **sizes) for H in (root @ root.T, singular))
    assert definite.strictly_convex
    assert not flat.strictly_convex
    indefinite = singular - 1e-6 * np.outer(root[:, 0], root[:, 0]) - 1e-6 * np.eye(3)
    with pytest.raises(ProblemError, match="`H` must be positive semidefinite, but its smallest eigenvalue is -"):
        problem(H=indefinite * np.outer(unit, unit), **sizes)


@pytest.mark.parametrize(
    ("H", "strict"),
    [
        ([[1e-20, 0], [0, 1e12]], True),
        ([[1e-12, 1], [1, 1e12]], False),
        ([[1, 1], [1, 1]], False),
        ([[1, 0], [0, 0]], False),
        (np.zeros((2, 2)), False),
    ],
)
def test_singular_weights_are_told_from_definite_ones(H, strict):
    assert problem(H=H).strictly_convex is strict


def test_rounding_beside_large_entries_is_no_indefiniteness():
    """Nothing but rounding in a row that could be 0: it is taken as 0; a small row that fits stays."""
    taken = problem(H=[[1.0, 1e-17], [1e-17, -1e-18]]).H
    assert (taken == [[1, 0], [0, 0]]).all()
    assert not taken.flags.writeable
    assert (problem(H=[[1e-20, 0], [0, 1e12]]).H == [[1e-20, 0], [0, 1e12]]).all()


def test_lists_and_float32_are_accepted_and_copied():
    H = np.array(GOOD["H"], dtype=np.float32)
    given = {key: np.array(value, dtype=np.float64) for key, value in GOOD.items()}
    one = MultiparametricQP(**given)
    law = solve_explicit(one)
    digest, before = law.digest, {key: value.copy() for key, value in given.items()}
    assert all((given[key] == before[key]).all() for key in given)
    for array in given.values():
        assert array.flags.writeable
        array[...] = 99
    assert one.H[0, 0] == 2
    assert solve_explicit(one).digest == digest == law.digest == solve_explicit(problem()).digest
    assert solve_explicit(problem(H=H)).solution([0.3]) == pytest.approx(law.solution([0.3]))
    for name in GOOD:
        assert getattr(one, name).dtype == np.float64
        assert not getattr(one, name).flags.writeable


def test_equality_rows_are_sorted_and_once():
    assert problem(equality_rows=[np.int64(2), 0, 2]).equality_rows == (0, 2)


def test_names_are_plain_unless_given():
    names = problem().names
    assert (names.parameters, names.variables, names.rows) == (("theta0",), ("z0", "z1"), ("row 0", "row 1", "row 2"))
    labels = Labels(("level",), ("pump", "valve"), ("a", "b", "c"), ("m",), ("V", ""))
    law = solve_explicit(problem(labels=labels))
    assert (law.parameter_names, law.parameter_units) == (("level",), ("m",))
    assert (law.input_names, law.input_units) == (("pump", "valve"), ("V", ""))
    assert Labels.from_dict(labels.to_dict()) == labels
    assert repr(problem()) == "MultiparametricQP(2 variables, 1 parameters, 3 rows)"
