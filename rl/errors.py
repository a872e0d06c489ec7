"""What training refuses, and the three ways in which it ends early without losing what is done."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rl.training import Training


class TrainingError(ValueError):
    """A setting, an agent or a start that training cannot honestly use."""


class CheckpointError(TrainingError):
    """A folder of checkpoints that is in use, or whose checkpoints cannot be read."""


class Diverged(ArithmeticError):
    """A loss or a weight became NaN, infinite or absurd: training ended at that step.

    `episode` and `step` count from 0, `seed` names the member and `network` the 'actor' or the 'critic';
    `training` holds the networks, log and ledger of all seeds after the last finished episode.
    """

    def __init__(self, what: str, episode: int, step: int, seed: int, network: str, training: "Training") -> None:
        super().__init__(what, episode, step, seed, network, training)
        self.what, self.episode, self.step, self.seed, self.network = what, episode, step, seed, network
        self.training = training

    def __str__(self) -> str:
        """Return what diverged, where, what is kept and the mend."""
        return (
            f"the {self.network} of seed {self.seed} diverged in episode {self.episode}, step {self.step}: "
            f"{self.what}; "
            f"`training` keeps the networks after {self.training.episodes} finished episodes; lower its learning rate"
        )


class Refused(TrainingError):
    """The plant refused an input that an actor gave in its test: the plant does not clip, and the actor has no bounds.

    `episode` counts from 0; `training` holds everything up to the last episode that was tested.
    """

    def __init__(self, what: str, episode: int, training: "Training") -> None:
        super().__init__(what, episode, training)
        self.what, self.episode, self.training = what, episode, training

    def __str__(self) -> str:
        """Return what was refused, when, what is kept and the mend."""
        return (
            f"the test after episode {self.episode} failed: {self.what}; `training` keeps the networks after "
            f"{self.training.episodes} finished episodes; bound the actor's inputs"
        )


class Interrupted(KeyboardInterrupt):
    """Training was stopped by hand; `training` holds everything up to the last finished episode."""

    def __init__(self, training: "Training") -> None:
        super().__init__(training)
        self.training = training

    def __str__(self) -> str:
        """Return how far training came."""
        return f"training was stopped after {self.training.episodes} finished episodes; `training` keeps them"
