"""Behaviour cloning: a network that imitates a law by regression, which is the usual start, and never the law."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import ArrayLike
from torch import Tensor

from plants.arrays import Array, check_size, instance_of, real_array, real_scalar, whole_number
from rl.errors import TrainingError
from rl.fitting import check_seeds, check_type, trainable
from rl.generators import CLONING, generator
from rl.ledger import frozen
from rl.off_policy import adam, descend
from yann.stacked import StackedNetwork

_HELD_BACK = 5
_LEAST_STATES = 2 * _HELD_BACK
_COPIES = 4  # of every weight: itself, its gradient, two moments of Adam


@dataclass(frozen=True)
class CloningSettings:
    """How long and how fast a clone learns. Raises TrainingError for a setting that makes no sense."""

    updates: int = 5000
    """steps of Adam"""
    learning_rate: float = 1e-3
    """the rate at the first step; it falls evenly to a hundredth of that"""
    batch_size: int = 256
    """states per member and step, drawn with replacement"""

    def __post_init__(self) -> None:
        """Check every number."""
        for name in ("updates", "batch_size"):
            whole_number(getattr(self, name), name, TrainingError, least=1)
        real_scalar(self.learning_rate, "learning_rate", TrainingError, positive=True)


@dataclass(frozen=True, eq=False, repr=False)
class Clones:
    """One imitation per seed, each a stack of one that fits any agent, and how far it is from the law.

    Errors are in the input's units, on every fifth of the states, from which no clone has learned: `worst` (S, m) is
    the largest difference found, `mean` (S, m) the root of the mean square. Between states it can be larger.
    """

    seeds: tuple[int, ...]
    actors: tuple[StackedNetwork, ...]
    worst: Array
    mean: Array
    states: int

    def __repr__(self) -> str:
        """Return one line: how many clones, and the worst of all errors."""
        return (
            f"Clones({len(self.seeds)} seeds, worst error {self.worst.max():.3g} and root mean square "
            f"{self.mean.max():.3g} at most, on {self.states} states held back)"
        )


def cloned(
    actor: StackedNetwork,
    law: Callable[[Array], ArrayLike],
    states: ArrayLike,
    seeds: Sequence[int] = range(10),
    settings: CloningSettings | None = None,
) -> Clones:
    """Return S copies of `actor`, one per seed, that learned by least squares what `law` does at `states` (K, n).

    `law` takes states (K, n) and returns inputs (K, m): a law, an actor, a controller, a function. Each seed draws its
    own weights and batches, whatever the other seeds are; the actor itself stays as it is. Errors count in half widths
    of the inputs that the law gives. Raises TrainingError for arguments that do not fit, for fewer than 10 states, and
    where the clones diverge; what the law raises passes as it is.
    """
    chosen = CloningSettings() if settings is None else settings
    instance_of(chosen, CloningSettings, "settings", TrainingError, "pass CloningSettings(...)")
    _check_actor(actor)
    members = check_seeds(seeds)
    x = real_array(states, "states", (None, actor.arguments[0][1]), TrainingError)
    if len(x) < _LEAST_STATES:
        raise TrainingError(
            f"`states` has {len(x)} rows, but at least {_LEAST_STATES} are needed, since every fifth is held back; "
            "pass thousands, drawn evenly from where the law is to be imitated"
        )
    check_size(len(members) * x.size, f"`states` for {len(members)} seeds", TrainingError, "pass fewer states")
    wanted = _wanted(actor, law, x)
    _check_sizes(actor, len(members), chosen.batch_size)
    back = np.arange(len(x)) % _HELD_BACK == 0
    stack = actor.replicate(members)
    _imitate(stack, x[~back], wanted[~back], members, chosen)
    error = _errors(stack, x[back], wanted[back], chosen)
    singles = tuple(stack.member(i) for i in range(len(members)))
    mean = np.sqrt((error**2).mean(axis=1))
    return Clones(members, singles, frozen(np.abs(error).max(axis=1)), frozen(mean), int(back.sum()))


def _check_sizes(actor: StackedNetwork, members: int, rows: int) -> None:
    """Raise TrainingError if batches or weights of all members would be larger than 8 GiB."""
    cause, n = f"`batch_size` = {rows} for {members} seeds", actor.arguments[0][1]
    check_size(members * rows * (n + 1), cause, TrainingError, "pass a smaller one")
    weights = sum(weight.numel() for weight in actor.parameters())
    cause = f"an `actor` of {weights} weights for {members} seeds"
    check_size(_COPIES * members * weights, cause, TrainingError, "clone fewer seeds at a time")


def _check_actor(actor: object) -> None:
    """Raise TrainingError unless this is a stack of one with weights to train, from states alone."""
    if not isinstance(actor, StackedNetwork) or actor.members != 1 or len(actor.arguments) != 1:
        kind = f"a stack of {actor.members}" if isinstance(actor, StackedNetwork) else type(actor).__name__
        raise TrainingError(f"`actor` is {kind}, but a single network of states is needed; pass plain_actor(plant)")
    check_type("actor", actor)
    if not trainable(actor):
        raise TrainingError("`actor` has 0 trainable weights; pass one that can learn, such as plain_actor(plant)")


def _wanted(actor: StackedNetwork, law: Callable[[Array], ArrayLike], x: Array) -> Array:
    """Return what the law does (K, m); raise TrainingError unless it gives finite inputs of the actor's size."""
    if not callable(law):
        raise TrainingError(f"`law` is a {type(law).__name__}, which cannot be called; pass a function of states")
    with torch.no_grad():
        m = actor.rows(torch.from_numpy(np.array(x[None, :1]))).shape[-1]
    return real_array(law(x), "law(states)", (len(x), m), TrainingError)


def _imitate(stack: StackedNetwork, x: Array, wanted: Array, seeds: Sequence[int], settings: CloningSettings) -> None:
    """Train the stack (S) on states (K, n) and inputs (K, m)."""
    points, aims = torch.from_numpy(np.array(x)), torch.from_numpy(np.array(wanted))
    half = (aims.amax(0) - aims.amin(0)) / 2
    scale = torch.where(half > 0, half, 1.0)
    draws = [generator(seed, CLONING) for seed in seeds]
    step = adam(trainable(stack), settings.learning_rate)
    falling = torch.optim.lr_scheduler.LinearLR(step, 1.0, 0.01, settings.updates)
    for _ in range(settings.updates):
        rows = torch.from_numpy(np.stack([draw.integers(len(x), size=settings.batch_size) for draw in draws]))
        descend(step, _loss(stack.rows(points[rows]), aims[rows], scale))
        falling.step()


def _loss(
    given: Float64[Tensor, "S batch m"], wanted: Float64[Tensor, "S batch m"], scale: Float64[Tensor, " m"]
) -> Float64[Tensor, " S"]:
    return ((given - wanted) / scale).square().mean(dim=(1, 2))


@torch.no_grad()
def _errors(stack: StackedNetwork, x: Array, wanted: Array, settings: CloningSettings) -> Array:
    """Return by how much each member is off (S, K, m); raise TrainingError where that is NaN."""
    points = torch.from_numpy(np.array(x)).expand(stack.members, -1, -1)
    error = stack.rows(points).numpy() - wanted
    finite = all(weight.isfinite().all() for weight in trainable(stack))
    if not (finite and np.isfinite(error).all()):
        raise TrainingError(
            f"the clones diverged within {settings.updates} updates at a `learning_rate` of "
            f"{settings.learning_rate:g}; pass a smaller one, such as 1e-3"
        )
    return error
