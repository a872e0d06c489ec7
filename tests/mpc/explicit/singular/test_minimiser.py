"""One parameter at a time: the least minimiser, a proof of it, and the active set that it stands for in the limit."""

import daqp
import numpy as np
import pytest

from mpc.explicit.errors import NumericalError
from mpc.explicit.singular import minimiser
from mpc.explicit.singular.expansion import limit_cell
from mpc.explicit.singular.minimiser import SOLVED, least_minimiser
from mpc.explicit.singular.unit_free import unit_free


def test_it_is_what_the_selection_takes_and_its_rows_have_that_cell(case, selected, singular):
    program = unit_free(singular(case))
    for piece in selected(case).pieces:
        p = program.frame.inverse @ (piece.centre - program.frame.centre)
        found, z = least_minimiser(program, p), piece.solution_gain @ piece.centre + piece.solution_offset
        assert found is not None
        assert found.residual <= SOLVED
        assert program.middle + program.scale * found.y == pytest.approx(z, abs=1e-8 * program.scale.max())
        one = limit_cell(program, found.active.tolist())
        assert one is not None
        assert (one.A @ p <= one.b + 1e-9).all()
        assert one.solution @ np.r_[1, p] == pytest.approx(found.y, abs=1e-8)


@pytest.fixture
def curved(singular):
    return unit_free(singular("semidefinite"))


def test_where_no_row_set_is_kept_there_is_none(boxed):
    program = unit_free(boxed(np.diag([1.0, 0]), [0, 0], [[1], [0]], [[1, 0], [-1, 0]], [0, 0.2], [[1], [0]]))
    assert least_minimiser(program, np.array([-0.5])) is None
    assert least_minimiser(program, np.array([0.5])) is not None


def test_a_proximal_curvature_that_cycles_is_followed_by_another(curved, monkeypatch):
    expected, honest, tried = least_minimiser(curved, np.zeros(2)), daqp.solve, []

    def cycling(*arguments, **settings):
        z, value, flag, info = honest(*arguments, **settings)
        if "eps_prox" not in settings:
            return z, value, flag, info
        tried.append(settings["eps_prox"])
        return (z, value, flag, info) if len(tried) > 2 else (z + 1, value, -2, info)

    monkeypatch.setattr(minimiser.daqp, "solve", cycling)
    found = least_minimiser(curved, np.zeros(2))
    assert tried == list(minimiser.PROXIMAL[:3])
    assert found is not None
    assert expected is not None
    assert found.y == pytest.approx(expected.y, abs=1e-9)
    monkeypatch.setattr(minimiser.daqp, "solve", lambda H, f, *_, **__: (f, 0.0, -2, {"lam": f}))
    with pytest.raises(NumericalError, match=r"DAQP gave no answer with any of the proximal curvatures \(0\.001, "):
        least_minimiser(curved, np.zeros(2))


def test_infeasibility_is_not_taken_from_one_solver_alone(curved, monkeypatch):
    honest, tried = daqp.solve, []

    def wrong(*arguments, **settings):
        z, value, flag, info = honest(*arguments, **settings)
        tried.append(flag)
        return z, value, -1 if len(tried) == 1 else flag, info

    monkeypatch.setattr(minimiser.daqp, "solve", wrong)
    assert least_minimiser(curved, np.zeros(2)) is not None
    assert len(tried) > 1
