"""Every way that a plain Python function can go, put together into one expression."""

from collections.abc import Callable, Sequence

import casadi as ca
from casadi import SX

MOST_WAYS = 64
_DEPTH = 20


class TooManyWays(Exception):
    """A function whose conditions on symbols allow more ways through it than are followed."""


class Way:
    """One run of a function: its conditions get the answers of `script`, and True once these are used up."""

    def __init__(self, script: Sequence[bool]) -> None:
        self._script = script
        self.met: list[tuple[SX, bool]] = []

    def decide(self, condition: SX) -> bool:
        """Return the answer to a condition, the same one if it was asked before; raise TooManyWays for one too many."""
        for known, answer in self.met:
            if ca.is_equal(known, condition, _DEPTH):
                return answer
        if len(self.met) >= MOST_WAYS:
            raise TooManyWays
        answer = self._script[len(self.met)] if len(self.met) < len(self._script) else True
        self.met.append((condition, answer))
        return answer


def all_ways(function: Callable[[Way], SX]) -> SX:
    """Return the results of all ways through `function`, each where its conditions hold.

    `function` calculates with symbols whose decider is the Way it gets, and must give as many entries on each. Raises
    TooManyWays for more than 64 of them.
    """
    count = 0

    def explored(script: list[bool]) -> SX:
        nonlocal count
        count += 1
        if count > MOST_WAYS:
            raise TooManyWays
        way = Way(script)
        result = function(way)
        answers = [answer for _, answer in way.met]
        for place in range(len(answers) - 1, len(script) - 1, -1):
            other = explored([*answers[:place], False])
            if other.numel() != result.numel():
                raise ValueError(f"{result.numel()} entries on one branch and {other.numel()} on another")
            result = ca.if_else(way.met[place][0], result, other)
        return result

    return explored([])
