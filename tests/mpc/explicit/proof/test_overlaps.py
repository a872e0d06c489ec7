"""Overlaps by themselves: cells of equal tight rows, unsure cells, and all cells where H is singular."""

import numpy as np
import pytest

from mpc.explicit.proof.cells import Cells
from mpc.explicit.proof.finding import Kind
from mpc.explicit.proof.overlaps import overlaps


def found(law, tight, unsure, strict=True):
    return overlaps(Cells.of(law), tight, unsure, strict, 1e-9)


def test_cells_of_equal_tight_rows_are_laid_over_each_other(solved, cut):
    law = cut(solved("dint_N5"), 4, gap=-1e-4)
    p = len(law.regions)
    own = np.eye(p, dtype=bool)
    assert found(law, own, np.zeros(p, dtype=bool)) == []
    own[p - 1] = own[p - 2]
    (pair,) = found(law, own, np.zeros(p, dtype=bool))
    assert (pair.kind, pair.regions) == (Kind.OVERLAP, (p - 2, p - 1))
    assert pair.amount == pytest.approx(1e-4, rel=1e-6)
    assert found(cut(solved("dint_N5"), 4), own, np.zeros(p, dtype=bool)) == []


def test_an_unsure_cell_is_laid_over_all_and_all_are_where_h_is_singular(solved, cut):
    law = cut(solved("dint_N5"), 4, gap=-1e-4)
    p = len(law.regions)
    own, unsure = np.eye(p, dtype=bool), np.arange(p) == p - 1
    assert [f.regions for f in found(law, own, unsure)] == [(p - 2, p - 1)]
    assert [f.regions for f in found(law, own, np.zeros(p, dtype=bool), strict=False)] == [(p - 2, p - 1)]
