"""Problems whose coefficients differ by orders, drawn at random: a law without gaps, and online the same minimiser."""

from pathlib import Path

import numpy as np
import pytest

from mpc import ImplicitMPC, MultiparametricQP, OutsideDomain
from mpc.explicit.singular.selection import select
from mpc.explicit.singular.unit_free import unit_free

FOLDER = Path(__file__).parents[3] / "data" / "singular"
NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))


@pytest.fixture(params=NAMES)
def problem(request) -> MultiparametricQP:
    with np.load(FOLDER / f"{request.param}.npz", allow_pickle=False) as data:
        arrays = (data[key] for key in ("H", "f", "F", "G", "w", "S", "A_theta", "b_theta"))
        return MultiparametricQP(*arrays, equality_rows=tuple(data["equality_rows"].tolist()))


def test_the_law_is_whole_and_continuous_and_the_same_online(problem, explored):
    found, online, scale = select(problem, explored), ImplicitMPC(problem), unit_free(problem).scale
    assert found.continuous
    assert not found.partial
    lower, upper = problem.parameter_set.box(problem.names.parameters)
    answered = 0
    for theta in np.random.default_rng(0).uniform(lower, upper, (25, problem.t)):
        room = [(one.b - one.A @ theta).min() for one in found.pieces]
        try:
            z = online.solution(theta)
        except OutsideDomain:
            assert max(room) <= 1e-9
            continue
        one = found.pieces[int(np.argmax(room))]
        assert max(room) >= -1e-9
        assert (one.solution_gain @ theta + one.solution_offset) / scale == pytest.approx(z / scale, abs=1e-8)
        answered += 1
    assert answered


def test_units_of_rows_variables_and_parameters_change_nothing(problem, explored):
    draw = np.random.default_rng(1)
    r, z, t = (10.0 ** draw.uniform(-4, 4, k) for k in (len(problem.w), problem.n, problem.t))
    changed = MultiparametricQP(
        problem.H * np.outer(z, z), problem.f * z, problem.F * np.outer(z, t),
        problem.G * np.outer(r, z), problem.w * r, problem.S * np.outer(r, t),
        problem.A_theta * t, problem.b_theta, equality_rows=problem.equality_rows,
    )  # fmt: skip
    found, other = select(problem, explored), select(changed, explored)
    assert (len(other.pieces), other.continuous) == (len(found.pieces), found.continuous)
    online = ImplicitMPC(changed)
    scale = unit_free(problem).scale
    for piece in found.pieces[:10]:
        expected = (piece.solution_gain @ piece.centre + piece.solution_offset) / scale
        assert online.solution(piece.centre / t) * z / scale == pytest.approx(expected, abs=1e-7)
