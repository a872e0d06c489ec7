"""What every off-policy algorithm lets its user set, with the checks."""

from dataclasses import dataclass

from plants.arrays import real_scalar, whole_number
from rl.errors import TrainingError

_MOST = 10**9
"""steps, updates and episodes that anyone may ask for"""


@dataclass(frozen=True)
class Settings:
    """The settings that all algorithms share. Raises TrainingError for one that makes no sense."""

    actor_learning_rate: float = 1e-3
    """step size of the actor's Adam"""
    critic_learning_rate: float = 1e-3
    """step size of the critic's Adam"""
    discount: float | None = None
    """what a cost one sample period later counts, in (0, 1]; None: the critic's own, or .99 if it has none"""
    polyak: float = 0.005
    """share of the way that the targets go towards the networks at each update, in (0, 1]"""
    batch_size: int = 64
    """transitions per member and update"""
    buffer_size: int = 100_000
    """transitions kept per member; older ones are overwritten"""
    exploration: float = 0.0
    """standard deviation of the noise on the inputs, as a fraction of half the input range; 0: none"""
    warm_up: int = 0
    """plant steps per member before the first update, which also waits for as many as a batch has transitions"""
    updates_per_step: int = 1
    """updates after each plant step after which there are any"""
    steps_per_update: int = 1
    """plant steps from one of those to the next"""
    return_steps: int = 1
    """plant steps whose costs a target adds up before it asks the critic what follows"""
    prefill: int = 0
    """episodes under the actor as it is, with its exploration, before the first: they fill the memory, nothing learns,
    and all is counted"""
    critic_first: int = 0
    """updates of the critic alone before the actor's first: at once after a prefill, else the first ones"""
    weight_limit: float = 1e3
    """size of a trainable weight beyond which training counts as diverged"""

    def __post_init__(self) -> None:
        """Check every number."""
        for name in ("actor_learning_rate", "critic_learning_rate", "weight_limit", "polyak"):
            real_scalar(getattr(self, name), name, TrainingError, positive=True)
        for name in ("batch_size", "buffer_size", "updates_per_step", "steps_per_update", "return_steps"):
            whole_number(getattr(self, name), name, TrainingError, least=1)
        for name in ("warm_up", "prefill", "critic_first"):
            whole_number(getattr(self, name), name, TrainingError)
        for name in ("updates_per_step", "steps_per_update", "warm_up", "prefill", "critic_first"):
            if getattr(self, name) > _MOST:
                raise TrainingError(
                    f"`{name}` is {getattr(self, name)}, above the limit of {_MOST}, which no training reaches; "
                    "pass a smaller number"
                )
        if self.discount is not None:
            real_scalar(self.discount, "discount", TrainingError, positive=True)
        for name in ("discount", "polyak"):
            at_most_one(getattr(self, name), name)
        at_least_zero(self.exploration, "exploration", "0 is no noise")
        if self.batch_size > self.buffer_size:
            raise TrainingError(
                f"`batch_size` is {self.batch_size}, but `buffer_size` only {self.buffer_size}; enlarge the buffer"
            )


def at_most_one(value: float | None, name: str) -> None:
    """Raise TrainingError for a number above 1."""
    if value is not None and value > 1:
        raise TrainingError(f"`{name}` is {value:g}, but it must be at most 1; pass a number in (0, 1]")


def at_least_zero(value: float, name: str, mend: str) -> None:
    """Raise TrainingError for what is no number, or one below 0."""
    if real_scalar(value, name, TrainingError) < 0:
        raise TrainingError(f"`{name}` is {value:g}, but it must be at least 0; {mend}")
