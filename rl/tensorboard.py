"""Training as TensorBoard shows it: a callback that writes scalars; needs the extra `tensorboard`."""

from os import PathLike
from typing import Any

from plants.arrays import Array
from rl.callbacks import Callback, Evaluated, RolledBack, Updated, Violated
from rl.errors import TrainingError
from rl.training import Progress


class TensorBoard(Callback):
    """Writes costs, violations, tests, losses and rollbacks of every seed into `folder`, under `seed i/...`.

    Costs of episodes and tests are written per episode, losses per update, from 0. `close()` ends the file, as does
    leaving a `with` block. Raises TrainingError where TensorBoard is not installed.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an extra that few need
        except ImportError as cause:
            raise TrainingError(
                "TensorBoard is not installed; pip install 'yann-control[tensorboard]', or use `ledger.write_csv`"
            ) from cause
        self._writer: Any = SummaryWriter(str(folder))
        self._updates = 0

    def on_episode(self, event: Progress) -> None:
        """Write the episode's cost and violations."""
        self._write("training/cost", event.seeds, event.costs, event.episode)
        self._write("training/violations", event.seeds, event.violations, event.episode)

    def on_update(self, event: Updated) -> None:
        """Write the losses."""
        for name, losses in event.losses.items():
            self._write(f"losses/{name}", event.seeds, losses, self._updates)
        self._updates += 1

    def on_evaluation(self, event: Evaluated) -> None:
        """Write the mean cost of the tests, and how many were unsafe."""
        self._write("test/cost", event.seeds, event.costs.mean(1), event.episode)
        self._write("test/unsafe", event.seeds, event.unsafe.sum(1), event.episode)

    def on_violation(self, event: Violated) -> None:
        """Write down the step of a violation."""
        self._writer.add_scalar(f"seed {event.seed}/violation in step", event.step, event.episode)

    def on_rollback(self, event: RolledBack) -> None:
        """Write down why an actor was rejected."""
        self._writer.add_text(f"seed {event.decision.seed}/rollback", event.decision.reason, event.decision.episode)

    def close(self) -> None:
        """End the file."""
        self._writer.close()

    def __enter__(self) -> "TensorBoard":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the file."""
        self.close()

    def _write(self, name: str, seeds: tuple[int, ...], values: Array, when: int) -> None:
        for seed, value in zip(seeds, values.tolist(), strict=True):
            self._writer.add_scalar(f"seed {seed}/{name}", value, when)
