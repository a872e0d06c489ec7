"""Files of networks: what a network was born of, its weights, and what it gave at a few points; no pickle.

Reading builds the network anew from what it was born of, puts the weights in, and lets it say again what the saved one
said. The archive is that of laws (`mpc.explicit.storage`): checksums, sizes checked first, written whole or not at all.
"""

from collections.abc import Mapping
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from mpc.explicit.errors import FileFormatError
from mpc.explicit.storage import read_archive, write_archive
from plants.arrays import Array
from yann.errors import NetworkError
from yann.stacked import StackedNetwork, weights_up_to

AGREEMENT = 1e-9
"""What a read network may differ by, beside the size of its output: room for another processor's rounding alone."""

WEIGHT, REFERENCE = "weight.", "reference."

Record = tuple[dict[str, Any], dict[str, np.ndarray]]
"""JSON and arrays (float64 or int64) of what a network was born of."""


class Storable(StackedNetwork):
    """A stack of networks with `save` and `load`.

    A subclass names its `kind`, gives what it was born of (`to_record`), is born of it again (`from_record`), and names
    points where a file shall keep its output (`reference`).
    """

    kind: ClassVar[str]

    def to_record(self) -> Record:
        """Return (data, arrays) from which `from_record` makes this network as it was at birth."""
        raise NotImplementedError

    @classmethod
    def from_record(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str | PathLike[str]) -> Self:
        """Return a newborn stack of one; any ValueError, LookupError or TypeError says that the file at `path` is bad.

        The numbers are a stranger's: check every shape before anything is made of it.
        """
        raise NotImplementedError

    def reference(self) -> tuple[list[Array], Array]:
        """Return a few points for each argument (k, n), and the size of each output (or one for all)."""
        raise NotImplementedError

    def save(self, path: str | PathLike[str]) -> None:
        """Write the stack to `path`, whole or not at all: what it was born of and every member's weights.

        The state of an optimiser is no part of it. Raises NetworkError for weights that are not finite float64, OSError
        as the system gives it.
        """
        data, arrays = self.to_record()
        weights = {f"{WEIGHT}{name}": _weight_array(name, weight) for name, weight in self.named_parameters()}
        points = {f"{REFERENCE}{i}": array for i, array in enumerate(self.reference()[0])}
        outputs = {f"{REFERENCE}output": _outputs(self, list(points.values()))}
        write_archive(path, self.kind, data, {**arrays, **weights, **points, **outputs})

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Return the stack saved at `path`, the same bit for bit on the machine that wrote it.

        Raises FileFormatError for a file that is damaged, hostile, or of another kind or version; OSError as the system
        gives it.
        """
        data, arrays = read_archive(path, cls.kind)
        weights = {name.removeprefix(WEIGHT): array for name, array in arrays.items() if name.startswith(WEIGHT)}
        birth = {name: array for name, array in arrays.items() if not name.startswith((WEIGHT, REFERENCE))}
        _check_members(weights, path)
        try:
            with weights_up_to(sum(array.nbytes for array in weights.values())):
                network = cls.from_record(data, birth, path)
        except FileFormatError:
            raise
        except (LookupError, ArithmeticError, AttributeError, TypeError, ValueError, RecursionError) as cause:
            raise FileFormatError(f"{path} does not hold a whole {cls.kind}: {cause}; write it again") from cause
        _put_weights(network, weights, path)
        _check_reference(network, arrays, path)
        return network


def _weight_array(name: str, weight: Tensor) -> Array:
    if weight.dtype != torch.float64 or not weight.isfinite().all():
        wrong = "NaN or infinite entries" if weight.dtype == torch.float64 else str(weight.dtype)
        raise NetworkError(f"weight `{name}` holds {wrong}; files keep finite float64: train again from an earlier one")
    return weight.detach().numpy(force=True)


def _outputs(network: Storable, points: list[Array]) -> Array:
    """Return what every member gives (S, k, ...) at points (k, n) of each argument."""
    rows = [torch.tensor(array).expand(network.members, *array.shape) for array in points]
    with torch.no_grad():
        return network.rows(*rows).numpy()


def _put_weights(network: Storable, weights: Mapping[str, np.ndarray], path: str | PathLike[str]) -> None:
    """Replace every weight (1, ...) of a newborn network by the stack's (S, ...)."""
    own = dict(network.named_parameters())
    if set(own) != set(weights):
        raise FileFormatError(f"{path} holds weights {sorted(weights)}, but its network has {sorted(own)}")
    for name, parameter in own.items():
        array, wanted = weights[name], tuple(parameter.shape[1:])
        if array.dtype != np.float64 or array.shape[1:] != wanted:
            raise FileFormatError(
                f"{path}: weight `{name}` has shape {array.shape} of {array.dtype}, but its network needs (S, "
                f"{', '.join(map(str, wanted))}) of float64 for S members; write it again"
            )
        if not np.isfinite(array).all():
            raise FileFormatError(f"{path}: weight `{name}` holds NaN or infinite entries; write it again")
        parameter.data = torch.tensor(array)


def _check_members(weights: Mapping[str, np.ndarray], path: str | PathLike[str]) -> None:
    """Raise FileFormatError unless all weights (S, ...) are those of as many members, and of at least 1."""
    counts = {name: array.shape[0] if array.ndim else 0 for name, array in weights.items()}
    least, most = min(counts, key=counts.__getitem__, default=""), max(counts, key=counts.__getitem__, default="")
    if counts and counts[least] != counts[most]:
        raise FileFormatError(
            f"{path}: weight `{least}` has {counts[least]} members, but `{most}` has {counts[most]}; write it again"
        )
    if counts and not counts[least]:
        raise FileFormatError(f"{path}: its weights have 0 members, but a stack has at least 1; write it again")


def _check_reference(network: Storable, arrays: Mapping[str, np.ndarray], path: str | PathLike[str]) -> None:
    """Raise FileFormatError unless the network gives what the saved one gave, as other releases might not."""
    expected, size = network.reference()
    count = len(expected)
    points = [arrays.get(f"{REFERENCE}{i}", np.zeros(0)) for i in range(count)]
    outputs = arrays.get(f"{REFERENCE}output", np.zeros(0))
    widths = [width for _, width in network.arguments]
    fits = all(a.ndim == 2 and a.shape == (len(points[0]), w) for a, w in zip(points, widths, strict=True))
    if not fits or not len(points[0]) or not all(np.isfinite(a).all() for a in (*points, outputs)):
        raise FileFormatError(f"{path} has no reference points that fit its network; write it again")
    got = _outputs(network, [np.asarray(a, dtype=np.float64) for a in points])
    if got.shape != outputs.shape:
        raise FileFormatError(f"{path} has reference outputs {outputs.shape}, but its network gives {got.shape}")
    error = float((np.abs(got - outputs) / size).max())
    if not error <= AGREEMENT:
        raise FileFormatError(
            f"{path}: the network built from it differs by {error:.2g} of its output's size from the one saved (limit "
            f"{AGREEMENT:g}); use the release that wrote it"
        )
