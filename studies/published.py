"""Figures of others that studies stand beside: the paper's table, and the best costs known."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from plants.arrays import Array


@dataclass(frozen=True, eq=False)
class PublishedPendulum:
    """Table 1 of the paper by method and episode, our test starts, and the best costs known from rest."""

    sources: dict[str, str]
    table: dict[str, tuple[float, ...]]
    easy: Array
    hard: Array
    more_hard: Array
    episode_of_start: tuple[int, ...]
    _best: dict

    @property
    def starts(self) -> Array:
        """Return all test starts (30, 2) at rest: the ten like the paper's (eight easy, two hard), then twenty hard."""
        angles = np.concatenate([self.easy, self.hard, self.more_hard])
        return np.stack([angles, np.zeros_like(angles)], axis=1)

    def best_known(self, starts: Array) -> Array:
        """Return the stored best cost (K,) of 200 steps from starts (K, 2); NaN where the start is not at rest."""
        angle = np.abs(starts[:, 0])
        caught, swung = self._best["caught_at_once"], self._best["swung_up"]
        cost = np.where(
            angle < self._best["catch_limit"],
            np.interp(angle, caught["angle"], caught["cost"]),
            np.interp(angle, swung["angle"], swung["cost"]),
        )
        return np.where(starts[:, 1] == 0, cost, np.nan)


@cache
def published_pendulum() -> PublishedPendulum:
    """Return the stored figures of the pendulum, with their sources."""
    data = json.loads(files("studies").joinpath("data/pendulum.json").read_text("utf-8"))
    starts = data["starts"]
    return PublishedPendulum(
        sources=data["source"],
        table={name: tuple(column) for name, column in data["table_1"].items()},
        easy=np.array(starts["easy"]),
        hard=np.array(starts["hard"]),
        more_hard=np.array(starts["more_hard"]),
        episode_of_start=tuple(starts["episode_of_start"]),
        _best=data["best_known"],
    )
