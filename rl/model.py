"""A plant's sample in torch: exact steps, costs and gradients of the compiled model, for stacks of states."""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from plants import Cost, Plant
from plants.arrays import Array
from plants.differentiable import DifferentiableSample
from plants.run import without_value
from rl.core import Core


class Sampled(NamedTuple):
    """What one sample brings: next states (S, batch, n), costs and whether the run ends there (S, batch)."""

    after: Tensor
    cost: Tensor
    ended: Bool[Tensor, "S batch"]


class Model:
    """A plant that a learner knows, or believes to know: called like the plant, with gradients through it."""

    def __init__(self, plant: Plant, cost: Cost | None = None) -> None:
        self.plant = plant
        self.cost = plant.cost if cost is None else cost
        self._sample = DifferentiableSample.of(plant, self.cost)

    def __call__(self, x: Float64[Tensor, "S batch n"], u: Float64[Tensor, "S batch m"]) -> Sampled:
        """Return next states, costs (with penalty and event, where they are due) and ends of states under inputs."""
        lead = x.shape[:-1]
        after, cost, lost = _Step.apply(self._sample, x.reshape(-1, x.shape[-1]), u.reshape(-1, u.shape[-1]))
        states, event = after.detach().numpy(), self.cost.event
        bad = self.plant.unsafe(states) | self.plant.runaway(states) | lost.numpy()
        ended, charged = bad, self.cost.violation_penalty * bad
        if event is not None:
            happened = event.rows(states) & ~bad
            ended, charged = ended | happened, charged + event.cost * happened
        cost = cost + torch.from_numpy(charged)
        return Sampled(after.reshape(x.shape), cost.reshape(lead), torch.from_numpy(ended).reshape(lead))


class _Step(torch.autograd.Function):
    """The compiled sample as a torch function of rows; those without a value, which end, have no slope."""

    @staticmethod
    def forward(ctx: Any, sample: DifferentiableSample, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the next states (rows, n), stage costs (rows,), and where (rows,) the equations had no value."""
        states, inputs, plant = x.detach().numpy(), u.detach().numpy(), sample.plant
        after, stage = sample(states, inputs)
        lost = torch.from_numpy(without_value(plant, states, np.clip(inputs, *plant.input_bounds), after))
        ctx.sample = sample
        ctx.save_for_backward(x, u, lost)
        ctx.mark_non_differentiable(lost)
        return torch.from_numpy(after), torch.from_numpy(stage), lost

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[None, Tensor, Tensor]:
        """Return the gradients by states and inputs."""
        by_after, by_cost, _ = grad_outputs
        x, u, lost = (saved.detach().numpy() for saved in ctx.saved_tensors)
        by_state, by_input = ctx.sample.back(x, u, by_after.numpy(), by_cost.numpy())
        by_state[lost], by_input[lost] = 0, 0
        return None, torch.from_numpy(by_state), torch.from_numpy(by_input)


class KnownValue:
    """What a core knows of the cost to go, in torch: exact values, gradients by differences within the core."""

    def __init__(self, core: Core, plant: Plant) -> None:
        self._core = core
        lower, upper = plant.start_bounds
        self._widths = 1e-4 * (upper - lower + 1e-6 * (upper == lower))

    def __call__(self, x: Float64[Tensor, "S batch n"]) -> tuple[Tensor, Tensor]:
        """Return which states (S, batch, n) are in the core, and what follows from there (S, batch), 0 elsewhere."""
        rows = x.reshape(-1, x.shape[-1])
        inside = torch.from_numpy(self._core.contains(rows.detach().numpy()))
        value = torch.zeros(len(rows), dtype=x.dtype)
        if inside.any():
            value = value.index_put((inside,), _Value.apply(self._core, self._widths, rows[inside]))
        return inside.reshape(x.shape[:-1]), value.reshape(x.shape[:-1])


class _Value(torch.autograd.Function):
    """A core's value as a torch function of rows."""

    @staticmethod
    def forward(ctx: Any, core: Core, widths: Any, x: Tensor) -> Tensor:
        """Return the values (rows,)."""
        ctx.core, ctx.widths = core, widths
        ctx.save_for_backward(x)
        return torch.from_numpy(core.value(x.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[None, None, Tensor]:
        """Return the gradients by states."""
        (by_value,) = grad_outputs
        x = ctx.saved_tensors[0].detach().numpy()
        slopes = [_slope(ctx.core, x, step) for step in np.diag(ctx.widths)]
        return None, None, by_value.unsqueeze(-1) * torch.from_numpy(np.stack(slopes, axis=-1))


def _slope(core: Core, x: Array, step: Array) -> Array:
    """Return the slope (rows,) of the core's value along `step` (n,): of the sides that are in the core, or 0."""
    values, places = [core.value(x)], [np.zeros(len(x))]
    for side in (1, -1):
        held = core.contains(x + side * step)
        beside = values[0].copy()
        if held.any():
            beside[held] = core.value((x + side * step)[held])
        values.append(beside)
        places.append(side * held)
    run = (places[1] - places[2]) * step.sum()
    return np.divide(values[1] - values[2], run, out=np.zeros(len(x)), where=run > 0)
