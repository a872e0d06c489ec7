"""Refinement: solution, multipliers and facets of all regions at once, from the problem's own data, to full precision.

The kernel's v carries the rounding of the Cholesky factor, 1e8 times more where H is nearly singular. Here each active
set's KKT conditions in z are solved again: residuals in double-double arithmetic, corrections by the factored problem.
"""

from typing import NamedTuple

import numpy as np

from mpc.explicit.corrections import Program, corrected
from mpc.explicit.double_double import affine
from mpc.explicit.explore import Exploration
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.presolve import LeastDistanceProblem
from plants.arrays import Array


class Solutions(NamedTuple):
    """For each region z = solution (1, phi), (p, n, s + 1), and the rows {A phi <= b} of its facets, of unit length."""

    solution: Array
    A: Array
    b: Array


def refined(problem: MultiparametricQP, ldp: LeastDistanceProblem, found: Exploration) -> Solutions:
    """Return solutions and facets of all regions over scaled parameters phi."""
    return Solutions(*corrected(found.active, found.facet_count, found.facets, _program(problem, ldp)))


def _program(problem: MultiparametricQP, ldp: LeastDistanceProblem) -> Program:
    """Return the problem over (1, phi) for the kernel, every array its own and in C order: one machine code."""
    maps = np.c_[ldp.frame.centre, ldp.frame.directions]
    F, S, f, w = map(_plain, (problem.F, problem.S, problem.f, problem.w))
    G = _plain(problem.G)
    return Program(
        H=_plain(problem.H),
        G=G,
        linear=affine(F, maps, f),
        limit=affine(S, maps, w),
        M=_plain(ldp.M),
        right=np.c_[ldp.d, ldp.D],
        base=np.c_[ldp.z0, ldp.Z],
        T=_plain(ldp.T),
        lengths=np.linalg.norm(G[ldp.rows] @ ldp.T, axis=1),
        back=_plain(ldp.back),
        parameter_rows=np.c_[ldp.e, -ldp.E],
        rows=ldp.rows.astype(np.int64),
        equalities=ldp.equalities.astype(np.int64),
        curvature=float(ldp.curvature),
    )


def _plain(array: Array) -> Array:
    return np.array(array, order="C")
