"""SVG: stochastic value gradients' deterministic short-horizon form, for costs, through a plant's own model."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from plants import Plant
from plants.arrays import instance_of, real_scalar, whole_number
from rl.agent import Losses
from rl.core import core_of
from rl.errors import TrainingError
from rl.model import KnownValue, Model
from rl.off_policy import OffPolicyAgent, descend
from rl.replay import Batch
from rl.settings import Settings
from rl.twin import TwinLearner, twins


@dataclass(frozen=True)
class SVGSettings(Settings):
    """Every setting of SVG. Raises TrainingError for one that makes no sense."""

    horizon: int = 10
    """plant steps that are differentiated through before the core's value or the critic takes over"""
    gradient_limit: float = 10.0
    """largest norm of a member's gradient of the actor; a longer one is shortened"""

    def __post_init__(self) -> None:
        """Check every number."""
        super().__post_init__()
        whole_number(self.horizon, "horizon", TrainingError, least=1)
        real_scalar(self.gradient_limit, "gradient_limit", TrainingError, positive=True)


@dataclass(frozen=True, eq=False)
class SVG(OffPolicyAgent):
    """An actor that descends the exact gradient of what a few steps of a known model cost, and a critic for the rest.

    `model` is the plant that is believed in; None takes the one that is trained on. This uses the model: its steps, its
    derivatives and its cost. Source: Heess et al. 2015, SVG(H) without noise; what follows the horizon is the core's
    exact value where a run has come into the core, and what the dearer of two critics expects elsewhere.
    """

    settings: SVGSettings = field(default_factory=SVGSettings)
    model: Plant | None = None

    def __post_init__(self) -> None:
        """Check that settings and networks fit."""
        instance_of(self.settings, SVGSettings, "settings", TrainingError, "pass SVGSettings(...)")
        super().__post_init__()
        if self.model is None:
            return
        instance_of(self.model, Plant, "model", TrainingError, "pass a plant, or None for the one that is trained on")
        (_, n), (_, m) = self.critic.arguments
        if (self.model.n, self.model.m) != (n, m):
            raise TrainingError(
                f"`model` has {self.model.n} states and {self.model.m} inputs, but `actor` takes {n} and gives {m}; "
                "pass a model of the plant that they are for"
            )

    @property
    def discount(self) -> float:
        """Return gamma."""
        return self.discount_of(self.settings)

    def learner(self, seeds: Sequence[int], plant: Plant) -> "SVGLearner":
        """Return fresh members, one per seed, for this plant."""
        return SVGLearner(self, seeds, plant)


class SVGLearner(TwinLearner):
    """S members of SVG under training."""

    settings: SVGSettings

    def __init__(self, agent: SVG, seeds: Sequence[int], plant: Plant) -> None:
        networks = agent.actor.replicate(seeds), twins(agent.critic, seeds)
        super().__init__(*networks, agent.settings, seeds, plant)
        self.discount = agent.discount
        self.model = Model(plant if agent.model is None else agent.model)
        self.rest = torch.from_numpy(np.array(self.model.plant.equilibrium[0]))
        self.core_value = KnownValue(core_of(agent.actor), plant)

    def update(self, batch: Batch) -> Losses:
        """Take one step on critic and actor from the batch's states, and return the losses (S,) before it."""
        cost, first = self._rollout(batch.state)
        critic_loss = self.teach(self.both(self.critics, batch.state, first.detach()), cost.detach())
        actor_loss = cost.mean(dim=1)
        self.updates += 1
        if self.updates > self.settings.critic_first:
            descend(self.actor_step, actor_loss, self.settings.gradient_limit)
        self.follow((self.target_critics, self.critics))
        return Losses(critic_loss, actor_loss.detach())

    def _rollout(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the actor's runs from x (S, batch, n) cost (S, batch), and their first inputs (S, batch, m).

        Runs that are over stay at rest, where everything has a value, and count for nothing.
        """
        inputs, cost, weight = [], torch.zeros(x.shape[:-1], dtype=x.dtype), torch.ones(x.shape[:-1], dtype=x.dtype)
        for _ in range(self.settings.horizon):
            inputs.append(self.actor.rows(x))
            x, stage, ended = self.model(x, inputs[-1])
            cost = cost + weight * stage
            weight = self.discount * weight * ~ended
            x = torch.where(weight.unsqueeze(-1) > 0, x, self.rest)
        inside, value = self.core_value(x)
        expected = self.both(self.target_critics, x, self.actor.rows(x)).amax(0)
        return cost + weight * torch.where(inside, value, expected), inputs[0]
