"""Origin and Birth: what a network was made of, kept so that it can be saved, explained and compared with its law."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from os import PathLike
from typing import Any, Self, cast

import numpy as np

from mpc.explicit.errors import FileFormatError
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.law_file import law_of_record, law_record
from mpc.explicit.region import Regions
from plants.arrays import Array
from yann.errors import NetworkError
from yann.gathered import input_box
from yann.residual import Residual
from yann.storage import Record

LAW, BOUND = "law.", "bound"

WIDEST = 64
"""Regions at whose centres a file keeps the inputs."""

Plain = bool | int | float | str | None


@dataclass(frozen=True, eq=False)
class Origin:
    """The law that a network was made of. Copies of the network share it: nothing changes it, and it can be large."""

    law: PiecewiseAffineLaw

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself."""
        return self

    def to_record(self) -> Record:
        """Return (data, arrays) for a file: the whole law with its names and proof."""
        data, arrays = law_record(self.law)
        return {"law": data, "law_digest": self.law.digest}, {LAW + name: array for name, array in arrays.items()}


@dataclass(frozen=True, eq=False)
class Birth(Origin):
    """The law that an actor equals at birth, the form of its residual, and its bound (None: none)."""

    residual: Residual
    bound: Array | None

    def to_record(self) -> Record:
        """Return (data, arrays) for a file: the whole law with its names and proof, the residual's form, the bound."""
        data, arrays = super().to_record()
        bound = {} if self.bound is None else {BOUND: self.bound}
        return data | {"residual": form_record(self.residual)}, arrays | bound

    @classmethod
    def from_record(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str | PathLike[str]) -> Self:
        """Return the birth behind `to_record`; raises FileFormatError where its law is not the one that it names."""
        return cls(recorded_law(data, arrays, path), form_of_record(data["residual"]), arrays.get(BOUND))

    def reference(self) -> tuple[list[Array], Array]:
        """Return the centres of the widest regions (k, t), and the input range (m,)."""
        regions = cast(Regions, self.law.regions)
        lower, upper = input_box(self.law)
        return [regions.centre[np.argsort(-regions.radius, kind="stable")[:WIDEST]]], upper - lower


def recorded_law(
    data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str | PathLike[str]
) -> PiecewiseAffineLaw:
    """Return the law behind `Origin.to_record`; raises FileFormatError where it is not the one that `data` names."""
    pieces = {name.removeprefix(LAW): array for name, array in arrays.items() if name.startswith(LAW)}
    law = law_of_record(PiecewiseAffineLaw, data["law"], pieces, path)
    if law.digest != data["law_digest"]:
        raise FileFormatError(f"{path} holds the law {law.digest[:12]}, but names {data['law_digest']}")
    return law


def form_record(form: Residual) -> dict[str, Any]:
    """Return the form of a residual for JSON: its class by name, its fields; raises NetworkError for other values."""
    name = type(form).__name__
    if _forms().get(name) is not type(form):
        raise NetworkError(f"`residual` is a {name}, but another form has that name; give the class its own")
    if not is_dataclass(form):
        raise NetworkError(f"`residual` is a {name}, which is no dataclass: a file keeps the fields of forms")
    values = {field.name: getattr(form, field.name) for field in fields(form)}
    for field, value in values.items():
        if not isinstance(value, Plain | Residual):
            raise NetworkError(f"`residual` has {field} {value!r}, but a file keeps numbers, texts and forms alone")
    return {
        "form": name,
        "fields": {field: form_record(v) if isinstance(v, Residual) else v for field, v in values.items()},
    }


def form_of_record(data: Mapping[str, Any]) -> Residual:
    """Return the form behind `form_record`; raises NetworkError for one that is not known here."""
    known = _forms()
    if data["form"] not in known:
        raise NetworkError(
            f"its residual is of the form {data['form']!r}, but known here are {', '.join(sorted(known))}; import the "
            "module that defines it first"
        )
    values = {k: form_of_record(v) if isinstance(v, Mapping) else v for k, v in dict(data["fields"]).items()}
    return cast(Any, known[data["form"]])(**values)


def _forms() -> dict[str, type[Residual]]:
    """Return every form by its class's name; of namesakes the first one defined."""
    return {form.__name__: form for form in reversed(list(_below(Residual)))}


def _below(form: type[Residual]) -> Iterator[type[Residual]]:
    for one in form.__subclasses__():
        yield one
        yield from _below(one)
