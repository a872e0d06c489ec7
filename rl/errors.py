"""What training refuses, and the ways in which it ends early without losing what is done."""

from contextlib import suppress
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
    """The plant refused an input that an actor gave in its test, or a step of training.

    `episode` counts from 0, and so does `step`, None in a test; `training` holds everything up to the last episode
    that was tested.
    """

    def __init__(self, what: str, episode: int, training: "Training", step: int | None = None) -> None:
        super().__init__(what, episode, training, step)
        self.what, self.episode, self.training, self.step = what, episode, training, step

    def __str__(self) -> str:
        """Return what was refused, when, what is kept and the mend."""
        when, mend = f"the test after episode {self.episode}", "bound the actor's inputs"
        if self.step is not None:
            when, mend = f"step {self.step} of episode {self.episode}", "try that step on the plant alone"
        return (
            f"{when} failed: {self.what}; `training` keeps the networks after {self.training.episodes} finished "
            f"episodes; {mend}"
        )


class Interrupted(KeyboardInterrupt):
    """Training was stopped by hand; `training` holds everything up to the last finished episode."""

    def __init__(self, training: "Training") -> None:
        super().__init__(training)
        self.training = training

    def __str__(self) -> str:
        """Return how far training came."""
        return f"training was stopped after {self.training.episodes} finished episodes; `training` keeps them"


def by_hand(stop: BaseException | None) -> bool:
    """Return whether Ctrl-C is behind it; met in the midst of compiled code it becomes the cause of a SystemError."""
    while stop is not None and not isinstance(stop, KeyboardInterrupt):
        stop = stop.__cause__
    return stop is not None


def keep(training: "Training", error: BaseException) -> None:
    """Give an error that ended a training the attribute `training`, and say so in a note."""
    with suppress(AttributeError):
        error.training = training  # type: ignore[attr-defined]
        error.add_note(f"`training` of this error keeps the networks after {training.episodes} finished episodes")
