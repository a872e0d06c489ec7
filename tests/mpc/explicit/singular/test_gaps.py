"""From any one cell of a law, open facets lead to all of it."""

import pytest

from mpc.explicit.singular.expansion import limit_cell
from mpc.explicit.singular.gaps import entered, partition
from mpc.explicit.singular.selection import push, regularised
from mpc.explicit.singular.unit_free import unit_free


@pytest.fixture
def cells(case, singular, explored):
    problem = singular(case)
    program = unit_free(problem)
    sets = explored(regularised(program, 1e-3 * push(program), problem)).active
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


def test_nothing_known_is_not_sound(cells):
    program, _ = cells
    nothing = partition(program, {})
    assert nothing.found.holes == 1
    assert not nothing.sound(program)
    assert entered(program, {}, nothing).cells == []
