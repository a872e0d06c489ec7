"""Every row, parameter, variable and limit by a factor of its own, 1e-6 to 1e6: law and count stay as they are."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mpc import MultiparametricQP, PiecewiseAffineLaw, solve_explicit

SAME = 1e-7
NAMES = [
    "bemporad71",
    "pend_N4",
    "cstr_N3",  # gains of 4,000 per half width
    "cart_track_N5",
    "quadtank_N2",
    "chain2m1u_N2",
    "rand_x3u1_N4",
    "dint_soft_N4",
    "deg_badscale",
    "deg_weakly_redundant",
    "deg_zero_row",
    "eq_portfolio_n4",
]
FEW = settings(max_examples=3, phases=[Phase.explicit, Phase.generate])


@st.composite
def factors(draw, size: int, decades: float = 6.0) -> np.ndarray:
    exponents = st.floats(-decades, decades, allow_nan=False)
    return 10 ** np.array(draw(st.lists(exponents, min_size=size, max_size=size)))


def in_units(problem: MultiparametricQP, rows, parameters, variables, limits, cost) -> MultiparametricQP:
    """The same problem in theta / parameters and z / variables, its rows and its cost multiplied by numbers."""
    return MultiparametricQP(
        cost * problem.H * np.outer(variables, variables),
        cost * problem.f * variables,
        cost * problem.F * np.outer(variables, parameters),
        problem.G * np.outer(rows, variables),
        problem.w * rows,
        problem.S * np.outer(rows, parameters),
        problem.A_theta * np.outer(limits, parameters),
        problem.b_theta * limits,
        equality_rows=problem.equality_rows,
    )


def apart(law: PiecewiseAffineLaw, other: PiecewiseAffineLaw, parameters, variables) -> float:
    """How far gains, offsets and radii of the regions differ, beside their size.

    Infinite unless each region of one law has its own region in the other, with as many half-spaces.
    """
    partners = [other.locate(region.centre / parameters).region for region in law.regions]
    counts = [len(other.regions[i].b) for i in partners]
    if sorted(partners) != list(range(len(other.regions))) or counts != [len(region.b) for region in law.regions]:
        return np.inf
    worst = 0.0
    for region, partner in zip(law.regions, (other.regions[i] for i in partners), strict=True):
        level, gain = _scaled(law, region, 1.0)
        other_level, other_gain = _scaled(other, partner, variables)
        size = np.abs(gain).sum(axis=1) + np.abs(level) + 1e-3 * np.abs(level).max()
        size = np.maximum(size, np.finfo(float).tiny)
        slopes = (np.abs(other_gain - gain) / size[:, None]).max()
        worst = max(worst, np.abs(other_level - level).max() / size.max(), slopes, abs(partner.radius - region.radius))
    return worst


def _scaled(law, region, variables):
    """Value at the centre of the parameter set, and slopes per half width, in units of the first law."""
    level = variables * (region.solution_gain @ law.centre + region.solution_offset)
    return level, (variables * (region.solution_gain * law.half_width).T).T


@pytest.mark.parametrize("stored", NAMES)
@given(data=st.data())
@FEW
def test_units_and_row_factors_change_neither_law_nor_count(stored, problem, solved, data):
    one = problem(stored)
    sizes = {"rows": len(one.w), "parameters": one.t, "variables": one.n, "limits": len(one.b_theta), "cost": 1}
    drawn = {name: data.draw(factors(size), label=name) for name, size in sizes.items()}
    other = solve_explicit(in_units(one, **drawn))
    assert apart(solved(stored), other, drawn["parameters"], drawn["variables"]) <= SAME


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("what", ["rows", "parameters", "variables", "limits", "cost"])
def test_one_kind_of_unit_at_its_end(what, factor, problem, solved):
    one = problem("pend_N4")
    unit = {
        name: np.ones(size)
        for name, size in (("rows", len(one.w)), ("parameters", 2), ("variables", 4), ("limits", 4), ("cost", 1))
    }
    unit[what] = np.where(np.arange(len(unit[what])) % 2 == 0, factor, 1.0)
    other = solve_explicit(in_units(one, **unit))
    assert apart(solved("pend_N4"), other, unit["parameters"], unit["variables"]) <= SAME
