"""Do actor, critic and plant fit each other? Asked once, before any training."""

from collections.abc import Iterable, Sized
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from plants import Plant
from plants.arrays import instance_of
from rl.errors import TrainingError
from yann.stacked import StackedNetwork

MOST_SEEDS = 10_000


def trainable(network: StackedNetwork) -> list[Tensor]:
    """Return the weights that training changes, each (S, ...)."""
    return [weight for weight in network.parameters() if weight.requires_grad]


def check_parts(agent: object, plant: object, progress: object) -> None:
    """Raise TrainingError unless these are an agent, a plant, and nothing or something to call."""
    for part in ("actor", "critic", "settings", "learner"):
        if not hasattr(agent, part):
            raise TrainingError(
                f"`agent` is a {type(agent).__name__} without `{part}`; pass an agent: DDPG(actor, critic)"
            )
    check_plant(plant)
    if progress is not None and not callable(progress):
        raise TrainingError(f"`progress` is a {type(progress).__name__}; pass a function of Progress, or None")


def check_plant(plant: object) -> None:
    """Raise TrainingError unless this is a plant."""
    instance_of(plant, Plant, "plant", TrainingError, "pass one, such as clipped_pendulum()")


def check_pair(actor: StackedNetwork, critic: StackedNetwork) -> None:
    """Raise TrainingError unless these are an actor and a critic, stacks of one, of the same sizes."""
    for name, network, takes in (("actor", actor, 1), ("critic", critic, 2)):
        _check_single(name, network, takes)
    ((_, n),) = actor.arguments
    (_, critic_n), (_, m) = critic.arguments
    if critic_n != n:
        raise TrainingError(f"`actor` takes {n} states but `critic` {critic_n}; build both for the same plant")
    with torch.no_grad():
        x, u = torch.zeros(1, 1, n, dtype=torch.float64), torch.zeros(1, 1, m, dtype=torch.float64)
        inputs, costs = tuple(actor.rows(x).shape), tuple(critic.rows(x, u).shape)
    if inputs != (1, 1, m):
        raise TrainingError(
            f"`actor` gives {inputs[-1]} inputs but `critic` takes {m}; its rows are {inputs}, (1, 1, {m}) is needed"
        )
    if costs != (1, 1):
        raise TrainingError(f"`critic` gives rows of shape {costs}, but (1, 1) is needed: one cost per row")


def check_type(name: str, network: StackedNetwork) -> None:
    """Raise TrainingError for a network that was cast: everything here computes in float64."""
    for part, tensor in (*network.named_parameters(), *network.named_buffers()):
        if tensor.is_floating_point() and tensor.dtype != torch.float64:
            raise TrainingError(
                f"`{name}` has `{part}` in {tensor.dtype}, but training computes in {torch.float64}; build it anew, "
                "and for float32 call single_precision on what training delivers"
            )


def check_weights(name: str, network: StackedNetwork, limit: float) -> None:
    """Raise TrainingError if a weight is beyond the limit, or NaN, before any training."""
    for weight in trainable(network):
        largest = float(weight.detach().abs().max())
        if not largest <= limit:
            raise TrainingError(
                f"`{name}` starts with a weight of {largest:g}, beyond `weight_limit` {limit:g}; "
                "raise the limit in the settings, or scale the network"
            )


def check_plant_fits(critic: StackedNetwork, plant: Plant) -> None:
    """Raise TrainingError unless the critic, and so the actor, is of the plant's sizes."""
    (_, n), (_, m) = critic.arguments
    for kind, have, names in (("states", n, plant.state_names), ("inputs", m, plant.input_names)):
        if have != len(names):
            raise TrainingError(
                f"`agent` is built for {have} {kind}, but `plant` has {len(names)} ({', '.join(names)}); "
                "build actor and critic for this plant"
            )


def check_range(actor: StackedNetwork, plant: Plant) -> None:
    """Raise TrainingError if the plant does not clip but the actor, by its `lower` and `upper`, goes further."""
    if plant.clips_input:
        return
    for side, bound, sign in zip(("lower", "upper"), plant.input_bounds, (-1, 1), strict=True):
        reach = getattr(actor, side, None)
        if not isinstance(reach, Tensor) or reach.shape != bound.shape:
            continue
        for name, far, limit in zip(plant.input_names, reach.tolist(), bound.tolist(), strict=True):
            if sign * far > sign * limit:
                raise TrainingError(
                    f"`actor` gives {name} up to its {side} bound {far!r}, beyond the plant's {limit!r}, and "
                    f"{plant.name!r} does not clip; build the actor for these bounds, or the plant with "
                    "clips_input=True"
                )


def check_seeds(seeds: Iterable[int]) -> tuple[int, ...]:
    """Return the seeds as ints; raise TrainingError unless there is one and all are different and at least 0."""
    try:
        found = tuple(islice(seeds, MOST_SEEDS + 1))
    except TypeError as cause:
        raise TrainingError(f"`seeds` is {seeds!r}, but a sequence of seeds is needed; pass as in range(10)") from cause
    if len(found) > MOST_SEEDS:
        given = f"{len(seeds)}" if isinstance(seeds, Sized) else f"more than {MOST_SEEDS}"
        raise TrainingError(f"`seeds` has {given} entries, above the limit of {MOST_SEEDS}; train fewer seeds at once")
    if not found:
        raise TrainingError("`seeds` is empty (0 seeds), but at least 1 is needed; pass as in range(10)")
    places: dict[int, int] = {}
    for i, seed in enumerate(found):
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise TrainingError(f"`seeds` has {seed!r} at [{i}], but a whole number of at least 0 is needed")
        if places.setdefault(int(seed), i) != i:
            raise TrainingError(
                f"`seeds` has {seed} at [{places[int(seed)]}] and again at [{i}]; give every member a seed of its own"
            )
    return tuple(places)


def _check_single(name: str, network: StackedNetwork, takes: int) -> None:
    if not isinstance(network, StackedNetwork):
        raise TrainingError(f"`{name}` is {type(network).__name__}, but a StackedNetwork is needed")
    if len(network.arguments) != takes:
        given = ", ".join(argument for argument, _ in network.arguments)
        raise TrainingError(
            f"`{name}` takes {len(network.arguments)} arguments ({given}), but {takes} are needed; "
            "an actor takes states, a critic states and inputs"
        )
    check_type(name, network)
    if not trainable(network):
        raise TrainingError(f"`{name}` has 0 trainable weights; build it with a trainable part")
    if network.members != 1:
        raise TrainingError(
            f"`{name}` is a stack of {network.members}, but a stack of 1 is needed; take one .member(i) of it"
        )
