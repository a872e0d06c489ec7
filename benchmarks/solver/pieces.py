"""Pieces: what a solver found, in one form for all, as it travels from its process to the judge."""

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Pieces:
    """Region i is {A theta <= b} over its rows (owner == i), z = gains[i] theta + offsets[i] on it.

    Shapes: A (q, t), b (q,), owner (q,), gains (p, n, t), offsets (p, n). Rows of one region stand together.
    """

    A: np.ndarray
    b: np.ndarray
    owner: np.ndarray
    gains: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets)

    @cached_property
    def starts(self) -> np.ndarray:
        """The first row of each region; every region has at least one."""
        starts = np.searchsorted(self.owner, np.arange(len(self)))
        if len(self) and not np.array_equal(self.owner[starts], np.arange(len(self))):
            raise ValueError("a region without rows")
        return starts

    def measured(self, half_width: np.ndarray) -> "Pieces":
        """The same with rows whose violation is a distance in half widths of the parameter set."""
        length = np.linalg.norm(self.A * np.where(half_width > 0, half_width, 1.0), axis=1)
        length = np.where(length > 0, length, 1.0)
        return Pieces(self.A / length[:, None], self.b / length, self.owner, self.gains, self.offsets)

    def violation(self, points: np.ndarray) -> np.ndarray:
        """The largest violation (points, p) of each region's rows at points (points, t); negative inside."""
        return np.maximum.reduceat(points @ self.A.T - self.b, self.starts, axis=1)

    def save(self, path: Path) -> None:
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "Pieces":
        with np.load(path, allow_pickle=False) as archive:
            return cls(**{field.name: archive[field.name] for field in fields(cls)})
