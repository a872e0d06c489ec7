"""Design: what is written in C, as arrays: the search tree, the half-spaces, the distinct moves, the residual."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.merge import first_moves
from mpc.explicit.tree import SearchTree
from plants.arrays import Array, Indices, instance_of
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.export_c_net import Net, net_of
from yann.gathered import check_law, input_box

SAME = 1e-13
"""Moves that differ by less than this share of the input range on the parameter set are written once."""


@dataclass(frozen=True, eq=False)
class Design:
    """A law with its search tree, moves[move[i]] = [gain, offset] (m, t + 1) of region i, and the residual if any."""

    law: PiecewiseAffineLaw
    move: Indices
    moves: Array
    net: Net | None

    @classmethod
    def of(cls, policy: PiecewiseAffineLaw | YannActor) -> Self:
        """Return the design of a law or a trained actor; raises NetworkError for what has no C."""
        wanted = (PiecewiseAffineLaw, YannActor)
        instance_of(policy, wanted, "policy", NetworkError, "pass a law or what YannActor.from_law returns")
        if isinstance(policy, PiecewiseAffineLaw):
            check_law(policy)
            return cls(policy, *_distinct(policy), None)
        if policy.members > 1:
            raise NetworkError(
                f"`policy` is a stack of {policy.members} actors, but one program holds 1; pass .member(i)"
            )
        for name, weight in policy.named_parameters():
            if not weight.isfinite().all():
                raise NetworkError(f"`policy` has weights {name} that are not finite; train it anew")
        return cls(policy.birth.law, *_distinct(policy.birth.law), net_of(policy))

    @cached_property
    def tree(self) -> SearchTree | None:
        """Return the law's search tree, None where its regions are few enough to be scanned."""
        return self.law.tree if len(self.law.tree.children) else None

    @property
    def continuous(self) -> bool:
        """Return whether the input has no step on facets."""
        return self.net is None or self.net.continuous

    @cached_property
    def starts(self) -> Indices:
        """Return where the rows of each region start, and where the last ends, (p + 1,)."""
        return np.searchsorted(self.law.halfspaces[2], np.arange(len(self.law.regions) + 1))

    @cached_property
    def node_rows(self) -> Indices:
        """Return for each node of the tree the number of the half-space that it asks about."""
        if self.tree is None:
            return np.zeros(0, np.intp)
        A, b, _ = self.law.halfspaces
        number = {row.tobytes(): i for i, row in reversed(list(enumerate(np.c_[A, b])))}
        return np.array([number[row.tobytes()] for row in np.c_[self.tree.normals, self.tree.offsets]])

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the law and the weights, in hexadecimal."""
        whole = hashlib.sha256(self.law.digest.encode())
        for name, values in (self.net.arrays if self.net else {}).items():
            whole.update(name.encode() + str(values.shape).encode() + np.ascontiguousarray(values).tobytes())
        return whole.hexdigest()

    def evaluate(self, points: Array, region: np.ndarray) -> Array:
        """Return the input (n, m), within its bounds, at points (n, t) as the given regions (n,) have it."""
        moves = self.moves[self.move[region]]
        inputs = np.einsum("nmt,nt->nm", moves[:, :, :-1], points) + moves[:, :, -1]
        if self.net is not None:
            inputs = inputs + self.net.evaluate(points, region)
        return np.clip(inputs, *input_box(self.law))


def _distinct(law: PiecewiseAffineLaw) -> tuple[Indices, Array]:
    """Return (move (p,), moves (k, m, t + 1)): each distinct move once; in the order of regions where all are."""
    own = np.concatenate([law.gains, law.offsets[:, :, None]], axis=2)
    group, count = first_moves(law)
    leader = np.array([np.flatnonzero(group == g)[0] for g in range(count)])[group]
    lower, upper = input_box(law)
    apart = np.abs(law.gains - law.gains[leader]) @ law.half_width
    apart += np.abs((law.gains - law.gains[leader]) @ law.centre + law.offsets - law.offsets[leader])
    leader = np.where((apart <= SAME * (upper - lower)).all(axis=1), leader, np.arange(len(leader)))
    _, first, move = np.unique(own[leader].reshape(len(own), -1), axis=0, return_index=True, return_inverse=True)
    if len(first) == len(own):
        return np.arange(len(own)), own
    return move.ravel(), own[leader[first]]
