"""The reactor's safe set: half-planes that bound the temperature together with the heat still stored in A."""

import numpy as np

from mpc.safety.errors import NoSafeSet
from mpc.safety.heat_check import HeatGrid, WorstCell, worst_cells
from mpc.safety.heat_facets import heat_facets
from mpc.safety.heat_limits import keeps_other_limits, temperature_limit
from mpc.safety.heat_model import HeatModel
from mpc.safety.heat_ranges import HeatRanges, refuse_hopeless
from mpc.safety.heat_set import KIND, heat_content, heat_facts, heat_set
from mpc.safety.heat_settings import NOMINAL, StoredHeat
from mpc.safety.safe_set import SafeSet
from mpc.safety.shipped import shipped
from plants.arrays import Array
from plants.plant import Plant

NEEDED = 2e-5  # K per sample by which every cell must pass, twice what the checker asks for
PER_SAMPLE = 1.1  # samples' worth of decrease for what is missing in one
ROUNDS, PATIENT = 10, 3  # from the third round on twice as much each time, since cells change by whole ones


def design(plant: Plant, limits: tuple[Array, Array], settings: StoredHeat = NOMINAL) -> SafeSet:
    """Return a set that the reactor never leaves under any inputs that its rows let through, with the certificate.

    `limits` (lower, upper), each (4,), infinite where there is none; the temperature must have an upper one. Facets are
    first drawn with the least decrease that is wished for. Then a bound over cells says by how much each may be left
    within a sample, and those that may are drawn again with a larger one: seconds.

    Raises NoSafeSet where no such set is found, and ProblemError for limits that this construction cannot keep.
    """
    model = HeatModel.of(plant, temperature_limit(plant, limits), settings)
    ranges = HeatRanges.of(model)
    keeps_other_limits(plant, limits, ranges)
    refuse_hopeless(model)
    grid = HeatGrid(width=settings.cell)
    facets, worst, count = _kept_facets(model, ranges, grid)
    content = heat_content(model, ranges, facets, grid)
    at = int(np.argmax([cell.slack for cell in worst]))
    content["cells"]["count"] = count
    content["worst"] = {
        "slack": worst[at].slack,
        "unit": "K per sample",
        "facet": at,
        "concentration": list(worst[at].concentration),
        "temperature": list(worst[at].temperature),
    }
    return heat_set(plant, content)


def known_or_design(plant: Plant, limits: tuple[Array, Array], settings: StoredHeat = NOMINAL) -> SafeSet:
    """Return the set that comes with the package where all facts are the same, else a new design."""
    model = HeatModel.of(plant, temperature_limit(plant, limits), settings)
    known = shipped(KIND, heat_facts(model))
    if known is None:
        return design(plant, limits, settings)
    keeps_other_limits(plant, limits, HeatRanges.of(model))
    return heat_set(plant, known.content)


def _kept_facets(model: HeatModel, ranges: HeatRanges, grid: HeatGrid) -> tuple[Array, list[WorstCell], int]:
    """Return facets that the bound over cells keeps, the worst cell of each, and how many cells there are."""
    decrease = np.full(len(model.settings.breaks) + 2, model.settings.decrease)
    slacks = np.array([np.inf])
    for turn in range(ROUNDS):
        facets = heat_facets(model, ranges, decrease)
        worst, count = worst_cells(model, ranges, facets, grid)
        slacks = np.array([cell.slack for cell in worst])
        if (slacks <= -NEEDED).all():
            return facets, worst, count
        if np.isinf(slacks).any():
            raise NoSafeSet(
                f"what happens within a sample of {model.sample_time:.3g} h cannot be enclosed; sample faster, or make "
                f"`cell` smaller than {grid.width:g}",
                float("inf"), -NEEDED, "K per sample",
            )  # fmt: skip
        missing = np.where(slacks > -NEEDED, slacks + 2 * NEEDED, 0.0)
        decrease[: len(slacks)] += PER_SAMPLE * 2 ** max(0, turn + 1 - PATIENT) * missing / model.sample_time
    raise NoSafeSet(
        f"after {ROUNDS} rounds of facets that full cooling lowers faster and faster one may still be left by "
        f"{slacks.max():.3g} K in a sample, but {-NEEDED:g} or less is needed; widen `ramp`, make `cell` smaller, or "
        "withstand less",
        float(slacks.max()), -NEEDED, "K per sample",
    )  # fmt: skip
