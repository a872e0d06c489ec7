"""compile_lattice: a continuous law as the largest of least affine functions, which no border of a region enters."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.law import PiecewiseAffineLaw
from plants.arrays import Array, Indices
from yann.errors import NetworkError
from yann.gathered import check_law, input_box
from yann.lattice_pieces import Pieces
from yann.lattice_terms import terms_of, worst_error
from yann.selector import RegionSelector
from yann.stacked import StackedNetwork, as_given


@dataclass(frozen=True)
class LatticeCertificate:
    """What was proved of a lattice, input by input: |lattice - law| <= `error` input ranges on every whole region.

    `terms` and `functions` count what is left of `pieces` (convex parts of regions, a few of them cut).
    """

    error: tuple[float, ...]
    terms: tuple[int, ...]
    functions: tuple[int, ...]
    pieces: tuple[int, ...]

    def __str__(self) -> str:
        """Return one line for each input."""
        rows = zip(self.terms, self.functions, self.pieces, self.error, strict=True)
        return "\n".join(
            f"input {i}: {terms:,} terms of {functions:,} functions over {pieces:,} pieces, error at most {error:.1e}"
            for i, (terms, functions, pieces, error) in enumerate(rows)
        )


def compile_lattice(law: PiecewiseAffineLaw) -> "LatticeNetwork":
    """Return the network u = max over terms of (min over functions of K theta + r) that equals `law` on its domain.

    One lattice for each input. The equality is proved by bounds of linear programs on every region, not sampled; see
    `certificate`. Raises NetworkError for a law that is not continuous, too large, or so ill-conditioned that float64
    cannot order its functions; for such laws YannActor needs none of this. See docs/networks.md.
    """
    check_law(law)
    proof = law.certificate
    if proof is not None and proof.jump > proof.tolerance:
        raise NetworkError(
            f"`law` jumps by {proof.jump:.2g} of the size of its solution (its certificate; tolerance "
            f"{proof.tolerance:g}), but a lattice is continuous; use YannActor or compile_law"
        )
    found = [terms_of(law, output) for output in range(law.m)]
    errors = tuple(worst_error(pieces, terms) for terms, pieces in found)
    used = [np.unique(np.concatenate(terms)) for terms, _ in found]
    certificate = LatticeCertificate(
        error=errors,
        terms=tuple(len(terms) for terms, _ in found),
        functions=tuple(len(functions) for functions in used),
        pieces=tuple(len(pieces) for _, pieces in found),
    )
    outputs = [
        OutputLattice(law, i, pieces, terms, functions)
        for i, ((terms, pieces), functions) in enumerate(zip(found, used, strict=True))
    ]
    return LatticeNetwork(law, outputs, certificate)


class OutputLattice(nn.Module):
    """One input: its affine functions gains (L, t), offsets (L,), and the functions `terms` (T, k) of each term.

    Terms with fewer functions than the most repeat their own.
    """

    gains: Tensor
    offsets: Tensor
    terms: Tensor

    def __init__(
        self, law: PiecewiseAffineLaw, output: int, pieces: Pieces, terms: list[Indices], functions: Indices
    ) -> None:
        super().__init__()
        regions = np.array([pieces.region[pieces.own == j].min() for j in functions])
        most = max(len(term) for term in terms)
        padded = np.stack([np.resize(np.searchsorted(functions, term), most) for term in terms])
        self.register_buffer("gains", torch.tensor(law.gains[regions, output], dtype=torch.float64))
        self.register_buffer("offsets", torch.tensor(law.offsets[regions, output], dtype=torch.float64))
        self.register_buffer("terms", torch.from_numpy(padded))

    def forward(self, rows: Float64[Tensor, "S B t"]) -> Float64[Tensor, "S B"]:
        """Return the input (S, B) for parameters (S, B, t)."""
        values = rows @ self.gains.T + self.offsets
        return values[..., self.terms].amin(-1).amax(-1)

    def extra_repr(self) -> str:
        """Return the sizes that printing a network shows."""
        return f"{len(self.terms)} terms of {len(self.offsets)} functions"


class LatticeNetwork(StackedNetwork):
    """A lattice for each input, clipped to the input bounds: continuous by construction, with nothing to train.

    It names no region and goes on beyond the domain as its functions do, which is not what the nearest region gives:
    `evaluate` asks the law's own search tree for region and flag. `certificate` says what was proved.
    """

    lower: Tensor
    upper: Tensor
    tolerance = TOLERANCE

    def __init__(self, law: PiecewiseAffineLaw, outputs: list[OutputLattice], certificate: LatticeCertificate) -> None:
        super().__init__([("theta", law.t)])
        self.certificate = certificate
        self.outputs = nn.ModuleList(outputs)
        self.selector = RegionSelector(law)
        for name, side in zip(("lower", "upper"), input_box(law), strict=True):
            self.register_buffer(name, torch.tensor(side, dtype=torch.float64))

    def rows(self, *points: Tensor) -> Tensor:
        """Return the input (S, B, m) for float64 parameters (S, B, t), unchecked; no search tree takes part."""
        raw = torch.stack([output(points[0]) for output in self.outputs], dim=-1)
        return torch.clamp(raw, self.lower, self.upper)

    def evaluate(self, theta: object) -> tuple[Tensor | Array, ...]:
        """Return (input (..., m), region (...), valid (...)) for parameters (..., t), of the same kind as given.

        Region and flag are those of the law's search tree; the lattice itself knows none.
        """
        (rows,), lead = self.checked_rows([theta])
        region, violation = self.selector(rows)
        return as_given(theta, lead, self.rows(rows), region, violation <= self.tolerance)
