"""From any one cell of a law, open facets lead to all of it."""

import numpy as np
import pytest

from mpc.explicit.singular.expansion import cell, limit_cell
from mpc.explicit.singular.gaps import entered, partition
from mpc.explicit.singular.selection import regularised
from mpc.explicit.singular.unit_free import unit_free


@pytest.fixture
def cells(case, singular, explored):
    problem = singular(case)
    program = unit_free(problem)
    sets = explored(regularised(program, 1e-3 * program.push, problem)).active
    limits = (limit_cell(program, program.slice.rows[list(active)].tolist()) for active in sets)
    return program, {one.active: one for one in limits if one is not None}


def test_one_cell_is_enough_to_find_the_others(cells, case, selected):
    program, known = cells
    for active in [min(known), max(known)]:
        few = {active: known[active]}
        alone = partition(program, few)
        whole = entered(program, few, alone)
        assert whole.sound(program)
        assert len(whole.cells) == len(selected(case).pieces)
        assert alone.sound(program) == (len(whole.cells) == 1)


def test_nothing_known_is_not_sound_but_enough_too(cells, case, selected):
    program, _ = cells
    nothing = partition(program, {})
    assert nothing.found.holes == 1
    assert not nothing.sound(program)
    whole = entered(program, {}, nothing)
    assert whole.sound(program)
    assert len(whole.cells) == len(selected(case).pieces)


def test_a_sliver_that_is_rounding_beside_a_cell_is_left_out(cells):
    program, known = cells
    one = next(iter(known.values()))
    face = one.A[:1], one.b[:1]
    thin = cell((-1,), (-1,), one.solution + 1.0, np.vstack([one.A, -face[0]]), np.r_[one.b, 4e-11 - face[1]])
    assert thin is not None
    assert thin.radius <= 2.1e-11
    assert partition(program, known | {(-1,): thin}).sound(program)
