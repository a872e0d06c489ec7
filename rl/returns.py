"""Returns of several steps: what a run cost over k steps, and what the state that it came to still counts."""

import numpy as np
from jaxtyping import Bool, Float64

from plants.arrays import Array
from rl.ledger import Counts
from rl.replay import ReplayBuffer


class ReturnWriter:
    """Turns the steps of S members into transitions of up to `steps` steps each, and puts them into a buffer.

    A transition is finished when it is `steps` long, or when its run ends; then it counts the shorter way. So every
    step begins exactly one transition, unless it was not `worth` remembering.
    """

    def __init__(self, buffer: ReplayBuffer, steps: int, discount: float, n: int, m: int) -> None:
        members = len(buffer.generators)
        self._buffer, self._steps = buffer, steps
        self._powers = discount ** np.arange(steps + 1)
        self._state, self._input = np.zeros((steps, members, n)), np.zeros((steps, members, m))
        self._cost = np.zeros((steps, members))
        self._age = np.zeros((steps, members), dtype=np.int64)
        self._open = np.zeros((steps, members), dtype=bool)
        self._slot = 0

    def step(
        self,
        state: Float64[np.ndarray, "S n"],
        applied: Float64[np.ndarray, "S m"],
        cost: Float64[np.ndarray, " S"],
        next_state: Float64[np.ndarray, "S n"],
        known: Float64[np.ndarray, " S"],
        over: Bool[np.ndarray, " S"],
        worth: Bool[np.ndarray, " S"],
    ) -> None:
        """Take in one step of every member.

        `known` (S,) is the cost to go from the next state where it is known, 0 after a termination, and NaN where the
        critic must be asked. `over` says whose run ends with this step, for whatever reason.
        """
        here = self._slot
        self._state[here], self._input[here], self._cost[here] = state, applied, 0
        self._age[here], self._open[here] = 0, worth
        self._cost += np.where(self._open, self._powers[np.minimum(self._age, self._steps)] * cost, 0)
        self._age += self._open
        self._slot = (here + 1) % self._steps
        final = np.isfinite(known)
        for back in range(self._steps):
            slot = (self._slot + back) % self._steps
            done = self._open[slot] & (over | final | (self._age[slot] == self._steps))
            if done.any():
                self._finish(slot, np.flatnonzero(done), next_state, known)

    def _finish(self, slot: int, who: Counts, next_state: Array, known: Array) -> None:
        """Put the transitions that began in `slot` into the buffer, for members `who` (k,)."""
        power = self._powers[self._age[slot, who]]
        told = np.isfinite(known[who])
        cost = self._cost[slot, who] + np.where(told, power * np.nan_to_num(known[who]), 0)
        discount = np.where(told, 0.0, power)
        self._buffer.add(self._state[slot, who], self._input[slot, who], cost, next_state[who], discount, who)
        self._open[slot, who] = False
