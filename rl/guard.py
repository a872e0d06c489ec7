"""The guard: training that has gone bad is seen at the step where it does."""

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from rl.agent import Learner, Losses


class Trouble(ArithmeticError):
    """A member of a network went bad; the training loop tells the user when, and for which seed."""

    def __init__(self, member: int, network: str, what: str) -> None:
        super().__init__(member, network, what)
        self.member, self.network, self.what = member, network, what


class Guard:
    """Looks at inputs, losses and weights at every step: none may be NaN, infinite or a weight beyond `limit`.

    The limit is there because Adam's steps never exceed its rate: a rate of 1000 gives no NaN for a long
    time, only weights and values without meaning.
    """

    def __init__(self, learner: Learner, limit: float) -> None:
        self._weights = learner.weights
        self._all = [weight for weights in self._weights.values() for weight in weights]
        self._limit = limit

    def check_inputs(self, wanted: Float64[np.ndarray, "S m"]) -> None:
        """Raise Trouble for an input (S, m) that is NaN or infinite."""
        if not np.isfinite(wanted).all():
            member, entry = np.argwhere(~np.isfinite(wanted))[0].tolist()
            raise Trouble(member, "actor", f"its input {entry} is {wanted[member, entry]:g}")

    def check(self, losses: Losses) -> None:
        """Raise Trouble for losses (S,) that are not finite or weights that are not within the limit.

        The norm of all of a layer's weights is a cheap bound on each: only where it is too large is each looked at.
        """
        norms = torch.stack([torch.linalg.vector_norm(weight.detach()) for weight in self._all])
        total = torch.stack(list(named(losses).values())).sum()
        if not (total.isfinite() and norms.max() <= self._limit):
            self._look_closer(losses)

    def _look_closer(self, losses: Losses) -> None:
        for name, loss in named(losses).items():
            for member, value in enumerate(loss.tolist()):
                if not np.isfinite(value):
                    network = name if name in self._weights else "actor"
                    what = "its loss" if name in ("critic", "actor") else "it" if name == network else f"its {name}"
                    raise Trouble(member, network, f"{what} is {value:g}")
        for network, weights in self._weights.items():
            largest = torch.stack([_largest(weight) for weight in weights]).amax(0)
            for member, value in enumerate(largest.tolist()):
                if not value <= self._limit:
                    raise Trouble(
                        member % len(losses.critic),
                        network,
                        f"a weight is {value:g}, beyond `weight_limit` {self._limit:g}",
                    )


def named(losses: Losses) -> dict[str, Tensor]:
    """Return the losses and all else that an update told, (S,) each, by name."""
    actor = {} if losses.actor is None else {"actor": losses.actor}
    return {"critic": losses.critic, **actor, **losses.others}


def _largest(weight: Float64[Tensor, "S ..."]) -> Float64[Tensor, " S"]:
    return weight.detach().abs().flatten(1).amax(1)
