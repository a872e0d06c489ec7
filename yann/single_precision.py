"""single_precision: a float32 copy of an actor, with how far it can be from the actor, known before it runs."""

from dataclasses import dataclass

import numpy as np

from plants.arrays import Array, instance_of
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.export_c_design import Design
from yann.export_c_form import FLOAT, NEAREST
from yann.export_c_tables import Tables
from yann.gathered import input_box
from yann.law_error import law_error, residual_error
from yann.residual_step import residual_step
from yann.single_actor import SingleActor


@dataclass(frozen=True, eq=False)
class SinglePrecision:
    """A float32 `actor` and by how much each input (m,) can differ from that of the float64 one, in the inputs' units.

    The bounds hold at every state of the domain that is a float32 number, for every member of a stack:
    `error_bound` is the sum, at most the input range, and `relative_error_bound` the largest of it over that range.
    `rounding`: of the law's constants and sums; `facets`: of the law where another region is chosen, its own step
    there included if it has one; `residual`: of the residual in the same region; `step`: from one region's residual to
    that of another. A region is another one at most where a facet is within `zone` half widths of the parameter set;
    `zone_widths` (t,) is the same in the state's units.
    """

    actor: SingleActor
    error_bound: Array
    relative_error_bound: float
    rounding: Array
    facets: Array
    residual: Array
    step: Array
    zone: float
    zone_widths: Array

    def __str__(self) -> str:
        """Return a line for each input, and one on where facets move."""
        law = self.actor.birth.law
        lines = [
            f"{name}: at most {total:.2g} {unit}".rstrip() + f" (rounding {parts[0]:.2g}, moved facets {parts[1]:.2g}, "
            f"residual {parts[2]:.2g}, its step at facets {parts[3]:.2g})"
            for name, unit, total, *parts in zip(
                law.input_names, law.input_units, self.error_bound, self.rounding, self.facets, self.residual,
                self.step, strict=True,
            )
        ]  # fmt: skip
        moved = f"facets move by at most {self.zone:.2g} half widths; beyond that the region is the same"
        return "\n".join([f"float32: {self.relative_error_bound:.2g} of the input range", *lines, moved])


def single_precision(actor: YannActor) -> SinglePrecision:
    """Return the float32 copy of an actor (or stack), and its error bounds; the actor stays as it is.

    Train the actor, and copy it afterwards: the copy is not trained. Raises NetworkError for what is no actor, for
    residuals other than those of yann, and for weights that are not finite or that float32 cannot hold.
    """
    instance_of(actor, YannActor, "actor", NetworkError, "pass what YannActor.from_law returns")
    members = [Tables(Design.of(actor.member(i)), FLOAT, NEAREST) for i in range(actor.members)]
    for tables in members:
        _ = tables.all  # refuses what float32 cannot hold
    law, error = actor.birth.law, law_error(members[0])
    residual = np.max([residual_error(tables) for tables in members], axis=0)
    step = np.max([residual_step(tables, error.regions) for tables in members], axis=0)
    lower, upper = input_box(law)
    total = np.minimum(error.rounding + error.facets + residual + step, upper - lower)
    return SinglePrecision(
        actor=SingleActor(actor, members[0]),
        error_bound=total,
        relative_error_bound=float((total / (upper - lower)).max()),
        rounding=error.rounding,
        facets=error.facets,
        residual=residual,
        step=step,
        zone=error.zone,
        zone_widths=error.zone * law.half_width,
    )
