"""The gate: an actor is delivered only if rollouts in a simulator show that it is better than the law it came from."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from plants import Plant, Scenario
from plants.arrays import Array, instance_of, real_scalar, whole_number
from plants.scenario import scenario_of
from rl.errors import TrainingError
from rl.evaluate import checked_starts
from rl.settings import at_least_zero
from yann.stacked import StackedNetwork


@dataclass(frozen=True, eq=False, kw_only=True)
class Gate:
    """When a trained actor is good enough to take the place of the law; every setting of the gate.

    Raises TrainingError for a setting that makes no sense.
    """

    simulator: Plant | Scenario | None = None
    """where the rollouts run; None: the plant or scenario that is trained on"""
    border: ArrayLike | None = None
    """starts (B, n), none of which may get worse, besides those on the border of the actor's core"""
    border_count: int = 100
    """starts on the border of the actor's core, fresh ones at each gate"""
    every: int = 5
    """episodes from one gate to the next; there is one after the last episode, too"""
    count: int = 1000
    """starts elsewhere, drawn as the simulator's are, outside the core, fresh ones at each gate"""
    error_rate: float = 0.05
    """chance that any gate of one seed's training accepts an actor whose mean elsewhere is no better than the law's, no
    episode counted as worse by more than `largest_loss`"""
    tolerance: float = 0.01
    """cost by which a start on the border may get worse"""
    largest_loss: float | None = None
    """cost by which an episode can get worse than the law's at most; None: found from caps, bounds and cost. A smaller
    one leaves out of the mean what a new violation costs beyond it: these are counted apart, see `violation_bound`"""
    restore: bool = False
    """go on training from the actor that was accepted last, where one is rejected; False: from the rejected one"""

    def __post_init__(self) -> None:
        """Check every setting that can be checked without the plant."""
        if self.simulator is not None:
            scenario_of(self.simulator, "simulator")
        for name in ("border_count", "every", "count"):
            whole_number(getattr(self, name), name, TrainingError, least=1)
        if not 0 < real_scalar(self.error_rate, "error_rate", TrainingError) < 1:
            raise TrainingError(
                f"`error_rate` is {self.error_rate:g}, but it must lie between 0 and 1; pass .05 for one in twenty"
            )
        at_least_zero(self.tolerance, "tolerance", "0 allows no start to be worse")
        if self.largest_loss is not None:
            real_scalar(self.largest_loss, "largest_loss", TrainingError, positive=True)
        instance_of(self.restore, bool, "restore", TrainingError, "pass True or False")

    def fits(self, plant: Plant) -> None:
        """Raise TrainingError unless simulator and border belong to a plant of this one's states and inputs."""
        if self.simulator is not None:
            own = scenario_of(self.simulator, "simulator").plant
            if (own.n, own.m) != (plant.n, plant.m):
                raise TrainingError(
                    f"the gate's `simulator` has {own.n} states and {own.m} inputs, but `plant` {plant.n} and "
                    f"{plant.m}; pass a model of the same plant"
                )
        if self.border is not None:
            run_on = plant if self.simulator is None else scenario_of(self.simulator).plant
            _check_border(run_on.wrap(checked_starts(self.border, "border", plant)), run_on)


def _check_border(x: Array, plant: Plant) -> None:
    """Raise TrainingError for a start (B, n) from which the simulator's plant cannot run."""
    beyond = (plant.confined(x) != x).any(-1) | plant.unsafe(x) | plant.runaway(x)
    if beyond.any():
        row = int(np.argmax(beyond))
        limits = plant.state_caps if plant.safe_limits is None else plant.safe_limits
        raise TrainingError(
            f"the gate's `border` at [{row}] is {x[row]} ({', '.join(plant.state_names)}), beyond the limits {limits} "
            f"of {plant.name!r} in the simulator; give starts within them"
        )


@dataclass(frozen=True)
class GateDecision:
    """What one gate found of one seed's actor after `episode` finished episodes. All costs are those of an episode.

    `improvement` and `over_incumbent`: by how much the actor cost less than the law, and than the actor accepted last,
    in the mean over the starts elsewhere. `bound` is what the true mean improvement over the law falls short of with
    a chance of at most `error_spent`, no episode counted as worse by more than the largest loss. `worst_loss` is the
    most by which a start elsewhere got worse, `worst_border` the most by which one on the border did (0: none).
    `new_violations` counts the starts, wherever, that became unsafe and were not under the law: one is enough to
    reject. `violation_bound` is what the chance of one elsewhere is above with a chance of at most `error_spent`
    (Clopper & Pearson). `simulated_steps` is what the rollouts took. `reason` is empty where the actor was accepted.
    """

    seed: int
    episode: int
    accepted: bool
    reason: str
    improvement: float
    bound: float
    over_incumbent: float
    worst_loss: float
    worst_border: float
    new_violations: int
    violation_bound: float
    error_spent: float
    simulated_steps: int

    def row(self) -> dict[str, Any]:
        """Return every field by name, ready for JSON."""
        return dict(vars(self))


class Delivered(NamedTuple):
    """The actors (a stack of S) that stand: accepted last, at first the laws; and all decisions up to now."""

    actor: StackedNetwork
    decisions: tuple[GateDecision, ...]


def check_gate(gate: object, plant: Plant) -> None:
    """Raise TrainingError unless this is None, or a gate that fits the plant."""
    if gate is not None:
        instance_of(gate, Gate, "gate", TrainingError, "pass Gate(...), or None for no gate")
        gate.fits(plant)  # type: ignore[attr-defined]
