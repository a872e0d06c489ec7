"""Labels: the names and units that travel with a parametric problem."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

from mpc.explicit.errors import ProblemError


@dataclass(frozen=True)
class Labels:
    """Names that travel with a problem: parameters, variables and the rows of G, with their units.

    A row's unit is that of its right-hand side. The solver does not know what they mean; they come back in
    explanations and errors.
    """

    parameters: tuple[str, ...]
    variables: tuple[str, ...]
    rows: tuple[str, ...]
    parameter_units: tuple[str, ...] = ()
    variable_units: tuple[str, ...] = ()
    row_units: tuple[str, ...] = ()

    @classmethod
    def plain(cls, t: int, n: int, q: int) -> Self:
        """Return theta0.., z0.. and `row 0`.. for a problem without names."""
        return cls(
            tuple(f"theta{i}" for i in range(t)), tuple(f"z{i}" for i in range(n)), tuple(f"row {i}" for i in range(q))
        )

    def to_dict(self) -> dict[str, list[str]]:
        """Return the labels as lists, for JSON; without `row_units` where there are none."""
        return {key: list(value) for key, value in asdict(self).items() if value or key != "row_units"}

    @classmethod
    def from_dict(cls, data: Mapping[str, Sequence[str]]) -> Self:
        """Return the labels behind `to_dict`."""
        return cls(**{key: tuple(str(name) for name in names) for key, names in data.items()})


def check_labels(labels: Labels, parameters: int, variables: int, rows: int | None = None) -> None:
    """Raise ProblemError unless everything is named once (None: any number), with all units of a kind or none."""
    if not isinstance(labels, Labels):
        raise ProblemError(f"`labels` is a {type(labels).__name__}; pass Labels(parameters, variables, rows), or None")
    for kind, have, want in (
        ("parameters", len(labels.parameters), parameters),
        ("variables", len(labels.variables), variables),
        ("rows", len(labels.rows), len(labels.rows) if rows is None else rows),
        ("parameter units", len(labels.parameter_units) or parameters, parameters),
        ("variable units", len(labels.variable_units) or variables, variables),
        ("row units", len(labels.row_units) or len(labels.rows), len(labels.rows)),
    ):
        if have != want:
            raise ProblemError(f"`labels` names {have} {kind} but the problem has {want}; name each of them once")
